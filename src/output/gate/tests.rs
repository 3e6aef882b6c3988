use super::{junit, write_gate};
use crate::gate::{About, Block, Gate, Metric, Passes, Report, Ruling, Settings, Side};
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
            Block::new((0, pair), side, &delivery, &Histogram::default(), 0).unwrap()
        };
        gate.push(block(Side::Base, 100), block(Side::New, 100 + later));
    }
    gate.finish();
    gate.report(about)
}

fn junit(report: Report, passes: Passes) -> String {
    let mut text = Vec::new();
    junit::write(&Ruling { report, passes }, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    crate::output::junit::assert_well_formed(&text);
    text
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

#[test]
fn every_gated_metric_is_a_case() {
    let about = About { scenario: "chat<&>".to_owned(), base: "old".to_owned(), ..About::default() };
    let fine = junit(report(0, &about), Passes::default());
    assert!(
        fine.contains("<testsuite name=\"chat&lt;&amp;&gt;\" tests=\"3\" failures=\"0\" errors=\"0\" skipped=\"0\""),
        "{fine}"
    );
    assert!(fine.contains("<testcase name=\"delivery.p50 at most 5 % later\" "), "{fine}");
    let mut odd = report(0, &about);
    odd.metrics[0].tolerance = "p50=7%".parse::<Metric>().unwrap().tolerance();
    let odd = junit(odd, Passes::default());
    assert!(odd.contains("\"delivery.p50 at most 7 % later\""), "{odd}");
    let slower = junit(report(60, &about), Passes::default());
    assert!(slower.contains("tests=\"3\" failures=\"3\" errors=\"0\""), "{slower}");
    let found = "<failure message=\"+60.0 % later, between +60.0 % and +60.0 %: base 2.49 ms, new 3.99 ms; allowed 5.0 %\" \
                 type=\"regression\">";
    assert!(slower.contains(found), "{slower}");
}

#[test]
fn what_has_no_verdict_is_an_error_unless_it_passes() {
    let doubted = About { doubts: vec!["a doubt \"of\" <everything>".to_owned()], ..About::default() };
    let strict = junit(report(60, &doubted), Passes::default());
    assert!(strict.contains("tests=\"4\" failures=\"0\" errors=\"1\" skipped=\"3\""), "{strict}");
    assert!(
        strict.contains("<error message=\"a doubt &quot;of&quot; &lt;everything&gt;\" type=\"untrustworthy\"/>"),
        "{strict}"
    );
    let lenient = junit(report(60, &doubted), Passes { untrustworthy: true, ..Passes::default() });
    assert!(lenient.contains("tests=\"4\" failures=\"0\" errors=\"0\" skipped=\"4\""), "{lenient}");
    let empty = || Gate::new(Settings::new(Vec::new(), 1).unwrap()).report(&About::default());
    let open = junit(empty(), Passes { untrustworthy: true, ..Passes::default() });
    assert!(
        open.contains("tests=\"1\" failures=\"0\" errors=\"1\"") && open.contains("type=\"inconclusive\""),
        "{open}"
    );
    let passed = junit(empty(), Passes { inconclusive: true, ..Passes::default() });
    assert!(passed.contains("errors=\"0\" skipped=\"1\"") && passed.contains("0 pairs are too few"), "{passed}");
}
