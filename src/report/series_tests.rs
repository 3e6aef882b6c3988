use super::*;
use crate::metrics::Recorder;
use crate::observe::{Fact, Labels, Observation, Observe};

/// A second in which `n` deliveries took `nanos` each.
fn tick(second: i64, phase: Phase, nanos: u64, n: u64) -> Tick {
    let mut recorder = Recorder::default();
    (0..n).for_each(|_| recorder.observe(&Observation::new(Fact::Delivered, Labels::default(), nanos)));
    Tick {
        at_ns: second * 1_000_000_000,
        phase,
        delta: recorder.take(),
        clients: 1,
        asked: 1,
        turns: Default::default(),
    }
}

#[test]
fn the_first_point_starts_with_the_measured_phase() {
    let mut series = Series::default();
    series.push(&tick(-1, Phase::WarmUp, 1_000_000, 5));
    series.push(&tick(1, Phase::Measure, 1_000_000, 5));
    series.push(&tick(2, Phase::Measure, 7_000_000, 1));
    let points = series.points();
    let seen: Vec<_> =
        points.iter().map(|p| (p.t_ns, p.span_ns, *p.counters.get("deliveries.delivered").unwrap())).collect();
    assert_eq!(seen, [(0, 1_000_000_000, 5), (1_000_000_000, 1_000_000_000, 1)]);
    let second = points[1].histograms.get("delivery").unwrap();
    assert_eq!((second.p50, second.max), (7_000_000, 7_000_000));
    assert!(points[0].histograms.get("completion").is_none(), "what was not measured has no figures");
}

#[test]
fn folding_merges_and_loses_nothing() {
    let mut series = Series::default();
    let seconds = 2_000;
    for second in 1..=seconds {
        // The second half of each minute is slow: an average of percentiles would show it.
        let nanos = if second % 2 == 0 { 1_000_000 } else { 9_000_000 };
        series.push(&tick(second, Phase::Measure, nanos, if second % 2 == 0 { 90 } else { 10 }));
    }
    let points = series.points();
    assert!(points.len() <= 600, "{} points", points.len());
    assert!(points.len() >= 300, "{} points", points.len());
    let delivered: u64 = points.iter().map(|point| point.counters.get("deliveries.delivered").unwrap()).sum();
    assert_eq!(delivered, 100_000);
    for pair in points.windows(2) {
        assert_eq!(pair[0].t_ns + pair[0].span_ns as i64, pair[1].t_ns, "no gap");
    }
    let widths: std::collections::BTreeSet<u64> = points.iter().map(|p| p.span_ns / 1_000_000_000).collect();
    assert!(widths.iter().all(|w| w.is_power_of_two()) && widths.len() <= 3, "{widths:?}");
    let folded = points[0].histograms.get("delivery").unwrap();
    let near = |value: u64, of: u64| value.abs_diff(of) <= of / 1_000;
    assert!(near(folded.p50, 1_000_000) && near(folded.p90, 1_000_000), "{folded:?}");
    assert!(near(folded.p95, 9_000_000) && folded.max == 9_000_000 && folded.min == 1_000_000, "{folded:?}");
}

#[test]
fn a_folded_point_says_what_its_ticks_say_together() {
    let mut series = Series::default();
    for second in 1..=3_000 {
        series.push(&tick(second, Phase::Measure, second as u64 * 1_000_000, 1));
    }
    for point in series.points() {
        let seconds = point.t_ns as u64 / 1_000_000_000 + 1..=(point.t_ns as u64 + point.span_ns) / 1_000_000_000;
        let (first, last) = (*seconds.start() * 1_000_000, *seconds.end() * 1_000_000);
        let said = point.histograms.get("delivery").unwrap();
        assert_eq!((said.count, said.min, said.max), (seconds.count() as u64, first, last));
        assert_eq!(said.mean, (first + last) as f64 / 2.0, "{said:?}");
        assert!(said.p50.abs_diff((first + last) / 2) <= last / 500 + 500_000, "{said:?}");
    }
}

#[test]
fn of_what_is_folded_nothing_whole_is_kept() {
    let mut series = Series::default();
    (1..=5_000).for_each(|second| series.push(&tick(second, Phase::Measure, 1_000_000, 1)));
    let whole = series.widths.iter().filter(|width| width.first_of_two.is_some()).count();
    let closed: usize = series.widths.iter().map(|width| width.closed.len()).sum();
    assert!(whole <= 10, "{whole} distributions for each metric");
    assert!(closed <= 2 * POINTS, "{closed} closed points");
}
