//! JUnit XML: a case per threshold, and one more for the run itself where something other than a threshold went wrong.

use std::io::{self, Write};

use super::number::time;
use super::rule::{bound, key, margin, place, value};
use super::suite::{Case, Fate, Suite};
use super::verdict::because;
use crate::report::{Report, Threshold};

pub(super) fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let seconds = report.measured_ns as f64 / 1e9;
    let mut cases: Vec<Case> = report.thresholds.iter().map(|rule| case(report, rule)).collect();
    if is_broken(report) {
        let fate = Fate::Broken(because(report).join("; "), format!("exit {}", report.exit_code));
        cases.push(Case { name: "the run".to_owned(), place: None, time: format!("{seconds:.3}"), fate });
    }
    let (name, started) = (report.scenario.name.clone(), Some(report.started.clone()));
    Suite { name, seconds, started, cases }.write(to)
}

/// Whether the run failed by more than its thresholds.
fn is_broken(report: &Report) -> bool {
    !matches!(report.exit_code, 0 | 99) || !report.complete
}

fn case(report: &Report, rule: &Threshold) -> Case {
    Case {
        name: format!("{} {}", key(rule), bound(rule)),
        place: rule.line.map(|line| (report.scenario.path.clone(), line)),
        time: "0".to_owned(),
        fate: fate(report, rule),
    }
}

fn fate(report: &Report, rule: &Threshold) -> Fate {
    let place = place(rule, &report.scenario.path);
    match (rule.ok, &rule.value) {
        (true, Some(_)) => Fate::Passed,
        // There was nothing to judge, and that is no failure.
        (true, None) => Fate::Skipped(place),
        (false, _) => {
            let margin = Some(margin(rule)).filter(|margin| !margin.is_empty());
            let found = std::iter::once(value(rule)).chain(margin).collect::<Vec<_>>().join(", ");
            let after = time(report.measured_ns as f64);
            Fate::Failed(format!("found {found}"), "threshold", format!("{place} (after {after})"))
        }
    }
}

#[cfg(test)]
#[path = "junit_tests.rs"]
mod tests;
#[cfg(test)]
pub(super) use tests::assert_well_formed;
