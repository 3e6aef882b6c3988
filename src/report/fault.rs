//! What a fault or an incident did to the clients, as the result file says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Summary;

/// The width of a bin of the herd.
pub(super) const BIN_NS: u64 = 100_000_000;

/// Something that was broken on purpose, or an incident that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// Its name, or `incident-1`.
    pub name: String,
    /// When, counted from the start of the measured phase.
    pub at_ns: i64,
    /// When every client it cut was back, the next one began, or the run ended; likewise.
    #[serde(default)]
    pub until_ns: i64,
    /// Whether it was planned.
    #[serde(default)]
    pub declared: bool,
    /// What was done, in words; of a found incident what its losses have in common.
    #[serde(default)]
    pub what: String,
    /// Why it could not be carried out, if it could not.
    pub failure: Option<String>,
    /// With what status its command ended; of a fault that is one, and only if it ended by itself.
    pub exit_status: Option<i32>,
    /// What became of the connections it cut.
    pub reconnect: Reconnect,
    /// Attempts to come back per [`Self::herd_bin_ns`], from its instant to the last of them.
    pub herd: Vec<u64>,
    /// 100 ms, or a power of two of that where the herd would grow too long.
    #[serde(default = "bin")]
    pub herd_bin_ns: u64,
    /// The others' deliveries.
    #[serde(default)]
    pub bystanders: Bystanders,
    /// Clients at the fullest instance over the mean of all when the measured phase ended: 1 is even. Only of the last
    /// one that cut connections, and only where the instances are known.
    pub imbalance: Option<f64>,
}

/// The bins of results that do not say how wide they are.
fn bin() -> u64 {
    BIN_NS
}

/// What became of the connections a fault cut.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reconnect {
    /// Connections cut.
    pub lost: u64,
    /// Clients back in all their rooms.
    pub recovered: u64,
    /// Clients that did not come back.
    pub never: u64,
    /// Attempts to come back.
    #[serde(default)]
    pub attempts: u64,
    /// The herd at its densest.
    pub peak_connects_per_100ms: u64,
    /// Its mean from the first attempt to the last.
    #[serde(default)]
    pub mean_connects_per_100ms: f64,
    /// When shares of those lost were back.
    #[serde(default)]
    pub back_ns: Back,
    /// Attempts that failed, the most frequent first.
    #[serde(default)]
    pub failures: Vec<AttemptFailure>,
    /// How the connections ended, the most frequent first.
    #[serde(default)]
    pub causes: Vec<Cause>,
    /// Copies that did not come live because their receiver was disconnected.
    #[serde(default)]
    pub missed: u64,
    /// Of those, replayed; the rest is lost.
    #[serde(default)]
    pub replayed: u64,
    /// Connection lost to re-joined.
    pub downtime: Option<Summary>,
    /// Connection lost to the next delivery.
    pub first_delivery: Option<Summary>,
    /// The instant of the cut to the client's noticing it; only where that instant is known.
    pub detect: Option<Summary>,
    /// What clients chose to wait before an attempt.
    pub backoff: Option<Summary>,
    /// What was waited beyond it.
    pub backoff_lag: Option<Summary>,
}

/// When shares of the clients that were cut were back, counted from the fault's instant; null where they never were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)] // each is the share it says
pub struct Back {
    pub p50: Option<u64>,
    pub p95: Option<u64>,
    pub p99: Option<u64>,
    pub all: Option<u64>,
}

/// Attempts to come back that failed alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptFailure {
    /// Where.
    pub stage: String,
    /// What.
    pub kind: String,
    /// How many.
    pub count: u64,
}

/// Connections that ended alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// How.
    pub kind: String,
    /// How many.
    pub count: u64,
}

/// The 99th percentile of `delivery` at clients that kept their connection, nanoseconds; null where there are too few
/// copies to have one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bystanders {
    /// In the stretch before the fault.
    pub before: Option<u64>,
    /// From its instant until every client it cut was back.
    pub during: Option<u64>,
    /// From then to the next one, or the end.
    pub after: Option<u64>,
}
