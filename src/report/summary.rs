//! The figures of a distribution that are read without decoding it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metrics::Histogram;

/// Nanoseconds, except for the count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)] // each is what it says
pub struct Summary {
    pub count: u64,
    pub min: u64,
    pub max: u64,
    pub mean: f64,
    pub p50: u64,
    pub p90: u64,
    pub p95: u64,
    pub p99: u64,
    pub p99_9: u64,
}

impl Summary {
    /// The figures of `histogram`.
    pub fn of(histogram: &Histogram) -> Self {
        Self {
            count: histogram.count(),
            min: histogram.min(),
            max: histogram.max(),
            mean: (histogram.mean() * 10.0).round() / 10.0,
            p50: histogram.quantile(0.5),
            p90: histogram.quantile(0.9),
            p95: histogram.quantile(0.95),
            p99: histogram.quantile(0.99),
            p99_9: histogram.quantile(0.999),
        }
    }
}
