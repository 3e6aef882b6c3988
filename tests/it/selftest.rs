//! The self-test: what it finds true, what it does not let pass, and what it says when it cannot be carried out. Rows about
//! time are left to `wsbench selftest` itself: they need a machine that is not busy.

use serde_json::Value;

use crate::support::{Finished, wsbench};

/// The rows about counts.
const COUNTS: [&str; 6] = ["clean", "loss", "duplicates", "swaps", "misrouted", "early"];

fn selftest(rows: &[&str], more: &[&str]) -> Finished {
    let only = rows.iter().flat_map(|row| ["--only", row]);
    wsbench(["selftest", "--quiet", "--broker", "memory"]).args(only).args(more.iter().copied()).run()
}

#[test]
fn every_count_is_what_the_server_says_it_did() {
    let finished = selftest(&COUNTS, &["--format", "json"]);
    let table: Value = serde_json::from_str(&finished.expect(0).stdout).unwrap();
    assert_eq!((&table["schema"], &table["verdict"]), (&"wsbench/selftest/1".into(), &"hit".into()));
    assert!(table["broker"].as_str().unwrap().contains("memory"), "it says what joins the instances: {table}");
    let rows = table["rows"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["row"].as_str().unwrap()).collect::<Vec<_>>(), COUNTS);
    for row in rows {
        assert_eq!(row["truth"], row["reported"], "{row}");
        assert_eq!(row["truth"] == 0, row["row"] == "clean", "all but the clean run have something to find: {row}");
        assert_eq!(row["witness"], "the server's log of its faults");
    }
}

#[test]
fn a_report_that_is_not_true_is_a_miss() {
    let finished = selftest(&["loss", "swaps"], &["--falsify", "swaps"]);
    let table = &finished.expect(1).stdout;
    let line = |words: &str| table.lines().find(|line| line.contains(words)).unwrap();
    assert!(line("copies not sent").starts_with("ok"), "{table}");
    assert!(line("copies behind a later one").starts_with("MISS"), "{table}");
    assert!(table.contains("did not report what happened") && !table.contains("What this proves"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
}

#[test]
fn a_delay_that_is_not_the_logged_one_is_never_ok() {
    let finished = selftest(&["delay-20ms"], &["--falsify", "delay-20ms", "--format", "json"]);
    let table: Value = serde_json::from_str(&finished.stdout).unwrap();
    // A busy machine has no verdict on times; a quiet one has a miss.
    assert!(matches!(finished.code, Some(1 | 4)), "{finished:?}");
    let row = &table["rows"][0];
    assert_eq!(row["witness"], "the fault proxy's log");
    let [truth, reported] = ["truth", "reported"].map(|key| row[key].as_u64().unwrap());
    assert!(truth > 30_000_000 && reported < truth, "half as much again, and a millisecond: {row}");
}

#[test]
fn a_set_up_that_fails_is_not_a_miss() {
    wsbench(["selftest", "--only", "clean", "--broker", "redis"]).env("PATH", "").run().expect(3).says(&["no Redis"]);
}

#[test]
fn an_unknown_row_is_refused_by_name() {
    wsbench(["selftest", "--only", "delay"]).run().expect(2).says(&["delay-1ms", "stall-max"]);
}
