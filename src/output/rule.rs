//! A threshold and what became of it, in words that every format for eyes shares.

use super::number::time;
use crate::report::Threshold;
use crate::units::human::{count, percent, significant};

/// What is looked at.
pub(super) fn key(rule: &Threshold) -> String {
    match (&rule.during, &rule.after) {
        (Some(part), _) => format!("{} during {part}", rule.metric),
        (None, Some(part)) => format!("{} after {part}", rule.metric),
        (None, None) => rule.metric.clone(),
    }
}

/// What it must be.
pub(super) fn bound(rule: &Threshold) -> String {
    match &rule.baseline {
        Some(baseline) => format!("{} of {baseline}", rule.rule),
        None => rule.rule.clone(),
    }
}

/// What was found.
pub(super) fn value(rule: &Threshold) -> String {
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
        "ratio" if value >= 1_000.0 => format!("{} x", count(value as u64)),
        "ratio" if rule.rule.contains('%') && value > 0.0 && value < 0.0995 => {
            format!("{} %", significant(value * 100.0, 3))
        }
        "ratio" if rule.rule.contains('%') => percent(value),
        "ratio" => significant(value, 4),
        "per_second" => format!("{}/s", count(value.round() as u64)),
        _ => count(value as u64),
    }
}

/// How far that is from the bound; nothing where there is no distance.
pub(super) fn margin(rule: &Threshold) -> String {
    let Some(margin) = rule.margin else { return String::new() };
    let side = if margin < 0.0 { "below" } else { "above" };
    match margin.abs() {
        share if share < 0.005 => "at the bound".to_owned(),
        share if share < 9.995 => format!("{} {side}", percent(share)),
        share if share < 9_999.5 => format!("{share:.0} x {side}"),
        _ => format!("far {side}"),
    }
}

/// Where the rule stands, and why there is no value.
pub(super) fn place(rule: &Threshold, path: &str) -> String {
    let place = match rule.line {
        Some(line) => format!("{path}:{line}"),
        None => "implied unless the scenario says otherwise".to_owned(),
    };
    match &rule.note {
        Some(note) => format!("{place}: {note}"),
        None => place,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Broker;
    use crate::report::sample::{HELD, outcome, report};

    #[test]
    fn a_margin_below_the_whole_does_not_read_as_all() {
        let mut rule = report(&outcome(), Broker::Redis, HELD).thresholds.remove(0);
        let mut shown = |share: f64| {
            rule.margin = Some(share);
            margin(&rule)
        };
        assert_eq!([shown(-0.995_92), shown(-0.999_99), shown(-1.0)], ["99.6 % below", "99.9 % below", "100 % below"]);
        assert_eq!([shown(0.68), shown(-0.012), shown(0.003)], ["68 % above", "1.2 % below", "at the bound"]);
        assert_eq!([shown(9.99), shown(12.4), shown(1e6)], ["999 % above", "12 x above", "far above"]);
    }
}
