//! Several saved results in one table, a line for each: the same work against several servers. Pure, and no verdict.

use serde::Serialize;

use super::{Report, Verdict};

/// Results, in the order in which they were named.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lineup {
    /// The results.
    pub runs: Vec<Ran>,
    /// In what their work is not the same, in words: `clients: 100, 50`.
    pub differences: Vec<String>,
}

/// One of them; times in nanoseconds, null where nothing was timed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ran {
    /// Its file.
    pub file: String,
    /// The scenario's name.
    pub scenario: String,
    /// What its numbers said.
    pub verdict: Verdict,
    /// Whether it went its whole course.
    pub complete: bool,
    /// Copies that were due.
    pub due: u64,
    /// Of those, how many were lost.
    pub lost: u64,
    /// The median of how long a copy took.
    pub delivery_p50: Option<u64>,
    /// 99 in 100 copies took no longer.
    pub delivery_p99: Option<u64>,
    /// 99 in 100 messages had reached everybody by then.
    pub completion_p99: Option<u64>,
    /// The median of how long an acknowledgement took.
    pub ack_p50: Option<u64>,
}

/// What a result says of one thing, by the name of that thing.
type Said = (&'static str, fn(&Report) -> String);

/// What must be the same for the work to be the same.
const WORK: [Said; 6] = [
    ("seed", |report| report.scenario.seed.to_string()),
    ("clients", |report| report.counter("clients.requested").to_string()),
    ("messages", |report| report.counter("messages.scheduled").to_string()),
    ("measured", |report| format!("{:.0} s", report.measured_ns as f64 / 1e9)),
    ("machine", |report| format!("{}, {} cores", report.environment.os, report.environment.cores)),
    ("wsbench", |report| report.environment.wsbench.clone()),
];

/// Puts results, each with the name of its file, under each other.
pub fn line_up(results: &[(&str, &Report)]) -> Lineup {
    let different = |(what, of): &Said| {
        let mut values: Vec<String> = Vec::new();
        // In the order of the lines they are about.
        for value in results.iter().map(|(_, report)| of(report)) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        (values.len() > 1).then(|| format!("{what}: {}", values.join(", ")))
    };
    Lineup {
        runs: results.iter().map(|(file, report)| ran(file, report)).collect(),
        differences: WORK.iter().filter_map(different).collect(),
    }
}

fn ran(file: &str, report: &Report) -> Ran {
    let timed = |metric| report.distribution(metric).filter(|distribution| distribution.count > 0);
    Ran {
        file: file.to_owned(),
        scenario: report.scenario.name.clone(),
        verdict: report.verdict,
        complete: report.complete,
        due: report.counter("deliveries.due"),
        lost: report.counter("deliveries.lost"),
        delivery_p50: timed("delivery").map(|delivery| delivery.p50),
        delivery_p99: timed("delivery").map(|delivery| delivery.p99),
        completion_p99: timed("completion").map(|completion| completion.p99),
        ack_p50: timed("ack").map(|ack| ack.p50),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Broker;
    use crate::report::sample::{HELD, outcome, report, storm, stormy};

    #[test]
    fn other_work_is_said_to_be_other_work() {
        let one = report(&outcome(), Broker::Redis, HELD);
        let same = line_up(&[("a", &one), ("b", &one), ("c", &one)]);
        assert_eq!((same.runs.len(), same.differences), (3, Vec::new()));
        let mut other = report(&stormy(vec![storm()]), Broker::Memory, HELD);
        other.scenario.seed = 43;
        let lineup = line_up(&[("a", &one), ("b", &other), ("c", &one)]);
        assert!(lineup.differences.contains(&"seed: 42, 43".to_owned()), "{:?}", lineup.differences);
        let lineup = line_up(&[("b", &other), ("a", &one), ("d", &other)]);
        assert!(lineup.differences.contains(&"seed: 43, 42".to_owned()), "{:?}", lineup.differences);
        let lineup = line_up(&[("a", &one), ("b", &other), ("c", &one)]);
        assert_eq!(lineup.runs.iter().map(|run| run.lost).collect::<Vec<_>>(), [0, 40, 0]);
    }
}
