//! What waits to be written to one connection: bounded in frames, bytes and age. Pure.

use std::collections::VecDeque;

use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{config::Outbound, time};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    frames: VecDeque<Outgoing>,
    /// Those of them that count against the bound.
    counted: usize,
    bytes: usize,
    slow: bool,
}

/// A frame that waits.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) frame: Utf8Bytes,
    /// Counts as a delivery when written.
    pub(crate) delivery: bool,
    /// Counts against the bound of what may wait.
    counted: bool,
    since: u64,
}

/// What became of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It is the only one that waits.
    First,
    Behind,
    /// It was too much: nothing waits any more, and nothing will.
    Overflow,
    /// The connection was too slow before.
    Ignored,
}

impl Outbox {
    /// Adds a frame, if the bound allows; loses everything otherwise.
    pub(super) fn push(&mut self, frame: Utf8Bytes, delivery: bool, now: u64, bound: &Outbound) -> Pushed {
        if self.slow {
            return Pushed::Ignored;
        }
        let late = self.frames.front().is_some_and(|front| now > front.since + time::as_micros(bound.age));
        if late || self.counted >= bound.frames || self.bytes + frame.len() > bound.bytes {
            *self = Self { slow: true, ..Self::default() };
            return Pushed::Overflow;
        }
        self.bytes += frame.len();
        self.counted += 1;
        self.frames.push_back(Outgoing { frame, delivery, counted: true, since: now });
        if self.frames.len() == 1 { Pushed::First } else { Pushed::Behind }
    }

    /// Adds a message from the history: their number is bounded there, and all who have missed them share them.
    pub(super) fn push_missed(&mut self, frame: Utf8Bytes, now: u64) {
        if !self.slow {
            self.frames.push_back(Outgoing { frame, delivery: true, counted: false, since: now });
        }
    }

    /// The next frame to write.
    pub(super) fn pop(&mut self) -> Option<Outgoing> {
        let next = self.frames.pop_front();
        match &next {
            Some(Outgoing { frame, counted: true, .. }) => {
                self.bytes -= frame.len();
                self.counted -= 1;
            }
            Some(_) => {}
            None if self.frames.capacity() > 16 => self.frames.shrink_to(4),
            None => {}
        }
        next
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether the connection has fallen too far behind.
    pub(super) fn is_slow(&self) -> bool {
        self.slow
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_bound_makes_a_connection_slow_and_frees_what_waits() {
        let bound = Outbound { frames: 3, bytes: 100, age: Duration::from_secs(1) };
        let check = |frames: &[(usize, u64)], slow| {
            let mut outbox = Outbox::default();
            for &(length, now) in frames {
                outbox.push("x".repeat(length).into(), true, now, &bound);
            }
            assert_eq!(outbox.is_slow(), slow, "{frames:?}");
            assert_eq!(outbox.pop().is_none(), slow);
        };
        check(&[(1, 0), (1, 0), (1, 0)], false);
        check(&[(1, 0), (1, 0), (1, 0), (1, 0)], true);
        check(&[(50, 0), (50, 0)], false);
        check(&[(50, 0), (51, 0)], true);
        check(&[(1, 0), (1, 1_000_000)], false);
        check(&[(1, 0), (1, 1_000_001)], true);
    }

    #[test]
    fn writing_makes_room_again() {
        let bound = Outbound { frames: 2, bytes: 100, age: Duration::from_secs(1) };
        let mut outbox = Outbox::default();
        for n in 0..10 {
            assert_eq!(outbox.push("x".repeat(60).into(), true, n, &bound), Pushed::First);
            assert!(outbox.pop().is_some());
        }
    }

    #[test]
    fn what_was_missed_does_not_count_against_the_bound() {
        let bound = Outbound { frames: 2, bytes: 100, age: Duration::from_secs(1) };
        let mut outbox = Outbox::default();
        (0..50).for_each(|_| outbox.push_missed("x".repeat(60).into(), 0));
        (0..2).for_each(|_| assert_eq!(outbox.push("x".into(), true, 0, &bound), Pushed::Behind));
        (0..52).for_each(|_| assert!(outbox.pop().is_some()));
        assert!(outbox.pop().is_none());
        let pushed = [(); 4].map(|()| outbox.push("x".into(), true, 0, &bound));
        assert_eq!(pushed, [Pushed::First, Pushed::Behind, Pushed::Overflow, Pushed::Ignored]);
    }
}
