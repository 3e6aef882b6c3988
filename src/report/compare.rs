//! Two saved results side by side. Pure.
//!
//! What can be compared across runs are counts and costs. Latencies are shown, quantile by quantile, and judged by
//! nobody: two runs at different times differ by far more than what they test.

use serde::Serialize;

use super::{Distribution, Environment, Report, Verdict};
use crate::metrics::Histogram;

/// Quantiles that are put side by side.
pub const COMPARED: [(&str, f64); 6] =
    [("p10", 0.1), ("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];

/// A name, a metric, and the label that picks a part of it.
type Row = (&'static str, &'static str, Option<(&'static str, &'static str)>);

/// Distributions that are: what they are called, the metric and the part of it.
const DISTRIBUTIONS: &[Row] = &[
    ("another instance", "delivery", Some(("hop", "cross"))),
    ("same instance", "delivery", Some(("hop", "same"))),
    ("everyone has it", "completion", None),
    ("back again", "reconnect.downtime", None),
];

/// Counters that are: those that say what was done, and those that should be none.
const COUNTERS: &[&str] = &[
    "clients.connected",
    "clients.failed",
    "messages.sent",
    "messages.unsent",
    "deliveries.due",
    "deliveries.delivered",
    "deliveries.lost",
    "deliveries.excluded",
    "deliveries.duplicate",
    "deliveries.reordered",
    "deliveries.misrouted",
    "deliveries.ghost",
    "reconnect.lost_connections",
    "reconnect.never",
    "errors",
];

/// Two results side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The old one.
    pub base: Side,
    /// The new one.
    pub new: Side,
    /// What makes them different experiments, in words.
    pub differences: Vec<String>,
    /// Where their distributions lie.
    pub shifts: Vec<Shift>,
    /// What they counted.
    pub changes: Vec<Change>,
}

/// One of the two.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Its file.
    pub file: String,
    /// The scenario's name.
    pub scenario: String,
    /// When it started.
    pub started: String,
    /// What its numbers said.
    pub verdict: Verdict,
    /// Whether it went its whole course.
    pub complete: bool,
    /// Where it ran.
    pub environment: Environment,
}

/// A distribution in both, nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shift {
    /// In words.
    pub name: String,
    /// How many values, in both.
    pub counts: [u64; 2],
    /// The quantiles of [`COMPARED`], in both; null where there are too few values.
    pub quantiles: Vec<[Option<u64>; 2]>,
    /// The largest, in both.
    pub max: [u64; 2],
}

/// A number in both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The metric.
    pub name: String,
    /// `count` or `ns`.
    pub unit: String,
    /// The old value.
    pub base: f64,
    /// The new one.
    pub new: f64,
}

/// Puts two results, each with the name of its file, side by side.
pub fn compare(base: (&str, &Report), new: (&str, &Report)) -> Comparison {
    let side = |(file, report): (&str, &Report)| Side {
        file: file.to_owned(),
        scenario: report.scenario.name.clone(),
        started: report.started.clone(),
        verdict: report.verdict,
        complete: report.complete,
        environment: report.environment.clone(),
    };
    Comparison {
        base: side(base),
        new: side(new),
        differences: differences(base.1, new.1),
        shifts: DISTRIBUTIONS.iter().filter_map(|row| shift(row, base.1, new.1)).collect(),
        changes: changes(base.1, new.1),
    }
}

fn differences(base: &Report, new: &Report) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, before: String, after: String| {
        if before != after {
            found.push(format!("{what}: {before} and {after}"));
        }
    };
    differ("scenario", base.scenario.name.clone(), new.scenario.name.clone());
    differ("seed", base.scenario.seed.to_string(), new.scenario.seed.to_string());
    let broker = |report: &Report| format!("{:?}", report.environment.broker).to_lowercase();
    differ("broker", broker(base), broker(new));
    let environments = [&base.environment, &new.environment];
    let [before, after] = environments.map(|environment| environment.instances.to_string());
    differ("instances", before, after);
    let [before, after] = environments.map(|environment| format!("{}, {} cores", environment.os, environment.cores));
    differ("machine", before, after);
    let [before, after] = environments.map(|environment| environment.wsbench.clone());
    differ("wsbench", before, after);
    let seconds = |report: &Report| format!("{:.0} s", report.measured_ns as f64 / 1e9);
    differ("measured", seconds(base), seconds(new));
    let clients = |report: &Report| report.counter("clients.requested").to_string();
    differ("clients", clients(base), clients(new));
    if base.scenario.sha256 != new.scenario.sha256 && base.scenario.name == new.scenario.name {
        found.push("the scenario's text".to_owned());
    }
    found
}

fn shift(row: &Row, base: &Report, new: &Report) -> Option<Shift> {
    let (name, metric, part) = *row;
    let entry = |report: &'_ Report| -> Option<(Distribution, Option<Histogram>)> {
        let found = match part {
            None => report.distribution(metric),
            Some((key, value)) => report.distribution_with(metric, key, value),
        }?;
        Some((found.clone(), found.decode()))
    };
    let both = [entry(base)?, entry(new)?];
    let quantile = |(entry, whole): &(Distribution, Option<Histogram>), q: f64| {
        let enough = entry.count as f64 * (1.0 - q) >= 0.999;
        whole.as_ref().filter(|_| enough).map(|whole| whole.quantile(q).clamp(entry.min, entry.max))
    };
    Some(Shift {
        name: name.to_owned(),
        counts: both.each_ref().map(|(entry, _)| entry.count),
        quantiles: COMPARED.iter().map(|(_, q)| both.each_ref().map(|entry| quantile(entry, *q))).collect(),
        max: both.each_ref().map(|(entry, _)| entry.max),
    })
}

fn changes(base: &Report, new: &Report) -> Vec<Change> {
    let counter = |name: &&str| {
        let [base, new] = [base, new].map(|report| report.counter(name) as f64);
        Change { name: (*name).to_owned(), unit: "count".to_owned(), base, new }
    };
    // Of what did not happen in either there is nothing to say, except of losses.
    let happened = |change: &Change| change.base + change.new > 0.0 || change.name == "deliveries.lost";
    let mut changes: Vec<Change> = COUNTERS.iter().map(counter).filter(happened).collect();
    let each = |report: &Report| report.generator.cpu_seconds * 1e9 / report.counter("deliveries.delivered") as f64;
    let [base, new] = [each(base), each(new)];
    if base.is_finite() && new.is_finite() {
        let name = "generator.cpu_seconds / deliveries.delivered".to_owned();
        changes.push(Change { name, unit: "ns".to_owned(), base, new });
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Broker;
    use crate::report::sample::{HELD, outcome, report, storm, stormy};

    #[test]
    fn equal_results_differ_in_nothing() {
        let one = report(&outcome(), Broker::Redis, HELD);
        let compared = compare(("a", &one), ("b", &one));
        assert_eq!(compared.differences, [""; 0]);
        assert!(compared.shifts.iter().all(|shift| shift.quantiles.iter().all(|[base, new]| base == new)));
        assert!(!compared.shifts.is_empty() && compared.changes.iter().all(|change| change.base == change.new));
    }

    #[test]
    fn other_experiments_are_said_to_be_others() {
        let one = report(&outcome(), Broker::Redis, HELD);
        let mut other = report(&stormy(vec![storm()]), Broker::Memory, HELD);
        (other.scenario.seed, other.environment.cores) = (43, 8);
        other.scenario.sha256 = "cd".repeat(32);
        let compared = compare(("a", &one), ("b", &other));
        let machine = |report: &Report| format!("{}, {} cores", report.environment.os, report.environment.cores);
        let expected = [
            "seed: 42 and 43".to_owned(),
            "broker: redis and memory".to_owned(),
            format!("machine: {} and {}", machine(&one), machine(&other)),
            "the scenario's text".to_owned(),
        ];
        assert_eq!(compared.differences, expected);
        let lost = compared.changes.iter().find(|change| change.name == "deliveries.lost").unwrap();
        assert_eq!((lost.base, lost.new), (0.0, 40.0));
    }
}
