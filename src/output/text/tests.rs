use super::*;
use crate::engine::{End, Identity, Outcome};
use crate::observe::{Fact, GroupId, Hop, Labels, PublishId, Word};
use crate::report::sample::{HELD, add, deliveries, failure, outcome, report};
use crate::report::{Broker, Report};
use crate::ui::width;

fn text(report: &Report) -> String {
    let mut written = Vec::new();
    write_text(report, &mut written, Palette::plain()).unwrap();
    let text = String::from_utf8(written).unwrap();
    for line in text.lines() {
        assert!(width(line) <= WIDTH, "{} columns: {line}", width(line));
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    text
}

fn shown(outcome: &Outcome, asked: &[(&str, &str)]) -> String {
    text(&report(outcome, Broker::Redis, asked))
}

#[test]
fn pass() {
    insta::assert_snapshot!(shown(&outcome(), HELD));
}
