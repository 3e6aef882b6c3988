//! A summary in GitHub's Markdown, for job pages (`$GITHUB_STEP_SUMMARY`) and pull requests. Far below the 1 MiB such a
//! page takes, whatever the result.

use std::io::{self, Write};

use super::figures::{HEADS, figures, way};
use super::markup::{code, markdown};
use super::number::ms;
use super::rule::{bound, key, margin, place, value};
use super::verdict::{because, thresholds, warnings, word};
use crate::report::{Fault, Report, Threshold};
use crate::ui::fit;
use crate::units::human::{clock, column, count, many, percent};

/// Rows of a table; the rest is counted.
const ROWS: usize = 100;

/// Columns of one text.
const WIDTH: usize = 240;

/// Writes the summary.
///
/// # Errors
/// When `to` takes no more.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    head(report, to)?;
    let rules: Vec<&Threshold> = failed_first(&report.thresholds);
    let heads = ["", "threshold", "rule", "#found", "#margin", "where"];
    table("Thresholds", &heads, &rules, |rule| row(report, rule), to)?;
    let arrivals: Vec<_> = report.arrivals.iter().filter(|row| row.summary.count > 0).collect();
    let heads = HEADS.map(|head| format!("#{head}"));
    let heads: Vec<&str> = ["publish", "way"].into_iter().chain(heads.iter().map(String::as_str)).collect();
    let arrival = |row: &&crate::report::Arrival| {
        let figures = figures(&row.summary);
        [text(&row.publish), way(row.path).to_owned()].into_iter().chain(figures).collect()
    };
    table("How long until it arrived (ms, from the moment it was due)", &heads, &arrivals, arrival, to)?;
    identity(report, to)?;
    let faults: Vec<&Fault> = report.faults.iter().collect();
    let heads = ["fault", "when", "what", "#lost", "#back 50 %", "#95 %", "#all", "#never"];
    table("What broke", &heads, &faults, |fault| incident(fault), to)?;
    let errors: Vec<_> = report.errors.iter().collect();
    table("Errors", &["#count", "stage", "kind", "first"], &errors, |error| failure(error), to)?;
    generator(report, to)
}

fn text(text: &str) -> String {
    markdown(&fit(text, WIDTH))
}

fn head(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "## {} · {}\n", word(report), text(&report.scenario.name))?;
    writeln!(to, "{} · exit {}", thresholds(report), report.exit_code)?;
    let notes = because(report).len() + report.generator.reasons.len() + warnings(report).len();
    if notes > 0 {
        writeln!(to)?;
    }
    for reason in because(report).into_iter().chain(report.generator.reasons.iter().cloned()).take(ROWS) {
        writeln!(to, "- {}", text(&reason))?;
    }
    for warning in warnings(report).into_iter().take(ROWS) {
        writeln!(to, "- warning: {}", text(&warning))?;
    }
    Ok(())
}

/// The failed ones first: a long table is read from the top.
fn failed_first(rules: &[Threshold]) -> Vec<&Threshold> {
    let mut rules: Vec<&Threshold> = rules.iter().collect();
    rules.sort_by_key(|rule| rule.ok);
    rules
}

fn row(report: &Report, rule: &Threshold) -> Vec<String> {
    let verdict = if rule.ok { "ok" } else { "**FAIL**" };
    let [key, bound] = [key(rule), bound(rule)].map(|part| code(&fit(&part, WIDTH)));
    vec![verdict.to_owned(), key, bound, value(rule), margin(rule), text(&place(rule, &report.scenario.path))]
}

fn identity(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let sides = report.identity;
    let equal = if sides.holds { "=" } else { "≠ (**a contradiction**)" };
    let [due, delivered, lost, excluded] = [sides.due, sides.delivered, sides.lost, sides.excluded].map(count);
    writeln!(to, "\n### Did it arrive\n")?;
    writeln!(to, "due {due} {equal} delivered {delivered} + lost {lost} + excluded {excluded}")?;
    let beside = ["duplicate", "reordered", "misrouted", "ghost"];
    let beside = beside.map(|name| format!("{name} {}", count(report.counter(&format!("deliveries.{name}")))));
    writeln!(to, "({})", beside.join(", "))
}

fn incident(fault: &Fault) -> Vec<String> {
    let back = |nanos: Option<u64>| nanos.map_or_else(|| "-".to_owned(), |nanos| format!("{} ms", ms(nanos)));
    let what = match &fault.failure {
        Some(failure) => format!("{}: not carried out, {failure}", fault.what),
        None => fault.what.clone(),
    };
    let returns = &fault.reconnect;
    vec![
        text(&fault.name),
        format!("{} - {}", clock(fault.at_ns), clock(fault.until_ns)),
        text(&what),
        column(returns.lost),
        back(returns.back_ns.p50),
        back(returns.back_ns.p95),
        back(returns.back_ns.all),
        column(returns.never),
    ]
}

fn failure(failure: &crate::report::Failure) -> Vec<String> {
    let first = failure.first.as_ref().map_or(String::new(), |first| {
        format!("{} {}: {}", clock(first.at_ns), text(&first.client), text(&first.detail))
    });
    vec![column(failure.count), text(&failure.stage), text(&failure.kind), first]
}

fn generator(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let generator = &report.generator;
    let word = if generator.healthy { "healthy" } else { "**untrustworthy**" };
    let mut parts = vec![many(generator.clients, "client")];
    if generator.cores > 0 {
        let share = percent(generator.cpu_share / f64::from(generator.cores));
        parts.push(format!("cpu {share} of {}", many(u64::from(generator.cores), "core")));
    }
    if let Some(lag) = report.distribution("send_lag") {
        parts.push(format!("send lag p99 {} ms", ms(lag.p99)));
    }
    let environment = &report.environment;
    let broker = format!("{:?}", environment.broker).to_lowercase();
    parts.push(format!("{} joined by {broker}", many(u64::from(environment.instances), "instance")));
    parts.push(format!("wsbench {}", text(&environment.wsbench)));
    writeln!(to, "\nGenerator {word} · {}", parts.join(" · "))
}

/// A table under a heading; nothing without rows. A head that begins with `#` is a column of numbers: they end below each
/// other.
fn table<T>(
    title: &str,
    heads: &[&str],
    rows: &[T],
    cells: impl Fn(&T) -> Vec<String>,
    to: &mut dyn Write,
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = heads.iter().map(|head| head.trim_start_matches('#')).collect();
    let rules: String = heads.iter().map(|head| if head.starts_with('#') { "---:|" } else { "---|" }).collect();
    writeln!(to, "\n### {title}\n\n| {} |\n|{rules}", names.join(" | "))?;
    for row in rows.iter().take(ROWS) {
        writeln!(to, "| {} |", cells(row).join(" | "))?;
    }
    if rows.len() > ROWS {
        writeln!(to, "\nand {} more", rows.len() - ROWS)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
