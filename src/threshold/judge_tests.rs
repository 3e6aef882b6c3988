use super::*;
use crate::metrics::Recorder;
use crate::observe::{Fact, GroupId, Hop, Labels, Observation, Observe, PublishId};

fn names() -> Names {
    Names {
        groups: vec!["listeners".to_owned()],
        publishes: vec!["chat".to_owned(), "typing".to_owned()],
        ..Names::default()
    }
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
    let judge = Judge::new(&[rule(metric, text)], &names(), 0).unwrap();
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
fn nothing_measured_fails() {
    let nothing = Snapshot::default();
    for (metric, text) in [
        ("delivery.p99", "< 1s"),
        ("deliveries.lost", "== 0"),
        ("deliveries.lost / deliveries.due", "< 1%"),
        ("completion.mean", "< 1s"),
        ("messages.refused", "== 0"),
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
    let implied = Judge::new(&[], &names(), 0).unwrap();
    let seconds = Duration::from_secs(1);
    assert_eq!(implied.verdicts(&good, &names(), seconds), []);
    assert_eq!(implied.verdicts(&Snapshot::default(), &names(), seconds), []);
    let broken = implied.verdicts(&bad, &names(), seconds);
    assert_eq!(broken.iter().map(|j| (j.ok, j.line)).collect::<Vec<_>>(), [(false, None), (false, None)]);
    let with_faults = Judge::new(&[], &names(), 1).unwrap();
    assert_eq!(with_faults.verdicts(&bad, &names(), seconds).len(), 1);
    let named = Judge::new(&[rule("clients.failed", "< 5"), rule("messages.unsent", "< 50")], &names(), 0).unwrap();
    assert!(named.verdicts(&bad, &names(), seconds).iter().all(|j| j.ok && j.line == Some(7)));
}

#[test]
fn a_run_is_aborted_only_when_a_rule_is_broken_for_good() {
    let aborts = |metric: &str, text: &str, facts: &[(Fact, Labels, u64)]| {
        let judge = Judge::new(&[RuleText { abort: true, ..rule(metric, text) }], &names(), 0).unwrap();
        judge.abort(&recorded(facts), &names(), Duration::from_secs(1)).is_some()
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
    let during = RuleText { during: Some("storm".to_owned()), ..rule("delivery.p99", "< 1s") };
    let wrong = [rule("delivry.p99", "< 1s"), rule("delivery.p99", "< 1"), during];
    let errors = Judge::new(&wrong, &names(), 0).unwrap_err();
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(shown[0], "no metric is called `delivry`; did you mean `delivery`?");
    assert_eq!(shown[1], "a time needs a unit: ns, us, ms, s or m");
    assert_eq!(shown[2], "`during = \"storm\"` is not built yet");
    assert_eq!(errors.iter().map(|e| e.part).collect::<Vec<_>>(), [Part::Key, Part::Rule, Part::During]);
}

#[test]
fn combinations_are_asked_for_once() {
    let rules = [
        rule("delivery.p99{hop=cross,publish=chat}", "< 1s"),
        rule("delivery.p50{hop=cross,publish=chat}", "< 1s"),
        rule("delivery.p50{hop=cross}", "< 1s"),
    ];
    assert_eq!(Judge::new(&rules, &names(), 0).unwrap().selections().len(), 1);
}
