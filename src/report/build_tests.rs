use super::*;
use crate::observe::{Fact, PublishId, Word};
use crate::report::sample::{self, HELD, add, failure, outcome, report};
use crate::report::{Broker, Verdict};

fn saved(report: &Report) -> serde_json::Value {
    serde_json::to_value(report).unwrap()
}

#[test]
fn a_saved_result_is_the_same_when_it_is_read_again() {
    let mut outcome = outcome();
    outcome.end = End::Failed("refused".to_owned());
    add(
        &mut outcome,
        &[(Fact::Error, Labels { stage: Some(Word::UPGRADE), detail: Some(Word::http(503)), ..Labels::default() }, 2)],
    );
    outcome.errors.push(failure(Word::http(503), "503", "listeners #5512"));
    let report = report(&outcome, Broker::Redis, HELD);
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}

#[test]
fn the_result_has_the_shape_of_the_contract() {
    let asked = [("delivery.p99{hop=cross}", "< 250ms"), ("deliveries.excluded / deliveries.due", "< 1%")];
    let result = saved(&report(&outcome(), Broker::Redis, &asked));
    assert_eq!(result["schema"], "wsbench/result/1");
    assert_eq!(
        (&result["complete"], &result["verdict"], &result["exit_code"]),
        (&true.into(), &"pass".into(), &0.into())
    );
    assert_eq!((&result["scenario"]["name"], &result["scenario"]["seed"]), (&"chat-staging".into(), &42.into()));
    assert_eq!(result["environment"]["broker"], "redis");
    let rule = &result["thresholds"][0];
    assert_eq!((&rule["metric"], &rule["rule"]), (&"delivery.p99{hop=cross}".into(), &"< 250ms".into()));
    assert!(rule["value"].is_u64() && rule["ok"] == true && rule["during"].is_null(), "{rule}");
    assert_eq!((&rule["line"], &rule["count"]), (&60.into(), &2_000.into()));
    let ratio = result["thresholds"][1]["value"].as_f64().unwrap();
    assert!((ratio - 12.0 / 4_212.0).abs() < 1e-12);
    let counters = result["counters"].as_array().unwrap();
    let due = counters.iter().find(|c| c["name"] == "deliveries.due" && c["labels"] == serde_json::json!({})).unwrap();
    assert_eq!(due["value"], 4_212);
    assert!(counters.iter().any(|c| c["name"] == "deliveries.lost" && c["value"] == 0), "a zero is a number too");
    let histograms = result["histograms"].as_array().unwrap();
    let cross =
        histograms.iter().find(|h| h["name"] == "delivery" && h["labels"] == serde_json::json!({"hop": "cross"}));
    let cross = cross.unwrap();
    assert_eq!((&cross["unit"], &cross["count"]), (&"ns".into(), &2_000.into()));
    for figure in ["min", "max", "p50", "p90", "p95", "p99", "p99_9"] {
        assert!(cross[figure].is_u64(), "{figure}");
    }
    let encoded = cross["hdr_v2_deflate_base64"].as_str().unwrap();
    assert_eq!(Histogram::decode(encoded).unwrap().count(), 2_000);
    assert!(encoded.starts_with("HISTFAAA"), "the cookie of V2-DEFLATE");
    assert_eq!(result["generator"]["healthy"], true);
    assert!(result["series"][0]["counters"]["deliveries.delivered"].is_u64());
    assert!(result["series"][0]["histograms"]["delivery"]["p99"].is_u64());
    assert_eq!((&result["series"][0]["t_ns"], &result["faults"]), (&0.into(), &serde_json::json!([])));
}

#[test]
fn an_unhealthy_generator_makes_any_verdict_untrustworthy_but_no_threshold_wrong() {
    let mut outcome = outcome();
    outcome.health.reasons.push("overloaded".to_owned());
    let report = report(&outcome, Broker::Redis, HELD);
    assert_eq!(report.verdict, Verdict::Untrustworthy);
    assert!(report.thresholds.iter().all(|rule| rule.ok) && !report.generator.healthy);
}

#[test]
fn what_another_instance_adds_is_a_signed_median() {
    let publish = Labels { publish: Some(PublishId(0)), ..Labels::default() };
    let of = |adds: &[u64], saves: &[u64]| {
        let mut outcome = outcome();
        outcome.totals = Snapshot::default();
        let adds = adds.iter().map(|ms| (Fact::InstanceAdds, publish, ms * 1_000_000));
        let saves = saves.iter().map(|ms| (Fact::InstanceSaves, publish, ms * 1_000_000));
        add(&mut outcome, &adds.chain(saves).collect::<Vec<_>>());
        added(&outcome.totals).map(|nanos| (nanos as f64 / 1e6).round() as i64)
    };
    assert_eq!(of(&[], &[]), None);
    assert_eq!(of(&[1, 2, 3], &[]), Some(2));
    assert_eq!(of(&[], &[1, 2, 3]), Some(-2));
    assert_eq!(of(&[5, 7], &[1]), Some(5));
    assert_eq!(of(&[5], &[1, 9]), Some(-1));
    assert_eq!(of(&[5, 6], &[1, 9]), Some(-1));
}

#[test]
fn only_sends_that_were_really_late_are_called_so() {
    let mut outcome = outcome();
    assert_eq!(report(&outcome, Broker::Redis, &[]).generator.sends_late, 0);
    add(&mut outcome, &[(Fact::SendLag, Labels::default(), 9_900_000), (Fact::SendLag, Labels::default(), 10_100_000)]);
    assert_eq!(report(&outcome, Broker::Redis, &[]).generator.sends_late, 1);
}

#[test]
fn failures_are_grouped_with_their_first() {
    let mut outcome = outcome();
    let kind = |stage, kind| Labels { stage: Some(stage), detail: Some(kind), ..Labels::default() };
    add(
        &mut outcome,
        &[(Fact::Error, kind(Word::TCP, Word::TIMEOUT), 2), (Fact::Error, kind(Word::UPGRADE, Word::http(503)), 30)],
    );
    outcome.errors.push(failure(Word::http(503), "busy", "listeners #5"));
    let errors = report(&outcome, Broker::Redis, &[]).errors;
    let shown: Vec<_> =
        errors.iter().map(|e| (e.stage.as_str(), e.kind.as_str(), e.count, e.first.is_some())).collect();
    assert_eq!(shown, [("upgrade", "http_503", 30, true), ("tcp", "timeout", 2, false)]);
}

#[test]
fn an_interrupted_run_says_so_and_keeps_what_it_has() {
    let mut outcome = sample::outcome();
    outcome.end = End::Interrupted(130);
    let result = saved(&report(&outcome, Broker::Redis, HELD));
    assert_eq!((&result["complete"], &result["exit_code"]), (&false.into(), &130.into()));
    assert_eq!(result["end"], serde_json::json!({"kind": "interrupted", "detail": 130}));
}
