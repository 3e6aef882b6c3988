//! What a scenario says of gating it.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

/// How long one side's turn may last.
pub const BLOCKS: RangeInclusive<Duration> = Duration::from_millis(400)..=Duration::from_secs(1);

/// How often both sides may be started.
pub const STARTS: RangeInclusive<u32> = 1..=10;

/// The `[gate]` table. Whether its targets and metrics are any is judged by who knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// What is known to be good.
    pub base: Option<String>,
    /// What is judged.
    pub new: Option<String>,
    /// What is gated, as `p50=5%`, and the bytes of the file that say so.
    pub metrics: Vec<(String, Range<usize>)>,
    /// Less than this is not slower.
    pub floor: Option<Duration>,
    /// How long it may take.
    pub max_time: Option<Duration>,
    /// How long one side's turn lasts.
    pub block: Option<Duration>,
    /// How often both sides are started; in `STARTS`.
    pub starts: Option<u32>,
    /// Asked until it answers with success.
    pub ready: Option<String>,
    /// Whether a gate that is inconclusive passes.
    pub inconclusive_passes: bool,
    /// Whether a gate that is untrustworthy passes.
    pub untrustworthy_passes: bool,
}
