//! The identity, recomputed by somebody else: from the lines of `--out raw` alone, by the rules and not by the ledger.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::process::{instances, signal};
use crate::support::report::embedded;
use crate::support::{PATIENCE, Report, put, scratch, wait_for, wsbench};

/// A client and a room.
type Seat = (u64, u64);

/// A room and the place of a publication in it.
type Message = (u64, u64);

/// What the lines say, sorted by subject.
#[derive(Default)]
struct Log {
    axis: Value,
    closed: u64,
    /// From when until when the plan has a client in a room, on the machine's clock.
    members: HashMap<Seat, (u64, Option<u64>)>,
    publications: HashMap<Message, Publication>,
    arrivals: HashMap<(u64, Message), Vec<(u64, bool)>>,
    joined: HashMap<Seat, Vec<u64>>,
    down: HashMap<u64, Vec<u64>>,
}

struct Publication {
    publisher: u64,
    due: u64,
    sent: Option<u64>,
    refused: bool,
    uncertain: bool,
}

impl Log {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut log =
            Self { axis: lines.iter().find(|line| line["what"] == "axis").unwrap().clone(), ..Self::default() };
        lines.iter().for_each(|line| log.add(line));
        log.joined.values_mut().for_each(|times| times.sort_unstable());
        log
    }

    fn add(&mut self, line: &Value) {
        let number = |key: &str| line[key].as_u64().unwrap_or_else(|| panic!("no {key} in {line}"));
        let t0 = self.axis["t0"].as_u64().unwrap();
        match line["what"].as_str().unwrap() {
            "axis" => {}
            "closed" => self.closed = self.closed.max(number("at")),
            "member" => {
                let until = line["until"].as_u64().map(|until| t0 + until);
                let twice = self.members.insert((number("client"), number("room")), (t0 + number("from"), until));
                assert!(twice.is_none(), "one life, one membership: {line}");
            }
            "publication" => {
                let publication = Publication {
                    publisher: number("publisher"),
                    due: number("due"),
                    sent: line["sent"].as_u64(),
                    refused: false,
                    uncertain: false,
                };
                assert_eq!(publication.sent.is_none(), line["unsent"].is_string(), "{line}");
                self.publications.insert((number("room"), number("index")), publication);
            }
            "arrival" => {
                let pair = (number("client"), (number("room"), number("index")));
                self.arrivals.entry(pair).or_default().push((number("at"), line["replayed"] == true));
            }
            "joined" => self.joined.entry((number("client"), number("room"))).or_default().push(number("at")),
            "lost" => self.down.entry(number("client")).or_default().push(number("at")),
            "left" => {}
            fate @ ("refused" | "uncertain") => {
                let publication = self.publications.get_mut(&(number("room"), number("index"))).unwrap();
                let flag = if fate == "refused" { &mut publication.refused } else { &mut publication.uncertain };
                *flag = true;
            }
            other => panic!("what is a {other}?"),
        }
    }

    fn rule(&self, name: &str) -> u64 {
        self.axis[name].as_u64().unwrap()
    }

    fn is_measured(&self, publication: &Publication) -> bool {
        (self.rule("measured_from")..self.rule("measured_until")).contains(&publication.due)
    }

    /// Who is owed a copy.
    fn owed(&self, room: u64, publication: &Publication) -> Vec<u64> {
        let there = |(from, until): &(u64, Option<u64>)| {
            *from <= publication.due && until.is_none_or(|until| publication.due < until)
        };
        let hears = |client: u64| self.axis["sender_hears_itself"] == true || client != publication.publisher;
        let members = self.members.iter().filter(|((client, of), span)| *of == room && there(span) && hears(*client));
        members.map(|((client, _), _)| *client).collect()
    }

    /// Why a copy of something sent at `sent` is missing: whether it is lost, and of which class or reason.
    fn missing(&self, seat: Seat, sent: u64) -> (bool, &'static str) {
        let acks = self.joined.get(&seat).map_or(&[][..], Vec::as_slice);
        match acks.first() {
            None => return (false, "never_joined"),
            Some(acked) if *acked > sent => return (false, "join_race"),
            Some(_) => {}
        }
        let race = sent + self.rule("race");
        let downs = self.down.get(&seat.0).map_or(&[][..], Vec::as_slice);
        // Down from the loss to the next acknowledged join; a loss while down is the same outage.
        let back = |from: u64| acks.iter().find(|at| **at >= from).copied();
        let is_down =
            |from: u64, to: u64| downs.iter().any(|down| *down <= to && back(*down).is_none_or(|at| at >= from));
        if is_down(sent, sent) {
            return (true, "reconnect_gap");
        }
        if self.members[&seat].1.is_some_and(|until| until <= race) {
            return (false, "leave_race");
        }
        (true, if is_down(sent, race) { "reconnect_gap" } else { "steady" })
    }

    fn recount(&self) -> Counts {
        let mut counts = Counts::default();
        for ((room, index), publication) in self.publications.iter().filter(|(_, p)| self.is_measured(p)) {
            counts.scheduled += 1;
            let Some(sent) = publication.sent else { continue };
            let window = self.closed.min(publication.due + self.rule("settle"));
            let owed = self.owed(*room, publication);
            let pair = |client: &u64| self.arrivals.get(&(*client, (*room, *index)));
            let came =
                |client: &u64| pair(client).and_then(|copies| copies.iter().min().filter(|(at, _)| *at <= window));
            let nobody = !owed.iter().any(|client| came(client).is_some());
            counts.due += owed.len() as u64;
            for client in &owed {
                counts.copies += pair(client).map_or(0, |copies| copies.len() as u64);
                if let Some((at, replayed)) = came(client) {
                    counts.delivered += 1;
                    if *replayed {
                        counts.replayed += 1
                    } else {
                        counts.latencies.push(at - publication.due)
                    }
                    continue;
                }
                let (lost, why) = match self.missing((*client, *room), sent) {
                    _ if publication.uncertain => (false, "unknown"),
                    (true, _) if publication.refused => (!nobody, if nobody { "refused" } else { "steady" }),
                    fate => fate,
                };
                *counts.missing.entry((lost, why)).or_default() += 1;
            }
        }
        counts.latencies.sort_unstable();
        counts
    }
}

#[derive(Default)]
struct Counts {
    scheduled: u64,
    due: u64,
    delivered: u64,
    replayed: u64,
    /// Of owed pairs, further ones included.
    copies: u64,
    missing: BTreeMap<(bool, &'static str), u64>,
    latencies: Vec<u64>,
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { scheduled, due, delivered, replayed, copies, missing, .. } = self;
        write!(
            f,
            "scheduled {scheduled} due {due} delivered {delivered} replayed {replayed} copies {copies} {missing:?}"
        )
    }
}

/// A run's two files, compared in every number both of them tell.
fn compare(raw: &Path, report: &Report) -> Counts {
    let counts = Log::read(raw).recount();
    let of = |lost: bool| counts.missing.iter().filter(|((l, _), _)| *l == lost).map(|(_, n)| *n).sum::<u64>();
    let [due, delivered, lost, excluded] = report.identity();
    let told =
        (report.count("messages.scheduled"), due, delivered, lost, excluded, report.count("deliveries.replayed"));
    let ours = (counts.scheduled, counts.due, counts.delivered, of(true), of(false), counts.replayed);
    assert_eq!(
        told, ours,
        "(scheduled, due, delivered, lost, excluded, replayed) told and recomputed; {:?}",
        counts.missing
    );
    for ((lost, why), number) in &counts.missing {
        let (name, key) = if *lost { ("deliveries.lost", "class") } else { ("deliveries.excluded", "reason") };
        assert_eq!(report.counted(name, &[(key, why)]), *number, "{name}{{{key}={why}}}");
    }
    assert_eq!(counts.copies - counts.delivered, report.count("deliveries.duplicate"), "duplicates");
    percentiles(&counts.latencies, report);
    counts
}

/// The merged histogram against an exact sort.
fn percentiles(sorted: &[u64], report: &Report) {
    let told = report.histogram("delivery");
    assert_eq!(told["count"], sorted.len());
    assert_eq!((told["min"].as_u64(), told["max"].as_u64()), (sorted.first().copied(), sorted.last().copied()));
    let histogram = embedded(told);
    for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99_9", 0.999)] {
        let exact = sorted[((quantile * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len()) - 1];
        let value = told[name].as_u64().unwrap();
        let allowed = (exact / 1_000).max(histogram.equivalent_range(exact));
        assert!(value.abs_diff(exact) <= allowed, "{name}: {value} told, {exact} by sorting");
    }
}

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
    counts
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
    let lost: u64 = counts.missing.iter().filter(|((lost, _), _)| *lost).map(|(_, number)| *number).sum();
    // What was said to the killed process and had not left it cannot be replayed by anybody.
    assert!(lost < counts.replayed / 2, "{counts:?}");
}

#[test]
fn streams_and_polls_are_in_the_same_accounts_and_resume_as_well() {
    let counts = with_a_killed_instance(MIXED, true);
    assert!(counts.replayed > 100, "{counts:?}");
    let lost: u64 = counts.missing.iter().filter(|((lost, _), _)| *lost).map(|(_, number)| *number).sum();
    assert!(lost < counts.replayed / 2, "{counts:?}");
}

#[test]
fn streams_and_polls_that_do_not_resume_miss_what_the_accounts_say() {
    let counts = with_a_killed_instance(MIXED, false);
    let gap = counts.missing.get(&(true, "reconnect_gap")).copied().unwrap_or(0);
    assert!(gap > 100, "everybody on it missed something: {:?}", counts.missing);
    assert_eq!(counts.replayed, 0);
}
