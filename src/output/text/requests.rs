//! What was asked beside the broadcast, and what became of it.

use super::layout::{left, paint};
use crate::output::number::ms;
use crate::report::{Report, Summary};
use crate::ui::{Palette, printable, width};
use crate::units::human::column;

const NAME: usize = 24;

pub(super) fn lines(report: &Report, palette: &Palette) -> Vec<String> {
    let sent = report.counter_by("requests.sent", "request");
    if sent.is_empty() {
        return Vec::new();
    }
    let name = sent.iter().map(|(name, _)| width(&printable(name))).max().unwrap_or(0).min(NAME);
    let heads = format!("{:>8}{:>7}{:>7}{:>7}{:>9}{:>11}", "answered", "p50", "p90", "p99", "failed", "timed out");
    let mut lines = vec![
        paint(palette.head, "How long requests took (ms, from the moment they were due)"),
        format!("{}{}", " ".repeat(2 + name + 2), paint(palette.dim, &heads)),
    ];
    lines.extend(sent.iter().map(|(request, _)| format!("  {}  {}", left(request, name), figures(report, request))));
    lines
}

/// A quantile which fewer values than it needs would have to show is not known.
fn figures(report: &Report, request: &str) -> String {
    let of = |counter: &str| {
        let parts = report.counter_by(counter, "request");
        parts.iter().find(|(name, _)| *name == request).map_or(0, |(_, number)| *number)
    };
    let taken = report.distribution_with("request", "request", request).map(|taken| taken.summary());
    let known = |values: u64, quantile: fn(&Summary) -> u64| match &taken {
        Some(summary) if summary.count >= values => ms(quantile(summary)),
        _ => "-".to_owned(),
    };
    format!(
        "{:>8}{:>7}{:>7}{:>7}{:>9}{:>11}",
        column(of("requests.answered")),
        known(1, |summary| summary.p50),
        known(10, |summary| summary.p90),
        known(100, |summary| summary.p99),
        column(of("requests.failed")),
        column(of("requests.timed_out")),
    )
}
