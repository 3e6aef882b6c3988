use std::time::Duration;

use super::*;
use crate::engine::End;
use crate::observe::Fact;
use crate::report::sample::{add, incident, report, storm, stormy};
use crate::report::{Broker, Report};

fn reported(outcome: &Outcome) -> Report {
    report(outcome, Broker::Redis, &[])
}

fn fault(outcome: &Outcome) -> Fault {
    reported(outcome).faults.remove(0)
}

/// `n` deliveries of `ms` each.
fn delivered(outcome: &mut Outcome, phase: Stretch, bystander: Option<bool>, ms: u64, n: usize) {
    let labels = Labels { phase: Some(phase), bystander, ..Labels::default() };
    add(outcome, &vec![(Fact::Delivered, labels, ms * 1_000_000); n]);
}

#[test]
fn a_storm_has_the_shape_of_the_contract() {
    let result = serde_json::to_value(reported(&stormy(vec![storm()]))).unwrap();
    let fault = &result["faults"][0];
    assert_eq!((&fault["name"], &fault["at_ns"]), (&"storm".into(), &10_000_000_000i64.into()));
    assert_eq!((&fault["declared"], &fault["failure"]), (&true.into(), &serde_json::Value::Null));
    let reconnect = &fault["reconnect"];
    let counts = ["lost", "recovered", "never", "attempts", "peak_connects_per_100ms", "missed", "replayed"];
    assert_eq!(counts.map(|name| reconnect[name].as_u64().unwrap()), [270, 270, 0, 302, 58, 4_442, 4_402]);
    assert_eq!(reconnect["mean_connects_per_100ms"], 11.185);
    assert_eq!(reconnect["back_ns"]["p95"], 1_450_000_000);
    assert_eq!(reconnect["failures"][0], serde_json::json!({"stage": "upgrade", "kind": "http_503", "count": 30}));
    assert_eq!(reconnect["causes"][1], serde_json::json!({"kind": "eof", "count": 3}));
    for times in ["downtime", "first_delivery", "detect", "backoff", "backoff_lag"] {
        assert_eq!(reconnect[times]["count"], 270, "{times}");
    }
    let herd = fault["herd"].as_array().unwrap();
    assert_eq!((herd.len(), &herd[3], &fault["herd_bin_ns"]), (29, &58.into(), &100_000_000.into()));
    let near = |name: &str, ms: u64| fault["bystanders"][name].as_u64().unwrap().abs_diff(ms * 1_000_000) < 500_000;
    assert!(near("before", 58) && near("during", 140) && near("after", 61), "{}", fault["bystanders"]);
    assert_eq!(fault["imbalance"], 1.02);
}

#[test]
fn a_saved_storm_is_the_same_when_it_is_read_again() {
    let mut found = incident("incident-1");
    (found.declared, found.at_ns, found.lost) = (false, 2_000_000_000, 7);
    let undone = Incident { failure: Some("there is no instance 3".to_owned()), ..incident("crash") };
    let report = reported(&stormy(vec![storm(), undone, found]));
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}

#[test]
fn what_was_recorded_is_by_stretch_and_adds_up() {
    let report = reported(&stormy(vec![storm()]));
    let part = |phase| report.distribution_with("delivery", "phase", phase).map_or(0, |values| values.count);
    let phases = ["before", "during:storm", "after:storm", "unknown"];
    assert_eq!(phases.map(part).iter().sum::<u64>(), report.distribution("delivery").unwrap().count);
    assert_eq!((part("before"), part("during:storm")), (200, 200));
    let downtime = report.distribution_with("reconnect.downtime", "phase", "during:storm").unwrap();
    assert_eq!(Some(downtime.summary()), report.faults[0].reconnect.downtime);
}

#[test]
fn incidents_come_in_the_order_of_their_instants() {
    let found = Incident { declared: false, at_ns: 2_000_000_000, ..incident("incident-1") };
    let faults = reported(&stormy(vec![storm(), found])).faults;
    assert_eq!(faults.iter().map(|fault| fault.name.as_str()).collect::<Vec<_>>(), ["incident-1", "storm"]);
}

#[test]
fn before_is_the_stretch_before_and_those_cut_are_no_bystanders() {
    let later = Incident { at_ns: 20_000_000_000, ..incident("second") };
    let mut outcome = stormy(vec![incident("first"), later]);
    outcome.totals = Snapshot::default();
    for (stretch, ms) in
        [(Stretch::BEFORE, 1), (Stretch::during(0), 2), (Stretch::after(0), 3), (Stretch::during(1), 4)]
    {
        delivered(&mut outcome, stretch, (stretch != Stretch::BEFORE).then_some(true), ms, 100);
        delivered(&mut outcome, stretch, Some(false), 900, 100);
    }
    delivered(&mut outcome, Stretch::after(1), Some(true), 5, 99);
    let rounded = |nanos: Option<u64>| nanos.map(|nanos| nanos / 1_000_000);
    let seen: Vec<_> = reported(&outcome)
        .faults
        .iter()
        .map(|fault| [fault.bystanders.before, fault.bystanders.during, fault.bystanders.after].map(rounded))
        .collect();
    assert_eq!(seen, [[Some(1), Some(2), Some(3)], [Some(3), Some(4), None]], "99 values have no 99th percentile");
}

#[test]
fn nobody_back_and_nothing_known_is_null() {
    let lost = Incident { lost: 270, never: 270, ..incident("storm") };
    let mut outcome = stormy(vec![lost]);
    outcome.instances.push(("unknown".to_owned(), 3));
    let fault = fault(&outcome);
    assert_eq!((fault.reconnect.back_ns, fault.reconnect.downtime), (Back::default(), None));
    assert_eq!((fault.herd.len(), fault.reconnect.mean_connects_per_100ms, fault.imbalance), (0, 0.0, None));
}

#[test]
fn the_imbalance_is_of_the_last_cut_and_counts_empty_instances() {
    let later = |name: &str, seconds: i64, lost| Incident {
        at_ns: seconds * 1_000_000_000,
        lost,
        never: lost,
        ..incident(name)
    };
    let mut outcome = stormy(vec![storm(), later("crash", 30, 5), later("slow", 40, 0)]);
    outcome.instances = vec![("a".to_owned(), 1_000)];
    let seen: Vec<_> = reported(&outcome).faults.iter().map(|fault| fault.imbalance).collect();
    assert_eq!(seen, [None, Some(2.0), None]);
}

#[test]
fn a_fault_stays_within_a_quarter_of_a_mebibyte() {
    let mut huge = storm();
    huge.herd = vec![u32::MAX; 20_000];
    huge.failures = (0..5_000).map(|code| (Word::UPGRADE, Word::close(code), 7)).collect();
    huge.causes = (0..5_000).map(|code| (Word::close(code), 7)).collect();
    let fault = fault(&stormy(vec![huge]));
    let size = serde_json::to_vec(&fault).unwrap().len();
    assert!(size <= 256 << 10, "{size} bytes");
    assert_eq!((fault.herd.len(), fault.herd_bin_ns), (5_000, 400_000_000));
    assert_eq!(fault.herd.iter().sum::<u64>(), 20_000 * u64::from(u32::MAX));
    assert_eq!(fault.reconnect.causes.iter().map(|cause| cause.count).sum::<u64>(), 35_000);
    assert_eq!(fault.reconnect.peak_connects_per_100ms, u64::from(u32::MAX), "as it was before folding");
}

#[test]
fn an_interrupted_run_keeps_its_faults() {
    let mut outcome = stormy(vec![storm()]);
    outcome.end = End::Interrupted(130);
    outcome.measured = Duration::from_secs(12);
    assert_eq!(fault(&outcome).reconnect.lost, 270);
}
