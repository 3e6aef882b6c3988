//! How the generator fared, as the result file says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether the numbers can be believed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    /// Whether they can.
    pub healthy: bool,
    /// Why not, each with what to try.
    pub reasons: Vec<String>,
    /// Its processes: with `--processes` those that carry clients, and the one that coordinates them. What they used is
    /// added up.
    #[serde(default)]
    pub processes: u32,
    /// CPU seconds it used in the measured phase.
    pub cpu_seconds: f64,
    /// The same as a share of one core.
    #[serde(default)]
    pub cpu_share: f64,
    /// Cores it may run on.
    #[serde(default)]
    pub cores: u32,
    /// Share of the machine's time that the hypervisor took.
    #[serde(default)]
    pub steal_share: f64,
    /// Largest resident size.
    pub rss_peak_bytes: u64,
    /// Clients at their most.
    pub clients: u64,
    /// How late a worker's loop came round.
    #[serde(default)]
    pub loop_lag_p99_ns: u64,
    /// How late a thread that only sleeps woke up.
    #[serde(default)]
    pub hiccup_p99_ns: u64,
    /// How long its threads were ready to run and had no core.
    #[serde(default)]
    pub run_queue_wait_seconds: f64,
    /// Most file descriptors in use.
    #[serde(default)]
    pub fds_used: u64,
    /// How many it may use.
    #[serde(default)]
    pub fds_limit: u64,
    /// Publications handed to a socket more than 10 ms after they were due.
    #[serde(default)]
    pub sends_late: u64,
}
