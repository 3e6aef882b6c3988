//! JUnit XML: a case per threshold, and one more for the run itself where something other than a threshold went wrong.

use std::io::{self, Write};

use super::markup::xml;
use super::number::time;
use super::rule::{bound, key, margin, place, value};
use super::verdict::because;
use crate::report::{Report, Threshold};

pub(super) fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let broken = is_broken(report);
    let failed = report.thresholds.iter().filter(|rule| !rule.ok).count();
    let skipped = report.thresholds.iter().filter(|rule| is_inapplicable(rule)).count();
    let tests = report.thresholds.len() + usize::from(broken);
    let counts = format!("tests=\"{tests}\" failures=\"{failed}\" errors=\"{}\"", u8::from(broken));
    let seconds = report.measured_ns as f64 / 1e9;
    writeln!(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(to, "<testsuites name=\"wsbench\" {counts} time=\"{seconds:.3}\">")?;
    let (name, started) = (xml(&report.scenario.name), xml(&report.started));
    writeln!(
        to,
        "  <testsuite name=\"{name}\" {counts} skipped=\"{skipped}\" time=\"{seconds:.3}\" timestamp=\"{started}\">"
    )?;
    for rule in &report.thresholds {
        case(report, rule, to)?;
    }
    if broken {
        let why = because(report).join("; ");
        writeln!(to, "    <testcase name=\"the run\" classname=\"{name}\" time=\"{seconds:.3}\">")?;
        writeln!(to, "      <error message=\"{}\" type=\"exit {}\"/>", xml(&why), report.exit_code)?;
        writeln!(to, "    </testcase>")?;
    }
    writeln!(to, "  </testsuite>\n</testsuites>")
}

/// Whether the run failed by more than its thresholds.
fn is_broken(report: &Report) -> bool {
    !matches!(report.exit_code, 0 | 99) || !report.complete
}

/// Whether a rule had nothing to judge, and that is no failure.
fn is_inapplicable(rule: &Threshold) -> bool {
    rule.ok && rule.value.is_none()
}

fn case(report: &Report, rule: &Threshold, to: &mut dyn Write) -> io::Result<()> {
    let name = xml(&format!("{} {}", key(rule), bound(rule)));
    let file = match rule.line {
        Some(line) => format!(" file=\"{}\" line=\"{line}\"", xml(&report.scenario.path)),
        None => String::new(),
    };
    let suite = xml(&report.scenario.name);
    write!(to, "    <testcase name=\"{name}\" classname=\"{suite}\"{file} time=\"0\"")?;
    if rule.ok && !is_inapplicable(rule) {
        return writeln!(to, "/>");
    }
    let place = xml(&place(rule, &report.scenario.path));
    let found = match margin(rule) {
        margin if margin.is_empty() => value(rule),
        margin => format!("{}, {margin}", value(rule)),
    };
    writeln!(to, ">")?;
    if rule.ok {
        writeln!(to, "      <skipped message=\"{place}\"/>")?;
    } else {
        let message = xml(&format!("found {found}"));
        let after = xml(&time(report.measured_ns as f64));
        writeln!(to, "      <failure message=\"{message}\" type=\"threshold\">{place} (after {after})</failure>")?;
    }
    writeln!(to, "    </testcase>")
}

#[cfg(test)]
#[path = "junit_tests.rs"]
mod tests;
