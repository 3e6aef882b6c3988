//! Who took part, what went wrong for them, and what they could not understand.

use super::layout::{WIDTH, flow, paint, wrap};
use crate::report::{Close, Failure, Report};
use crate::ui::{Palette, fit, width};
use crate::units::human::{count, many, moment, percent};

/// Kinds of failures listed; the rest are counted.
const LISTED: usize = 8;
/// Instances named; of more only the spread is shown.
const NAMED: usize = 6;

pub(super) fn lines(report: &Report, palette: &Palette) -> Vec<String> {
    let mut lines = clients(report, palette);
    lines.extend(connections(report));
    lines.extend(closes(report));
    lines.extend(errors(report, palette));
    lines.extend(unknown(report, palette));
    lines
}

fn clients(report: &Report, palette: &Palette) -> Vec<String> {
    let asked = report.counter("clients.requested");
    let failed = report.counter("clients.failed");
    let mut parts =
        vec![format!("{} asked", count(asked)), format!("{} joined", count(report.counter("clients.connected")))];
    if failed > 0 {
        parts.push(format!("{} failed", count(failed)));
    }
    if !report.instances.is_empty() {
        parts.push(format!("    {}", shares(report)));
    }
    headed("Clients", flow("Clients  ", parts, "  ", WIDTH), palette)
}

fn shares(report: &Report) -> String {
    let all: u64 = report.instances.iter().map(|instance| instance.clients).sum();
    let share = |clients: u64| percent(if all == 0 { 0.0 } else { clients as f64 / all as f64 });
    if report.instances.len() <= NAMED {
        let named = report.instances.iter().map(|i| format!("{} {}", fit(&i.name, 12), share(i.clients)));
        return format!("instances {}", named.collect::<Vec<_>>().join("  "));
    }
    let counts = report.instances.iter().map(|instance| instance.clients);
    let (least, most) = (counts.clone().min().unwrap_or(0), counts.max().unwrap_or(0));
    format!("{} instances, each {} to {}", report.instances.len(), share(least), share(most))
}

/// Connections lost, unless the faults tell of all of them.
fn connections(report: &Report) -> Vec<String> {
    let lost = report.counter("reconnect.lost_connections");
    let told = report.faults.iter().fold(0u64, |sum, fault| sum.saturating_add(fault.reconnect.lost));
    if lost <= told {
        return Vec::new();
    }
    let parts = [
        format!("{} lost", many(lost, "connection")),
        format!("{} back", count(report.counter("reconnect.recovered"))),
        format!("{} never", count(report.counter("reconnect.never"))),
        format!("after {}", many(report.counter("reconnect.attempts"), "attempt")),
    ];
    flow("  ", parts, "  ", WIDTH)
}

/// What connections that nobody cut have in common.
fn closes(report: &Report) -> Vec<String> {
    let told = |close: &Close| wrap(&format!("{} {}", count(close.count), close.words), "    ", 3);
    report.closes.iter().take(LISTED).flat_map(told).collect()
}

fn errors(report: &Report, palette: &Palette) -> Vec<String> {
    let mut lines: Vec<String> = report.errors.iter().take(LISTED).flat_map(error).collect();
    if let Some(first) = lines.first_mut() {
        *first = first.replacen("      ", "Errors", 1);
    }
    if report.errors.len() > LISTED {
        let rest = report.errors[LISTED..].iter().fold(0u64, |sum, failure| sum.saturating_add(failure.count));
        lines.push(format!("        and {} of {} more kinds", count(rest), report.errors.len() - LISTED));
    }
    headed("Errors", lines, palette)
}

fn error(failure: &Failure) -> Vec<String> {
    let what =
        format!("      {:>9} {}", count(failure.count), fit(&format!("{}: {}", failure.stage, failure.kind), 34));
    let Some(first) = &failure.first else { return vec![what] };
    let when = format!("first: {}, {}", moment(first.at_ns), first.client);
    let when = fit(&when, WIDTH - width(&what) - 3);
    let mut lines = vec![format!("{what}   {when}")];
    if !first.detail.is_empty() {
        lines.extend(wrap(&first.detail, "                ", 3));
    }
    lines
}

fn unknown(report: &Report, palette: &Palette) -> Vec<String> {
    let frames = report.counter_by("frames.received", "kind");
    let number = frames.iter().find(|(kind, _)| *kind == "unknown").map_or(0, |(_, number)| *number);
    if number == 0 && report.unknown_frames.is_empty() {
        return Vec::new();
    }
    let head = format!("Not understood  {}, the first:", many(number, "frame"));
    let shown = report.unknown_frames.iter().flat_map(|frame| wrap(frame, "  ", 2));
    headed("Not understood", std::iter::once(head).chain(shown).collect(), palette)
}

/// The heading at the start of the first line, painted.
fn headed(head: &str, mut lines: Vec<String>, palette: &Palette) -> Vec<String> {
    if let Some(first) = lines.first_mut() {
        *first = first.replacen(head, &paint(palette.head, head), 1);
    }
    lines
}
