//! Counters and distributions of the result file, made from a snapshot.
//!
//! An entry without labels is the total; for each label key the entries carrying only that key add up to it (what does
//! not carry the key counts as `unknown`); combinations are made only for the selections that are asked for.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Summary;
use crate::metrics::{Histogram, Kind, LabelKey, METRICS, Metric, Names, Snapshot, Value};
use crate::threshold::Selection;

/// A sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counter {
    /// The metric.
    pub name: String,
    /// Which part of it.
    pub labels: BTreeMap<String, String>,
    /// How many.
    pub value: u64,
}

/// A distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)] // the figures are what they say
pub struct Distribution {
    /// The metric.
    pub name: String,
    /// Which part of it.
    pub labels: BTreeMap<String, String>,
    /// Always `ns`.
    pub unit: String,
    pub count: u64,
    pub min: u64,
    pub max: u64,
    pub mean: f64,
    pub p50: u64,
    pub p90: u64,
    pub p95: u64,
    pub p99: u64,
    pub p99_9: u64,
    /// The whole distribution; null for the least important entries of a result that would grow beyond its bound.
    pub hdr_v2_deflate_base64: Option<String>,
}

impl Distribution {
    /// The figures.
    pub fn summary(&self) -> Summary {
        let Self { count, min, max, mean, p50, p90, p95, p99, p99_9, .. } = *self;
        Summary { count, min, max, mean, p50, p90, p95, p99, p99_9 }
    }

    /// The distribution itself, if it was kept.
    pub fn decode(&self) -> Option<Histogram> {
        self.hdr_v2_deflate_base64.as_deref().and_then(|text| Histogram::decode(text).ok())
    }

    fn of(name: &str, labels: BTreeMap<String, String>, histogram: &Histogram) -> Self {
        let Summary { count, min, max, mean, p50, p90, p95, p99, p99_9 } = Summary::of(histogram);
        let (name, unit) = (name.to_owned(), "ns".to_owned());
        // The encoder fails only for want of memory; the figures stand without it.
        let hdr_v2_deflate_base64 = histogram.encode().ok();
        Self { name, labels, unit, count, min, max, mean, p50, p90, p95, p99, p99_9, hdr_v2_deflate_base64 }
    }
}

/// Bytes of encoded distributions a result may hold: a good third of its 2 MiB. The rest is for figures and series.
const ENCODED: usize = 768 << 10;

/// One entry on its way into the result; the smaller its rank, the sooner its distribution is kept.
struct Entry {
    labels: BTreeMap<String, String>,
    rank: usize,
    value: Value,
}

/// Every entry of `totals`. Counters have a total even if it is zero; distributions exist only with values.
pub(super) fn entries(totals: &Snapshot, names: &Names, selections: &[Selection]) -> (Vec<Counter>, Vec<Distribution>) {
    let mut counters = Vec::new();
    let mut distributions = Vec::new();
    for metric in METRICS {
        for Entry { labels, rank, value } in of_metric(metric, totals, names, selections) {
            let name = metric.name;
            match value {
                Value::Counter(value) => counters.push(Counter { name: name.to_owned(), labels, value }),
                Value::Histogram(histogram) if histogram.count() > 0 => {
                    distributions.push((rank, Distribution::of(name, labels, &histogram)));
                }
                Value::Histogram(_) => {}
            }
        }
    }
    (counters, bounded(distributions))
}

/// The entries of `metric`, each added up when it is its turn: together they would be many times what was recorded.
fn of_metric<'t>(
    metric: &'static Metric,
    totals: &'t Snapshot,
    names: &'t Names,
    selections: &'t [Selection],
) -> impl Iterator<Item = Entry> + 't {
    let empty = match metric.kind {
        Kind::Counter => Value::Counter(0),
        Kind::Histogram => Value::Histogram(Arc::default()),
    };
    let total = totals.total(metric.name).unwrap_or_else(|| empty.clone());
    let total = std::iter::once_with(move || Entry { labels: BTreeMap::new(), rank: 0, value: total });
    let selections = selections.iter().filter(|selection| selection.metric == metric.name);
    let combined = selections.map(move |selection| {
        let value = totals.select(metric.name, &selection.labels, names).unwrap_or_else(|| empty.clone());
        let labels = selection.labels.iter().map(|(key, value)| (key.name().to_owned(), value.clone())).collect();
        Entry { labels, rank: 1, value }
    });
    let parts = metric.labels.iter().copied().chain([LabelKey::Phase]).flat_map(move |key| {
        split(metric.name, key, totals, names).into_iter().filter_map(move |(name, cells)| {
            let labels = BTreeMap::from([(key.name().to_owned(), name.into_owned())]);
            Some(Entry { labels, rank: 2 + rank(key), value: sum(&cells)? })
        })
    });
    total.chain(combined).chain(parts)
}

/// The cells of the metric by the value of one label, which add up to its total; nothing if no cell carries the label.
fn split<'t>(
    metric: &str,
    key: LabelKey,
    totals: &'t Snapshot,
    names: &'t Names,
) -> BTreeMap<Cow<'t, str>, Vec<&'t Value>> {
    let mut parts: BTreeMap<Cow<'t, str>, Vec<&Value>> = BTreeMap::new();
    let mut carried = false;
    for (_, labels, value) in totals.cells().filter(|(at, ..)| METRICS[*at].name == metric) {
        let name = names.value(labels, key);
        carried |= name.is_some();
        parts.entry(name.unwrap_or(Cow::Borrowed("unknown"))).or_default().push(value);
    }
    if carried { parts } else { BTreeMap::new() }
}

/// The values added up; `None` without any.
fn sum(values: &[&Value]) -> Option<Value> {
    let (first, others) = values.split_first()?;
    let mut sum = Value::clone(first);
    others.iter().for_each(|value| sum.merge(value));
    Some(sum)
}

fn rank(key: LabelKey) -> usize {
    const ORDER: [LabelKey; 6] =
        [LabelKey::Hop, LabelKey::Stage, LabelKey::Own, LabelKey::Publish, LabelKey::Request, LabelKey::Group];
    ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len())
}

/// Keeps the distributions themselves, the most important first, as far as there is room.
fn bounded(mut distributions: Vec<(usize, Distribution)>) -> Vec<Distribution> {
    let mut order: Vec<usize> = (0..distributions.len()).collect();
    order.sort_by_key(|at| distributions[*at].0);
    let mut used = 0;
    for at in order {
        let kept = &mut distributions[at].1.hdr_v2_deflate_base64;
        used += kept.as_ref().map_or(0, String::len);
        if used > ENCODED {
            *kept = None;
        }
    }
    distributions.into_iter().map(|(_, distribution)| distribution).collect()
}

#[cfg(test)]
#[path = "entries_tests.rs"]
mod tests;
