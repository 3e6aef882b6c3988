//! `[gate]` as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::shapes::Ordered;
use super::values::Time;

/// What `wsbench gate` is told here rather than on its command line, which beats it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "gate")]
pub(in crate::scenario) struct Gate {
    /// What is known to be good: a URL, cmd:COMMAND, self, or the path of a wsbench build.
    pub(in crate::scenario) base: Option<String>,
    /// What is judged, likewise.
    pub(in crate::scenario) new: Option<String>,
    /// What is gated: a quantile (p50, p90, p95, p99) and how much later it may become, as in `p50 = "5%"`.
    #[serde(default)]
    pub(in crate::scenario) metrics: Ordered<String>,
    /// Less than this is not slower, whatever share it is. Default 20us.
    pub(in crate::scenario) floor: Option<Time>,
    /// No verdict after this is inconclusive. Default 60s, and 20s for every further start.
    pub(in crate::scenario) max_time: Option<Time>,
    /// How long one side's turn lasts: 400ms to 1s.
    pub(in crate::scenario) block: Option<Time>,
    /// How often both sides are started anew, with as many pairs each time: 1 (the default) to 10.
    pub(in crate::scenario) starts: Option<u32>,
    /// Asked until it answers with success before a side that was started counts as ready; {{port}} is its port.
    pub(in crate::scenario) ready: Option<String>,
    /// What an inconclusive gate is. Default fail.
    pub(in crate::scenario) inconclusive: Option<CountsWord>,
    /// What an untrustworthy gate is. Default fail.
    pub(in crate::scenario) untrustworthy: Option<CountsWord>,
}

/// What a verdict that is neither yes nor no counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum CountsWord {
    /// It fails: exit 97 or 4.
    Fail,
    /// It passes: exit 0.
    Pass,
}
