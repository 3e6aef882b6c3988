//! Outcomes to make reports of, for the tests of this and of higher modules.

mod storm;

use std::time::Duration;

pub(crate) use storm::{incident, storm, stormy};

use super::{Broker, Environment, Facts, Report, Scenario, Series, build};
use crate::engine::{End, ErrorSample, Health, Identity, Outcome, Phase, Tick};
use crate::metrics::{Names, Recorder};
use crate::observe::{Fact, GroupId, Hop, Labels, Observation, Observe, PublishId, TransportKind, Word};
use crate::threshold::{Judge, RuleText};
use crate::wire::InstanceTag;

/// The names of the sample run.
pub(crate) fn names() -> Names {
    let instances = ["a", "b"].map(|name| (InstanceTag::of(name), name.to_owned()));
    Names {
        groups: vec!["listeners".to_owned(), "talkers".to_owned()],
        publishes: vec!["chat".to_owned(), "typing".to_owned()],
        requests: vec!["history".to_owned()],
        instances: instances.into_iter().collect(),
        incidents: Vec::new(),
    }
}

fn pair(publish: u16, hop: Hop, own: bool) -> Labels {
    Labels {
        hop: Some(hop),
        own: Some(own),
        to: Some(TransportKind::WebSocket),
        from: Some(TransportKind::WebSocket),
        group: Some(GroupId(u16::from(own))),
        publish: Some(PublishId(publish)),
        instance: Some(InstanceTag::of("a")),
        ..Labels::default()
    }
}

/// Deliveries of one publish entry: `n` each over another and the same instance, a tenth of that to the talkers.
pub(crate) fn deliveries(recorder: &mut Recorder, publish: u16, n: u64) {
    let mut say = |fact, labels, value| recorder.observe(&Observation::new(fact, labels, value));
    for at in 0..n {
        let spread = 1 + at * 12 / n + (at * 1_000 / n / 990) * 70;
        say(Fact::Delivered, pair(publish, Hop::Cross, false), 2_400_000 + spread * 1_000_000);
        say(Fact::Delivered, pair(publish, Hop::Same, false), 300_000 + spread * 1_000_000);
    }
    for at in 0..n / 10 {
        say(Fact::Delivered, pair(publish, Hop::Same, true), 200_000 + at * 10_000);
        let publish = Labels { publish: Some(PublishId(publish)), ..Labels::default() };
        say(Fact::Completion, publish, 9_000_000 + at * 100_000);
        say(Fact::InstanceAdds, publish, 2_000_000 + at * 1_000);
        say(Fact::MessageScheduled, publish, 1);
        say(Fact::MessageSent, publish, 1);
        say(Fact::SendLag, publish, 40_000 + at * 1_000);
        say(Fact::HopStage, Labels { stage: Some(Word::BUS), ..Labels::default() }, 550_000);
        say(Fact::HopStage, Labels { stage: Some(Word::INGRESS), ..Labels::default() }, 20_000);
    }
    let owed = Labels { publish: Some(PublishId(publish)), group: Some(GroupId(0)), ..Labels::default() };
    say(Fact::Due, owed, 2 * n + n / 10);
}

fn excluded(recorder: &mut Recorder) {
    for (reason, number) in [(Word::JOIN_RACE, 9), (Word::LEAVE_RACE, 3)] {
        let labels = Labels { detail: Some(reason), publish: Some(PublishId(0)), ..Labels::default() };
        recorder.observe(&Observation::new(Fact::Excluded, labels, number));
        recorder.observe(&Observation::new(Fact::Due, Labels { detail: None, ..labels }, number));
    }
}

/// A run of 1 000 clients that went well.
pub(crate) fn outcome() -> Outcome {
    let mut recorder = Recorder::default();
    deliveries(&mut recorder, 0, 2_000);
    excluded(&mut recorder);
    for (group, clients) in [(0, 900), (1, 100)] {
        let labels = Labels { group: Some(GroupId(group)), ..Labels::default() };
        recorder.observe(&Observation::new(Fact::ClientRequested, labels, clients));
        recorder.observe(&Observation::new(Fact::ClientConnected, labels, clients));
    }
    Outcome {
        end: End::Complete,
        totals: recorder.take(),
        names: names(),
        identity: Identity { due: 4_212, delivered: 4_200, lost: 0, excluded: 12 },
        health: Health {
            cpu_seconds: 24.4,
            cpu_share: 1.22,
            cores: 2,
            rss_peak_bytes: 44 << 20,
            clients: 1_000,
            loop_lag_p99: 310_000,
            hiccup_p99: 120_000,
            fds: (1_020, 20_000),
            ..Health::default()
        },
        errors: Vec::new(),
        unknown_frames: Vec::new(),
        measured: Duration::from_secs(20),
        instances: vec![("a".to_owned(), 510), ("b".to_owned(), 490)],
        incidents: Vec::new(),
        closes: Vec::new(),
        marks: Vec::new(),
    }
}

/// Adds facts to an outcome's totals.
pub(crate) fn add(outcome: &mut Outcome, facts: &[(Fact, Labels, u64)]) {
    let mut recorder = Recorder::default();
    facts.iter().for_each(|(fact, labels, value)| recorder.observe(&Observation::new(*fact, *labels, *value)));
    outcome.totals.merge(&recorder.take());
}

/// A failure that happened.
pub(crate) fn failure(kind: Word, detail: &str, client: &str) -> ErrorSample {
    let (detail, client) = (detail.to_owned(), client.to_owned());
    ErrorSample { stage: Word::UPGRADE, kind, detail, at_ns: 10_200_000_000, client }
}

/// A threshold on line 60 and following.
pub(crate) fn rules(rules: &[(&str, &str)]) -> Vec<RuleText> {
    let numbered = rules.iter().zip(60..);
    let text = |(metric, rule): &(&str, &str), line| RuleText {
        metric: (*metric).to_owned(),
        rule: (*rule).to_owned(),
        line,
        ..RuleText::default()
    };
    numbered.map(|(rule, line)| text(rule, line)).collect()
}

/// What is asked of the run that went well, and holds.
pub(crate) const HELD: &[(&str, &str)] = &[
    ("delivery.p99{hop=cross}", "< 250ms"),
    ("deliveries.lost", "== 0"),
    ("completion.p99", "< 150ms"),
    ("deliveries.excluded / deliveries.due", "< 1%"),
];

/// The report of an outcome under some rules.
pub(crate) fn report(outcome: &Outcome, broker: Broker, asked: &[(&str, &str)]) -> Report {
    report_under(outcome, broker, &rules(asked))
}

/// The same, with all that a rule may say.
pub(crate) fn report_under(outcome: &Outcome, broker: Broker, rules: &[RuleText]) -> Report {
    let judge = Judge::new(rules, &outcome.names).unwrap();
    let mut series = Series::default();
    let delta = outcome.totals.clone();
    series.push(&Tick {
        at_ns: 1_000_000_000,
        phase: Phase::Measure,
        delta,
        clients: 1_000,
        asked: 1_000,
        turns: Default::default(),
        marks: Vec::new(),
    });
    let facts = Facts {
        scenario: Scenario {
            name: "chat-staging".to_owned(),
            path: "chat.toml".to_owned(),
            sha256: "ab12".repeat(16),
            seed: 42,
            text: "name = \"chat-staging\"\n".to_owned(),
        },
        environment: Environment::new(broker, 2, 2),
        started: "2026-01-02T03:04:05.678Z".to_owned(),
        judged: &judge.verdicts(&outcome.totals, &outcome.names, super::measured(outcome)),
        selections: &judge.selections(),
        series: series.points(),
        strict: false,
    };
    build(outcome, facts)
}
