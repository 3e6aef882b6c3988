//! A gate as JUnit XML: a case per gated metric, and one more for the gate itself where it comes to no verdict on them.

use std::io::{self, Write};

use super::{percent, signed};
use crate::gate::{Finding, Report, Ruling, Verdict};
use crate::output::number::time;
use crate::output::suite::{Case, Fate, Suite};

pub(super) fn write(ruling: &Ruling, to: &mut dyn Write) -> io::Result<()> {
    let report = &ruling.report;
    let seconds = (report.warm_up + report.measured) as f64 * 2.0 * report.about.block_ms as f64 / 1e3;
    let case = |name: String, fate| Case { name, place: None, time: "0".to_owned(), fate };
    let of_metric = |finding: &Finding| case(name(finding), fate(ruling, finding));
    let mut cases: Vec<Case> = report.metrics.iter().map(of_metric).collect();
    let is_open = report.verdict == Verdict::Inconclusive && report.metrics.is_empty();
    if report.verdict == Verdict::Untrustworthy || is_open {
        cases.push(case("the gate".to_owned(), unjudged(ruling, report.reasons.join("; "))));
    }
    Suite { name: report.about.scenario.clone(), seconds, started: None, cases }.write(to)
}

/// The same in every gate of this metric and tolerance, so that whoever shows the cases sees their history.
fn name(finding: &Finding) -> String {
    // 7 % as a share has digits of its own.
    let percent = (finding.tolerance * 1e8).round() / 1e6;
    format!("delivery.{} at most {percent} % later", finding.metric)
}

fn fate(ruling: &Ruling, finding: &Finding) -> Fate {
    let report = &ruling.report;
    match finding.verdict {
        _ if report.verdict == Verdict::Untrustworthy => Fate::Skipped("the gate is untrustworthy".to_owned()),
        Verdict::NotRegressed => Fate::Passed,
        Verdict::Regressed => Fate::Failed(found(finding), "regression", measured(report)),
        Verdict::Inconclusive | Verdict::Untrustworthy => unjudged(ruling, found(finding)),
    }
}

/// What has no verdict is an error, unless those who asked let it pass.
fn unjudged(ruling: &Ruling, why: String) -> Fate {
    let verdict = ruling.report.verdict;
    if ruling.passes.allow(verdict) { Fate::Skipped(why) } else { Fate::Broken(why, verdict.name().to_owned()) }
}

fn found(finding: &Finding) -> String {
    let [lower, upper] = finding.interval;
    format!(
        "{} later, between {} and {}: base {}, new {}; allowed {}",
        signed(finding.effect),
        signed(lower),
        signed(upper),
        time(finding.base),
        time(finding.new),
        percent(finding.applied),
    )
}

fn measured(report: &Report) -> String {
    format!("{} pairs; base {}, new {}", report.looked_at, report.about.base, report.about.new)
}
