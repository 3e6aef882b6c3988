//! What is known of one client's membership in one room, and what that makes of a copy that did not come.

use std::time::Duration;

use super::Loss;
use super::seen::Seen;
use crate::observe::Word;
use crate::time::Timestamp;

/// A stretch without a connection, from the loss to the acknowledged re-join.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outage {
    from: Timestamp,
    noticed: Timestamp,
    /// Of what there was a copy by then.
    seen: Seen,
    until: Option<Timestamp>,
    class: Word,
}

/// The witnessed history of a membership.
#[derive(Clone, Debug, Default)]
pub(super) struct Membership {
    acked: Option<Timestamp>,
    left: Option<Timestamp>,
    outages: Vec<Outage>,
}

/// What a missing copy counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Lost, of this class; if it may have been on its way when the connection was lost, when the client noticed that.
    Lost(Word, Option<Timestamp>),
    /// Excluded, for this reason.
    Excluded(Word),
}

impl Membership {
    /// Joined, or joined again.
    pub(super) fn acked(&mut self, at: Timestamp) {
        self.acked.get_or_insert(at);
        if let Some(outage) = self.outages.last_mut().filter(|outage| outage.until.is_none()) {
            outage.until = Some(at);
        }
    }

    /// The client left, by its own decision. The first leave counts.
    pub(super) fn left(&mut self, at: Timestamp) {
        self.left.get_or_insert(at);
    }

    /// The connection was lost, when there were copies of what was `seen`; the newest of that was due at `newest`.
    pub(super) fn lost(&mut self, loss: Loss, seen: &Seen, newest: Timestamp) {
        if self.acked.is_some() && self.outages.last().is_none_or(|outage| outage.until.is_some()) {
            let Loss { since, noticed, class } = loss;
            // A slow consumer's queue was given up before it was told: everything after the newest copy it has counts.
            let from = if class == Word::SLOW_CONSUMER { since.min(newest) } else { since };
            self.outages.push(Outage { from, noticed, seen: seen.clone(), until: None, class });
        }
    }

    /// Whether the client is in the room as far as both sides know.
    pub(super) fn is_joined(&self) -> bool {
        self.acked.is_some() && self.outages.last().is_none_or(|outage| outage.until.is_some())
    }

    /// Whether the client left more than `race` before `at`.
    pub(super) fn left_before(&self, at: Timestamp, race: Duration) -> bool {
        self.left.is_some_and(|left| left + race < at)
    }

    /// Forgets outages that ended before `oldest`: no open publication can ask for them.
    pub(super) fn forget_before(&mut self, oldest: Timestamp) {
        self.outages.retain(|outage| outage.until.is_none_or(|until| until >= oldest));
    }

    /// What a copy of a publication sent at `sent` counts as when it did not come: a loss needs a witness, and so does one
    /// in steady state. `overtaken` tells whether something that its talker said later is among what had been seen by
    /// a loss, and when that was noticed: then the copy was not on its way any more.
    pub(super) fn fate(
        &self,
        sent: Timestamp,
        race: Duration,
        overtaken: impl FnOnce(&Seen, Timestamp) -> bool,
    ) -> Fate {
        let Some(acked) = self.acked else { return Fate::Excluded(Word::NEVER_JOINED) };
        if acked > sent {
            return Fate::Excluded(Word::JOIN_RACE);
        }
        let next = self.outages.iter().find(|outage| outage.until.is_none_or(|until| until >= sent));
        let by = |outage: &Outage| Fate::Lost(outage.class, (sent <= outage.noticed).then_some(outage.noticed));
        if let Some(outage) = next.filter(|outage| outage.from <= sent) {
            return by(outage);
        }
        if self.left.is_some_and(|left| left <= sent + race) {
            return Fate::Excluded(Word::LEAVE_RACE);
        }
        match next {
            Some(outage) if outage.from <= sent + race || !overtaken(&outage.seen, outage.noticed) => by(outage),
            _ => Fate::Lost(Word::STEADY, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RACE: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    fn joined(millis: u64) -> Membership {
        let mut membership = Membership::default();
        membership.acked(at(millis));
        membership
    }

    fn cut(millis: u64, class: Word) -> Loss {
        Loss { since: at(millis), noticed: at(millis), class }
    }

    /// The fate of what was said then, something said later having come before any loss.
    fn fate(member: &Membership, millis: u64) -> Fate {
        member.fate(at(millis), RACE, |_, _| true)
    }

    fn gap(noticed: Option<u64>) -> Fate {
        Fate::Lost(Word::RECONNECT_GAP, noticed.map(at))
    }

    const STEADY: Fate = Fate::Lost(Word::STEADY, None);

    #[test]
    fn a_loss_needs_a_witness() {
        assert_eq!(fate(&Membership::default(), 5_000), Fate::Excluded(Word::NEVER_JOINED));
        assert_eq!(fate(&joined(5_001), 5_000), Fate::Excluded(Word::JOIN_RACE));
        assert_eq!(fate(&joined(5_000), 5_000), STEADY);
    }

    #[test]
    fn leaving_within_the_race_excuses_and_later_does_not() {
        let mut member = joined(0);
        member.left(at(6_000));
        member.left(at(9_000));
        assert_eq!(fate(&member, 5_000), Fate::Excluded(Word::LEAVE_RACE));
        assert_eq!(fate(&member, 4_999), STEADY);
        assert_eq!(fate(&member, 7_000), Fate::Excluded(Word::LEAVE_RACE));
    }

    #[test]
    fn an_outage_up_to_race_after_the_send_is_a_gap() {
        let mut member = joined(0);
        member.lost(cut(6_000, Word::RECONNECT_GAP), &Seen::default(), at(0));
        member.lost(cut(6_100, Word::SLOW_CONSUMER), &Seen::default(), at(0));
        assert!(!member.is_joined());
        assert_eq!(fate(&member, 5_000), gap(Some(6_000)));
        assert_eq!(fate(&member, 4_999), STEADY);
        assert_eq!(fate(&member, 99_000), gap(None), "down for good");
        member.acked(at(8_000));
        assert!(member.is_joined());
        assert_eq!(fate(&member, 8_000), gap(None));
        assert_eq!(fate(&member, 8_001), STEADY);
    }

    #[test]
    fn what_may_have_been_on_its_way_is_never_lost_in_steady_state() {
        let mut member = joined(0);
        // One publication each 100 ms, of which those of the first 3.5 seconds had come.
        member.lost(cut(6_000, Word::RECONNECT_GAP), &Seen::from(35), at(3_400));
        member.acked(at(8_000));
        let said_at = |index: u32| member.fate(at(u64::from(index) * 100), RACE, |seen, _| seen.contains(index + 2));
        assert_eq!(said_at(32), STEADY, "what was said 200 ms later had come");
        assert_eq!(said_at(33), gap(Some(6_000)), "nothing said later had come");
        assert_eq!(said_at(49), gap(Some(6_000)));
        assert_eq!(said_at(81), STEADY, "said on the next connection, which stood");
    }

    #[test]
    fn a_silence_takes_what_was_said_before_it_was_noticed() {
        let mut member = joined(0);
        member.lost(
            Loss { since: at(5_000), noticed: at(7_000), class: Word::RECONNECT_GAP },
            &Seen::default(),
            at(4_900),
        );
        assert_eq!(fate(&member, 6_900), gap(Some(7_000)));
        assert_eq!(fate(&member, 7_001), gap(None));
    }

    #[test]
    fn a_client_that_was_down_when_it_was_said_lost_it_even_if_it_leaves_soon() {
        let mut member = joined(0);
        member.lost(cut(5_000, Word::SLOW_CONSUMER), &Seen::default(), at(5_000));
        member.left(at(5_500));
        assert_eq!(fate(&member, 5_200), Fate::Lost(Word::SLOW_CONSUMER, None));
        assert_eq!(fate(&member, 4_800), Fate::Excluded(Word::LEAVE_RACE));
    }

    #[test]
    fn old_outages_are_forgotten_only_when_over() {
        let mut member = joined(0);
        member.lost(cut(1_000, Word::RECONNECT_GAP), &Seen::default(), at(0));
        member.forget_before(at(50_000));
        assert_eq!(fate(&member, 40_000), gap(None));
        member.acked(at(45_000));
        member.forget_before(at(50_000));
        assert_eq!(fate(&member, 44_000), STEADY);
    }
}
