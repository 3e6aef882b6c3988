use super::super::layout::WIDTH;
use super::*;
use crate::report::sample::{HELD, outcome, report, storm, stormy};
use crate::report::{Broker, Report, compare};
use crate::ui::width;

fn shown(base: &Report, new: &Report, met: &[Met]) -> String {
    let mut text = Vec::new();
    let compared = compare(("results/base.json", base), ("results/new.json", new));
    write_comparison(&compared, met, &mut text, Palette::plain()).unwrap();
    let text = String::from_utf8(text).unwrap();
    for line in text.lines() {
        assert!(width(line) <= WIDTH, "{} columns: {line}", width(line));
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    text
}

#[test]
fn side_by_side() {
    let base = report(&outcome(), Broker::Redis, HELD);
    let mut new = report(&stormy(vec![storm()]), Broker::Memory, HELD);
    new.verdict = crate::report::Verdict::Untrustworthy;
    let met = |condition: &str, new: f64, met| Met {
        condition: condition.to_owned(),
        dimension: Dimension::Count,
        base: 0.0,
        new,
        met,
    };
    let met = [met("deliveries.lost > 0", 40.0, true), met("deliveries.ghost", 0.0, false)];
    insta::assert_snapshot!(shown(&base, &new, &met));
}

#[test]
fn when_a_result_is_of_is_told_whatever_its_name_is() {
    let mut base = report(&outcome(), Broker::Redis, HELD);
    base.scenario.name = "chat-staging-of-the-whole-company".to_owned();
    assert_eq!(shown(&base, &base, &[]).matches("chat-stagin… of 2026-01-02 03:04 redis").count(), 2);
}

#[test]
fn hostile_names_fit_and_do_nothing() {
    let base = report(&outcome(), Broker::Redis, HELD);
    let mut new = base.clone();
    new.scenario.name = "x\u{1b}[2J聊天室".repeat(30);
    new.environment.os = "\u{202e}os ".repeat(60);
    new.started = "\n".to_owned();
    let condition = "deliveries.lost{publish=a\nb} > 0 ".repeat(9);
    let met = Met { condition, dimension: Dimension::Count, base: f64::NAN, new: 1e30, met: true };
    assert!(shown(&base, &new, &[met]).contains("not the same experiment"));
}

#[test]
fn what_was_spent_is_shown_as_a_time() {
    let one = report(&outcome(), Broker::Redis, HELD);
    let met = |base, new| Met {
        condition: "generator.cpu_seconds".to_owned(),
        dimension: Dimension::Time,
        base,
        new,
        met: false,
    };
    let text = shown(&one, &one, &[met(153.5e6, 2.4e9), met(310e3, f64::INFINITY)]);
    let rows: Vec<String> = text
        .lines()
        .filter(|line| line.starts_with("  ok "))
        .map(|line| line.split_whitespace().skip(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(rows, ["154 ms 2.40 s", "310 µs -"]);
}

#[test]
fn what_has_nearly_vanished_has_not_vanished() {
    let moved = [(500.0, 0.1), (500.0, 0.0), (100.0, 93.0), (100.0, 94.6), (100.0, 199.8), (1.0, 14.0)]
        .map(|(base, new)| moved(base, new));
    assert_eq!(moved, ["-99.9%", "-100%", "-7.0%", "-5.4%", "+99.8%", "x 14"]);
}
