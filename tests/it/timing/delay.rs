//! The delay proof. Half of the clients hear through a delay and half through none, at the same time, in the same rooms.
//! What the report says the delay is, is judged by what the proxy's own log says it really was.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::believed;
use crate::support::{Report, proxy_log, put, scratch, wsbench};

/// Twenty rooms of two who are near, two who are far and a talker: where a copy waits for a core because its siblings are
/// served first, those who are near wait for it more, and no log of the proxy's tells how long.
fn scenario(delay: &str) -> String {
    format!(
        r#"
name = "delay"
[run]
warm_up = "2s"
duration = "10s"
drain = "2s"
[server]
instances = 1
broker = "memory"
[proxy]
clients = "far"
delay = "{delay}"
direction = "down"
[[clients]]
name = "near"
count = 40
rooms = {{ count = 20, name = "room-{{n}}" }}
[[clients]]
name = "far"
count = 40
rooms = {{ same_as = "near" }}
[[clients]]
name = "talkers"
count = 20
rooms = {{ same_as = "near" }}
[[publish]]
name = "talk"
from = "talkers"
rate = "100/s"
arrival = "constant"
size = "128B"
"#
    )
}

/// What was measured of both halves, and what was true, in nanoseconds.
struct Judged {
    measured: [f64; 2],
    truth: [f64; 2],
}

/// How long the proxy really held each copy that arrived, by whether its receiver is impaired.
fn held(raw: &Path, log: &Path) -> [Vec<u64>; 2] {
    let connections = proxy_log::read(log);
    // The last connection of a client is the one that counts: the first is looked for before the run.
    let by_client: HashMap<u64, _> = connections.values().map(|one| (one.client, one)).collect();
    let text = std::fs::read_to_string(raw).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let axis = lines.iter().find(|line| line["what"] == "axis").unwrap();
    let [from, until] = ["measured_from", "measured_until"].map(|key| axis[key].as_u64().unwrap());
    let message = |line: &Value| (line["room"].as_u64().unwrap(), line["index"].as_u64().unwrap());
    let publications = lines.iter().filter(|line| line["what"] == "publication");
    let measured = publications.filter(|line| (from..until).contains(&line["due"].as_u64().unwrap()));
    let publishers: HashMap<_, _> = measured.map(|line| (message(line), line["publisher"].as_u64().unwrap())).collect();
    let talkers: std::collections::HashSet<u64> = publishers.values().copied().collect();
    let mut held = [Vec::new(), Vec::new()];
    for line in lines.iter().filter(|line| line["what"] == "arrival" && publishers.contains_key(&message(line))) {
        let (client, at) = (line["client"].as_u64().unwrap(), line["at"].as_u64().unwrap());
        if talkers.contains(&client) {
            continue;
        }
        let connection = by_client[&client];
        // What was written last before it was read here.
        let next = connection.down.partition_point(|(_, _, written)| *written <= at);
        let piece = next.checked_sub(1).map(|last| connection.down[last]);
        // Its stamp comes after the write: a reader on another core may be quicker than it.
        let (_, read, written) = piece.unwrap_or(connection.down[next]);
        held[usize::from(connection.impaired)].push(written - read);
    }
    held
}

fn median(values: &mut [u64]) -> f64 {
    values.sort_unstable();
    values[values.len() / 2] as f64
}

fn judge(delay: &str) -> Judged {
    let mut judged = None;
    believed(|| {
        let directory = scratch();
        let path = put(&directory, "delay.toml", &scenario(delay));
        let [json, raw, log] = ["r.json", "raw.ndjson", "proxy.ndjson"].map(|name| directory.path().join(name));
        let outs =
            [("json", &json), ("raw", &raw), ("proxy", &log)].map(|(kind, file)| format!("{kind}={}", file.display()));
        let flags = outs.iter().flat_map(|out| ["--out", out.as_str()]);
        wsbench(["run", path.as_str()]).args(flags).run().expect(0);
        let report = Report::read(json);
        let p50 = |group: &str| {
            let entry = report
                .entries("histograms")
                .find(|entry| entry["name"] == "delivery" && entry["labels"] == serde_json::json!({ "group": group }));
            entry.unwrap()["p50"].as_u64().unwrap() as f64
        };
        let mut held = held(&raw, &log);
        assert_eq!([held[0].len(), held[1].len()], [2_000; 2], "every copy is judged");
        let [near, far] = &mut held;
        judged = Some(Judged { measured: [p50("near"), p50("far")], truth: [median(near), median(far)] });
        report
    });
    judged.unwrap()
}

#[test]
#[ignore = "about time: see the module"]
fn a_known_delay_is_measured_as_what_it_is() {
    let mut wrong = Vec::new();
    for millis in [1, 5, 20, 100] {
        let Judged { measured: [near, far], truth } = judge(&format!("{millis}ms"));
        let (measured, true_delay) = (far - near, truth[1] - truth[0]);
        let error = measured - true_delay;
        let allowed = 100_000f64.max(true_delay / 100.0);
        println!(
            "delay {millis} ms: near p50 {:.3} ms, far p50 {:.3} ms; measured {:.4} ms, truly {:.4} ms, off by {:+.1} µs \
             of {:.0} allowed",
            near / 1e6,
            far / 1e6,
            measured / 1e6,
            true_delay / 1e6,
            error / 1e3,
            allowed / 1e3
        );
        if error.abs() > allowed {
            wrong.push(format!("{millis} ms is off by {:.1} µs", error / 1e3));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
