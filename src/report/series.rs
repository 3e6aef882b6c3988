//! How a run went over time, in at most 600 points whatever its length.
//!
//! A point covers a number of ticks, doubled each time the points are used up. Older points are then folded in pairs,
//! one pair for each new point, by merging their distributions: a percentile is never averaged. Closed points keep
//! their distributions encoded, a few KiB in place of 184.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Summary;
use crate::engine::{Phase, Tick};
use crate::metrics::{Histogram, Kind, METRICS, Snapshot, Value};

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
    pub counters: BTreeMap<String, u64>,
    /// The values of that time.
    pub histograms: BTreeMap<String, Summary>,
}

/// Collects ticks of the measured phase and the drain.
#[derive(Debug, Default)]
pub struct Series {
    closed: Vec<Stretch<Packed>>,
    open: Option<Stretch<Histogram>>,
    /// Ticks per point, as a power of two.
    doublings: u32,
    /// How many pairs have been folded since the last doubling.
    folded: usize,
    last_ns: i64,
}

#[derive(Debug)]
struct Stretch<H> {
    start_ns: i64,
    end_ns: i64,
    ticks: u64,
    counters: BTreeMap<usize, u64>,
    kept: [H; KEPT.len()],
}

/// A distribution at rest: its encoding, and the extremes which that does not hold exactly.
#[derive(Clone, Debug, Default)]
struct Packed {
    text: Option<String>,
    min: u64,
    max: u64,
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
        let open = self.open.as_ref().map(Stretch::pack);
        self.closed.iter().chain(open.as_ref()).map(Stretch::point).collect()
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        if self.closed.len() + 1 >= POINTS {
            self.fold();
        }
        self.closed.push(open.pack());
    }

    /// Makes room for one point by folding the oldest pair not yet folded at this width.
    fn fold(&mut self) {
        if self.doublings == 0 || self.folded == POINTS / 2 {
            self.doublings += 1;
            self.folded = 0;
        }
        let newer = self.closed.remove(self.folded + 1);
        self.closed[self.folded].fold(&newer);
        self.folded += 1;
    }
}

impl<H> Stretch<H> {
    fn count(&mut self, counters: &BTreeMap<usize, u64>) {
        for (metric, gained) in counters {
            *self.counters.entry(*metric).or_default() += gained;
        }
    }
}

impl Stretch<Histogram> {
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

    fn pack(&self) -> Stretch<Packed> {
        let kept = self.kept.each_ref().map(Packed::of);
        let Self { start_ns, end_ns, ticks, ref counters, .. } = *self;
        Stretch { start_ns, end_ns, ticks, counters: counters.clone(), kept }
    }
}

impl Stretch<Packed> {
    fn fold(&mut self, newer: &Self) {
        self.end_ns = newer.end_ns;
        self.ticks += newer.ticks;
        self.count(&newer.counters);
        for (mine, other) in self.kept.iter_mut().zip(&newer.kept) {
            mine.fold(other);
        }
    }

    fn point(&self) -> Point {
        let counters = self.counters.iter().map(|(metric, gained)| (METRICS[*metric].name.to_owned(), *gained));
        let kept =
            KEPT.iter().zip(&self.kept).filter_map(|(name, packed)| Some(((*name).to_owned(), packed.summary()?)));
        Point {
            t_ns: self.start_ns,
            span_ns: u64::try_from(self.end_ns - self.start_ns).unwrap_or(0),
            counters: counters.collect(),
            histograms: kept.collect(),
        }
    }
}

impl Packed {
    fn of(histogram: &Histogram) -> Self {
        if histogram.count() == 0 {
            return Self::default();
        }
        Self { text: histogram.encode().ok(), min: histogram.min(), max: histogram.max() }
    }

    fn unpack(&self) -> Option<Histogram> {
        self.text.as_deref().and_then(|text| Histogram::decode(text).ok())
    }

    fn fold(&mut self, newer: &Self) {
        let Some(other) = newer.unpack() else { return };
        let Some(mut merged) = self.unpack() else { return *self = newer.clone() };
        merged.merge(&other);
        *self = Self { text: merged.encode().ok(), min: self.min.min(newer.min), max: self.max.max(newer.max) };
    }

    fn summary(&self) -> Option<Summary> {
        let summary = Summary::of(&self.unpack()?);
        let exact = |value: u64| value.clamp(self.min, self.max);
        let Summary { count, mean, p50, p90, p95, p99, p99_9, .. } = summary;
        let [p50, p90, p95, p99, p99_9] = [p50, p90, p95, p99, p99_9].map(exact);
        Some(Summary { count, min: self.min, max: self.max, mean, p50, p90, p95, p99, p99_9 })
    }
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
