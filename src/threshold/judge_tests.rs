use std::time::Duration;

use super::*;
use crate::metrics::{LabelKey, Recorder};
use crate::observe::{Fact, GroupId, Hop, Labels, Observation, Observe, PublishId, RequestId, Stretch};
use crate::threshold::Part;

fn names() -> Names {
    Names {
        groups: vec!["listeners".to_owned()],
        publishes: vec!["chat".to_owned(), "typing".to_owned()],
        requests: vec!["history".to_owned()],
        ..Names::default()
    }
}

/// The same with one fault planned.
fn with_storm() -> Names {
    Names { incidents: vec!["storm".to_owned()], ..names() }
}

fn rule(metric: &str, rule: &str) -> RuleText {
    RuleText { metric: metric.to_owned(), rule: rule.to_owned(), line: 7, ..RuleText::default() }
}

fn recorded(facts: &[(Fact, Labels, u64)]) -> Snapshot {
    let mut recorder = Recorder::default();
    facts.iter().for_each(|(fact, labels, value)| recorder.observe(&Observation::new(*fact, *labels, *value)));
    recorder.take()
}

/// `n` deliveries of 1 ms … n ms, hop cross, of the first publish entry.
fn deliveries(n: u64) -> Vec<(Fact, Labels, u64)> {
    let labels = Labels { hop: Some(Hop::Cross), publish: Some(PublishId(0)), ..Labels::default() };
    let owed = Labels { hop: None, ..labels };
    let due = (Fact::Due, owed, n);
    std::iter::once(due).chain((1..=n).map(move |ms| (Fact::Delivered, labels, ms * 1_000_000))).collect()
}

fn judge(metric: &str, text: &str, snapshot: &Snapshot) -> Judged {
    let judge = Judge::new(&[rule(metric, text)], &names()).unwrap();
    judge.verdicts(snapshot, &names(), Duration::from_secs(10)).remove(0)
}

#[test]
fn quantiles_counters_and_ratios_are_judged() {
    let mut facts = deliveries(100);
    facts.push((Fact::Lost, Labels { publish: Some(PublishId(1)), ..Labels::default() }, 2));
    facts.push((Fact::Due, Labels { publish: Some(PublishId(1)), ..Labels::default() }, 100));
    let snapshot = recorded(&facts);
    let ok = |metric, text| judge(metric, text, &snapshot).ok;
    assert!(ok("delivery.p50{hop=cross,publish=chat}", "< 51ms"));
    assert!(!ok("delivery.p50{hop=cross}", "< 40ms"));
    assert!(ok("deliveries.lost{publish=chat}", "== 0"));
    assert!(!ok("deliveries.lost", "== 0"));
    assert!(ok("deliveries.lost / deliveries.due", "<= 1 %"));
    assert!(!ok("deliveries.lost{publish=typing} / deliveries.due{publish=typing}", "< 0.1%"));
    assert!(ok("deliveries.delivered.rate", "== 10/s"));
    let judged = judge("delivery.max{publish=chat}", "< 200ms", &snapshot);
    assert_eq!((judged.value, judged.count, judged.margin), (Some(100e6), 100, Some(-0.5)));
}

#[test]
fn what_never_came_is_infinitely_late() {
    let mut facts = deliveries(99);
    facts.push((Fact::Lost, Labels { publish: Some(PublishId(0)), ..Labels::default() }, 1));
    assert!(judge("delivery.p99", "< 1s", &recorded(&facts)).ok);
    assert!(judge("delivery.p99{hop=cross}", "< 1s", &recorded(&facts)).ok);
    facts.push((Fact::Lost, Labels { publish: Some(PublishId(0)), ..Labels::default() }, 1));
    let judged = judge("delivery.p99{hop=cross}", "< 1s", &recorded(&facts));
    assert_eq!((judged.ok, judged.value, judged.note.as_deref()), (false, None, Some("2 of 101 never came")));
    assert!(!judge("delivery.max", "< 1s", &recorded(&facts)).ok);
    assert!(judge("delivery.p50", "< 1s", &recorded(&facts)).ok);
    let incomplete =
        [(Fact::Completion, Labels::default(), 5_000_000), (Fact::MessageIncomplete, Labels::default(), 1)];
    assert!(!judge("completion.p99", "< 1s", &recorded(&incomplete)).ok);
}

#[test]
fn what_was_never_answered_is_infinitely_late() {
    let asked = Labels { request: Some(RequestId(0)), ..Labels::default() };
    let answers = (1..=99).map(|ms| (Fact::RequestAnswered, asked, ms * 1_000_000));
    let mut facts: Vec<_> = answers.chain([(Fact::RequestSent, asked, 101), (Fact::RequestFailed, asked, 1)]).collect();
    assert!(judge("request.p99{request=history}", "< 1s", &recorded(&facts)).ok);
    facts.push((Fact::RequestTimedOut, asked, 1));
    let judged = judge("request.p99{request=history}", "< 1s", &recorded(&facts));
    assert_eq!((judged.ok, judged.note.as_deref()), (false, Some("2 of 101 never came")));
    assert!(judge("requests.timed_out / requests.sent", "<= 1%", &recorded(&facts)).ok);
}

#[test]
fn nothing_measured_fails() {
    let nothing = Snapshot::default();
    for (metric, text) in [
        ("delivery.p99", "< 1s"),
        ("deliveries.lost", "== 0"),
        ("deliveries.lost / deliveries.due", "< 1%"),
        ("completion.mean", "< 1s"),
        ("messages.refused", "== 0"),
        ("requests.failed", "== 0"),
    ] {
        let judged = judge(metric, text, &nothing);
        assert_eq!((judged.ok, judged.note.as_deref()), (false, Some("no samples")), "{metric}");
    }
    assert!(judge("errors", "== 0", &nothing).ok);
}

#[test]
fn implied_rules_speak_only_when_broken() {
    let group = Labels { group: Some(GroupId(0)), ..Labels::default() };
    let good = recorded(&[(Fact::ClientRequested, group, 10)]);
    let bad = recorded(&[
        (Fact::ClientRequested, group, 10),
        (Fact::ClientFailed, group, 1),
        (Fact::MessageScheduled, group, 100),
        (Fact::MessageUnsent, group, 2),
    ]);
    let implied = Judge::new(&[], &names()).unwrap();
    let seconds = Duration::from_secs(1);
    assert_eq!(implied.verdicts(&good, &names(), seconds), []);
    assert_eq!(implied.verdicts(&Snapshot::default(), &names(), seconds), []);
    let broken = implied.verdicts(&bad, &names(), seconds);
    assert_eq!(broken.iter().map(|j| (j.ok, j.line)).collect::<Vec<_>>(), [(false, None), (false, None)]);
    let with_faults = Judge::new(&[], &with_storm()).unwrap();
    assert_eq!(with_faults.verdicts(&bad, &names(), seconds).len(), 1);
    let named = Judge::new(&[rule("clients.failed", "< 5"), rule("messages.unsent", "< 50")], &names()).unwrap();
    assert!(named.verdicts(&bad, &names(), seconds).iter().all(|j| j.ok && j.line == Some(7)));
}

#[test]
fn a_run_is_aborted_only_when_a_rule_is_broken_for_good() {
    let aborts = |metric: &str, text: &str, facts: &[(Fact, Labels, u64)]| {
        let judge = Judge::new(&[RuleText { abort: true, ..rule(metric, text) }], &names()).unwrap();
        judge.abort(&recorded(facts), Duration::from_secs(1)).is_some()
    };
    assert!(!aborts("delivery.p99", "< 1ms", &[]));
    assert!(!aborts("delivery.p99", "< 1ms", &deliveries(999)));
    assert!(aborts("delivery.p99", "< 1ms", &deliveries(1_001)));
    assert!(aborts("delivery.max", "< 1ms", &deliveries(2)));
    assert!(!aborts("deliveries.delivered", "> 1000", &deliveries(5)));
    assert!(aborts("deliveries.delivered", "<= 4", &deliveries(5)));
    assert!(!aborts("deliveries.delivered", "== 9", &deliveries(5)));
    assert!(!aborts("deliveries.delivered / deliveries.due", "> 2", &deliveries(500)));
    assert!(aborts("deliveries.delivered / deliveries.due", "< 0.5", &deliveries(500)));
    assert!(!aborts("deliveries.delivered / deliveries.due", "< 0.5", &deliveries(50)));
    assert!(aborts("delivery.min", "> 5ms", &deliveries(5)));
}

#[test]
fn every_wrong_rule_is_reported_at_once() {
    let during = RuleText { during: Some("strom".to_owned()), ..rule("delivery.p99", "< 1s") };
    let wrong = [rule("delivry.p99", "< 1s"), rule("delivery.p99", "< 1"), during];
    let errors = Judge::new(&wrong, &with_storm()).unwrap_err();
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(shown[0], "no metric is called `delivry`; did you mean `delivery`?");
    assert_eq!(shown[1], "a time needs a unit: ns, us, ms, s or m");
    assert_eq!(shown[2], "no fault or incident is called `strom`; did you mean `storm`?");
    assert_eq!(errors.iter().map(|e| e.part).collect::<Vec<_>>(), [Part::Key, Part::Rule, Part::During]);
}

#[test]
fn combinations_are_asked_for_once() {
    let rules = [
        rule("delivery.p99{hop=cross,publish=chat}", "< 1s"),
        rule("delivery.p50{hop=cross,publish=chat}", "< 1s"),
        rule("delivery.p50{hop=cross}", "< 1s"),
    ];
    assert_eq!(Judge::new(&rules, &names()).unwrap().selections().len(), 1);
}

/// The storm's deliveries are slow and one of them never came; everything else is fast, and all of it came.
fn stormy() -> Snapshot {
    let at = |stretch| Labels { phase: Some(stretch), publish: Some(PublishId(0)), ..Labels::default() };
    let (storm, calm) = (at(Stretch::during(0)), [at(Stretch::BEFORE), at(Stretch::after(0))]);
    let mut facts = vec![(Fact::Due, storm, 10), (Fact::Lost, storm, 1)];
    facts.extend([(Fact::Delivered, storm, 50_000_000); 9]);
    for labels in calm {
        facts.push((Fact::Due, labels, 45));
        facts.extend([(Fact::Delivered, labels, 1_000_000); 45]);
    }
    recorded(&facts)
}

#[test]
fn a_rule_with_during_looks_at_that_incident_alone() {
    let names = with_storm();
    let measured = Measured::new(Duration::from_secs(10), [(4_000_000_000, 7_000_000_000)]);
    let judge = |metric: &str, text: &str, during: &str| {
        let rule = RuleText { during: Some(during.to_owned()), ..rule(metric, text) };
        Judge::new(&[rule], &names).unwrap().verdicts(&stormy(), &names, measured.clone()).remove(0)
    };
    let ok = |metric, text, during| judge(metric, text, during).ok;
    assert!(ok("delivery.p50", "< 2ms", "steady") && !ok("delivery.p50", "< 2ms", "storm"));
    assert!(ok("deliveries.lost", "== 0", "steady") && ok("deliveries.lost", "== 1", "storm"));
    assert!(ok("deliveries.lost / deliveries.due", "== 0.1", "storm"));
    assert!(ok("deliveries.lost / deliveries.due", "== 0", "steady"));
    let infinite = judge("delivery.max", "< 1s", "storm");
    assert_eq!((infinite.ok, infinite.note.as_deref()), (false, Some("1 of 10 never came")));
    assert_eq!(judge("delivery.max", "< 1s", "steady").value, Some(1e6));
    assert_eq!(judge("deliveries.delivered.rate", "< 1/s", "storm").value, Some(3.0));
    let empty = judge("reconnect.downtime.p95", "< 3s", "storm");
    assert_eq!((empty.ok, empty.note.as_deref(), empty.during.as_deref()), (false, Some("no samples"), Some("storm")));
}

#[test]
fn a_stretch_can_be_selected_like_any_label() {
    let names = with_storm();
    let found = |metric: &str| {
        let judge = Judge::new(&[rule(metric, "== 45")], &names).unwrap();
        judge.verdicts(&stormy(), &names, Duration::from_secs(10)).remove(0).value
    };
    assert_eq!(found("deliveries.delivered{phase=after:storm}"), Some(45.0));
    assert_eq!(found("deliveries.delivered{phase=during:storm}"), Some(9.0));
    let lost = Judge::new(&[rule("delivery.p99{phase=after:storm}", "< 2ms")], &names).unwrap();
    assert!(lost.verdicts(&stormy(), &names, Duration::from_secs(10))[0].ok, "the storm's loss is not this stretch's");
}

#[test]
fn an_incident_that_did_not_happen_leaves_nothing_to_judge() {
    let during = RuleText { during: Some("incident-1".to_owned()), ..rule("delivery.p99", "< 1s") };
    let rules = [during, rule("delivery.p99{phase=after:incident-1}", "< 1s")];
    let judge = Judge::new(&rules, &with_storm()).unwrap();
    for judged in judge.verdicts(&stormy(), &with_storm(), Duration::from_secs(10)) {
        let note = "not applicable: there was no incident-1";
        assert_eq!((judged.ok, judged.value, judged.note.as_deref()), (true, None, Some(note)));
    }
    let happened = Names { incidents: vec!["storm".to_owned(), "incident-1".to_owned()], ..names() };
    let judged = judge.verdicts(&stormy(), &happened, Duration::from_secs(10));
    assert!(judged.iter().all(|judged| !judged.ok), "it happened, and nothing was recorded in it");
}

#[test]
fn what_a_rule_with_during_looks_at_is_kept_in_the_result() {
    let during = |during: &str| RuleText { during: Some(during.to_owned()), ..rule("delivery.p99{hop=cross}", "< 1s") };
    let judge = Judge::new(&[during("storm"), during("steady")], &with_storm()).unwrap();
    let labels: Vec<_> = judge.selections().into_iter().map(|selection| selection.labels).collect();
    let storm = (LabelKey::Phase, "during:storm".to_owned());
    assert_eq!(labels, [vec![(LabelKey::Hop, "cross".to_owned()), storm]]);
}

#[test]
fn a_rule_with_abort_knows_the_names_of_the_scenario() {
    let lost =
        |publish: &str| RuleText { abort: true, ..rule(&format!("deliveries.lost{{publish={publish}}}"), "== 0") };
    let facts = [(Fact::Lost, Labels { publish: Some(PublishId(1)), ..Labels::default() }, 1)];
    let aborted = |publish| {
        Judge::new(&[lost(publish)], &names()).unwrap().abort(&recorded(&facts), Duration::from_secs(1)).is_some()
    };
    assert!(aborted("typing") && !aborted("chat"));
}

#[test]
fn a_rule_with_after_looks_at_what_came_later() {
    let names = with_storm();
    let earlier = stormy();
    let mut totals = earlier.clone();
    let late = Labels { phase: Some(Stretch::after(0)), publish: Some(PublishId(0)), ..Labels::default() };
    totals.merge(&recorded(&[(Fact::Due, late, 10), (Fact::Delivered, late, 30_000_000), (Fact::Lost, late, 9)]));
    let mark = (Duration::from_secs(8), std::sync::Arc::new(earlier));
    let measured = Measured::new(Duration::from_secs(10), [(4_000_000_000, 7_000_000_000)]).with_marks([mark]);
    let judge = |metric: &str, text: &str, after: &str| {
        let rule = RuleText { after: Some(after.to_owned()), ..rule(metric, text) };
        Judge::new(&[rule], &names).unwrap().verdicts(&totals, &names, measured.clone()).remove(0)
    };
    assert_eq!(judge("deliveries.delivered", "== 46", "storm").value, Some(46.0));
    assert_eq!(judge("deliveries.lost", "== 9", "storm").value, Some(9.0), "the storm's own loss is not among them");
    assert_eq!(judge("deliveries.lost / deliveries.due", "< 1", "8s").value, Some(0.9));
    let slow = judge("delivery.p50{publish=chat}", "< 1s", "8s");
    assert_eq!((slow.ok, slow.after.as_deref()), (false, Some("8s")), "nine of the ten never came");
    assert_eq!(judge("deliveries.delivered.rate", "> 0/s", "8s").value, Some(0.5));
    let early = judge("deliveries.lost", "== 0", "9s");
    assert_eq!((early.ok, early.note.as_deref()), (false, Some("the run ended before")));
    let found = judge("deliveries.lost", "== 0", "incident-1");
    assert!(found.ok && found.note.as_deref() == Some("not applicable: there was no incident-1"));
}

#[test]
fn the_moments_that_rules_ask_for_are_told_once_and_in_order() {
    let after = |after: &str| RuleText { after: Some(after.to_owned()), ..rule("deliveries.lost", "== 0") };
    let judge = Judge::new(&[after("10s"), after("storm"), after("5s"), after("10s")], &with_storm()).unwrap();
    assert_eq!(judge.marks(), [5, 10].map(Duration::from_secs));
    let aborting = RuleText { abort: true, ..after("5s") };
    let judge = Judge::new(&[aborting], &with_storm()).unwrap();
    let lost = recorded(&[(Fact::Due, Labels::default(), 10), (Fact::Lost, Labels::default(), 3)]);
    assert!(judge.abort(&lost, Duration::from_secs(4)).is_none(), "not before its moment");
    let at = |recorded: Snapshot| (Duration::from_secs(5), std::sync::Arc::new(recorded));
    let measured = |before: Snapshot| Measured::from(Duration::from_secs(6)).with_marks([at(before)]);
    assert!(judge.abort(&lost, measured(lost.clone())).is_none(), "what was lost before does not count");
    assert!(judge.abort(&lost, measured(Snapshot::default())).is_some());
}

#[test]
fn a_gauge_is_judged_alone_and_shared_out_over_messages() {
    let measured = Measured::from(Duration::from_secs(10)).with_gauges([("generator.cpu_seconds", 2e9)]);
    let judge = |metric: &str, text: &str| {
        let judge = Judge::new(&[rule(metric, text)], &names()).unwrap();
        judge.verdicts(&recorded(&deliveries(100)), &names(), measured.clone()).remove(0)
    };
    assert!(judge("generator.cpu_seconds", "< 3s").ok && !judge("generator.cpu_seconds", "< 1s").ok);
    let each = judge("generator.cpu_seconds / deliveries.delivered", "< 30ms");
    assert_eq!((each.ok, each.value, each.dimension), (true, Some(20e6), Dimension::Time));
    assert!(!judge("generator.rss_peak_bytes", "< 1000").ok, "nobody told it: no samples");
}

/// A counter, its labels and its value.
type Counted<'a> = (&'a str, &'a [(&'a str, &'a str)], u64);

/// A run that counted this much.
fn saved(counts: &[Counted<'_>]) -> std::sync::Arc<crate::threshold::Saved> {
    let mut saved = crate::threshold::Saved { name: "main.json".to_owned(), seconds: 10.0, ..Default::default() };
    saved.gauges.insert("generator.cpu_seconds".to_owned(), 1e9);
    for (metric, labels, value) in counts {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        saved.counts.entry((*metric).to_owned()).or_default().push(crate::threshold::Count { labels, value: *value });
    }
    saved.into()
}

#[test]
fn a_rule_with_a_baseline_looks_at_the_share_of_it() {
    let base = saved(&[
        ("deliveries.delivered", &[], 80),
        ("deliveries.delivered", &[("publish", "chat")], 50),
        ("deliveries.lost", &[], 0),
        ("deliveries.due", &[], 80),
        ("delivery", &[], 80),
    ]);
    let measured = Measured::from(Duration::from_secs(10)).with_gauges([("generator.cpu_seconds", 2e9)]);
    let judge = |metric: &str, text: &str| {
        let rule = RuleText { baseline: Some(base.clone()), ..rule(metric, text) };
        let judge = Judge::new(&[rule], &names()).unwrap();
        judge.verdicts(&recorded(&deliveries(100)), &names(), measured.clone()).remove(0)
    };
    let more = judge("deliveries.delivered", "<= 110%");
    assert_eq!((more.ok, more.value, more.dimension), (false, Some(1.25), Dimension::Ratio));
    assert_eq!((more.note.as_deref(), more.baseline.as_deref()), (Some("100; in main.json: 80"), Some("main.json")));
    assert_eq!(judge("deliveries.delivered{publish=chat}", "<= 200%").value, Some(2.0));
    assert_eq!(judge("deliveries.lost", "<= 100%").value, Some(1.0), "none against none is no change");
    assert_eq!(judge("delivery.count", "<= 125%").value, Some(1.25));
    let each = judge("generator.cpu_seconds / deliveries.delivered", "<= 105%");
    assert_eq!((each.ok, each.value), (false, Some(1.6)));
    let grown = judge("deliveries.due", "<= 110%");
    assert_eq!((grown.ok, grown.value), (false, Some(1.25)));
}

#[test]
fn what_was_none_and_is_some_is_beyond_any_share() {
    let lost = [(Fact::Due, Labels::default(), 10), (Fact::Lost, Labels::default(), 3)];
    let baseline = Some(saved(&[("deliveries.lost", &[], 0)]));
    let rule = RuleText { baseline, ..rule("deliveries.lost", "<= 1000%") };
    let judged = Judge::new(&[rule], &names()).unwrap().verdicts(&recorded(&lost), &names(), Duration::from_secs(1));
    assert_eq!((judged[0].ok, judged[0].value), (false, None));
    assert_eq!(judged[0].note.as_deref(), Some("3; in main.json: 0"));
}

#[test]
fn what_cannot_be_judged_in_part_or_against_a_saved_run_is_refused() {
    let base = saved(&[("deliveries.lost", &[], 0)]);
    let against = |metric: &str, text: &str| RuleText { baseline: Some(base.clone()), ..rule(metric, text) };
    let part = |metric: &str, during: Option<&str>, after: Option<&str>| RuleText {
        during: during.map(str::to_owned),
        after: after.map(str::to_owned),
        ..rule(metric, "< 5s")
    };
    let cases = [
        (against("delivery.p99", "<= 110%"), Part::Baseline, "wsbench gate"),
        (against("delivery.p99 / delivery.p50", "<= 110%"), Part::Baseline, "wsbench gate"),
        (against("deliveries.lost{publish=chat,group=listeners}", "<= 110%"), Part::Baseline, "main.json has no"),
        (part("generator.cpu_seconds", Some("storm"), None), Part::Key, "of the whole run"),
        (part("generator.cpu_seconds", None, Some("2s")), Part::Key, "of the whole run"),
        (part("delivery.p99", Some("storm"), Some("2s")), Part::After, "together"),
        (part("delivery.p99", None, Some("strom")), Part::After, "no fault or incident is called `strom`"),
        (rule("generator.cpu_seconds{publish=chat}", "< 5s"), Part::Key, "has no labels"),
        (rule("generator.cpu_second", "< 5s"), Part::Key, "no metric is called"),
        (rule("generator.rss_peak_bytes", "< 5ms"), Part::Rule, "does not fit"),
    ];
    for (rule, part, says) in cases {
        let errors = Judge::new(std::slice::from_ref(&rule), &with_storm()).unwrap_err();
        assert_eq!(errors[0].part, part, "{}: {}", rule.metric, errors[0]);
        assert!(errors[0].to_string().contains(says), "{}: {}", rule.metric, errors[0]);
    }
    let wrong = Judge::new(&[rule("generator.cpu_second", "< 5s")], &names()).unwrap_err();
    assert_eq!(wrong[0].nearest.as_deref(), Some("generator.cpu_seconds"));
}
