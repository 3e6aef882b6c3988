//! What the words look like.

use super::{Limits, Needs, explain};
use crate::scenario::plan::Plan;
use crate::scenario::{Overrides, Owned, Scenario, Source, load, parse};

const ROOMY: Limits = Limits { open_files: 20_000, ports: 28_232 };

fn unbroken(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn quickstart(overrides: &Overrides) -> Scenario {
    load("@quickstart", overrides, &|_| None).unwrap()
}

#[test]
fn quickstart_in_words() {
    insta::assert_snapshot!(explain(&quickstart(&Overrides::default()), &ROOMY), @r"
    quickstart: 1 000 clients in 10 rooms, 20 s measured

    Server
      starts the bundled room server: 2 instances, joined by Redis if there is one
        (--redis, REDIS_URL, or a redis-server or valkey-server on PATH), else by
        the embedded broker in one process

    Clients
      listeners: 900, started over 2 s; each in 1 of 10 rooms (room-0 … room-9), in
        turn; reconnecting by full-jitter
      talkers: 100, started over 2 s; each in 1 of 10 rooms (room-0 … room-9), in
        turn; reconnecting by full-jitter
      within each room members are spread evenly over the 2 instances
      a room has 100 members

    Publications
      chat: talkers speak in their rooms in turn, all together 200/s, at random
        moments, 128 B each
      in the measured phase 200/s publications are due, 4 000 in all, and 20 000/s
        deliveries, 400 000 in all

    Time
      ramp 2 s, warm-up 3 s, measured 20 s, drain 3 s: about 28 s together
      publishing begins when every client of the ramp has joined or failed, 32 s
        after the start at the latest
      a copy is lost if it has not arrived 60 s after it was due or at the end of
        the drain, whichever is first

    Thresholds
      deliveries.lost          == 0
      delivery.p99{hop=cross}  < 500ms
      completion.p99           < 750ms
      implied unless named: clients.failed == 0, messages.unsent at most 1 %

    This machine
      open files: wsbench needs 1 128, the limit is 20 000: enough
      the server needs as many, 1 128 in one process at most
      local ports: 500 towards each URL, one address has 28 232: enough
    ");
}

#[test]
fn what_is_not_enough_comes_with_the_remedy() {
    let tight = Limits { open_files: 1_024, ports: 400 };
    let text = unbroken(&explain(&quickstart(&Overrides::default()), &tight));
    assert!(text.contains("NOT ENOUGH; raise it (ulimit -n 1128)"), "{text}");
    assert!(text.contains("further addresses 127.0.0.x"), "{text}");
    let scenario = quickstart(&Overrides { clients: Some(10_000), ..Overrides::default() });
    let needs = Needs::of(&scenario, &Plan::new(&scenario));
    assert_eq!((needs.open_files, needs.ports), (10_128, 5_000));
}

#[test]
fn more_clients_than_one_process_can_have_are_shared_by_a_flag() {
    let text = "
        [server]
        instances = 4
        broker = 'redis'
        [[clients]]
        name = 'crowd'
        count = 60_000
        ";
    let scenario = parse(Source::new("crowd.toml", text), &Overrides::default(), &|_| None).unwrap();
    let needs = Needs::of(&scenario, &Plan::new(&scenario));
    assert_eq!((needs.open_files, needs.server_files), (60_128, 15_128));
    assert_eq!((needs.processes(&ROOMY), needs.over(4).open_files), (Some(4), 15_128));
    assert_eq!((needs.over(2).processes(&ROOMY), needs.over(4).processes(&ROOMY)), (Some(4), None));
    let words = unbroken(&explain(&scenario, &ROOMY));
    for part in [
        "the limit is 20 000: NOT ENOUGH in one process; run it with --processes 4, raise it (ulimit -n 60128)",
        "each instance of the server is a process, and needs 15 128",
    ] {
        assert!(words.contains(part), "{part} is not in {words}");
    }
    let memory = parse(Source::new("crowd.toml", text.replace("redis", "memory")), &Overrides::default(), &|_| None);
    let words = unbroken(&explain(&memory.unwrap(), &ROOMY));
    assert!(!words.contains("--processes"), "the one process of the server would be too small: {words}");
}

#[test]
fn everything_that_moves_is_described_within_eighty_columns() {
    let text = "
        [target]
        urls = ['ws://a.example.com/socket', 'ws://b.example.com/socket', 'ws://c.example.com/socket']
        [[clients]]
        name = 'steps'
        count = [{ at = '0s', n = 3 }, { at = '5s', n = 20 }]
        rooms = [{ count = 5, per_client = 2, pick = 'zipf(1.1)' }, { count = 1, name = 'lobby' }]
        stay = 'exponential(4s)'
        [[clients]]
        name = 'arrive'
        arrive = { rate = '10/s' }
        reconnect = 'none'
        [[publish]]
        name = 'a'
        from = 'steps'
        every = '200ms..2s'
        [[publish]]
        name = 'b'
        from = 'steps'
        rate = '20/s'
        arrival = 'burst(10)'
        to = 'lobby'
        text = { size = 'lognormal(120B, 0.8)' }
        ";
    let owned = Overrides { owned: Owned::Target, ..Overrides::default() };
    let scenario = parse(Source::new("moving.toml", text), &owned, &|_| None).unwrap();
    let words = explain(&scenario, &ROOMY);
    assert!(words.lines().all(|line| line.chars().count() <= 80), "{words}");
    for part in
        ["up to 20, following 2 points", "arriving at 10/s", "never reconnecting", "in bursts of 10", "in lobby"]
    {
        assert!(unbroken(&words).contains(part), "{part} is not in {words}");
    }
}

/// What is said about the faults of a shipped scenario.
fn faults_of(name: &str, vars: &[(&str, &str)]) -> String {
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let scenario = load(name, &Overrides { vars, ..Overrides::default() }, &|_| None).unwrap();
    let words = explain(&scenario, &ROOMY);
    assert!(words.lines().all(|line| line.chars().count() <= 80), "{words}");
    words.split("\n\n").find(|part| part.starts_with("Faults")).unwrap().to_owned()
}

#[test]
fn a_bad_network_in_words() {
    insta::assert_snapshot!(faults_of("@bad-network", &[]), @r"
    Faults
      tunnel, 5 s after the warm-up: 20 % of passengers (about 54 clients) say or
        hear nothing for 3 s
      cell, 12 s after the warm-up: 20 % of passengers (about 54 clients) have their
        connections reset by the proxy once 1000 B more have reached them
      forgotten, 18 s after the warm-up: 20 % of passengers (about 54 clients) are
        cut off without a word, which they notice after 3 s of silence
    ");
    let text = "
        [target]
        urls = ['ws://localhost:1']
        [[clients]]
        name = 'people'
        count = 10
        rooms = { count = 1 }
        [[fault]]
        name = 'a'
        at = '1s'
        proxy = { clients = 'people', percent = 50, action = 'impair', delay = '200ms', duration = '2s' }
        [[fault]]
        name = 'b'
        at = '2s'
        proxy = { clients = 'people', percent = 50, action = 'corrupt' }
        [[fault]]
        name = 'c'
        at = '3s'
        command = ['kubectl', 'rollout', 'restart', 'deploy/chat']
        ";
    let leave = Overrides { allow_commands: true, ..Overrides::default() };
    let scenario = parse(Source::new("bad.toml", text), &leave, &|_| None).unwrap();
    let words = explain(&scenario, &ROOMY);
    let faults = words.split("\n\n").find(|part| part.starts_with("Faults")).unwrap();
    insta::assert_snapshot!(faults, @r"
    Faults
      a, 1 s after the warm-up: 50 % of people (about 5 clients) are impaired for 2
        s: 200ms late
      b, 2 s after the warm-up: 50 % of people (about 5 clients) have one bit turned
        over in the next they hear
      c, 3 s after the warm-up: runs kubectl with 3 arguments, 60 s at most; only
        with --allow-commands
    ");
    let said = unbroken(&words);
    for part in [
        "stands between clients and server; what passes it is left alone",
        "the fault proxy needs two per connection, 148",
    ] {
        assert!(said.contains(part), "{part} is not in {words}");
    }
}

#[test]
fn faults_in_words() {
    insta::assert_snapshot!(faults_of("@reconnect-storm", &[]), @r"
    Faults
      storm, 10 s after the warm-up: 30 % of listeners (about 270 clients) have
        their connections reset
    ");
    insta::assert_snapshot!(faults_of("@rolling-deploy", &[]), @r"
    Faults
      first, 5 s after the warm-up: instance 0, where 334 clients connect at first,
        sends everybody away, ends and is started again after 6 s
      second, 15 s after the warm-up: instance 1, where 333 clients connect at
        first, sends everybody away, ends and is started again after 6 s
      third, 25 s after the warm-up: instance 2, where 333 clients connect at first,
        sends everybody away, ends and is started again after 6 s
      needs Redis: only then every instance is a process; without one the run ends
        before it begins (exit 3)
    ");
    insta::assert_snapshot!(faults_of("@redis-outage", &[]), @r"
    Faults
      outage, 10 s after the warm-up: Redis stands still for 3 s
      needs a Redis of its own: a redis-server or valkey-server on PATH, and no
        --redis; without one the run ends before it begins (exit 3)
    ");
    insta::assert_snapshot!(faults_of("@slow-consumers", &[]), @r"
    Faults
      tunnel, 3 s after the warm-up: 1 % of listeners (about 3 clients) read no
        faster than 8.00 KiB/s from then on
    ");
    insta::assert_snapshot!(faults_of("@half-open", &[]), @r"
    Faults
      forgotten, 8 s after the warm-up: 20 % of listeners (about 180 clients) are
        cut off without a word, which they notice after 3 s of silence
    ");
}

#[test]
fn who_may_be_back_too_late_is_said_before() {
    let silence = unbroken(&faults_of("@half-open", &[("PING_INTERVAL", "10s"), ("PING_TIMEOUT", "20s")]));
    assert!(
        silence.contains("NOTE: listeners may need 30.5 s to be back, longer than the 22 s there is left of the run"),
        "{silence}"
    );
    let policy = unbroken(&faults_of("@policy-face-off", &[("RESTART", "20s")]));
    assert!(
        policy.contains("NOTE: centrifuge may need 39.6 s to be back, longer than the 27 s there is left of the run"),
        "{policy}"
    );
    let never = unbroken(&faults_of("@reconnect-storm", &[("POLICY", "browser"), ("HOW", "close:1001")]));
    assert!(
        never.contains("NOTE: some of listeners will not come back from this by their reconnect policy"),
        "{never}"
    );
    let here = unbroken(&faults_of("@policy-face-off", &[]));
    assert!(!here.contains("NOTE"), "{here}");
}
