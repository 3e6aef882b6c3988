//! What each fault and incident did: who was lost, how they came back, what the others felt of it.

use super::bars::{Bars, bars};
use super::layout::{WIDTH, flow, paint, wrap};
use crate::output::number::{ms, time};
use crate::output::words;
use crate::report::{Bystanders, Fault, Reconnect, Report, Summary};
use crate::ui::{Palette, fit, printable, width};
use crate::units::human::{clock, count, many, moment, significant};

/// Columns of a fault's name.
const NAME: usize = 32;

/// Blocks of the herd's drawing.
const BARS: usize = 24;

/// Kinds of failures and endings listed; the rest are counted.
const LISTED: usize = 6;

/// From here on an instance has more than its share.
const UNEVEN: f64 = 1.1;

/// A fault this long needs no tenths of seconds.
const LONG_NS: i64 = 10_000_000_000;

pub(super) fn lines(report: &Report, palette: &Palette) -> Vec<String> {
    let sections: Vec<Vec<String>> = report.faults.iter().map(|fault| section(fault, palette)).collect();
    sections.join(&String::new())
}

fn section(fault: &Fault, palette: &Palette) -> Vec<String> {
    let mut lines = head(fault, palette);
    if let Some(failure) = &fault.failure {
        let mut said = wrap(&format!("NOT CARRIED OUT: {failure}"), "  ", 4);
        if let Some(first) = said.first_mut() {
            *first = first.replacen("NOT CARRIED OUT", &paint(palette.bad, "NOT CARRIED OUT"), 1);
        }
        lines.extend(said);
        if fault.reconnect.lost == 0 {
            return lines;
        }
    }
    if let (Some(status), None) = (fault.exit_status, &fault.failure) {
        lines.push(format!("  its command ended with exit status {status}"));
    }
    lines.extend(back(&fault.reconnect, palette));
    lines.extend(herd(fault));
    lines.extend(felt(fault));
    lines.extend(times(&fault.reconnect));
    lines.extend(kinds(&fault.reconnect));
    if let Some(times) = fault.imbalance.filter(|times| *times >= UNEVEN) {
        lines.push(format!("  the fullest instance ended with {} x its share", significant(times, 2)));
    }
    lines
}

/// `storm   0:10 - 0:41   30 % of listeners cut (rst)`
fn head(fault: &Fault, palette: &Palette) -> Vec<String> {
    let name = fit(&fault.name, NAME);
    let what = printable(&fault.what);
    let what = if fault.declared { what.into_owned() } else { format!("not planned: {what}") };
    let start = format!("{name}   {}", span(fault));
    let mut lines = if width(&start) + 3 + width(&what) <= WIDTH {
        vec![format!("{start}   {what}")]
    } else {
        std::iter::once(start).chain(wrap(&what, "  ", 3)).collect()
    };
    for (at, line) in lines.iter_mut().enumerate() {
        if at == 0 {
            *line = format!("{}{}", paint(palette.head, &name), &line[name.len()..]);
        }
        if !fault.declared {
            *line = line.replacen("not planned:", &paint(palette.warn, "not planned:"), 1);
        }
    }
    lines
}

fn span(fault: &Fault) -> String {
    match fault.until_ns.saturating_sub(fault.at_ns) {
        _ if fault.failure.is_some() && fault.reconnect.lost == 0 => moment(fault.at_ns),
        length if length >= LONG_NS => format!("{} - {}", clock(fault.at_ns), clock(fault.until_ns)),
        _ => format!("{} - {}", moment(fault.at_ns), moment(fault.until_ns)),
    }
}

/// How many were lost, and when which share of them was back.
fn back(reconnect: &Reconnect, palette: &Palette) -> Vec<String> {
    if reconnect.lost == 0 {
        return vec!["  no connection was lost".to_owned()];
    }
    let lost = format!("{} lost", count(reconnect.lost));
    let never = if reconnect.recovered == 0 {
        "none came back".to_owned()
    } else {
        format!("never {}", count(reconnect.never))
    };
    let mut parts = vec![lost];
    if reconnect.recovered > 0 {
        let share = |name: &str, at: Option<u64>| {
            format!("{name} {}", at.map_or_else(|| "never".to_owned(), |nanos| time(nanos as f64)))
        };
        parts.push(share("back 50 %", reconnect.back_ns.p50));
        parts.push(share("95 %", reconnect.back_ns.p95));
        parts.extend(reconnect.back_ns.all.map(|nanos| share("all", Some(nanos))));
    }
    parts.push(never.clone());
    let mut lines = flow("  ", parts, "   ", WIDTH);
    if let Some(last) = lines.last_mut().filter(|_| reconnect.never > 0 || reconnect.recovered == 0) {
        *last = last.replace(&never, &paint(palette.bad, &never));
    }
    lines
}

/// How dense the attempts to come back were, drawn.
fn herd(fault: &Fault) -> Vec<String> {
    let reconnect = &fault.reconnect;
    if fault.herd.is_empty() || reconnect.mean_connects_per_100ms <= 0.0 {
        return Vec::new();
    }
    let peak = reconnect.peak_connects_per_100ms;
    let times = significant(peak as f64 / reconnect.mean_connects_per_100ms, 2);
    let said = format!("herd peak {} connects/s = {times} x mean", count(peak.saturating_mul(10)));
    let Bars { drawing, each } = bars(&fault.herd, BARS);
    let each = fault.herd_bin_ns as f64 * each as f64 / 1e9;
    flow("  ", [said, format!("{drawing}  {each:.1} s each")], "   ", WIDTH)
}

/// What those cut missed, and what the others felt.
fn felt(fault: &Fault) -> Vec<String> {
    let Reconnect { missed, replayed, .. } = fault.reconnect;
    let mut parts = Vec::new();
    if missed > 0 {
        let lost = missed.saturating_sub(replayed);
        let lost = if lost > 0 { format!(", lost {}", count(lost)) } else { String::new() };
        parts.push(format!("missed {}, replayed {}{lost}", count(missed), count(replayed)));
    }
    let Bystanders { before, during, after } = fault.bystanders;
    if during.is_some() || after.is_some() {
        let shown = |p99: Option<u64>| p99.map_or_else(|| "-".to_owned(), ms);
        parts.push(format!("bystanders' p99 {} -> {} -> {} ms", shown(before), shown(during), shown(after)));
    }
    if parts.is_empty() { Vec::new() } else { flow("  ", parts, "   ", WIDTH) }
}

/// How long those who came back were away.
fn times(reconnect: &Reconnect) -> Vec<String> {
    let shown = |nanos: u64| time(nanos as f64);
    let down = |s: Summary| format!("down p50 {}, p95 {}, max {}", shown(s.p50), shown(s.p95), shown(s.max));
    let p95 = |what: &'static str| move |s: Summary| format!("{what} p95 {}", shown(s.p95));
    let parts: Vec<String> = [
        reconnect.downtime.map(down),
        reconnect.first_delivery.map(p95("first delivery")),
        reconnect.detect.map(p95("noticed")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let head = if reconnect.never > 0 { "  those back: " } else { "  " };
    if parts.is_empty() { Vec::new() } else { flow(head, parts, "   ", WIDTH) }
}

/// How the connections ended and why attempts failed.
fn kinds(reconnect: &Reconnect) -> Vec<String> {
    let mut lines = Vec::new();
    if !reconnect.causes.is_empty() {
        let ended = reconnect.causes.iter().map(|cause| (cause.count, words::kind(&cause.kind)));
        lines.extend(listed("  ended: ", ended));
    }
    if !reconnect.failures.is_empty() {
        let failed = reconnect.failures.iter().map(|failure| {
            let stage = failure.stage.replace('_', " ");
            (failure.count, format!("{} ({stage})", words::kind(&failure.kind)))
        });
        let head = format!("  of {} failed: ", many(reconnect.attempts, "attempt"));
        lines.extend(listed(&head, failed));
    }
    lines
}

/// The first few behind `head`, and how many more there are; further lines are indented further.
fn listed(head: &str, counted: impl ExactSizeIterator<Item = (u64, String)>) -> Vec<String> {
    let more = counted.len().saturating_sub(LISTED);
    let mut shown: Vec<String> = Vec::new();
    let mut rest = 0u64;
    for (at, (number, what)) in counted.enumerate() {
        match at {
            0..LISTED => shown.push(format!("{} {what}", count(number))),
            _ => rest = rest.saturating_add(number),
        }
    }
    if more > 0 {
        shown.push(format!("{} of {}", count(rest), many(more as u64, "more kind")));
    }
    let last = shown.len().saturating_sub(1);
    shown[..last].iter_mut().for_each(|what| what.push(','));
    let mut lines = flow(head, shown, " ", WIDTH - 2);
    lines.iter_mut().skip(1).for_each(|line| line.insert_str(0, "  "));
    lines
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
