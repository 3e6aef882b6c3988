//! The search for the highest rate at which a rule holds, as the result file says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Threshold;

/// `run --find rate`: short runs of one scenario at different rates, all its publish entries scaled together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Find {
    /// The rule that had to hold, as it was written.
    pub keep: String,
    /// The highest rate at which it held, publications per second in all.
    pub rate: Option<f64>,
    /// The lowest rate above that at which it did not: the limit lies between the two.
    pub fails_at: Option<f64>,
    /// How the search ended.
    pub end: FindEnd,
    /// Every trial, in the order in which they were made.
    pub trials: Vec<Trial>,
}

/// How a search ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind", content = "detail")]
pub enum FindEnd {
    /// With a rate that holds and one that does not, each tried again with the same result.
    Found,
    /// The rule held at every rate that may be tried.
    HeldThroughout,
    /// It did not even hold at the lowest one.
    NeverHeld,
    /// The generator was not fast enough, so that the target cannot be judged: why.
    GeneratorGaveOut(String),
    /// Trials at one rate contradict each other.
    Unsettled,
    /// By a signal; the exit code that goes with it.
    Interrupted(u8),
}

/// One run of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    /// What was asked for, publications per second in all.
    pub rate: f64,
    /// What became of it.
    pub outcome: Trialled,
    /// The parts of the rule and what was found; implied rules only where they are broken.
    pub thresholds: Vec<Threshold>,
}

/// What became of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trialled {
    /// The rule held.
    Held,
    /// It did not, and the target is to blame.
    Failed,
    /// The generator disturbed the measurement.
    Generator,
}
