//! From what the engine tells to the report: at the end of a run, and on the way, so that a run that is killed leaves
//! what it had.

use std::sync::Arc;
use std::time::Duration;

use super::secrets::Secrets;
use crate::engine::{End, Health, Identity, Outcome};
use crate::metrics::{Names, Snapshot};
use crate::output::Request;
use crate::report::{self, Environment, Facts, Report, Scenario, Series};
use crate::scenario;
use crate::threshold::{Judge, Mark};

/// What a report says that no outcome knows.
pub(super) struct Account {
    pub(super) scenario: Scenario,
    pub(super) environment: Environment,
    pub(super) started: String,
    pub(super) strict: bool,
    /// The names of the scenario; those of instances are known only at the end.
    pub(super) names: Names,
    /// Secrets that must be in no report.
    pub(super) secrets: Secrets,
}

impl Account {
    /// The report of an outcome.
    pub(super) fn report(&self, outcome: &Outcome, judge: &Judge, series: &Series) -> Report {
        let measured = report::measured(outcome).with_marks(outcome.marks.iter().cloned());
        let judged = judge.verdicts(&outcome.totals, &outcome.names, measured);
        let facts = Facts {
            scenario: self.scenario.clone(),
            environment: self.environment.clone(),
            started: self.started.clone(),
            judged: &judged,
            selections: &judge.selections(),
            series: series.points(),
            strict: self.strict,
        };
        let mut report = report::build(outcome, facts);
        report.hide(&self.secrets.all());
        report
    }
    /// What the run amounts to if it is killed now. Copies on their way are in no account yet, and nobody has judged the
    /// generator.
    pub(super) fn so_far(&self, moment: &Moment, judge: &Judge, series: &Series) -> Report {
        let totals = Snapshot::clone(&moment.totals);
        let [delivered, lost, excluded] =
            ["delivered", "lost", "excluded"].map(|name| totals.count(&format!("deliveries.{name}")));
        let reason = "not judged: this was written while the run went on, and the run was killed".to_owned();
        let outcome = Outcome {
            end: End::Interrupted(130),
            totals,
            names: self.names.clone(),
            identity: Identity { due: delivered + lost + excluded, delivered, lost, excluded },
            health: Health { reasons: vec![reason], clients: moment.clients, ..Health::default() },
            errors: Vec::new(),
            unknown_frames: Vec::new(),
            measured: moment.measured,
            instances: Vec::new(),
            incidents: Vec::new(),
            closes: Vec::new(),
            marks: moment.marks.clone(),
        };
        self.report(&outcome, judge, series)
    }
}

/// A scenario as a report tells it.
pub(super) fn described(scenario: &scenario::Scenario) -> Scenario {
    Scenario {
        name: scenario.name.clone(),
        path: scenario.source.path.clone(),
        sha256: scenario.source.sha256.clone(),
        seed: scenario.seed,
        text: scenario.source.text.to_string(),
    }
}

/// Where a run stands at one of its seconds.
pub(super) struct Moment {
    /// How long has been measured.
    pub(super) measured: Duration,
    /// Clients in all their rooms.
    pub(super) clients: u64,
    /// What has been recorded.
    pub(super) totals: Arc<Snapshot>,
    /// What had been recorded at the moments that rules with `after` ask for.
    pub(super) marks: Vec<Mark>,
}

/// Results of a run that goes on, written over each other.
pub(super) struct Rotation {
    /// Where to.
    pub(super) requests: Vec<Request>,
    /// Ticks, which are seconds, between two.
    every: u64,
    ticks: u64,
}

impl Rotation {
    pub(super) fn new(requests: Vec<Request>, every: Duration) -> Self {
        Self { requests, every: every.as_secs().max(1), ticks: 0 }
    }

    /// Whether anything will be written in a run of this length.
    pub(super) fn is_wanted(&self, length: Duration) -> bool {
        !self.requests.is_empty() && length.as_secs() > self.every
    }

    /// Whether it is time to write.
    pub(super) fn is_due(&mut self) -> bool {
        self.ticks += 1;
        self.ticks.is_multiple_of(self.every)
    }
}
