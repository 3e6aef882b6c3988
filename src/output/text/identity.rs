//! Whether everything that was due arrived, and what else did.

use super::layout::{WIDTH, flow, paint};
use crate::report::Report;
use crate::ui::Palette;
use crate::units::human::{count, grouped, many};

/// What is always worth a zero, and what is shown only when there is some.
const BESIDE: &[(&str, &str, Zero)] = &[
    ("deliveries.duplicate", "duplicate", Zero::Shown),
    ("deliveries.reordered", "reordered", Zero::Shown),
    ("deliveries.ghost", "ghost", Zero::Shown),
    ("deliveries.misrouted", "misrouted", Zero::Hidden),
    ("deliveries.late", "late", Zero::Hidden),
    ("deliveries.early", "early", Zero::Hidden),
    ("deliveries.replayed", "replayed", Zero::Hidden),
    ("deliveries.unowed", "not owed", Zero::Hidden),
    ("deliveries.unattributed", "unattributed", Zero::Hidden),
];

#[derive(Clone, Copy, PartialEq)]
enum Zero {
    Shown,
    Hidden,
}

pub(super) fn lines(report: &Report, palette: &Palette) -> Vec<String> {
    let sides = report.identity;
    let mut lines = Vec::new();
    if sides.due == 0 && sides.holds {
        let others = BESIDE.iter().any(|(metric, ..)| report.counter(metric) > 0);
        if others || report.counter("messages.scheduled") > 0 {
            lines.push(format!("{}      nothing was due", paint(palette.head, "Did it arrive")));
            lines.extend(if others { beside(report) } else { Vec::new() });
            lines.extend(messages(report));
        }
        return lines;
    }
    if !sides.holds {
        lines.extend(contradiction(report, palette));
    }
    let parts = [
        format!("due {} = delivered {}", count(sides.due), count(sides.delivered)),
        format!("+ lost {}", count(sides.lost)),
        format!("+ excluded {}", count(sides.excluded)),
    ];
    if sides.holds {
        let mut sum = flow("Did it arrive      ", parts, " ", WIDTH);
        if let Some(first) = sum.first_mut() {
            *first = first.replacen("Did it arrive", &paint(palette.head, "Did it arrive"), 1);
        }
        lines.extend(sum);
    }
    lines.extend(parts_of("lost: ", report.counter_by("deliveries.lost", "class")));
    lines.extend(beside(report));
    lines.extend(messages(report));
    lines
}

/// The two sides are counted separately; when they disagree, no other number is worth anything.
fn contradiction(report: &Report, palette: &Palette) -> Vec<String> {
    let sides = report.identity;
    let sum = sides.delivered.saturating_add(sides.lost).saturating_add(sides.excluded);
    vec![
        paint(palette.bad, "THE COUNTS CONTRADICT EACH OTHER: this is a bug in wsbench, please report it"),
        format!("  due        {:>24}   from the plan and the send log", grouped(sides.due)),
        format!("  delivered  {:>24}", grouped(sides.delivered)),
        format!("  lost       {:>24}", grouped(sides.lost)),
        format!("  excluded   {:>24}", grouped(sides.excluded)),
        format!("  together   {:>24}   {}", grouped(sum), difference(sides.due, sum)),
    ]
}

fn difference(due: u64, sum: u64) -> String {
    let side = if sum > due { "too many" } else { "missing" };
    format!("{} {side}", grouped(due.abs_diff(sum)))
}

fn beside(report: &Report) -> Vec<String> {
    let excluded = report.counter_by("deliveries.excluded", "reason");
    let mut parts: Vec<String> = Vec::new();
    if !excluded.is_empty() {
        let reasons: Vec<String> = excluded.iter().map(|(r, n)| format!("{} {}", plain(r), count(*n))).collect();
        parts.push(format!("excluded: {}", reasons.join(", ")));
    }
    let counted = BESIDE.iter().map(|(metric, word, zero)| (report.counter(metric), word, *zero));
    parts.extend(
        counted.filter(|(n, _, zero)| *n > 0 || *zero == Zero::Shown).map(|(n, w, _)| format!("{w} {}", count(n))),
    );
    flow("  ", parts, "   ", WIDTH)
}

fn messages(report: &Report) -> Vec<String> {
    let scheduled = report.counter("messages.scheduled");
    let unsent = report.counter("messages.unsent");
    let others = [("messages.refused", "refused"), ("messages.unconfirmed", "unconfirmed")];
    let others: Vec<String> = others
        .iter()
        .map(|(metric, word)| (report.counter(metric), word))
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", count(number)))
        .collect();
    if unsent == 0 && others.is_empty() {
        return Vec::new();
    }
    let head = format!("of {}: ", many(scheduled, "message"));
    let reasons = report.counter_by("messages.unsent", "reason");
    let reasons: Vec<String> = reasons.iter().map(|(reason, n)| format!("{} {}", plain(reason), count(*n))).collect();
    let unsent = (unsent > 0).then(|| format!("{} never sent ({})", count(unsent), reasons.join(", ")));
    flow(
        "  ",
        std::iter::once(head).chain([unsent.into_iter().chain(others).collect::<Vec<_>>().join(", ")]),
        "",
        WIDTH,
    )
}

fn parts_of(head: &str, parts: Vec<(&str, u64)>) -> Vec<String> {
    if parts.is_empty() {
        return Vec::new();
    }
    let parts = parts.iter().map(|(word, number)| format!("{} {}", plain(word), count(*number)));
    flow(&format!("  {head}"), parts, ", ", WIDTH)
}

/// A label's value in words.
fn plain(word: &str) -> String {
    match word {
        "join_race" => "joining".to_owned(),
        "leave_race" => "leaving".to_owned(),
        "reconnect_gap" => "while disconnected".to_owned(),
        other => other.replace('_', " "),
    }
}
