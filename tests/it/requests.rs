//! Requests beside the broadcast, against the bundled server: at a pace, on joining, and again after a cut.

use serde_json::Value;

use crate::support::{Report, put, scratch, wsbench};

const SCENARIO: &str = r#"name = "asking"

[run]
warm_up  = "300ms"
duration = "4s"
drain    = "1s"

[server]
instances = 2
broker    = "memory"

[[clients]]
name      = "people"
count     = 20
rooms     = { count = 4, name = "room-{n}" }
reconnect = { policy = "fixed", base = "200ms" }

[[clients]]
name  = "watchers"
count = 8
rooms = { same_as = "people" }

[[publish]]
name = "talk"
from = "people"
rate = "40/s"

[[request]]
name    = "history"
message = "history"
from    = "people"
on      = "joined"

[[request]]
name    = "who"
message = "presence"
from    = "watchers"
rate    = "20/s"

[[request]]
name    = "beat"
message = "ping"
from    = "people"
every   = "500ms"

[[fault]]
name       = "cut"
at         = "500ms"
disconnect = { clients = "people", percent = 50, how = "rst" }

[thresholds]
"request.p99{request=who}"           = "< 5s"
"requests.answered{request=history}" = "== 10"
"requests.failed{request=who}"       = "== 0"
"#;

#[test]
fn every_request_of_a_real_run_comes_to_an_end() {
    let directory = scratch();
    let path = put(&directory, "asking.toml", SCENARIO);
    let json = directory.path().join("r.json");
    let finished = wsbench(["run", &path, "--out", &format!("json={}", json.display())]).run();
    finished.expect(0);
    let report = Report::read(json);
    report.identity();
    let names = ["requests.sent", "requests.answered", "requests.failed", "requests.timed_out"];
    for entry in [None, Some("history"), Some("who"), Some("beat")] {
        let labels: Vec<(&str, &str)> = entry.iter().map(|entry| ("request", *entry)).collect();
        let [sent, answered, failed, timed_out] = names.map(|name| report.counted(name, &labels));
        assert_eq!(sent, answered + failed + timed_out, "{entry:?}");
        let is = |h: &&Value| h["name"] == "request" && h["labels"] == labels.iter().copied().collect::<Value>();
        let measured = report.entries("histograms").find(is).unwrap();
        assert_eq!(measured["count"], answered, "{entry:?}");
        assert_eq!(timed_out, 0, "{entry:?}");
    }
    let of = |name: &str, entry: &str| report.counted(name, &[("request", entry)]);
    assert_eq!(report.count("reconnect.recovered"), 10);
    assert_eq!(of("requests.sent", "history"), 10, "who came back asked again");
    assert_eq!(of("requests.sent", "who"), 80, "20/s for 4 s");
    assert_eq!(of("requests.sent", "beat"), 160, "twenty people, twice a second, there or not");
    // Half of them are away for a moment, and cannot ask then.
    let failed = of("requests.failed", "beat");
    assert_eq!(report.count("requests.failed"), failed);
    assert!(failed < 20, "{failed}");
    for line in ["How long requests took", "  history  ", "  who      ", "  beat     "] {
        assert!(finished.stdout.contains(line), "no {line:?} on the screen:\n{}", finished.stdout);
    }
}

#[test]
fn what_will_be_asked_is_said_before() {
    let directory = scratch();
    let path = put(&directory, "asking.toml", SCENARIO);
    let said = wsbench(["check", &path]).run();
    let words = said.expect(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "history: people ask history after every join of a room, also after a reconnect; an answer counts for 5 s",
        "who: watchers ask presence about one of their rooms, all together 20/s, evenly spaced",
        "beat: people ask ping, each every 500 ms",
    ] {
        assert!(words.contains(part), "{part} is not in {words}");
    }
}

#[test]
fn what_cannot_be_asked_is_refused_with_its_place() {
    let directory = scratch();
    let sse = SCENARIO.replace("count = 8\n", "count = 8\ntransport = { websocket = 50, sse = 50 }\n");
    let path = put(&directory, "sse.toml", &sse.replace("message = \"presence\"", "message = \"history\""));
    let words = ["`history` cannot be asked by sse", "sse.toml:37:11", "`presence`"];
    wsbench(["check", &path]).run().expect(2).says(&words);
    let path = put(&directory, "label.toml", &SCENARIO.replace("{request=who}", "{request=whose}"));
    wsbench(["check", &path]).run().expect(2).says(&["no request is called", "did you mean `who`?"]);
}
