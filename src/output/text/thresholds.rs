//! Each rule, what it found and how far that is from the bound.

use super::layout::{left, paint, wrap};
use crate::output::number::{long, percent, significant, time};
use crate::report::{Report, Threshold};
use crate::ui::{Palette, printable, width};

const KEY: usize = 36;
const RULE: usize = 10;

pub(super) fn lines(report: &Report, palette: &Palette) -> Vec<String> {
    if report.thresholds.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![paint(palette.head, "Thresholds")];
    for rule in &report.thresholds {
        lines.extend(row(rule, palette));
        if !rule.ok || rule.value.is_none() {
            lines.extend(wrap(&place(rule, &report.scenario.path), "          ", 3));
        }
    }
    lines
}

fn row(rule: &Threshold, palette: &Palette) -> Vec<String> {
    let key = match &rule.during {
        Some(incident) => format!("{} during {incident}", rule.metric),
        None => rule.metric.clone(),
    };
    let status = if rule.ok { paint(palette.good, "ok  ") } else { paint(palette.bad, "FAIL") };
    let bound = printable(&rule.rule);
    let found = format!("{:>9}   {}", value(rule), margin(rule));
    if width(&printable(&key)) <= KEY && width(&bound) <= RULE {
        return vec![format!("  {status}  {} {} {found}", left(&key, KEY), left(&bound, RULE))];
    }
    let mut lines = wrap(&key, "        ", 4);
    if let Some(first) = lines.first_mut() {
        *first = format!("  {status}  {}", first.trim_start());
    }
    let indent = if width(&bound) <= RULE { KEY + 1 } else { 0 };
    lines.push(format!("        {}{} {found}", " ".repeat(indent), left(&bound, RULE.max(KEY + 1 + RULE - indent))));
    lines
}

fn value(rule: &Threshold) -> String {
    let Some(value) = rule.value else {
        return match rule.count {
            _ if rule.ok => "-",
            0 => "none",
            _ => "never",
        }
        .to_owned();
    };
    match rule.unit.as_str() {
        "ns" => time(value),
        "ratio" if value >= 1_000.0 => format!("{} x", long(value as u64)),
        "ratio" if rule.rule.contains('%') && value > 0.0 && value < 0.0995 => {
            format!("{} %", significant(value * 100.0, 3))
        }
        "ratio" if rule.rule.contains('%') => percent(value),
        "ratio" => significant(value, 4),
        "per_second" => format!("{}/s", long(value.round() as u64)),
        _ => long(value as u64),
    }
}

fn margin(rule: &Threshold) -> String {
    let Some(margin) = rule.margin else { return String::new() };
    let side = if margin < 0.0 { "below" } else { "above" };
    match (margin.abs() * 100.0).round() {
        0.0 => "at the bound".to_owned(),
        percent if percent < 1_000.0 => format!("{percent:.0} % {side}"),
        percent if percent < 1_000_000.0 => format!("{:.0} x {side}", percent / 100.0),
        _ => format!("far {side}"),
    }
}

fn place(rule: &Threshold, path: &str) -> String {
    let place = match rule.line {
        Some(line) => format!("{path}:{line}"),
        None => "implied unless the scenario says otherwise".to_owned(),
    };
    match &rule.note {
        Some(note) => format!("{place}: {note}"),
        None => place,
    }
}
