//! How a run went over time, in at most 600 points whatever its length.
//!
//! A point covers a number of ticks, doubled each time the points are used up. Older points are then folded in pairs,
//! one pair for each new point. A percentile is never averaged: what a wider point will say is worked out while its ticks
//! are at hand, from their merged distributions. Closed points are figures, so memory does not grow with what they count; a
//! result made on the way shares them.

use std::collections::{BTreeMap, VecDeque};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ByName, Summary};
use crate::engine::{Phase, Tick};
use crate::metrics::{Histogram, Kind, METRICS, Packed, Snapshot, Value};

/// The most points a series has.
const POINTS: usize = 600;

/// Distributions whose total is kept per point.
const KEPT: [&str; 3] = ["delivery", "completion", "send_lag"];

/// A stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Its start, counted from the start of the measured phase.
    pub t_ns: i64,
    /// Its length.
    #[serde(default)]
    pub span_ns: u64,
    /// What the counters gained; those that gained nothing are left out.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub counters: ByName<u64>,
    /// The values of that time.
    #[schemars(with = "BTreeMap<String, Summary>")]
    pub histograms: ByName<Summary>,
}

/// Collects ticks of the measured phase and the drain.
#[derive(Debug, Default)]
pub struct Series {
    /// Points by width: at place `k` those of `2^k` ticks.
    widths: Vec<Width>,
    open: Option<Stretch>,
    /// Ticks per point, as a power of two.
    doublings: usize,
    /// How many pairs have been folded since the last doubling.
    folded: usize,
    last_ns: i64,
}

/// The points of one width.
#[derive(Debug, Default)]
struct Width {
    closed: VecDeque<Point>,
    /// The last of them, whole, while its neighbour is awaited, with which it makes a wider one.
    first_of_two: Option<Waiting>,
}

/// A stretch of time whose distributions are whole.
#[derive(Debug)]
struct Stretch {
    start_ns: i64,
    end_ns: i64,
    ticks: u64,
    counters: BTreeMap<usize, u64>,
    kept: [Histogram; KEPT.len()],
}

/// A stretch that awaits the one after it, which may take hours.
#[derive(Debug)]
struct Waiting {
    start_ns: i64,
    ticks: u64,
    counters: BTreeMap<usize, u64>,
    /// Nothing of a distribution without values.
    kept: [Option<Packed>; KEPT.len()],
}

impl Series {
    /// Takes in one tick.
    pub fn push(&mut self, tick: &Tick) {
        if !matches!(tick.phase, Phase::Measure | Phase::Drain) {
            self.last_ns = 0;
            return;
        }
        let start = self.last_ns.clamp(0, tick.at_ns.max(0));
        self.last_ns = tick.at_ns;
        let open = self.open.get_or_insert_with(|| Stretch::starting(start));
        open.add(&tick.delta);
        open.end_ns = tick.at_ns.max(start);
        if open.ticks >= 1 << self.doublings {
            self.close();
        }
    }

    /// The points, oldest first.
    pub fn points(&self) -> Vec<Point> {
        let open = self.open.as_ref().map(Stretch::point);
        self.shown().cloned().chain(open).collect()
    }

    /// The closed points that stand for the time so far: folded ones, those still to be folded, and newer ones.
    fn shown(&self) -> impl Iterator<Item = &Point> {
        let closed = |at: usize| self.widths.get(at).map(|width| &width.closed).into_iter().flatten();
        let (narrow, foldable) = match self.doublings.checked_sub(1) {
            Some(narrow) => (Some(narrow), POINTS / 2),
            None => (None, 0),
        };
        closed(self.doublings)
            .take(self.folded)
            .chain(narrow.into_iter().flat_map(closed))
            .chain(closed(self.doublings).skip(foldable))
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        self.keep(open);
        if self.shown().count() >= POINTS {
            self.fold();
        }
    }

    /// Keeps a point of the present width, and each wider one that it completes.
    fn keep(&mut self, mut stretch: Stretch) {
        for at in self.doublings.. {
            if self.widths.len() <= at {
                self.widths.resize_with(at + 1, Width::default);
            }
            let width = &mut self.widths[at];
            width.closed.push_back(stretch.point());
            match width.first_of_two.take() {
                Some(first) => stretch.follow(&first),
                None => return width.first_of_two = Some(stretch.wait()),
            }
        }
    }

    /// Makes room for one point: the oldest pair not yet folded gives way to the wider point that has been kept of it.
    fn fold(&mut self) {
        if self.doublings == 0 || self.folded == POINTS / 2 {
            self.doublings += 1;
            self.folded = 0;
        }
        self.widths[self.doublings - 1].closed.drain(..2);
        self.folded += 1;
    }
}

impl Stretch {
    fn starting(at: i64) -> Self {
        Self { start_ns: at, end_ns: at, ticks: 0, counters: BTreeMap::new(), kept: Default::default() }
    }

    fn add(&mut self, delta: &Snapshot) {
        self.ticks += 1;
        for (metric, _, value) in delta.cells() {
            match (METRICS[metric].kind, value) {
                (Kind::Counter, Value::Counter(gained)) => *self.counters.entry(metric).or_default() += gained,
                (_, value) => {
                    let place = KEPT.iter().position(|name| *name == METRICS[metric].name);
                    if let (Some(place), Some(histogram)) = (place, value.histogram()) {
                        self.kept[place].merge(histogram);
                    }
                }
            }
        }
    }

    /// Takes in the stretch just before it.
    fn follow(&mut self, earlier: &Waiting) {
        self.start_ns = earlier.start_ns;
        self.ticks += earlier.ticks;
        for (metric, gained) in &earlier.counters {
            *self.counters.entry(*metric).or_default() += gained;
        }
        for (mine, before) in self.kept.iter_mut().zip(&earlier.kept) {
            // It was packed here, so it is the packing of a distribution.
            if let Some(Ok(before)) = before.as_ref().map(Packed::unpack) {
                mine.merge(&before);
            }
        }
    }

    /// The same in little room.
    fn wait(self) -> Waiting {
        // The encoder fails only for want of memory.
        let pack = |histogram: &Histogram| Packed::of(histogram).ok().filter(|_| histogram.count() > 0);
        let kept = self.kept.each_ref().map(pack);
        Waiting { start_ns: self.start_ns, ticks: self.ticks, counters: self.counters, kept }
    }

    /// What it says.
    fn point(&self) -> Point {
        let gained = self.counters.iter().map(|(metric, gained)| (METRICS[*metric].name, *gained));
        let kept = KEPT.iter().zip(&self.kept).filter(|(_, histogram)| histogram.count() > 0);
        Point {
            t_ns: self.start_ns,
            span_ns: u64::try_from(self.end_ns - self.start_ns).unwrap_or(0),
            counters: gained.collect(),
            histograms: kept.map(|(name, histogram)| (*name, Summary::of(histogram))).collect(),
        }
    }
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
