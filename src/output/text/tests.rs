use super::*;
use crate::engine::{End, Identity, Outcome};
use crate::metrics::Recorder;
use crate::observe::{Fact, GroupId, Hop, Labels, PublishId, RequestId, Word};
use crate::report::sample::{HELD, add, deliveries, failure, outcome, report};
use crate::report::{Broker, Report};
use crate::ui::width;

fn text(report: &Report) -> String {
    let mut written = Vec::new();
    write_text(report, &mut written, Palette::plain()).unwrap();
    let text = String::from_utf8(written).unwrap();
    for line in text.lines() {
        assert!(width(line) <= WIDTH, "{} columns: {line}", width(line));
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    text
}

fn shown(outcome: &Outcome, asked: &[(&str, &str)]) -> String {
    text(&report(outcome, Broker::Redis, asked))
}

fn detail(word: Word) -> Labels {
    Labels { detail: Some(word), publish: Some(PublishId(0)), group: Some(GroupId(0)), ..Labels::default() }
}

/// A run in which much went wrong.
fn trouble() -> Outcome {
    let mut outcome = outcome();
    let refused = Labels { stage: Some(Word::UPGRADE), detail: Some(Word::http(503)), ..Labels::default() };
    let timeout = Labels { stage: Some(Word::JOIN), detail: Some(Word::TIMEOUT), ..Labels::default() };
    add(
        &mut outcome,
        &[
            (Fact::Lost, detail(Word::STEADY), 3),
            (Fact::Lost, detail(Word::RECONNECT_GAP), 85),
            (Fact::Due, Labels { detail: None, ..detail(Word::STEADY) }, 88),
            (Fact::ClientRequested, Labels { group: Some(GroupId(0)), ..Labels::default() }, 12),
            (Fact::ClientFailed, Labels { group: Some(GroupId(0)), ..Labels::default() }, 12),
            (Fact::Error, refused, 3_114),
            (Fact::Error, timeout, 2),
            (Fact::MessageScheduled, detail(Word::BACK_PRESSURE), 40),
            (Fact::MessageUnsent, detail(Word::BACK_PRESSURE), 4),
            (Fact::MessageUnsent, detail(Word::DISCONNECTED), 36),
            (Fact::Misrouted, Labels::default(), 1),
            (Fact::Ghost, Labels::default(), 2),
            (Fact::Duplicate, Labels::default(), 7),
            (Fact::Late, Labels::default(), 5),
            (Fact::ConnectionLost, detail(Word::RESET), 270),
            (Fact::Recovered, Labels::default(), 269),
            (Fact::NeverRecovered, Labels::default(), 1),
            (Fact::ReconnectAttempt, Labels::default(), 812),
            (Fact::FrameReceived, Labels { detail: Some(Word::UNKNOWN), ..Labels::default() }, 6),
        ],
    );
    outcome.identity = Identity { due: 4_300, delivered: 4_200, lost: 88, excluded: 12 };
    let answer = "the server answered 503 Service Unavailable (nginx) to the upgrade of ws://10.0.0.7:8080/ws";
    outcome.errors = vec![failure(Word::http(503), answer, "listeners #5512")];
    outcome.unknown_frames = vec![r#"{"type":"server_notice","text":"maintenance at noon"}"#.to_owned()];
    outcome
}

#[test]
fn pass() {
    insta::assert_snapshot!(shown(&outcome(), HELD));
}

#[test]
fn fail() {
    let asked = [
        ("delivery.p99{hop=cross}", "< 250ms"),
        ("deliveries.lost", "== 0"),
        ("delivery.p50{hop=cross,publish=chat}", "< 5ms"),
        ("deliveries.lost{publish=chat} / deliveries.due{publish=chat}", "< 0.1%"),
        ("delivery.p99{publish=typing}", "< 100ms"),
    ];
    insta::assert_snapshot!(shown(&trouble(), &asked));
}

#[test]
fn done_without_thresholds() {
    let screen = shown(&outcome(), &[]);
    assert!(screen.starts_with("DONE  chat-staging   no thresholds "), "{screen}");
    assert!(!screen.contains("Thresholds"), "{screen}");
}

#[test]
fn an_implied_rule_is_shown_when_it_is_broken() {
    let screen = shown(&trouble(), &[]);
    assert!(screen.starts_with("FAIL  chat-staging   2 of 2 thresholds failed · 4 warnings"), "{screen}");
    assert!(screen.contains("implied unless the scenario says otherwise"), "{screen}");
}

#[test]
fn untrustworthy() {
    let mut outcome = outcome();
    outcome.health.reasons = vec![
        "sends were 14.2 ms late at p99, above 25 % of the delivery p99: use fewer clients per machine, or give \
         wsbench more cores"
            .to_owned(),
        "the hypervisor took 18 % of the machine: run on a quieter machine".to_owned(),
    ];
    outcome.health.steal_share = 0.18;
    insta::assert_snapshot!(shown(&outcome, HELD));
}

#[test]
fn interrupted() {
    let mut outcome = outcome();
    outcome.end = End::Interrupted(130);
    outcome.measured = std::time::Duration::from_millis(7_300);
    insta::assert_snapshot!(shown(&outcome, HELD));
}

#[test]
fn memory_broker() {
    let screen = text(&report(&outcome(), Broker::Memory, HELD));
    assert!(screen.contains("adds 2.10 ms (median); no Redis hop: memory broker"), "{screen}");
}

#[test]
fn a_foreign_server_that_says_nothing_of_itself() {
    let mut outcome = outcome();
    let mut recorder = Recorder::default();
    deliveries(&mut recorder, 1, 100);
    outcome.totals = Recorder::default().take();
    let unknown = Labels { hop: Some(Hop::Unknown), publish: Some(PublishId(1)), ..Labels::default() };
    add(&mut outcome, &[(Fact::Delivered, unknown, 5_000_000), (Fact::Due, Labels::default(), 1)]);
    outcome.identity = Identity { due: 1, delivered: 1, lost: 0, excluded: 0 };
    outcome.instances = Vec::new();
    let screen = text(&report(&outcome, Broker::External, &[]));
    assert!(screen.contains("typing  unknown instance       1   5.00      -      -      -    5.00"), "{screen}");
    assert!(screen.contains("warning  1 copy came by an unknown instance"), "{screen}");
    assert!(screen.contains("send lag unknown"), "{screen}");
}

#[test]
fn nothing_recognised_as_a_delivery() {
    let mut outcome = outcome();
    outcome.totals = Recorder::default().take();
    add(
        &mut outcome,
        &[
            (Fact::ClientRequested, Labels::default(), 10),
            (Fact::ClientConnected, Labels::default(), 10),
            (Fact::MessageScheduled, Labels::default(), 50),
            (Fact::MessageSent, Labels::default(), 50),
        ],
    );
    outcome.identity = Identity::default();
    outcome.end = End::Failed(
        "no delivery was recognised within 5 s of publishing: look at what the server sends with `wsbench probe`"
            .to_owned(),
    );
    insta::assert_snapshot!(shown(&outcome, HELD));
}

#[test]
fn counts_that_contradict_each_other_are_shown_loudly() {
    let mut outcome = outcome();
    outcome.identity.delivered += 1;
    let report = report(&outcome, Broker::Redis, HELD);
    assert_eq!(report.exit_code, 1);
    insta::assert_snapshot!(text(&report));
}

const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;pwned\u{7}\u{202e}evil\u{200b}\r\n\u{9b}31m<script>聊天室";

#[test]
fn hostile_strings_never_reach_the_terminal() {
    let mut outcome = trouble();
    outcome.names.groups = vec![HOSTILE.to_owned(); 2];
    outcome.names.publishes = vec![HOSTILE.to_owned(); 2];
    outcome.instances = vec![(HOSTILE.to_owned(), 5), (HOSTILE.repeat(9), 4)];
    outcome.errors = vec![failure(Word::http(503), &HOSTILE.repeat(20), HOSTILE)];
    outcome.unknown_frames = vec![HOSTILE.repeat(20); 3];
    outcome.health.reasons = vec![HOSTILE.repeat(20)];
    outcome.end = End::Aborted(HOSTILE.repeat(3));
    let mut report = report(&outcome, Broker::Redis, &[("delivery.p99", "< 1ms")]);
    report.scenario.name = HOSTILE.repeat(5);
    report.scenario.path = HOSTILE.repeat(5);
    for rule in &mut report.thresholds {
        rule.metric = HOSTILE.repeat(2);
        rule.rule = HOSTILE.to_owned();
        rule.during = Some(HOSTILE.to_owned());
        rule.note = Some(HOSTILE.to_owned());
    }
    for failure in &mut report.errors {
        failure.stage = HOSTILE.to_owned();
        failure.kind = HOSTILE.to_owned();
    }
    insta::assert_snapshot!(text(&report));
}

#[test]
fn large_numbers_stay_within_the_columns() {
    let mut report = report(&trouble(), Broker::Redis, &[("deliveries.lost", "== 0"), ("delivery.max", "< 1ns")]);
    let huge = u64::MAX / 4;
    for counter in &mut report.counters {
        counter.value = huge;
    }
    for row in &mut report.arrivals {
        let hour = 3_600_000_000_000;
        let summary = &mut row.summary;
        (summary.count, summary.p50, summary.p90, summary.p99, summary.p99_9) = (huge, hour, hour, hour, hour);
        summary.max = 100 * hour;
        row.publish = "a-very-long-name-of-a-publish-entry".to_owned();
    }
    for rule in &mut report.thresholds {
        rule.value = Some(huge as f64);
        rule.margin = Some(huge as f64);
    }
    for failure in &mut report.errors {
        failure.count = huge;
    }
    let template = report.errors[0].clone();
    report.errors.extend(std::iter::repeat_n(template, 20));
    let share = report.instances[0].clone();
    report.instances.extend(std::iter::repeat_n(share, 40));
    (report.identity.due, report.identity.delivered, report.identity.lost) = (huge, huge, huge);
    report.generator.cores = 512;
    report.generator.sends_late = huge;
    report.generator.rss_peak_bytes = huge;
    report.generator.loop_lag_p99_ns = huge;
    report.generator.healthy = false;
    text(&report);
    report.identity.holds = false;
    let screen = text(&report);
    assert!(screen.contains("4 611 686 018 427 387 903"), "{screen}");
}

#[test]
fn colours_only_repeat_what_the_words_say() {
    let report = report(&trouble(), Broker::Redis, HELD);
    let mut coloured = Vec::new();
    write_text(&report, &mut coloured, Palette::coloured()).unwrap();
    let stripped = anstream::adapter::strip_bytes(&coloured).into_vec();
    assert_eq!(String::from_utf8(stripped).unwrap(), text(&report));
    assert!(coloured.len() > text(&report).len());
}

#[test]
fn where_the_files_went() {
    let file = |path: &str, bytes| Written { path: path.into(), bytes };
    let mut shown = Vec::new();
    write_written(&[file("result.json", 421_888), file("dir/all.hgrm", 812)], &mut shown).unwrap();
    assert_eq!(String::from_utf8(shown).unwrap(), "\nWrote result.json (412 KiB) · dir/all.hgrm (812 B)\n");
}

#[test]
fn requests_have_a_line_each() {
    assert!(!shown(&outcome(), &[]).contains("requests"));
    let mut outcome = outcome();
    let asked = |at, detail| Labels { request: Some(RequestId(at)), detail, ..Labels::default() };
    let facts = [
        (Fact::RequestSent, asked(0, None), 153),
        (Fact::RequestFailed, asked(0, Some(Word::DISCONNECTED)), 2),
        (Fact::RequestTimedOut, asked(0, None), 1),
        (Fact::RequestSent, asked(1, None), 4),
        (Fact::RequestTimedOut, asked(1, None), 4),
    ];
    add(&mut outcome, &facts);
    let answers: Vec<_> = (1..=150).map(|at| (Fact::RequestAnswered, asked(0, None), at * 100_000)).collect();
    add(&mut outcome, &answers);
    outcome.names.requests.push("who is there".to_owned());
    let screen = shown(&outcome, &[]);
    let section = screen.split("\n\n").find(|part| part.starts_with("How long requests")).unwrap();
    insta::assert_snapshot!(section, @r"
    How long requests took (ms, from the moment they were due)
                    answered    p50    p90    p99   failed  timed out
      history            150   7.50   13.5   14.9        2          1
      who is there         0      -      -      -        0          4
    ");
}
