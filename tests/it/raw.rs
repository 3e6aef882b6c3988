//! The identity, recomputed by somebody else: from the lines of `--out raw` alone, by the rules and not by the ledger.

use rustix::process::Signal;

use crate::support::process::{instances, signal};
use crate::support::raw_log::{Counts, Log, compare};
use crate::support::{PATIENCE, Report, put, scratch, wait_for, wsbench};

#[test]
fn a_steady_run_is_recomputed_exactly_by_any_number_of_workers() {
    let directory = scratch();
    let [raw, json] = ["run.raw", "run.json"].map(|name| directory.path().join(name));
    let finished = wsbench(["run", "@quickstart", "--workers", "3"])
        .vars("LISTENERS=90 TALKERS=10 RATE=300/s WARM_UP=500ms DURATION=2s DRAIN=2s")
        .args(["--out", &format!("raw={}", raw.display()), "--out", &format!("json={}", json.display())])
        .run();
    assert!(matches!(finished.code, Some(0 | 99)), "{finished:?}");
    let counts = compare(&raw, &Report::read(&json));
    assert_eq!((counts.due, counts.missing.len()), (counts.delivered, 0));
    assert!(counts.due > 4_000, "{counts:?}");
}

#[test]
fn clients_that_come_and_go_are_owed_what_falls_into_their_stay() {
    let directory = scratch();
    let [raw, json] = ["run.raw", "run.json"].map(|name| directory.path().join(name));
    let finished = wsbench(["run", "@chat", "--workers", "2"])
        .vars("PEOPLE=80 ROOMS=8 THINK=200ms..600ms STAY=exponential(800ms) WARM_UP=500ms DURATION=3s DRAIN=1500ms")
        .args(["--out", &format!("raw={}", raw.display()), "--out", &format!("json={}", json.display())])
        .run();
    // Whoever leaves before the server has let him in has failed, and what he had to say is unsent.
    assert!(matches!(finished.code, Some(0 | 99)), "{finished:?}");
    let report = Report::read(&json);
    let counts = compare(&raw, &report);
    assert!(report.count("clients.requested") > 300, "they come and go");
    let excluded: u64 = counts.missing.values().sum();
    assert!(excluded > 0, "somebody was on the way in or out: {:?}", counts.missing);
    assert!(counts.missing.keys().all(|(lost, _)| !lost), "{:?}", counts.missing);
}

/// Forty people in two rooms, everybody talking fast, on two processes.
const FRAGILE: &str = r#"
name = "fragile"
[run]
warm_up = "0s"
duration = "3s"
drain = "2s"
[server]
instances = 2
broker = "redis"
[[clients]]
name = "people"
count = 40
ramp = "200ms"
rooms = { count = 2, name = "room-{n}" }
transport = TRANSPORT
reconnect = { policy = "full-jitter", base = "300ms", cap = "1s", resume = RESUME }
[[publish]]
name = "talk"
from = "people"
rate = "200/s"
size = "128B"
"#;

const SOCKETS: &str = "'websocket'";
const MIXED: &str = "{ websocket = 40, sse = 30, longpoll = 30 }";

/// Runs [`FRAGILE`] and kills one of its instances while it is measured.
fn with_a_killed_instance(transport: &str, resume: bool) -> Counts {
    let directory = scratch();
    let [raw, json] = ["run.raw", "run.json"].map(|name| directory.path().join(name));
    let scenario = put(
        &directory,
        "fragile.toml",
        &FRAGILE.replace("RESUME", &resume.to_string()).replace("TRANSPORT", transport),
    );
    let running = wsbench(["run", &scenario])
        .args(["--out", &format!("raw={}", raw.display()), "--out", &format!("json={}", json.display())])
        .start();
    let arrived = || std::fs::read_to_string(&raw).ok().filter(|text| text.contains(r#""what":"arrival""#));
    wait_for("the first arrivals in the raw log", PATIENCE, arrived);
    let instances = instances(running.pid());
    assert_eq!(instances.len(), 2, "one process per instance");
    signal(instances[0], Signal::KILL);
    let finished = running.finish();
    assert!(matches!(finished.code, Some(0 | 99)), "{finished:?}");
    let report = Report::read(&json);
    let counts = compare(&raw, &report);
    assert_eq!(report.count("reconnect.lost_connections"), 20, "half of the clients sat on it");
    assert_eq!((report.count("reconnect.recovered"), report.count("reconnect.never")), (20, 0));
    if resume {
        only_what_died_is_missing(&Log::read(&raw));
    }
    counts
}

/// What anybody got, everybody got in the end. What nobody got was said to the killed process and had not left it, however
/// much that is: nobody can replay it.
fn only_what_died_is_missing(log: &Log) {
    for (message, publication) in log.publications.iter().filter(|(_, p)| log.is_measured(p) && p.sent.is_some()) {
        let owed = log.owed(message.0, publication);
        let came = owed.iter().filter(|client| log.arrivals.contains_key(&(**client, *message))).count();
        assert!(came == 0 || came == owed.len(), "{message:?} came to {came} of {}", owed.len());
        let died = log.down.contains_key(&publication.publisher) || publication.refused;
        assert!(came > 0 || died, "{message:?} was said to the instance that lives, and nobody got it");
    }
}

#[test]
fn a_killed_instance_costs_what_the_accounts_say() {
    let counts = with_a_killed_instance(SOCKETS, false);
    let gap = counts.missing.get(&(true, "reconnect_gap")).copied().unwrap_or(0);
    assert!(gap > 100, "everybody on it missed something: {:?}", counts.missing);
    assert_eq!(counts.replayed, 0);
}

#[test]
fn what_resuming_clients_missed_is_replayed_and_not_lost() {
    let counts = with_a_killed_instance(SOCKETS, true);
    assert!(counts.replayed > 100, "{counts:?}");
}

#[test]
fn streams_and_polls_are_in_the_same_accounts_and_resume_as_well() {
    let counts = with_a_killed_instance(MIXED, true);
    assert!(counts.replayed > 100, "{counts:?}");
}

#[test]
fn streams_and_polls_that_do_not_resume_miss_what_the_accounts_say() {
    let counts = with_a_killed_instance(MIXED, false);
    let gap = counts.missing.get(&(true, "reconnect_gap")).copied().unwrap_or(0);
    assert!(gap > 100, "everybody on it missed something: {:?}", counts.missing);
    assert_eq!(counts.replayed, 0);
}
