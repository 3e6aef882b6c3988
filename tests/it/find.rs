//! The search for the highest rate, by rules whose limit is arithmetic: so many deliveries are due at so high a rate.

use crate::support::{Finished, Report, put, scratch, wsbench};

/// Four people in one room, three of them hearing each message beside the talker.
const SCENARIO: &str = r#"
name = "search"
[run]
warm_up = "0s"
duration = "20s"
drain = "300ms"
[server]
instances = 1
broker = "memory"
[[clients]]
name = "people"
count = 4
ramp = "100ms"
rooms = { count = 1, name = "room" }
[[publish]]
name = "talk"
from = "people"
rate = "30/s"
arrival = "constant"
size = "64B"
[[publish]]
name = "whisper"
from = "people"
rate = "10/s"
arrival = "constant"
size = "64B"
"#;

/// Every publication of the one second is heard by all four: the limit is 100 a second, both entries together.
pub(crate) const KEEP: &str = "deliveries.due<400 && deliveries.lost==0";

/// One search; the result file, and how it ended.
pub(crate) fn search(keep: &str) -> (Finished, Report) {
    let directory = scratch();
    let path = put(&directory, "search.toml", SCENARIO);
    let json = directory.path().join("r.json");
    let out = format!("json={}", json.display());
    let finished = wsbench(["run", &path, "--find", "rate", "--keep", keep, "-d", "1s", "--out", &out]).run();
    (finished, Report::read(&json))
}

/// Whether the machine let the generator be on time; if not, that is what is said, by word and by code.
pub(crate) fn is_settled(finished: &Finished, report: &Report) -> bool {
    if report.0["find"]["end"]["kind"] != "generator_gave_out" {
        return true;
    }
    finished.expect(4);
    assert!(finished.stdout.contains("the generator, not the target, gave out at"), "{}", finished.stdout);
    assert_eq!(report.0["verdict"], "untrustworthy");
    false
}

pub(crate) fn rate_of(report: &Report, key: &str) -> Option<f64> {
    report.0["find"][key].as_f64()
}

#[test]
fn every_trial_is_shown_and_none_above_the_limit_held() {
    let (finished, report) = search(KEEP);
    let trials = report.0["find"]["trials"].as_array().unwrap();
    assert!(trials.len() > 2, "it holds at 40 a second, so more is tried: {trials:?}");
    for trial in trials {
        let (rate, due) = (trial["rate"].as_f64().unwrap(), trial["thresholds"][0]["value"].as_f64().unwrap());
        assert!((due / 4.0 - rate).abs() <= 2.0, "both entries are scaled: {trial}");
        assert_eq!(trial["outcome"] == "held", due < 400.0, "{trial}");
    }
    // At 80 it holds, whatever the machine does: a generator that is late says nothing against a rule that holds.
    assert!(rate_of(&report, "rate").is_some_and(|rate| (80.0..=101.0).contains(&rate)), "{trials:?}");
    assert!(finished.stdout.contains("Highest rate\n"), "{}", finished.stdout);
    assert!(finished.stdout.lines().all(|line| line.chars().count() <= 80), "{}", finished.stdout);
    if is_settled(&finished, &report) {
        finished.expect(0);
    }
}

#[test]
fn a_rule_that_never_holds_is_a_threshold_that_failed() {
    let (finished, report) = search("deliveries.delivered<0");
    assert_eq!(rate_of(&report, "rate"), None);
    if is_settled(&finished, &report) {
        finished.expect(99);
        assert_eq!(report.0["find"]["end"]["kind"], "never_held");
        assert!(finished.stdout.contains("it holds at no rate, not even at"), "{}", finished.stdout);
    }
}

#[test]
fn what_cannot_be_searched_is_refused_with_the_place() {
    let directory = scratch();
    let path = put(&directory, "search.toml", SCENARIO);
    let refused = |args: &[&str], words: &[&str]| {
        wsbench(["run", &path]).args(args.iter().copied()).run().expect(2).says(words);
    };
    refused(&["--find", "rate"], &["--keep"]);
    refused(&["--find", "rate", "--keep", "delivery.p99 100ms"], &["delivery.p99 100ms", "operator"]);
    refused(&["--find", "rate", "--keep", "deliveries.lost==0 && delivry.p99<1s"], &["delivry.p99<1s", "delivery"]);
    refused(&["--find", "rate", "--keep", "deliveries.lost==0", "--out", "raw=x"], &["--out raw", "one run"]);
    let faulty = put(
        &directory,
        "faulty.toml",
        &format!(
            "{SCENARIO}[[fault]]\nname = \"f\"\nat = \"1s\"\ndisconnect = {{ clients = \"people\", percent = 50.0, how = \"fin\" }}\n"
        ),
    );
    wsbench(["run", &faulty, "--find", "rate", "--keep", "deliveries.lost==0"]).run().expect(2).says(&["[[fault]]"]);
}
