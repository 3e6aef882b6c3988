//! Several runs side by side that publish in turns: a common t0, and what was measured in each turn by itself.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::metrics::Histogram;
use crate::time::{Timestamp, nanos};

/// When it is this run's turn, and whom it starts together with.
#[derive(Clone, Debug)]
pub struct Turns {
    /// In order, counted from t0. What is due between them belongs to none.
    pub spans: Arc<[Range<Duration>]>,
    /// Where the runs agree on t0.
    pub meeting: Arc<Meeting>,
    /// This run's place in the meeting.
    pub place: usize,
}

/// What was measured of one turn since it was last told.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// Due time to arrival.
    pub delivery: Histogram,
    /// Due time to the moment it was sent.
    pub send_lag: Histogram,
}

impl Turn {
    /// Adds what `other` holds.
    pub fn merge(&mut self, other: &Turn) {
        self.delivery.merge(&other.delivery);
        self.send_lag.merge(&other.send_lag);
    }
}

/// Where two runs agree on t0: each says when it could begin, and the later moment is it.
#[derive(Debug, Default)]
pub struct Meeting {
    proposals: [AtomicU64; 2],
}

/// Said in place of a moment by a run that is over.
const GONE: u64 = u64::MAX;

impl Meeting {
    /// The run at `place` could begin at `at`.
    pub(super) fn propose(&self, place: usize, at: Timestamp) {
        // One that is gone stays gone.
        self.proposals[place].compare_exchange(0, at.nanos(), Ordering::AcqRel, Ordering::Acquire).ok();
    }

    /// The run at `place` is over; nobody need wait for it.
    pub fn leave(&self, place: usize) {
        self.proposals[place].store(GONE, Ordering::Release);
    }

    /// The common t0 once both have proposed one; an error when one of them never will.
    pub(super) fn agreed(&self) -> Result<Option<Timestamp>, Gone> {
        let said = [0, 1].map(|place: usize| self.proposals[place].load(Ordering::Acquire));
        match said {
            [GONE, _] | [_, GONE] => Err(Gone),
            [0, _] | [_, 0] => Ok(None),
            [one, other] => Ok(Some(Timestamp::from_nanos(one.max(other)))),
        }
    }
}

/// A run that was to be met is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

/// One worker's share of the turns.
#[derive(Debug)]
pub(super) struct TurnBooks {
    spans: Arc<[Range<Duration>]>,
    open: BTreeMap<u32, Turn>,
}

impl TurnBooks {
    pub(super) fn new(spans: Arc<[Range<Duration>]>) -> Self {
        Self { spans, open: BTreeMap::new() }
    }

    /// A copy of what was due then arrived `latency` nanoseconds later.
    pub(super) fn delivered(&mut self, due: Duration, latency: u64) {
        if let Some(turn) = self.turn(due) {
            turn.delivery.record(latency);
        }
    }

    /// What was due then was sent so much later.
    pub(super) fn sent(&mut self, due: Duration, lag: Duration) {
        if let Some(turn) = self.turn(due) {
            turn.send_lag.record(nanos(lag));
        }
    }

    /// Everything since the last call, by number of the turn.
    pub(super) fn take(&mut self) -> BTreeMap<u32, Turn> {
        std::mem::take(&mut self.open)
    }

    fn turn(&mut self, due: Duration) -> Option<&mut Turn> {
        let last = self.spans.partition_point(|span| span.start <= due).checked_sub(1)?;
        let number = u32::try_from(last).ok().filter(|_| due < self.spans[last].end)?;
        Some(self.open.entry(number).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_begin_at_the_later_moment_and_nobody_waits_for_who_is_gone() {
        let meeting = Meeting::default();
        meeting.propose(0, Timestamp::from_nanos(5));
        assert_eq!(meeting.agreed(), Ok(None));
        meeting.propose(1, Timestamp::from_nanos(3));
        assert_eq!(meeting.agreed(), Ok(Some(Timestamp::from_nanos(5))));
        meeting.leave(1);
        assert_eq!(meeting.agreed(), Err(Gone));
        meeting.propose(1, Timestamp::from_nanos(9));
        assert_eq!(meeting.agreed(), Err(Gone));
    }

    #[test]
    fn what_is_measured_belongs_to_the_turn_it_was_due_in() {
        let ms = Duration::from_millis;
        let mut books = TurnBooks::new([ms(100)..ms(200), ms(500)..ms(600)].into());
        for due in [50, 100, 199, 200, 550] {
            books.delivered(ms(due), 1_000_000);
            books.sent(ms(due), ms(1));
        }
        let counts: Vec<_> =
            books.take().iter().map(|(turn, of)| (*turn, of.delivery.count(), of.send_lag.count())).collect();
        assert_eq!(counts, [(0, 2, 2), (1, 1, 1)]);
        assert!(books.take().is_empty());
    }
}
