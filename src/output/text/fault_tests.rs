use std::time::Duration;

use super::*;
use crate::engine::Incident;
use crate::observe::Word;
use crate::report::sample::{incident, report, report_under, storm, stormy};
use crate::report::{Broker, Report};
use crate::threshold::RuleText;

fn reported(incidents: Vec<Incident>) -> Report {
    report(&stormy(incidents), Broker::Redis, &[])
}

/// The faults' part of the screen.
fn shown(report: &Report) -> String {
    let lines = lines(report, &Palette::plain());
    for line in &lines {
        assert!(width(line) <= WIDTH, "{} columns: {line}", width(line));
    }
    lines.join("\n")
}

fn screen(report: &Report) -> String {
    let mut text = Vec::new();
    super::super::write_text(report, &mut text, Palette::plain()).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn a_storm() {
    insta::assert_snapshot!(shown(&reported(vec![storm()])), @r"
    storm   0:10.0 - 0:13.2   30 % of listeners cut (rst)
      270 lost   back 50 % 480 ms   95 % 1.45 s   all 3.20 s   never 0
      herd peak 580 connects/s = 5.2 x mean   ·█▇▅▃▃▂▁▁▁▁▁··▁  0.2 s each
      missed 4 442, replayed 4 402, lost 40   bystanders' p99 58.0 -> 140 -> 61.0 ms
      down p50 1.62 s, p95 3.08 s, max 3.24 s   first delivery p95 3.21 s
      noticed p95 0.457 ms
      ended: 267 reset, 3 without a close frame (1006)
      of 302 attempts failed: 30 answered 503 (upgrade), 2 timed out (join)
    ");
}

#[test]
fn an_incident_found() {
    let found = Incident {
        declared: false,
        what: "412 of 412 connections of instance b ended within 0.2 s: a crash or a deploy".to_owned(),
        lost: 412,
        recovered: 409,
        never: 3,
        attempts: 98_040,
        herd: (0..600).map(|at| 400 / (at + 1)).collect(),
        back: [Some(Duration::from_millis(3_050)), Some(Duration::from_secs(41)), None, None],
        until_ns: 95_000_000_000,
        causes: [Word::EOF, Word::RESET, Word::close(1012), Word::SILENT].map(|kind| (kind, 103)).to_vec(),
        failures: (500..510).map(|status| (Word::UPGRADE, Word::http(status), 9_000)).collect(),
        ..incident("incident-1")
    };
    let mut outcome = stormy(vec![found]);
    outcome.instances = vec![("a".to_owned(), 1_000)];
    let report = report(&outcome, Broker::Redis, &[]);
    insta::assert_snapshot!(shown(&report), @r"
    incident-1   0:10 - 1:35
      not planned: 412 of 412 connections of instance b ended within 0.2 s: a crash
      or a deploy
      412 lost   back 50 % 3.05 s   95 % 41.0 s   never 3
      herd peak 4 000 connects/s = 65 x mean   █▂▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  1.7 s each
      missed 4 442, replayed 4 402, lost 40   bystanders' p99 58.0 -> 140 -> 61.0 ms
      those back: down p50 2.46 s, p95 4.67 s, max 4.91 s
      first delivery p95 4.87 s   noticed p95 0.589 ms
      ended: 103 without a close frame (1006), 103 reset,
        103 closed with 1012 (service restart), 103 gone silent
      of 98 040 attempts failed: 9 000 answered 500 (upgrade),
        9 000 answered 501 (upgrade), 9 000 answered 502 (upgrade),
        9 000 answered 503 (upgrade), 9 000 answered 504 (upgrade),
        9 000 answered 505 (upgrade), 36 000 of 4 more kinds
      the fullest instance ended with 2.0 x its share
    ");
    let screen = screen(&report);
    assert!(screen.contains("warning  412 connections lost at once, not by a fault (incident-1)\n"), "{screen}");
    assert!(screen.contains("warning  3 of 412 clients never came back after incident-1\n"), "{screen}");
}

#[test]
fn a_fault_that_could_not_be_carried_out() {
    let failure = Some("instance b was not started by this run: use [server], or a fault on the clients".to_owned());
    let undone = Incident { what: "instance b killed".to_owned(), failure, ..incident("crash") };
    let report = reported(vec![undone]);
    insta::assert_snapshot!(shown(&report), @r"
    crash   0:10.0   instance b killed
      NOT CARRIED OUT: instance b was not started by this run: use [server], or a
      fault on the clients
    ");
    let screen = screen(&report);
    assert!(screen.starts_with("FAIL  chat-staging"), "{screen}");
    assert!(screen.contains("exit 3\n  the fault crash was not carried out: see below\n"), "{screen}");
}

#[test]
fn nobody_came_back() {
    let lost = Incident { lost: 270, never: 270, causes: vec![(Word::RESET, 270)], ..incident("storm") };
    insta::assert_snapshot!(shown(&reported(vec![lost])), @r"
    storm   0:10.0 - 0:13.2   30 % of listeners cut (rst)
      270 lost   none came back
      bystanders' p99 58.0 -> 140 -> 61.0 ms
      ended: 270 reset
    ");
}

#[test]
fn a_fault_that_cut_nobody() {
    let paused = Incident { what: "Redis paused for 2 s".to_owned(), ..incident("redis") };
    insta::assert_snapshot!(shown(&reported(vec![paused, incident("second")])), @r"
    redis   0:10.0 - 0:13.2   Redis paused for 2 s
      no connection was lost
      bystanders' p99 58.0 -> 140 -> 61.0 ms

    second   0:10.0 - 0:13.2   30 % of listeners cut (rst)
      no connection was lost
    ");
}

#[test]
fn a_rule_about_an_incident_says_so_and_one_that_did_not_happen_is_not_applicable() {
    let rule = |during: &str| RuleText {
        metric: "reconnect.downtime.p95".to_owned(),
        rule: "< 2s".to_owned(),
        during: Some(during.to_owned()),
        line: 61,
        ..RuleText::default()
    };
    let report = report_under(&stormy(vec![storm()]), Broker::Redis, &["storm", "incident-1"].map(rule));
    assert_eq!(report.thresholds[0].during.as_deref(), Some("storm"));
    let lines = super::super::thresholds::lines(&report, &Palette::plain());
    let shown = lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(shown, @r"
    Thresholds
      FAIL  reconnect.downtime.p95 during storm  < 2s          3.08 s   54 % above
              chat.toml:61
      ok    reconnect.downtime.p95 during incident-1
                                                 < 2s               -
              chat.toml:61: not applicable: there was no incident-1
    ");
}

#[test]
fn what_all_faults_tell_of_is_not_told_twice() {
    assert!(!screen(&reported(vec![storm()])).contains("connections lost"));
}

#[test]
fn huge_numbers_and_long_names_stay_within_the_columns() {
    let mut report = reported(vec![storm(), Incident { declared: false, ..storm() }]);
    for fault in &mut report.faults {
        fault.name = "a-very-long-name-of-a-fault-that-somebody-chose".to_owned();
        fault.what = "wörds ".repeat(60);
        fault.failure = Some("nöne ".repeat(100));
        let huge = u64::MAX / 4;
        fault.until_ns = i64::MAX;
        fault.imbalance = Some(1e9);
        fault.herd = vec![huge; 6_000];
        let reconnect = &mut fault.reconnect;
        reconnect.lost = huge;
        reconnect.never = huge;
        reconnect.peak_connects_per_100ms = huge;
        reconnect.missed = huge;
        fault.bystanders.before = Some(huge);
        for cause in &mut reconnect.causes {
            (cause.kind, cause.count) = ("x".repeat(200), huge);
        }
    }
    shown(&report);
    screen(&report).lines().for_each(|line| assert!(width(line) <= WIDTH, "{line}"));
}

#[test]
fn colours_only_repeat_what_the_words_say_and_nothing_hostile_gets_through() {
    let hostile = "\u{1b}[2J\u{202e}evil\r\n";
    let mut report = reported(vec![storm(), Incident { never: 4, declared: false, ..storm() }]);
    for fault in &mut report.faults {
        fault.name = hostile.to_owned();
        fault.what = hostile.repeat(9);
        fault.failure = Some(hostile.repeat(9));
        fault.reconnect.causes[0].kind = hostile.to_owned();
        fault.reconnect.failures[0].stage = hostile.to_owned();
    }
    let plain = screen(&report);
    assert!(plain.lines().all(|line| width(line) <= WIDTH && !line.chars().any(char::is_control)), "{plain}");
    let mut coloured = Vec::new();
    super::super::write_text(&report, &mut coloured, Palette::coloured()).unwrap();
    assert_eq!(String::from_utf8(anstream::adapter::strip_bytes(&coloured).into_vec()).unwrap(), plain);
}
