use super::write_gate;
use crate::gate::{About, Block, Gate, Report, Settings, Side};
use crate::metrics::Histogram;
use crate::ui::Palette;

/// A gate of 26 pairs, new later by `later` percent.
fn report(later: u64, about: &About) -> Report {
    let mut gate = Gate::new(Settings::new(Vec::new(), 1).unwrap());
    for pair in 0..26 {
        let block = |side: Side, percent: u64| {
            let mut delivery = Histogram::default();
            (0..100u64)
                .for_each(|k| delivery.record((2_000_000 + k * 10_000 + u64::from(pair % 2) * 7_919) * percent / 100));
            Block::new(pair, side, &delivery, &Histogram::default(), 0).unwrap()
        };
        gate.push(block(Side::Base, 100), block(Side::New, 100 + later));
    }
    gate.finish();
    gate.report(about)
}

fn shown(report: &Report) -> String {
    let mut text = Vec::new();
    write_gate(report, &mut text, Palette::plain()).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn the_verdict_comes_first_and_nothing_is_wider_than_a_terminal() {
    let doubts =
        vec!["a reason so long that it cannot stand on one line of a terminal, whatever one does about it".to_owned()];
    let abouts = [
        About::default(),
        About { scenario: "chat".to_owned(), base: "\u{1b}[2J".to_owned(), doubts, ..About::default() },
    ];
    let cases = [(0, 0, "NOT REGRESSED"), (60, 0, "REGRESSED"), (60, 1, "UNTRUSTWORTHY  chat")];
    for (later, about, first) in cases {
        let text = shown(&report(later, &abouts[about]));
        assert!(text.starts_with(first), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    assert!(shown(&report(60, &abouts[0])).contains("+60.0 %"));
}
