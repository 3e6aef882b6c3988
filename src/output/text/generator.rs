//! Whether the numbers can be believed, and the figures that decided it.

use super::layout::{WIDTH, flow, paint, wrap};
use crate::output::number::ms;
use crate::report::Report;
use crate::ui::Palette;
use crate::units::human::{bytes, count, many, percent};

pub(super) fn lines(report: &Report, palette: &Palette) -> Vec<String> {
    let generator = &report.generator;
    let (word, style) = if generator.healthy { ("healthy", palette.good) } else { ("UNTRUSTWORTHY", palette.bad) };
    let mut lines = flow(&format!("Generator {word}   "), figures(report), "   ", WIDTH);
    if let Some(first) = lines.first_mut() {
        let painted = format!("{} {}", paint(palette.head, "Generator"), paint(style, word));
        *first = first.replacen(&format!("Generator {word}"), &painted, 1);
    }
    for reason in &generator.reasons {
        let mut wrapped = wrap(reason, "    ", 5);
        if let Some(first) = wrapped.first_mut() {
            first.replace_range(0..4, "  - ");
        }
        lines.extend(wrapped);
    }
    lines
}

fn figures(report: &Report) -> Vec<String> {
    let generator = &report.generator;
    let mut parts = Vec::new();
    if generator.cores > 0 {
        let share = percent(generator.cpu_share / f64::from(generator.cores));
        parts.push(format!("cpu {share} of {}", many(u64::from(generator.cores), "core")));
    }
    if generator.processes > 1 {
        parts.push(format!("{} processes", generator.processes));
    }
    match report.distribution("send_lag") {
        Some(lag) => parts.push(format!("send lag p50 {} p99 {} ms", ms(lag.p50), ms(lag.p99))),
        None => parts.push("send lag unknown: nothing was sent".to_owned()),
    }
    parts.push(format!("loop lag p99 {} ms", ms(generator.loop_lag_p99_ns)));
    parts.push(format!("{} late", many(generator.sends_late, "send")));
    parts.push(format!("{} unsent", count(report.counter("messages.unsent"))));
    if generator.steal_share >= 0.01 {
        parts.push(format!("steal {}", percent(generator.steal_share)));
    }
    if generator.rss_peak_bytes > 0 {
        parts.push(format!("memory {}", bytes(generator.rss_peak_bytes)));
    }
    parts
}
