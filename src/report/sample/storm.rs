//! A run in which connections were cut.

use std::time::Duration;

use super::{add, outcome, pair};
use crate::engine::{Identity, Incident, Outcome};
use crate::observe::{Fact, GroupId, Hop, Labels, Stretch, Word};

/// A planned fault from 10 s to 13.2 s that did nothing yet.
pub(crate) fn incident(name: &str) -> Incident {
    Incident {
        name: name.to_owned(),
        declared: true,
        what: "30 % of listeners cut (rst)".to_owned(),
        at_ns: 10_000_000_000,
        until_ns: 13_200_000_000,
        lost: 0,
        recovered: 0,
        never: 0,
        attempts: 0,
        failures: Vec::new(),
        causes: Vec::new(),
        herd: Vec::new(),
        back: [None; 4],
        failure: None,
        exit_status: None,
    }
}

/// A storm that cut 270 listeners, all of whom came back.
pub(crate) fn storm() -> Incident {
    let herd = [0, 0, 31, 58, 44, 30, 22, 24, 18, 12, 14, 9, 8, 6, 7, 4, 5, 2, 3, 1, 0, 2, 0, 1, 0, 0, 0, 0, 1];
    Incident {
        lost: 270,
        recovered: 270,
        attempts: herd.iter().map(|bin| u64::from(*bin)).sum(),
        failures: vec![(Word::JOIN, Word::TIMEOUT, 2), (Word::UPGRADE, Word::http(503), 30)],
        causes: vec![(Word::RESET, 267), (Word::EOF, 3)],
        herd: herd.into_iter().chain([0; 400]).collect(),
        back: [480, 1_450, 2_210, 3_200].map(|ms| Some(Duration::from_millis(ms))),
        ..incident("storm")
    }
}

/// A run with `incidents`; what was recorded in the stretches of the first is that of a storm.
pub(crate) fn stormy(incidents: Vec<Incident>) -> Outcome {
    let mut outcome = outcome();
    outcome.names.incidents = incidents.iter().map(|incident| incident.name.clone()).collect();
    let mut facts = Vec::new();
    let stretches = [(Stretch::BEFORE, 58), (Stretch::during(0), 140), (Stretch::after(0), 61)];
    for (stretch, p99) in stretches {
        let labels = Labels { phase: Some(stretch), ..pair(0, Hop::Same, false) };
        let kept = Labels { bystander: (stretch != Stretch::BEFORE).then_some(true), ..labels };
        facts.extend((1..=200).map(|at| (Fact::Delivered, kept, p99 * 1_000_000 * at / 198)));
        facts.push((Fact::Due, Labels { group: Some(GroupId(0)), phase: Some(stretch), ..Labels::default() }, 200));
    }
    let cut = Labels { phase: Some(Stretch::during(0)), group: Some(GroupId(0)), ..Labels::default() };
    facts.extend(incidents.first().into_iter().flat_map(|storm| returns(storm, cut)));
    add(&mut outcome, &facts);
    outcome.incidents = incidents;
    let count = |metric| outcome.totals.count(metric);
    let (due, delivered) = (count("deliveries.due"), count("deliveries.delivered"));
    outcome.identity =
        Identity { due, delivered, lost: count("deliveries.lost"), excluded: count("deliveries.excluded") };
    outcome
}

/// What becomes of those whom `storm` cut, as far as they came back: 4 402 copies replayed, 40 lost.
fn returns(storm: &Incident, cut: Labels) -> Vec<(Fact, Labels, u64)> {
    let gap = Labels { detail: Some(Word::RECONNECT_GAP), ..cut };
    let mut facts = vec![
        (Fact::ConnectionLost, Labels { detail: Some(Word::RESET), ..cut }, storm.lost),
        (Fact::ReconnectAttempt, cut, storm.attempts),
        (Fact::Recovered, cut, storm.recovered),
        (Fact::NeverRecovered, cut, storm.never),
    ];
    for at in 1..=storm.recovered {
        facts.push((Fact::Downtime, cut, 12_000_000 * at));
        facts.push((Fact::FirstDelivery, cut, 12_500_000 * at));
        facts.push((Fact::Detect, cut, 200_000 + 1_000 * at));
        facts.push((Fact::Backoff, cut, 5_000_000 * at));
        facts.push((Fact::BackoffLag, cut, 100_000));
    }
    if storm.recovered > 0 {
        facts.extend([(Fact::Lost, gap, 40), (Fact::Due, cut, 4_442)]);
        facts.extend([(Fact::Replayed, cut, 2_000_000_000); 4_402]);
    }
    facts
}
