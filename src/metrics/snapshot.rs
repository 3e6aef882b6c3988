//! What was recorded, as values that add up: over workers, over ticks, over label sets.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Histogram, LabelKey, METRICS, Names};
use crate::observe::Labels;

/// The content of a cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Value {
    /// A sum.
    Counter(u64),
    /// A distribution. Copies share it until one of them gains something.
    Histogram(Arc<Histogram>),
}

impl Value {
    /// Adds `other`; values of different kinds are never asked to.
    pub fn merge(&mut self, other: &Value) {
        match (self, other) {
            (Value::Counter(sum), Value::Counter(more)) => *sum += more,
            (Value::Histogram(all), Value::Histogram(more)) => Arc::make_mut(all).merge(more),
            _ => {}
        }
    }

    /// The sum of a counter, the number of values of a histogram.
    pub fn count(&self) -> u64 {
        match self {
            Value::Counter(sum) => *sum,
            Value::Histogram(histogram) => histogram.count(),
        }
    }

    /// The distribution, if it is one.
    pub fn histogram(&self) -> Option<&Histogram> {
        match self {
            Value::Histogram(histogram) => Some(histogram),
            Value::Counter(_) => None,
        }
    }
}

/// A metric's value for one label set.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The metric's place in [`METRICS`].
    pub metric: usize,
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub value: Value,
}

/// All cells of a stretch of time.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    cells: BTreeMap<(usize, Labels), Value>,
}

impl Snapshot {
    pub(super) fn of(cells: Vec<Cell>) -> Self {
        Self { cells: cells.into_iter().map(|cell| ((cell.metric, cell.labels), cell.value)).collect() }
    }

    /// Adds everything `other` holds; the same as having recorded both in one.
    pub fn merge(&mut self, other: &Snapshot) {
        for (key, value) in &other.cells {
            match self.cells.get_mut(key) {
                Some(mine) => mine.merge(value),
                None => drop(self.cells.insert(*key, value.clone())),
            }
        }
    }

    /// What is left when everything `earlier` holds, which must be part of this one, is taken away.
    #[must_use]
    pub fn without(&self, earlier: &Snapshot) -> Self {
        let left = |(key, value): (&(usize, Labels), &Value)| {
            let value = match (value, earlier.cells.get(key)) {
                (Value::Counter(all), Some(Value::Counter(before))) => Value::Counter(all.saturating_sub(*before)),
                (Value::Histogram(all), Some(Value::Histogram(before))) => {
                    Value::Histogram(Arc::new(all.without(before)))
                }
                (value, _) => value.clone(),
            };
            (*key, value)
        };
        Self { cells: self.cells.iter().map(left).collect() }
    }

    /// The cells, ordered by metric.
    pub fn cells(&self) -> impl Iterator<Item = (usize, &Labels, &Value)> {
        self.cells.iter().map(|((metric, labels), value)| (*metric, labels, value))
    }

    /// The sum over all of `metric`'s cells whose labels have every `(key, value)` of `selector`; `None` without any.
    pub fn select(&self, metric: &str, selector: &[(LabelKey, String)], names: &Names) -> Option<Value> {
        let matches =
            |labels: &Labels| selector.iter().all(|(key, want)| names.value(labels, *key).is_some_and(|v| v == *want));
        self.sum(metric, matches)
    }

    /// The sum over all of `metric`'s cells; `None` without any.
    pub fn total(&self, metric: &str) -> Option<Value> {
        self.sum(metric, |_| true)
    }

    /// The sum of a counter, or the number of a histogram's values; 0 without any.
    pub fn count(&self, metric: &str) -> u64 {
        self.of_metric(metric).map(|(_, value)| value.count()).sum()
    }

    /// `metric` split by the values of one label.
    pub fn by(&self, metric: &str, key: LabelKey, names: &Names) -> BTreeMap<String, Value> {
        let mut split: BTreeMap<String, Value> = BTreeMap::new();
        for (labels, value) in self.of_metric(metric) {
            let Some(name) = names.value(labels, key) else { continue };
            match split.get_mut(&*name) {
                Some(sum) => sum.merge(value),
                None => drop(split.insert(name.into_owned(), value.clone())),
            }
        }
        split
    }

    /// The sum over those of `metric`'s cells whose labels match; `None` without any.
    pub fn sum(&self, metric: &str, mut matches: impl FnMut(&Labels) -> bool) -> Option<Value> {
        let mut sum: Option<Value> = None;
        for (labels, value) in self.of_metric(metric) {
            match (&mut sum, matches(labels)) {
                (_, false) => {}
                (Some(sum), true) => sum.merge(value),
                (None, true) => sum = Some(value.clone()),
            }
        }
        sum
    }

    fn of_metric(&self, metric: &str) -> impl Iterator<Item = (&Labels, &Value)> {
        let at = METRICS.iter().position(|m| m.name == metric).unwrap_or(usize::MAX);
        self.cells
            .range((at, Labels::default())..)
            .take_while(move |((m, _), _)| *m == at)
            .map(|((_, labels), value)| (labels, value))
    }
}

/// As a list of `(metric, labels, value)`.
impl Serialize for Snapshot {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.cells())
    }
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cells = Vec::<(usize, Labels, Value)>::deserialize(deserializer)?;
        Ok(Self::of(cells.into_iter().map(|(metric, labels, value)| Cell { metric, labels, value }).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Recorder;
    use crate::observe::{Fact, GroupId, Hop, Observation, Observe, Word};
    use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};

    fn observation() -> impl Strategy<Value = Observation> {
        let facts =
            [Fact::Delivered, Fact::Replayed, Fact::Lost, Fact::Completion, Fact::Error, Fact::Due, Fact::BytesSent];
        (0..facts.len(), any::<Option<bool>>(), 0u16..3, 0u64..10_000_000_000).prop_map(
            move |(fact, own, group, value)| {
                let labels = Labels {
                    own,
                    group: Some(GroupId(group)),
                    hop: Some(Hop::Cross),
                    detail: Some(Word::STEADY),
                    ..Labels::default()
                };
                Observation::new(facts[fact], labels, value)
            },
        )
    }

    fn record<'a>(observations: impl IntoIterator<Item = &'a Observation>) -> Snapshot {
        let mut recorder = Recorder::default();
        observations.into_iter().for_each(|o| recorder.observe(o));
        recorder.take()
    }

    fn shape(snapshot: &Snapshot) -> Vec<(usize, Labels, u64, u64, u64)> {
        let of = |v: &Value| v.histogram().map_or((0, 0), |h| (h.min(), h.quantile(0.9)));
        snapshot.cells().map(|(m, l, v)| (m, *l, v.count(), of(v).0, of(v).1)).collect()
    }

    proptest! {
        #[test]
        fn merging_snapshots_equals_recording_everything_in_one(all in proptest::collection::vec((observation(), 0usize..3), 0..120)) {
            let mut merged = Snapshot::default();
            for worker in 0..3 {
                merged.merge(&record(all.iter().filter(|(_, w)| *w == worker).map(|(o, _)| o)));
            }
            prop_assert_eq!(shape(&merged), shape(&record(all.iter().map(|(o, _)| o))));
        }

        #[test]
        fn another_process_is_told_every_cell(all in proptest::collection::vec(observation(), 0..60)) {
            let told = record(&all);
            let heard: Snapshot = serde_json::from_slice(&serde_json::to_vec(&told).unwrap()).unwrap();
            prop_assert_eq!(shape(&heard), shape(&told));
        }
    }

    #[test]
    fn entries_by_one_label_add_up_to_the_total() {
        let labels = |hop, own| Labels { hop: Some(hop), own: Some(own), ..Labels::default() };
        let pairs = [labels(Hop::Cross, true), labels(Hop::Cross, false), labels(Hop::Same, false)];
        let snapshot = record(&pairs.map(|labels| Observation::new(Fact::Delivered, labels, 5_000_000)));
        let names = Names::default();
        for key in [LabelKey::Hop, LabelKey::Own] {
            let sum: u64 = snapshot.by("delivery", key, &names).values().map(Value::count).sum();
            assert_eq!(sum, snapshot.count("delivery"));
        }
        let both = [(LabelKey::Hop, "cross".to_owned()), (LabelKey::Own, "no".to_owned())];
        assert_eq!(snapshot.select("delivery", &both, &names).map(|v| v.count()), Some(1));
        assert_eq!(snapshot.count("deliveries.delivered"), 3);
        assert!(snapshot.select("delivery", &[(LabelKey::Hop, "unknown".to_owned())], &names).is_none());
    }

    #[test]
    fn taking_leaves_nothing_behind() {
        let mut recorder = Recorder::default();
        recorder.observe(&Observation::new(Fact::Lost, Labels::default(), 2));
        assert_eq!(recorder.take().count("deliveries.lost"), 2);
        assert_eq!(recorder.take().cells().count(), 0);
    }
}
