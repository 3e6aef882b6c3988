//! What became of a threshold, as the result file says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number;

/// A rule and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Threshold {
    /// The key.
    pub metric: String,
    /// The rule.
    pub rule: String,
    /// Nanoseconds for times, else a number; null without samples, or when they are infinitely late.
    #[serde(with = "number")]
    #[schemars(with = "Option<f64>")]
    pub value: Option<f64>,
    /// What the value counts: `ns`, `count`, `per_second` or `ratio`.
    #[serde(default)]
    pub unit: String,
    /// Whether it holds.
    pub ok: bool,
    /// Only this fault or incident, or `steady`: what lies outside all of them.
    pub during: Option<String>,
    /// Only what came after this fault or incident, or this time.
    pub after: Option<String>,
    /// The saved run of which the value is a share.
    pub baseline: Option<String>,
    /// The line of the scenario file; null for an implied rule.
    pub line: Option<usize>,
    /// How many samples it was judged on.
    pub count: u64,
    /// The distance from the bound as a signed share of it.
    pub margin: Option<f64>,
    /// Whether the scenario does not name it.
    #[serde(default)]
    pub implied: bool,
    /// Why there is no value.
    pub note: Option<String>,
}
