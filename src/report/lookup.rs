//! Finding entries of a report by name.

use super::{Counter, Distribution, Report};

impl Report {
    /// The total of a counter; 0 if there is none.
    pub fn counter(&self, name: &str) -> u64 {
        let total = |counter: &&Counter| counter.name == name && counter.labels.is_empty();
        self.counters.iter().find(total).map_or(0, |counter| counter.value)
    }

    /// The non-zero parts of a counter by one label.
    pub fn counter_by(&self, name: &str, key: &str) -> Vec<(&str, u64)> {
        let parts = self.counters.iter().filter(|c| c.name == name && c.labels.len() == 1 && c.value > 0);
        parts.filter_map(|c| Some((c.labels.get(key)?.as_str(), c.value))).collect()
    }

    /// The total of a distribution.
    pub fn distribution(&self, name: &str) -> Option<&Distribution> {
        self.histograms.iter().find(|h| h.name == name && h.labels.is_empty())
    }

    /// The part of a distribution with just this label.
    pub fn distribution_with(&self, name: &str, key: &str, value: &str) -> Option<&Distribution> {
        let alone = |h: &&Distribution| h.labels.len() == 1 && h.labels.get(key).is_some_and(|v| v == value);
        self.histograms.iter().filter(|h| h.name == name).find(alone)
    }
}
