//! A saved result as something to judge another run against.

use std::collections::{BTreeMap, BTreeSet};

use super::Report;
use super::build::gauges;
use crate::metrics::Names;
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

/// The names in it that a key may use.
pub fn names(report: &Report) -> Names {
    let values = |key: &str| {
        let counters = report.counters.iter().filter_map(|entry| entry.labels.get(key));
        let values: BTreeSet<&String> =
            counters.chain(report.histograms.iter().filter_map(|entry| entry.labels.get(key))).collect();
        values.into_iter().cloned().collect()
    };
    Names {
        groups: values("group"),
        publishes: values("publish"),
        requests: values("request"),
        instances: BTreeMap::new(),
        incidents: report.faults.iter().map(|fault| fault.name.clone()).collect(),
    }
}
