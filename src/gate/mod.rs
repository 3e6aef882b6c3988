//! The paired regression gate, as arithmetic: from blocks measured in turn against two live servers to a verdict. No IO
//! and no clock; the same blocks and the same seed give the same report to the last byte.
//!
//! Blocks of both sides alternate in coin-flip order ([`Schedule`]). Of each pair the log ratio of a quantile is taken;
//! a series of ratios gives an [`Effect`]; at set [`LOOKS`] the gate may decide ([`Gate`]).

mod block;
mod effect;
mod judge;
mod looks;
mod metric;
mod read;
mod report;
mod ruling;
mod run;
mod schedule;
mod trust;

pub use block::{Block, Side};
pub use effect::Effect;
pub use judge::{Finding, Verdict};
pub use looks::{LOOKS, Look};
pub use metric::{Metric, MetricError, Settings};
pub use read::{ReadError, read};
pub use report::{About, Report, Summary};
pub use ruling::{Passes, Ruling};
pub use run::Gate;
pub use schedule::Schedule;
