//! The verdict in one line, then why and what to look at.

use super::layout::{WIDTH, paint, wrap};
use crate::output::verdict::{because, thresholds, warnings, word};
use crate::report::Report;
use crate::ui::{Palette, fit, width};
use crate::units::human::many;

pub(super) fn lines(report: &Report, palette: &Palette) -> Vec<String> {
    let warnings = warnings(report);
    let (word, style) = match word(report) {
        word @ ("PASS" | "DONE") => (word, palette.good),
        word @ "FAIL" => (word, palette.bad),
        word => (word, palette.warn),
    };
    let mut counts = thresholds(report);
    if !warnings.is_empty() {
        counts = format!("{counts} · {}", many(warnings.len() as u64, "warning"));
    }
    let exit = format!("exit {}", report.exit_code);
    let room = WIDTH - width(word) - 2 - 3 - width(&counts) - 2 - width(&exit);
    let name = fit(&report.scenario.name, room);
    let gap = WIDTH - width(word) - 2 - width(&name) - 3 - width(&counts) - width(&exit);
    let mut lines =
        vec![format!("{}  {}   {counts}{}{exit}", paint(style, word), paint(palette.head, &name), " ".repeat(gap))];
    lines.extend(because(report).into_iter().flat_map(|reason| wrap(&reason, "  ", 6)));
    for warning in warnings {
        let warning = fit(&warning, WIDTH - width("  warning  "));
        lines.push(format!("  {}  {warning}", paint(palette.warn, "warning")));
    }
    lines
}
