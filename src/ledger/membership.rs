//! What is known of one client's membership in one room, and what that makes of a copy that did not come.

use std::time::Duration;

use crate::observe::Word;
use crate::time::Timestamp;

/// A stretch without a connection, from the loss to the acknowledged re-join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outage {
    from: Timestamp,
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
    /// Lost, of this class.
    Lost(Word),
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

    /// The connection was lost at `at` (or was last heard then).
    pub(super) fn lost(&mut self, at: Timestamp, class: Word) {
        if self.acked.is_some() && self.outages.last().is_none_or(|outage| outage.until.is_some()) {
            self.outages.push(Outage { from: at, until: None, class });
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

    /// What a copy of a publication sent at `sent` counts as when it did not come: a loss needs a witness.
    pub(super) fn fate(&self, sent: Timestamp, race: Duration) -> Fate {
        let Some(acked) = self.acked else { return Fate::Excluded(Word::NEVER_JOINED) };
        if acked > sent {
            return Fate::Excluded(Word::JOIN_RACE);
        }
        let down_during = |from: Timestamp, to: Timestamp| {
            self.outages.iter().find(move |o| o.from <= to && o.until.is_none_or(|until| until >= from))
        };
        if let Some(outage) = down_during(sent, sent) {
            return Fate::Lost(outage.class);
        }
        if self.left.is_some_and(|left| left <= sent + race) {
            return Fate::Excluded(Word::LEAVE_RACE);
        }
        down_during(sent, sent + race).map_or(Fate::Lost(Word::STEADY), |outage| Fate::Lost(outage.class))
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

    #[test]
    fn a_loss_needs_a_witness() {
        assert_eq!(Membership::default().fate(at(5_000), RACE), Fate::Excluded(Word::NEVER_JOINED));
        assert_eq!(joined(5_001).fate(at(5_000), RACE), Fate::Excluded(Word::JOIN_RACE));
        assert_eq!(joined(5_000).fate(at(5_000), RACE), Fate::Lost(Word::STEADY));
    }

    #[test]
    fn leaving_within_the_race_excuses_and_later_does_not() {
        let mut member = joined(0);
        member.left(at(6_000));
        member.left(at(9_000));
        assert_eq!(member.fate(at(5_000), RACE), Fate::Excluded(Word::LEAVE_RACE));
        assert_eq!(member.fate(at(4_999), RACE), Fate::Lost(Word::STEADY));
        assert_eq!(member.fate(at(7_000), RACE), Fate::Excluded(Word::LEAVE_RACE));
    }

    #[test]
    fn an_outage_up_to_race_after_the_send_is_a_gap() {
        let mut member = joined(0);
        member.lost(at(6_000), Word::RECONNECT_GAP);
        member.lost(at(6_100), Word::SLOW_CONSUMER);
        assert!(!member.is_joined());
        assert_eq!(member.fate(at(5_000), RACE), Fate::Lost(Word::RECONNECT_GAP));
        assert_eq!(member.fate(at(4_999), RACE), Fate::Lost(Word::STEADY));
        assert_eq!(member.fate(at(99_000), RACE), Fate::Lost(Word::RECONNECT_GAP), "down for good");
        member.acked(at(8_000));
        assert!(member.is_joined());
        assert_eq!(member.fate(at(8_000), RACE), Fate::Lost(Word::RECONNECT_GAP));
        assert_eq!(member.fate(at(8_001), RACE), Fate::Lost(Word::STEADY));
    }

    #[test]
    fn a_client_that_was_down_when_it_was_said_lost_it_even_if_it_leaves_soon() {
        let mut member = joined(0);
        member.lost(at(5_000), Word::SLOW_CONSUMER);
        member.left(at(5_500));
        assert_eq!(member.fate(at(5_200), RACE), Fate::Lost(Word::SLOW_CONSUMER));
        assert_eq!(member.fate(at(4_800), RACE), Fate::Excluded(Word::LEAVE_RACE));
    }

    #[test]
    fn old_outages_are_forgotten_only_when_over() {
        let mut member = joined(0);
        member.lost(at(1_000), Word::RECONNECT_GAP);
        member.forget_before(at(50_000));
        assert_eq!(member.fate(at(40_000), RACE), Fate::Lost(Word::RECONNECT_GAP));
        member.acked(at(45_000));
        member.forget_before(at(50_000));
        assert_eq!(member.fate(at(44_000), RACE), Fate::Lost(Word::STEADY));
    }
}
