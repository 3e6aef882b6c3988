//! Judgement: `"delivery.p99{hop=cross}" = "< 100ms"` against what was recorded. Pure.
//!
//! A threshold is a key (what is looked at, [`Expression`]) and a rule (what it must be, [`Bound`]). Both are checked
//! against the table of metrics before a run starts; [`Judge`] then applies them to a snapshot. What a verdict means
//! for the run is not decided here.
//!
//! Four rules of judgement:
//! - nothing measured fails: a quantile without values, a counter whose population is empty (`deliveries.lost` when
//!   nothing was due), a ratio over zero;
//! - what never came is infinitely late: quantiles, mean and maximum of `delivery` count `deliveries.lost`, those of
//!   `completion` count `messages.incomplete`, those of `reconnect.*` count `reconnect.never`. A selector label which
//!   the loss does not carry (nobody knows the hop of a copy that never came) is left out, so that *all* losses of the
//!   matching rest count: the judgement is never kinder than the truth;
//! - a rule with `during` looks at that incident alone, in everything it is made of: both sides of a ratio, the losses,
//!   the population. An incident that may be found (`incident-1`) and was not leaves nothing to judge: the rule holds.
//!   `after` is the same for what lies between an incident's end and the next, or for what was recorded from a moment on;
//! - a rule with `baseline` looks at a share: this run's count, or cost, over the saved run's. Latencies are refused there;
//! - unless the scenario names them, `clients.failed == 0` holds for every run, and at most 1 % of the messages may be
//!   unsent when no fault is planned.

mod bound;
mod checked;
mod condition;
mod error;
mod evidence;
mod gauge;
mod judge;
mod key;
mod measured;
mod saved;
mod vocabulary;
mod window;

pub use bound::{Bound, Dimension, Operator};
pub use condition::{Condition, Met};
pub use error::{Part, Problem, ThresholdError};
pub use gauge::{GAUGES, Gauge};
pub use judge::{Judge, Judged};
pub use key::{Expression, Quantity, Statistic};
pub use measured::{Mark, Measured};
pub use saved::{Count, Saved};

use crate::metrics::LabelKey;

/// A threshold as it was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleText {
    /// The key: metric, selector, statistic, perhaps a ratio of two.
    pub metric: String,
    /// The rule: `< 100ms`.
    pub rule: String,
    /// Only this fault or incident, or `steady`: what lies outside all of them.
    pub during: Option<String>,
    /// Only what came after this: a fault or incident, or a time from the start of the measured phase.
    pub after: Option<String>,
    /// The run whose counts are 100 %.
    pub baseline: Option<std::sync::Arc<Saved>>,
    /// End the run as soon as it is broken for good.
    pub abort: bool,
    /// Its line in the scenario file.
    pub line: usize,
}

/// Entries of one metric that carry certain labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The metric's name.
    pub metric: &'static str,
    /// The labels, in the order in which they were written.
    pub labels: Vec<(LabelKey, String)>,
}
