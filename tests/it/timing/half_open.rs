//! The half-open proof: the proxy lets connections fall silent, and their clients notice when the server has been silent
//! for its ping interval and its time-out together. The instant of each cut is the proxy's.

use super::believed;
use crate::support::{Report, put, scratch, wsbench};

const SCENARIO: &str = r#"
name = "half-open"
[run]
warm_up = "1s"
duration = "10s"
drain = "2s"
[server]
instances = 2
broker = "auto"
ping_interval = "1s"
ping_timeout = "2s"
[[clients]]
name = "people"
count = 200
rooms = { count = 10, name = "room-{n}" }
reconnect = { policy = "full-jitter", base = "100ms", cap = "1s", resume = true }
[[clients]]
name = "talkers"
count = 20
rooms = { same_as = "people" }
[[publish]]
name = "talk"
from = "talkers"
rate = "200/s"
arrival = "constant"
size = "64B"
[[fault]]
name = "forgotten"
at = "2s"
proxy = { clients = "people", percent = 25, action = "half-open" }
"#;

fn run() -> Report {
    let directory = scratch();
    let json = directory.path().join("r.json");
    let path = put(&directory, "half-open.toml", SCENARIO);
    wsbench(["run", &path, "--out", &format!("json={}", json.display())]).run().expect(0);
    Report::read(json)
}

#[test]
#[ignore = "about time: see the module"]
fn silence_is_noticed_after_interval_and_time_out() {
    let report = believed(run);
    let detect = &report.entries("faults").next().unwrap()["reconnect"]["detect"];
    println!("noticed: {detect}");
    assert_eq!(detect["count"], 50);
    for quantile in ["min", "p50", "p99", "max"] {
        let seconds = detect[quantile].as_u64().unwrap() as f64 / 1e9;
        assert!((2.7..=3.3).contains(&seconds), "{quantile} {seconds} s instead of 3 s ± 10 %");
    }
    let [_, _, lost, _] = report.identity();
    assert_eq!(lost, 0);
}
