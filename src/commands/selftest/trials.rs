//! How the rows are measured: a run for each, or one for several, and what the witness says of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::rows::{Machine, Subject};
use super::stand::{Stand, Stop, machine};
use crate::commands::exit::Failure;
use crate::report::Report;
use crate::time::nanos;

/// What was true and what was reported of one subject.
pub(super) type Finding = (Subject, u64, u64);

/// What one run gives.
pub(super) struct Trial {
    pub(super) findings: Vec<Finding>,
    pub(super) machine: Machine,
}

/// What is done in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Clean,
    Mutations,
    Early,
    Delay(u64),
    Stall,
}

/// A hundredth of the copies each.
const SHARE: f64 = 0.01;

/// How long the server is stopped, and how long is measured around that.
const STOPPED: Duration = Duration::from_secs(1);
const STALL_MEASURED: u64 = 8;

/// How long people talk before the server is stopped.
const BEFORE_STOP: Duration = Duration::from_millis(2_500);

/// Rooms of five, everybody talking.
const TALK: &str = r#"
[[clients]]
name = "people"
count = 60
ramp = "300ms"
rooms = { count = 12, name = "room-{n}" }
[[publish]]
name = "talk"
from = "people"
rate = "300/s"
arrival = "constant"
size = "64B"
"#;

/// As `TALK`, and listeners who come and go.
const COMING: &str = r#"
[[clients]]
name = "people"
count = 24
ramp = "300ms"
rooms = { count = 4, name = "room-{n}" }
[[clients]]
name = "guests"
count = 24
ramp = "300ms"
stay = "400ms..800ms"
rooms = { same_as = "people" }
[[publish]]
name = "talk"
from = "people"
rate = "200/s"
arrival = "constant"
size = "64B"
"#;

/// Clients that only listen, near and far; their numbers come before the talkers'.
const LISTENERS: u64 = 80;

/// Two who are near, two who are far and a talker in every room, so that both kinds wait for a core alike.
const NEAR_AND_FAR: &str = r#"
[proxy]
clients = "far"
delay = "DELAYms"
direction = "down"
[[clients]]
name = "near"
count = 40
ramp = "300ms"
rooms = { count = 20, name = "room-{n}" }
[[clients]]
name = "far"
count = 40
ramp = "300ms"
rooms = { same_as = "near" }
[[clients]]
name = "talkers"
count = 20
ramp = "300ms"
rooms = { same_as = "near" }
[[publish]]
name = "talk"
from = "talkers"
rate = "150/s"
arrival = "constant"
size = "128B"
"#;

impl Subject {
    /// In which run it is measured.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Clean => Kind::Clean,
            Self::Mutation { .. } => Kind::Mutations,
            Self::Early => Kind::Early,
            Self::Delay(millis) => Kind::Delay(millis),
            Self::StallP99 | Self::StallMax => Kind::Stall,
        }
    }
}

/// Carries out the run in which `subjects` are measured.
pub(super) fn carry_out(stand: &mut Stand<'_>, kind: Kind, subjects: &[Subject]) -> Result<Trial, Stop> {
    match kind {
        Kind::Clean => clean(stand),
        Kind::Mutations => {
            let plan = json!({ "seed": 8, "drop": SHARE, "duplicate": SHARE, "swap": SHARE, "misroute": SHARE });
            counted(stand, TALK, &plan, subjects)
        }
        Kind::Early => counted(stand, COMING, &json!({ "seed": 8, "early": 0.25 }), subjects),
        Kind::Delay(millis) => delayed(stand, millis),
        Kind::Stall => stalled(stand),
    }
}

fn clean(stand: &mut Stand<'_>) -> Result<Trial, Stop> {
    let since = stand.logged()?;
    let running = stand.start(TALK, (2, 1), None)?;
    let report = stand.finish(running)?;
    let wrong = ["lost", "duplicate", "reordered", "misrouted", "early", "ghost"];
    let alarms = wrong.iter().map(|name| report.counter(&format!("deliveries.{name}"))).sum();
    let findings = vec![(Subject::Clean, stand.done(None, &since)?, alarms)];
    Ok(Trial { findings, machine: machine(&report) })
}

fn counted(
    stand: &mut Stand<'_>,
    traffic: &str,
    plan: &serde_json::Value,
    subjects: &[Subject],
) -> Result<Trial, Stop> {
    let since = stand.logged()?;
    stand.order(plan)?;
    // The drain is longer than a swapped copy waits for one to be sent behind.
    let running = stand.start(traffic, (3, 2), None)?;
    let ended = stand.finish(running);
    stand.order(&json!({}))?;
    let report = ended?;
    let mut findings = Vec::new();
    for subject in subjects {
        let (deed, counter) = match subject {
            Subject::Mutation { deed, counter } => (*deed, *counter),
            _ => ("early", "deliveries.early"),
        };
        let done = stand.done(Some(deed), &since)?;
        if done == 0 {
            return Err(Failure::setup(format!("the server was told to {deed} copies, and did not")).into());
        }
        findings.push((*subject, done, report.counter(counter)));
    }
    Ok(Trial { findings, machine: machine(&report) })
}

fn delayed(stand: &mut Stand<'_>, millis: u64) -> Result<Trial, Stop> {
    let log = stand.file("proxy.ndjson");
    let running = stand.start(&NEAR_AND_FAR.replace("DELAY", &millis.to_string()), (3, 1), Some(&log))?;
    let report = stand.finish(running)?;
    let [near, far] = ["near", "far"].map(|group| median_of(&report, group));
    let [held_near, held_far] = held(&log)?;
    let findings = vec![(Subject::Delay(millis), held_far.saturating_sub(held_near), far?.saturating_sub(near?))];
    Ok(Trial { findings, machine: machine(&report) })
}

fn median_of(report: &Report, group: &str) -> Result<u64, Failure> {
    let found = report.distribution_with("delivery", "group", group).map(|delivery| delivery.p50);
    found.ok_or_else(|| Failure::setup(format!("nothing was delivered to the clients called {group}")))
}

/// A line of the fault proxy's log, as far as it tells how long bytes were held.
#[derive(Deserialize)]
struct Line {
    what: String,
    connection: Option<u64>,
    client: Option<u64>,
    impaired: Option<bool>,
    way: Option<String>,
    read: Option<u64>,
    written: Option<u64>,
}

/// How long the proxy really held what went to the clients, in the median: of those who are near, and of those far.
fn held(log: &Path) -> Result<[u64; 2], Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::setup(format!("the fault proxy's log cannot be read: {why}"));
    let text = std::fs::read_to_string(log).map_err(|error| wrong(&error))?;
    let mut impaired = BTreeMap::new();
    let mut held = [Vec::new(), Vec::new()];
    for line in text.lines() {
        let line: Line = serde_json::from_str(line).map_err(|error| wrong(&error))?;
        match (line.what.as_str(), line.connection, line.impaired, line.read.zip(line.written)) {
            // Talkers are sent acknowledgements, too, and how long those were held is no copy's delay.
            ("opened", Some(connection), Some(is), _) if line.client.is_some_and(|client| client < LISTENERS) => {
                impaired.insert(connection, is);
            }
            ("passed", Some(connection), _, Some((read, written))) if line.way.as_deref() == Some("down") => {
                if let Some(far) = impaired.get(&connection) {
                    held[usize::from(*far)].push(written.saturating_sub(read));
                }
            }
            _ => {}
        }
    }
    let median = |values: &mut Vec<u64>| {
        values.sort_unstable();
        values.get(values.len() / 2).copied().ok_or_else(|| wrong(&"nothing passed"))
    };
    let [near, far] = &mut held;
    Ok([median(near)?, median(far)?])
}

/// On an open schedule whoever is due while the server stands still waits for the rest of that time: of `measured`
/// seconds the last hundredth is due within its first `measured` hundredths of a second.
fn stalled(stand: &mut Stand<'_>) -> Result<Trial, Stop> {
    let before = stand.messages()?;
    let running = stand.start(TALK, (STALL_MEASURED, 2), None)?;
    stand.wait_for_talk(before)?;
    stand.pause(BEFORE_STOP)?;
    let still = stand.stop_server(STOPPED)?;
    let report = stand.finish(running)?;
    let p99 = still.saturating_sub(Duration::from_secs(STALL_MEASURED) / 100);
    let delivery = report.distribution("delivery").map(|delivery| (delivery.p99, delivery.max)).unwrap_or_default();
    let findings = vec![(Subject::StallP99, nanos(p99), delivery.0), (Subject::StallMax, nanos(still), delivery.1)];
    Ok(Trial { findings, machine: machine(&report) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_bytes_were_held_is_read_from_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let passed = |connection: u64, way: &str, by: u64| {
            let written = 1_000 + by;
            format!(
                r#"{{"what":"passed","connection":{connection},"way":"{way}","from":0,"until":9,"read":1000,"written":{written}}}"#
            )
        };
        let mut lines = vec![
            r#"{"what":"opened","connection":1,"client":0,"impaired":false,"to":"a","at":1}"#.to_owned(),
            r#"{"what":"opened","connection":2,"client":1,"impaired":true,"to":"a","at":1}"#.to_owned(),
            r#"{"what":"opened","connection":3,"client":80,"impaired":false,"to":"a","at":1}"#.to_owned(),
        ];
        lines.extend([10, 20, 30].map(|by| passed(1, "down", by)));
        lines.extend([700, 500, 600].map(|by| passed(2, "down", by)));
        lines.push(passed(2, "up", 9_999));
        lines.extend([8_000; 9].map(|by| passed(3, "down", by)));
        lines.push(r#"{"what":"end","missing":0}"#.to_owned());
        std::fs::write(&log, lines.join("\n")).unwrap();
        assert_eq!(held(&log).unwrap(), [20, 600]);
        std::fs::write(&log, "{}").unwrap();
        assert!(held(&log).is_err(), "a log without a word of what passed is no witness");
    }
}
