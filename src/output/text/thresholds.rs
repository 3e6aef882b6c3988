//! Each rule, what it found and how far that is from the bound.

use super::layout::{left, paint, wrap};
use crate::output::rule::{bound, key, margin, place, value};
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
        if !rule.ok || rule.value.is_none() || rule.note.is_some() {
            lines.extend(wrap(&place(rule, &report.scenario.path), "          ", 3));
        }
    }
    lines
}

fn row(rule: &Threshold, palette: &Palette) -> Vec<String> {
    let key = key(rule);
    let status = if rule.ok { paint(palette.good, "ok  ") } else { paint(palette.bad, "FAIL") };
    let bound = bound(rule);
    let bound = printable(&bound);
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
