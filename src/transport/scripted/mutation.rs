//! How a scripted server misbehaves: at known places, or by seeded chance.

use std::time::Duration;

/// One way to misbehave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The copy is not delivered.
    Drop,
    /// The copy is delivered twice.
    Duplicate,
    /// The copy arrives right after the same publisher's next copy to that receiver in that room.
    Swap,
    /// The copy, and every later one of the same publisher to that receiver, arrives this much later.
    Delay(Duration),
    /// The message is also delivered to a client that is in another room and not in this one.
    Misroute,
    /// Instead of the copy the receiver gets a close frame.
    Close(u16),
    /// From this copy on the receiver hears nothing, pings included, though it stays connected.
    Silence,
    /// The message is not delivered to anybody; the publisher gets an error with this code.
    Refuse(String),
    /// The message is delivered, but the publisher gets the error `unconfirmed` in place of its acknowledgement.
    Unconfirmed,
    /// The message is delivered, but never acknowledged.
    NoAck,
}

impl Act {
    /// Whether it concerns a message as a whole rather than one copy.
    pub(super) fn is_about_the_message(&self) -> bool {
        matches!(self, Self::Misroute | Self::Refuse(_) | Self::Unconfirmed | Self::NoAck)
    }
}

/// An [`Act`] at a known place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// The message, counted from 0 in the order of arrival at the server, over all rooms.
    pub message: u64,
    /// The receiver, counted from 0 in the order of joining the room (a later join of the same user counts anew);
    /// none: every receiver. Acts about a whole message do not look at it.
    pub receiver: Option<usize>,
    /// What happens.
    pub act: Act,
}

/// Chances per copy (`misroute` and `refuse`: per message), between 0 and 1. Which ones are hit depends on the seed
/// and on the ordinals of message and receiver only.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Odds {
    /// Seeds the choice.
    pub seed: u64,
    /// [`Act::Drop`].
    pub drop: f64,
    /// [`Act::Duplicate`].
    pub duplicate: f64,
    /// [`Act::Swap`].
    pub swap: f64,
    /// [`Act::Misroute`].
    pub misroute: f64,
    /// [`Act::Refuse`].
    pub refuse: f64,
}

impl Odds {
    /// What happens to the copy of `message` for `receiver`.
    pub(super) fn of_copy(&self, message: u64, receiver: usize) -> Option<Act> {
        let ladder = [(self.drop, Act::Drop), (self.duplicate, Act::Duplicate), (self.swap, Act::Swap)];
        pick(self.chance(message, receiver as u64 + 1), ladder)
    }

    /// What happens to `message` as a whole.
    pub(super) fn of_message(&self, message: u64) -> Option<Act> {
        let refuse = Act::Refuse("unavailable".to_owned());
        pick(self.chance(message, 0), [(self.misroute, Act::Misroute), (self.refuse, refuse)])
    }

    /// A number in `[0, 1)`, uniform over the ordinals (SplitMix64).
    fn chance(&self, message: u64, receiver: u64) -> f64 {
        let step = |z: u64| {
            let z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        (step(step(step(self.seed) ^ message) ^ receiver) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn pick<const N: usize>(mut chance: f64, ladder: [(f64, Act); N]) -> Option<Act> {
    for (odds, act) in ladder {
        if chance < odds {
            return Some(act);
        }
        chance -= odds;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Act, Odds};

    #[test]
    fn odds_hit_about_as_often_as_they_say_and_the_same_places_each_time() {
        let odds = Odds { seed: 7, drop: 0.01, swap: 0.02, ..Odds::default() };
        let acts = || (0..100_000).map(|n| odds.of_copy(n / 10, (n % 10) as usize)).collect::<Vec<_>>();
        let count = |act: Act| acts().iter().filter(|found| **found == Some(act.clone())).count();
        assert!((850..1_150).contains(&count(Act::Drop)), "{}", count(Act::Drop));
        assert!((1_800..2_200).contains(&count(Act::Swap)), "{}", count(Act::Swap));
        assert_eq!(count(Act::Duplicate), 0);
        assert_eq!(acts(), acts());
        assert_ne!(
            acts(),
            (0..100_000).map(|n| Odds { seed: 8, ..odds }.of_copy(n / 10, (n % 10) as usize)).collect::<Vec<_>>()
        );
    }
}
