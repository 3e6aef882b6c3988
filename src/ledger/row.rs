//! What one worker knows of a publication when it is done with it, and the sum of all workers' rows.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::observe::{Fact, Labels, Observation, Observe, RoomId, Topic, Word};
use crate::time::Timestamp;

/// How many latencies of a publication are kept for each side of the hop; beyond that a uniform sample of them.
const KEPT: usize = 64;

/// A uniform sample of latencies, in nanoseconds up to 4.29 s (later ones count as that).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    seen: u64,
    kept: Vec<u32>,
}

impl Sample {
    fn add(&mut self, nanos: u64) {
        self.seen += 1;
        let value = u32::try_from(nanos).unwrap_or(u32::MAX);
        if self.kept.len() < KEPT {
            self.kept.push(value);
            return;
        }
        // Algorithm R; the multiplicative hash of the ordinal stands in for a generator, so that runs repeat.
        let slot = (self.seen.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % self.seen;
        if let Some(kept) = self.kept.get_mut(slot as usize) {
            *kept = value;
        }
    }

    fn median(&mut self) -> Option<u32> {
        let middle = self.kept.len().checked_sub(1)? / 2;
        Some(*self.kept.select_nth_unstable(middle).1)
    }
}

/// Latencies of one publication by hop, own copies left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHop {
    /// Copies that stayed on the publisher's instance.
    pub same: Sample,
    /// Copies that crossed to another instance.
    pub cross: Sample,
}

impl ByHop {
    /// Adds a live copy that crossed (or not) and took `nanos`.
    pub(super) fn add(&mut self, crossed: bool, nanos: u64) {
        if crossed { self.cross.add(nanos) } else { self.same.add(nanos) }
    }

    fn merge(&mut self, other: ByHop) {
        for (mine, more) in [(&mut self.same, other.same), (&mut self.cross, other.cross)] {
            mine.seen += more.seen;
            mine.kept.extend(more.kept);
        }
    }
}

/// One worker's account of one publication. Rows of the same publication add up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The room.
    pub room: RoomId,
    /// The publication's place in the room.
    pub index: u32,
    /// What it is told apart by.
    pub topic: Topic,
    /// Whether it fell into the measured phase and was written to a socket: only then does it own pairs.
    pub counts: bool,
    /// When it was due.
    pub due_at: Timestamp,
    /// Pairs due at this worker's clients.
    pub due: u64,
    /// Of those, delivered.
    pub delivered: u64,
    /// Of those, lost.
    pub lost: u64,
    /// Missing pairs of a publication that the server refused, by labels: excluded if nobody anywhere got a copy.
    pub refused: Vec<(Labels, u64)>,
    /// First arrival.
    pub first: Timestamp,
    /// Last arrival.
    pub last: Timestamp,
    /// Latencies by hop.
    pub by_hop: Option<Box<ByHop>>,
}

impl Row {
    /// One more missing pair of a refused publication.
    pub(super) fn refuse(&mut self, labels: Labels) {
        match self.refused.iter_mut().find(|(known, _)| *known == labels) {
            Some((_, pairs)) => *pairs += 1,
            None => self.refused.push((labels, 1)),
        }
    }

    fn merge(&mut self, other: Row) {
        if self.delivered == 0 || (other.delivered > 0 && other.first < self.first) {
            self.first = other.first;
        }
        self.last = self.last.max(other.last);
        self.counts |= other.counts;
        self.due += other.due;
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.refused.extend(other.refused);
        match (&mut self.by_hop, other.by_hop) {
            (Some(mine), Some(more)) => mine.merge(*more),
            (mine @ None, more) => *mine = more,
            (Some(_), None) => {}
        }
    }
}

/// Adds up the workers' rows and observes what only the whole knows: completion, spread, what another instance adds.
#[derive(Debug)]
pub struct Tally {
    workers: usize,
    pending: FxHashMap<(RoomId, u32), (usize, Row)>,
}

impl Tally {
    /// A tally that expects a row of each publication from each of `workers`.
    pub fn new(workers: usize) -> Self {
        Self { workers, pending: FxHashMap::default() }
    }

    /// Adds a row; when it was the publication's last, observes the publication.
    pub fn add(&mut self, row: Row, observer: &mut dyn Observe) {
        let key = (row.room, row.index);
        let rows = match self.pending.remove(&key) {
            Some((rows, mut sum)) => {
                sum.merge(row);
                (rows + 1, sum)
            }
            None => (1, row),
        };
        if rows.0 < self.workers {
            self.pending.insert(key, rows);
        } else if rows.1.counts {
            conclude(rows.1, observer);
        }
    }

    /// Publications of which rows are still missing.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }
}

fn conclude(mut row: Row, observer: &mut dyn Observe) {
    let labels = Labels { publish: Some(row.topic.publish), phase: row.topic.phase, ..Labels::default() };
    let mut lost = row.lost;
    for (labels, pairs) in &row.refused {
        let (fact, detail) =
            if row.delivered == 0 { (Fact::Excluded, Word::REFUSED) } else { (Fact::Lost, Word::STEADY) };
        lost += if row.delivered == 0 { 0 } else { *pairs };
        observer.observe(&Observation::new(fact, Labels { detail: Some(detail), ..*labels }, *pairs));
    }
    if lost > 0 {
        observer.observe(&Observation::new(Fact::MessageIncomplete, labels, 1));
    } else if row.delivered > 0 {
        let observe = |fact, value| Observation::new(fact, labels, value);
        observer.observe(&observe(Fact::Completion, crate::time::nanos(row.last - row.due_at)));
        observer.observe(&observe(Fact::Spread, crate::time::nanos(row.last - row.first)));
    }
    let medians = row.by_hop.as_mut().and_then(|by_hop| Some((by_hop.same.median()?, by_hop.cross.median()?)));
    if let Some((same, cross)) = medians {
        let fact = if cross >= same { Fact::InstanceAdds } else { Fact::InstanceSaves };
        observer.observe(&Observation::new(fact, labels, u64::from(cross.abs_diff(same))));
    }
}
