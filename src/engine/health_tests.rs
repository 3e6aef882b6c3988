use super::*;
use crate::observe::{Fact, Labels, Observation, Observe};

fn vitals(cpu: f64, waited: f64) -> Vitals {
    Vitals {
        processes: 1,
        cpu,
        share: cpu / 20.0,
        waited,
        steal: 0.0,
        hiccups: Histogram::default(),
        cores: 1,
        rss_peak: 0,
        fds: (0, 0),
    }
}

fn totals(delivery_ms: u64, lag_us: u64) -> Snapshot {
    let mut recorder = crate::metrics::Recorder::default();
    for _ in 0..1_000 {
        recorder.observe(&Observation::new(Fact::Delivered, Labels::default(), delivery_ms * 1_000_000));
        recorder.observe(&Observation::new(Fact::SendLag, Labels::default(), lag_us * 1_000));
    }
    recorder.take()
}

#[test]
fn small_lag_is_healthy_even_where_deliveries_are_fast() {
    let health = vitals(5.0, 0.1).judge(&totals(1, 900), &Histogram::default(), 10);
    assert_eq!(health.reasons, Vec::<String>::new());
}

#[test]
fn lag_that_rivals_the_latency_is_not_and_names_its_cause() {
    let starved = vitals(5.0, 12.0).judge(&totals(20, 9_000), &Histogram::default(), 10);
    assert!(starved.reasons[0].contains("waited 12.0 s for a core"), "{:?}", starved.reasons);
    let saturated = vitals(19.5, 0.0).judge(&totals(20, 9_000), &Histogram::default(), 10);
    assert!(saturated.reasons[0].contains("saturated"), "{:?}", saturated.reasons);
}

#[test]
fn several_processes_are_one_generator() {
    let with = |cpu, waited, hiccup| {
        let mut vitals = Vitals { rss_peak: 7, fds: (10, 100), ..vitals(cpu, waited) };
        vitals.hiccups.record(hiccup);
        vitals
    };
    let all = with(1.0, 0.5, 1_000_000).and(with(19.0, 0.25, 9_000_000));
    assert_eq!((all.processes, all.cpu, all.share, all.waited, all.cores), (2, 20.0, 1.0, 0.75, 1));
    assert_eq!((all.rss_peak, all.fds, all.hiccups.count(), all.hiccups.max()), (14, (20, 200), 2, 9_000_000));
    let health = all.judge(&totals(1, 1), &Histogram::default(), 10);
    assert!(health.reasons.iter().any(|reason| reason.contains("100 % of 1 cores")), "{:?}", health.reasons);
}

#[test]
fn a_slow_server_is_not_the_generators_fault() {
    assert!(vitals(5.0, 0.1).judge(&totals(800, 3_000), &Histogram::default(), 10).is_healthy());
}
