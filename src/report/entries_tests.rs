use super::*;
use crate::engine::{Phase, Tick};
use crate::metrics::Recorder;
use crate::observe::{Fact, GroupId, Hop, Labels, Observation, Observe, PublishId, RequestId, TransportKind, Word};
use crate::report::{Broker, Series, sample};
use crate::wire::InstanceTag;

/// For each metric and label key, the sum of the entries that carry only that key.
fn sums<'a>(entries: impl Iterator<Item = (&'a str, &'a BTreeMap<String, String>, u64)>) -> Vec<(String, u64)> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (name, labels, value) in entries.filter(|(_, labels, _)| labels.len() < 2) {
        let key = labels.keys().next().map_or("", String::as_str);
        *sums.entry(format!("{name} {key}")).or_default() += value;
    }
    sums.into_iter().collect()
}

#[test]
fn the_parts_by_each_label_add_up_to_the_total() {
    let mut outcome = sample::outcome();
    let asked = Labels { request: Some(RequestId(0)), group: Some(GroupId(1)), ..Labels::default() };
    sample::add(
        &mut outcome,
        &[
            (Fact::Lost, Default::default(), 3),
            (Fact::Ack, Default::default(), 7),
            (Fact::RequestSent, asked, 9),
            (Fact::RequestAnswered, asked, 7),
            (Fact::RequestSent, Default::default(), 2),
        ],
    );
    let report = sample::report(&outcome, Broker::Redis, &[]);
    let counters = sums(report.counters.iter().map(|c| (c.name.as_str(), &c.labels, c.value)));
    let histograms = sums(report.histograms.iter().map(|h| (h.name.as_str(), &h.labels, h.count)));
    assert!(counters.len() > 40 && histograms.len() > 15);
    for all in [counters, histograms] {
        for (entry, sum) in &all {
            let metric = entry.split(' ').next().unwrap();
            let total = all.iter().find(|(name, _)| *name == format!("{metric} ")).unwrap().1;
            assert_eq!(*sum, total, "{entry}");
        }
    }
}

#[test]
fn combinations_exist_only_when_a_threshold_names_them() {
    let combined = |asked| {
        let report = sample::report(&sample::outcome(), Broker::Redis, asked);
        let several = report.histograms.iter().filter(|h| h.labels.len() > 1);
        several.map(|h| (h.name.clone(), h.labels.len(), h.count)).collect::<Vec<_>>()
    };
    assert_eq!(combined(&[]), []);
    let asked = &[("delivery.p99{hop=same,own=yes}", "< 1s"), ("delivery.p50{hop=same,own=yes}", "< 1s")];
    assert_eq!(combined(asked), [("delivery".to_owned(), 2, 200)]);
}

/// Fifty groups and publish entries over twenty instances, every distribution as wide as they get.
fn wide(seed: u64, values: u32) -> Snapshot {
    let mut recorder = Recorder::default();
    let mut state = seed;
    for at in 0..values {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let nanos = 1_000 << ((state >> 40) % 24);
        let labels = Labels {
            hop: Some([Hop::Same, Hop::Cross, Hop::Unknown][(at % 50 % 3) as usize]),
            own: Some(at % 50 % 2 == 0),
            to: Some(TransportKind::WebSocket),
            from: Some(TransportKind::WebSocket),
            group: Some(GroupId((at % 50) as u16)),
            publish: Some(PublishId((at % 50) as u16)),
            instance: Some(InstanceTag(1 + at % 50 % 20)),
            ..Labels::default()
        };
        let value = nanos + (state >> 33) % nanos;
        for fact in [Fact::Delivered, Fact::Ack, Fact::SendLag, Fact::Completion, Fact::Spread, Fact::InstanceAdds] {
            recorder.observe(&Observation::new(fact, labels, value));
        }
        let counted = Labels { detail: Some(Word::STEADY), ..labels };
        for fact in [Fact::Due, Fact::Lost, Fact::Excluded, Fact::MessageSent, Fact::Duplicate, Fact::Late] {
            recorder.observe(&Observation::new(fact, counted, 1 << (at % 40)));
        }
    }
    recorder.take()
}

#[test]
fn a_long_run_with_many_labels_stays_within_two_mebibytes() {
    let mut outcome = sample::outcome();
    outcome.totals = wide(1, 60_000);
    outcome.names.groups = (0..50).map(|n| format!("a-long-name-for-a-group-{n}")).collect();
    outcome.names.publishes = (0..50).map(|n| format!("a-long-name-of-a-publish-entry-{n}")).collect();
    let mut report = sample::report(&outcome, Broker::Redis, &[]);
    let mut series = Series::default();
    for second in 1..=700 {
        let delta = if second % 300 == 1 { wide(second, 2_000) } else { small(second) };
        let at_ns = second as i64 * 1_000_000_000;
        let (phase, turns, marks) = (Phase::Measure, Default::default(), Vec::new());
        series.push(&Tick { at_ns, phase, delta, clients: 1, asked: 1, turns, marks });
    }
    report.series = series.points();
    assert!(report.series.len() <= 600);
    let dropped = report.histograms.iter().filter(|h| h.hdr_v2_deflate_base64.is_none()).count();
    assert!(report.histograms.iter().filter(|h| h.labels.is_empty()).all(|h| h.hdr_v2_deflate_base64.is_some()));
    let size = serde_json::to_vec(&report).unwrap().len();
    assert!(size <= 2 << 20, "{size} bytes");
    assert!(dropped > 0, "the bound was not put to the test: {size} bytes");
}

/// Everything that may happen in any one second.
const SECOND: &[Fact] = &[
    Fact::Delivered,
    Fact::Completion,
    Fact::SendLag,
    Fact::Due,
    Fact::MessageScheduled,
    Fact::MessageSent,
    Fact::MessageUnsent,
    Fact::FrameReceived,
    Fact::BytesReceived,
    Fact::BytesSent,
    Fact::SocketRead,
    Fact::SocketWrite,
    Fact::Lost,
    Fact::Excluded,
    Fact::Duplicate,
    Fact::Reordered,
    Fact::Early,
    Fact::Late,
    Fact::Error,
    Fact::ConnectionLost,
    Fact::ReconnectAttempt,
    Fact::Recovered,
];

fn small(second: u64) -> Snapshot {
    let mut recorder = Recorder::default();
    for fact in SECOND {
        recorder.observe(&Observation::new(*fact, Labels::default(), second * 1_000_003));
    }
    recorder.take()
}
