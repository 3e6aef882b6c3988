//! A saved result as something to judge another run against.

use std::collections::BTreeMap;

use super::Report;
use super::build::gauges;
use crate::threshold::{Count, Saved};

/// What `report`, which is called `name`, counted.
pub fn baseline(report: &Report, name: &str) -> Saved {
    let mut counts: BTreeMap<String, Vec<Count>> = BTreeMap::new();
    let counters = report.counters.iter().map(|entry| (&entry.name, &entry.labels, entry.value));
    let distributions = report.histograms.iter().map(|entry| (&entry.name, &entry.labels, entry.count));
    for (name, labels, value) in counters.chain(distributions) {
        counts.entry(name.clone()).or_default().push(Count { labels: labels.clone(), value });
    }
    Saved {
        name: name.to_owned(),
        seconds: report.measured_ns as f64 / 1e9,
        counts,
        gauges: gauges(&report.generator).into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}
