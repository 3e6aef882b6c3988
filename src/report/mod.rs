//! The outcome of a run as data: the result file, and everything any output shows.
//!
//! A [`Report`] is exactly the JSON that `--out json=FILE` writes. Outputs know nothing else of a run, so a saved
//! result can be shown again later in any format. It is made in one place, [`build`].

mod baseline;
mod build;
mod by_name;
mod compare;
mod entries;
mod environment;
mod fault;
mod find;
mod generator;
mod incidents;
mod judgement;
mod lineup;
mod lookup;
mod mask;
mod number;
mod read;
#[cfg(test)]
pub(crate) mod sample;
mod series;
mod summary;
mod threshold;

pub use baseline::{baseline, names};
pub use build::{Facts, build, measured};
pub use by_name::ByName;
pub use compare::{COMPARED, Change, Comparison, Shift, Side, compare};
pub use entries::{Counter, Distribution};
pub use environment::{Broker, Environment};
pub use fault::{AttemptFailure, Back, Bystanders, Cause, Fault, Reconnect};
pub use find::{Find, FindEnd, Trial, Trialled};
pub use generator::Generator;
pub use judgement::{Decision, Verdict, decide};
pub use lineup::{Lineup, Ran, line_up};
pub use mask::{hidden, is_secret, looks_secret};
pub use read::{ReadError, read};
pub use series::{Point, Series};
pub use summary::Summary;
pub use threshold::Threshold;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the result file's shape.
pub const SCHEMA: &str = "wsbench/result/1";

/// The JSON Schema of result files, from the types that write them.
pub fn schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Report>().to_value()
}

/// A run's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of this shape.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    /// Whether the run went its whole course.
    pub complete: bool,
    /// What the numbers say.
    pub verdict: Verdict,
    /// What the process answers.
    pub exit_code: u8,
    /// How the run ended.
    #[serde(default)]
    pub end: Ending,
    /// When it started, RFC 3339.
    #[serde(default)]
    pub started: String,
    /// How long the measured phase lasted.
    #[serde(default)]
    pub measured_ns: u64,
    /// What was asked for.
    pub scenario: Scenario,
    /// Where it ran.
    pub environment: Environment,
    /// Both sides of `due = delivered + lost + excluded`.
    #[serde(default)]
    pub identity: Identity,
    /// Every counter.
    pub counters: Vec<Counter>,
    /// Every distribution.
    pub histograms: Vec<Distribution>,
    /// Distributions of the delivery table: per publish entry, by the way the copies took.
    #[serde(default)]
    pub arrivals: Vec<Arrival>,
    /// What the way over another instance adds, in the median over publications; negative if it was faster.
    pub instance_adds_median_ns: Option<i64>,
    /// The rules and what became of them.
    pub thresholds: Vec<Threshold>,
    /// What was broken on purpose, and what broke on its own, in the order of the instants.
    pub faults: Vec<Fault>,
    /// How it went over time.
    pub series: Vec<Point>,
    /// Whether the numbers can be believed.
    pub generator: Generator,
    /// Failures by stage and kind, the most frequent first.
    #[serde(default)]
    pub errors: Vec<Failure>,
    /// Connections that ended without anybody's wish, outside planned faults, the most frequent kind first.
    #[serde(default)]
    pub closes: Vec<Close>,
    /// The first frames that meant nothing to the dialect, escaped.
    #[serde(default)]
    pub unknown_frames: Vec<String>,
    /// Where the clients were when the measured phase ended.
    #[serde(default)]
    pub instances: Vec<Instance>,
    /// The search for the highest rate; everything else is then of the trial that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub find: Option<Find>,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind", content = "detail")]
pub enum Ending {
    /// It went its course.
    #[default]
    Complete,
    /// By a signal; the exit code that goes with it.
    Interrupted(u8),
    /// A threshold asked for it.
    Aborted(String),
    /// The target cannot be measured: why, and what to do.
    Failed(String),
}

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// The file as it was given, or `@builtin`.
    #[serde(default)]
    pub path: String,
    /// SHA-256 of the text.
    pub sha256: String,
    /// What everything random followed from.
    pub seed: u64,
    /// The text before any expansion.
    pub text: String,
}

/// `due = delivered + lost + excluded`, each counted on its own path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// From plan and send log.
    pub due: u64,
    /// From arrivals.
    pub delivered: u64,
    /// From settling.
    pub lost: u64,
    /// From settling.
    pub excluded: u64,
    /// Whether the sides agree.
    pub holds: bool,
}

/// A row of the delivery table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Arrival {
    /// The publish entry.
    pub publish: String,
    /// The way the copies took.
    pub path: Path,
    /// When they arrived, counted from the due time.
    pub summary: Summary,
}

/// The way a copy took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// Publisher and receiver are connected to different instances.
    Cross,
    /// To the same one.
    Same,
    /// One of the two is not known.
    Unknown,
    /// The publisher's own copy.
    Own,
    /// The last of the publication's receivers has it.
    Everyone,
}

/// Failures of one stage and kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Where.
    pub stage: String,
    /// What.
    pub kind: String,
    /// How often.
    pub count: u64,
    /// The first of them.
    pub first: Option<Sample>,
}

/// One failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// In words.
    pub detail: String,
    /// When, counted from the start of the measured phase.
    pub at_ns: i64,
    /// To whom.
    pub client: String,
}

/// Endings of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Close {
    /// How they ended.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// The one instance they all were on, if there are others.
    pub instance: Option<String>,
    /// How long the connections had lived: a twentieth less, half less, a twentieth more.
    pub age_ns: [u64; 3],
    /// How long nothing had been heard on them, likewise.
    pub idle_ns: [u64; 3],
    /// How they ended and what they have in common, in words.
    pub words: String,
}

/// Clients at one instance of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// As the server named it.
    pub name: String,
    /// How many were connected to it.
    pub clients: u64,
}
