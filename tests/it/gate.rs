//! `wsbench gate`: what a user sees. Verdicts over many gates are a study run by hand (benches/gate); here blocks are few.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::process::{children, command_line, lives};
use crate::support::{PATIENCE, Running, Server, put, scratch, wait_for, wsbench};

/// A small room, and no time for more than a few pairs.
const SMALL: [&str; 7] =
    ["gate", "@quickstart", "--max-time=12s", "--format=json", "-eLISTENERS=9", "-eTALKERS=3", "-eROOMS=2"];

fn path(directory: &tempfile::TempDir) -> String {
    directory.path().to_str().unwrap().to_owned()
}

#[test]
fn a_few_pairs_never_pass_and_a_recording_is_judged_the_same_again() {
    let directory = tempfile::tempdir().unwrap();
    let sides = ["--base=self", "--new=self", "--record", &path(&directory)];
    let live = wsbench(SMALL).args(sides).args(["--untrustworthy=pass"]).patience(Duration::from_secs(90)).run();
    let report: Value = serde_json::from_str(&live.stdout).unwrap();
    let verdict = report["verdict"].as_str().unwrap();
    assert!(["inconclusive", "untrustworthy"].contains(&verdict), "{report:#}");
    assert_eq!(live.code, Some(if verdict == "inconclusive" { 97 } else { 0 }));
    let blocks = std::fs::read_to_string(directory.path().join("blocks.ndjson")).unwrap();
    let pairs = report["warm_up"].as_u64().unwrap() + report["measured"].as_u64().unwrap();
    assert!((1..20).contains(&pairs) && blocks.lines().count() as u64 == 2 * pairs, "{pairs} pairs\n{report:#}");
    for _ in 0..2 {
        let again = wsbench(["gate", "--format=json", "--replay", &path(&directory)]).run();
        assert_eq!(again.stdout, live.stdout);
        assert_eq!(again.code, Some(if verdict == "inconclusive" { 97 } else { 4 }));
    }
    let floor = |floor: &str| {
        let told = wsbench(["gate", "--format=json", "--replay", &path(&directory), "--floor", floor]).run();
        serde_json::from_str::<Value>(&told.stdout).unwrap()["floor_ns"].clone()
    };
    assert_eq!([floor("3ms"), floor("7us")], [Value::from(3_000_000), Value::from(7_000)]);
    let passed = wsbench(["gate", "--inconclusive=pass", "--untrustworthy=pass", "--replay", &path(&directory)]).run();
    assert!(passed.expect(0).stdout.contains("blocks of 400 ms"), "{}", passed.stdout);
}

#[test]
fn a_gate_is_written_as_it_is_asked_for_and_a_saved_one_shown_again() {
    let directory = scratch();
    let recording = directory.path().join("recording");
    std::fs::create_dir(&recording).unwrap();
    let head = r#"{"schema":"wsbench/gate-recording/1","seed":3,"floor_ns":20000,"metrics":["p50=5%"],"about":
        {"scenario":"chat","sha256":"","base":"old","new":"new","block_ms":400,"notes":[],"doubts":[]}}"#;
    std::fs::write(recording.join("gate.json"), head).unwrap();
    std::fs::write(recording.join("blocks.ndjson"), "").unwrap();
    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap();
    let replay = |out: &[String]| {
        let out = out.iter().flat_map(|out| ["--out", out.as_str()]);
        wsbench(["gate", "--replay", recording.to_str().unwrap()]).args(out).run()
    };
    let told = replay(&[format!("junit={}", file("junit.xml")), format!("json={}", file("gate.json"))]);
    assert!(told.expect(97).stdout.contains("junit.xml ("), "{}", told.stdout);
    assert!(read("junit.xml").contains("<error message=\"0 pairs are too few"), "{}", read("junit.xml"));
    let json: Value = serde_json::from_str(&read("gate.json")).unwrap();
    assert_eq!(json["verdict"], "inconclusive");
    let again = |format: &str| wsbench(["report", &file("gate.json"), "--format", format]).run();
    assert!(again("text").expect(0).stdout.starts_with("INCONCLUSIVE  chat\n"), "{}", again("text").stdout);
    assert_eq!(again("json").stdout, read("gate.json"));
    assert_eq!(again("junit").stdout, read("junit.xml"));
    again("html").expect(2).says(&["--format html", "a gate has text, json, junit"]);
    let lost = replay(&[format!("json={}", file("no/such/place.json")), format!("text={}", file("text"))]);
    lost.expect(1).says(&["no/such/place.json"]);
    assert!(read("text").starts_with("INCONCLUSIVE"), "the others are written");
    replay(&["junti=x".to_owned()]).expect(2).says(&["did you mean `junit`", "there are text, json, junit"]);
    replay(&["html=x".to_owned()]).expect(2).says(&["html", "there are text, json, junit"]);
}

#[test]
fn both_sides_are_started_as_often_as_is_asked() {
    let directory = scratch();
    let started = directory.path().join("started");
    let program = env!("CARGO_BIN_EXE_wsbench");
    let new = format!("--new=cmd:echo >> {}; echo Hello; exec {program} serve --port {{{{port}}}}", started.display());
    let args = ["gate", "@quickstart", "--base=self", &new, "--starts=2", "--max-time=24s", "--record"];
    let rest = ["--format=json", "-eLISTENERS=9", "-eTALKERS=3", "-eROOMS=2"];
    let live = wsbench(args).args([path(&directory).as_str()]).args(rest).patience(Duration::from_secs(90)).run();
    let report: Value = serde_json::from_str(&live.stdout).unwrap();
    assert_eq!(report["about"]["notes"][0], "2 starts of each side", "{report:#}");
    assert_eq!(std::fs::read_to_string(started).unwrap().lines().count(), 2);
    let log = std::fs::read_to_string(directory.path().join("new.log")).unwrap();
    let told = |line: &str| line.starts_with("== ") || line == "Hello";
    let told: Vec<&str> = log.lines().filter(|line| told(line)).collect();
    assert_eq!(told, ["== start 1 of 2", "Hello", "== start 2 of 2", "Hello"], "{log}");
    let blocks = std::fs::read_to_string(directory.path().join("blocks.ndjson")).unwrap();
    let blocks: Vec<Value> = blocks.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let pair = |block: &Value| (block["start"].as_u64().unwrap(), block["pair"].as_u64().unwrap());
    let of_base: Vec<_> = blocks.iter().filter(|block| block["side"] == "base").map(pair).collect();
    assert!(of_base.is_sorted() && of_base.iter().map(|(_, pair)| *pair).eq(0..of_base.len() as u64), "{of_base:?}");
    assert_eq!([of_base[0].0, of_base[of_base.len() - 1].0], [0, 1]);
    assert_eq!(wsbench(["gate", "--format=json", "--replay", &path(&directory)]).run().stdout, live.stdout);
}

#[test]
fn a_gate_that_could_not_be_measured_is_written_too() {
    let directory = scratch();
    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let out = [format!("--out=junit={}", file("gate.xml")), format!("--out=json={}", file("gate.json"))];
    let told =
        wsbench(SMALL).args(["--base=self", "--new=cmd:echo no room; exit 7"]).args(out.iter().map(String::as_str));
    told.run().expect(3).says(&["new ended before it was ready: no room"]);
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap();
    assert!(read("gate.xml").contains("new ended before it was ready: no room"), "{}", read("gate.xml"));
    let report: Value = serde_json::from_str(&read("gate.json")).unwrap();
    assert_eq!((report["verdict"].as_str(), report["measured"].as_u64()), (Some("untrustworthy"), Some(0)));
}

#[test]
fn a_command_is_given_a_port_and_a_redis_and_told_of_if_it_fails() {
    let failing = |command: &str| {
        let directory = tempfile::tempdir().unwrap();
        let sides =
            ["--base=self".to_owned(), format!("--new=cmd:{command}"), format!("--record={}", path(&directory))];
        let sides: Vec<&str> = sides.iter().map(String::as_str).collect();
        wsbench(SMALL).args(sides).run()
    };
    let told = failing("echo port $PORT is {{port}}; echo redis $REDIS_URL; exit 7");
    told.expect(3).says(&["new ended before it was ready", "redis redis://127.0.0.1:", "new.log"]);
}

#[test]
fn what_a_command_says_is_kept_for_its_owner_and_told_without_secrets() {
    use std::os::unix::fs::PermissionsExt as _;
    let secret = "not-to-be-told-1234";
    let failing = format!("cmd:echo they gave me {secret}; exit 7");
    let told = wsbench(SMALL).env("WSBENCH_JWT_SECRET", secret).args(["--base=self", "--new", &failing]).run();
    told.expect(3).says(&["they gave me", "new.log"]);
    assert!(!told.stderr.contains(secret), "{}", told.stderr);
    let log = told.stderr.split_whitespace().find(|word| word.contains("new.log")).unwrap().trim_end_matches(')');
    let log = std::path::Path::new(log);
    assert_eq!(log.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    std::fs::remove_dir_all(log.parent().unwrap()).unwrap();
}

#[test]
fn what_either_side_repeats_of_its_secrets_is_not_told() {
    let refusing = Server::answering("HTTP/1.1 403 no\r\ncontent-length: 19\r\n\r\nwho is sesame-9876?");
    let new = format!("--new={}?token=sesame-9876", refusing.url());
    let told = wsbench(SMALL).args(["--base=self", &new]).run();
    told.expect(3).says(&["403", "who is ***?"]);
    // A secret that was made up for this gate is one, too.
    let directory = scratch();
    let telling =
        ["--base=self", "--new=cmd:echo mine is [$WSBENCH_JWT_SECRET]; exit 7", "--record", &path(&directory)];
    wsbench(SMALL).args(telling).run().expect(3).says(&["mine is [***]"]);
}

#[test]
fn a_metric_of_the_file_that_is_none_is_shown_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gated.toml");
    let quickstart = std::fs::read_to_string(crate::support::root().join("scenarios/quickstart.toml")).unwrap();
    std::fs::write(&file, format!("{quickstart}\n[gate]\nmetrics = {{ p51 = \"5%\" }}\n")).unwrap();
    let line = quickstart.lines().count() + 3;
    let asked = wsbench(["gate", file.to_str().unwrap(), "--base=self", "--new=self"]).run();
    asked.expect(2).says(&[&format!("gated.toml:{line}:"), "p51"]);
}

#[test]
fn what_cannot_be_gated_is_usage() {
    let refused = |args: &[&str], words: &[&str]| {
        wsbench(["gate"]).args(args.iter().copied()).run().expect(2).says(words);
    };
    refused(&["@quickstart", "--base=self"], &["--new is missing"]);
    refused(&["@quickstart", "--base=self", "--new=no-such-build"], &["--new", "no-such-build", "cmd:COMMAND"]);
    refused(&["@quickstart", "--base=self", "--new=self", "--metric=p50=5"], &["p50=5%"]);
    refused(&["@quickstart", "--base=self", "--new=self", "-d", "3s"], &["--max-time"]);
    refused(&["@instance-crash", "--base=self", "--new=self"], &["[[fault]]"]);
    refused(&["--replay=/no/such/recording"], &["/no/such/recording", "--record DIR"]);
    refused(&["@quickstart", "--new=self"], &["--base is missing", "`--base self`"]);
    refused(&["@quickstart", "--base=self", "--new=self", "--metric=p42=5%"], &["p42", "p50, p90, p95 or p99"]);
    refused(&["@quickstart", "--base=self", "--new=self", "--metric=p50=abc%"], &["p50=5%"]);
    refused(&["@quickstart", "--base=self", "--new=self", "--metric=p50=0%"], &["more than 0 %"]);
    refused(&["@quickstart", "--base=self", "--new=self", "--ready=http://127.0.0.1:1/"], &["--ready is for commands"]);
    refused(&["@quickstart", "--base=self", "--new=ws://127.0.0.1:1/", "--starts=2"], &["--starts", "a URL"]);
    refused(&["@quickstart", "--base=self", "--new=self", "--starts=11"], &["--starts", "1..=10"]);
    refused(&["@quickstart", "--base=self", "--self-check=1", "--format=junit"], &["junit", "text, json"]);
    let directory = scratch();
    refused(&["--replay", &path(&directory)], &["gate.json", "--record DIR"]);
    let quickstart = std::fs::read_to_string(crate::support::root().join("scenarios/quickstart.toml")).unwrap();
    let unknown = put(&directory, "unknown.toml", &format!("{quickstart}\n[gate]\nbsae = \"self\"\n"));
    let line = quickstart.lines().count() + 3;
    refused(&[&unknown, "--base=self", "--new=self"], &[&format!("unknown.toml:{line}:1"), "did you mean `base`?"]);
    let proxied = put(&directory, "proxied.toml", &format!("{quickstart}\n[proxy]\ndelay = \"1ms\"\n"));
    refused(&[&proxied, "--base=self", "--new=self"], &["proxied.toml", "[proxy]"]);
}

#[test]
fn a_side_that_does_not_come_up_is_named_with_what_it_said() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = scratch();
    let build = |name: &str, mode: u32| {
        let path = put(&directory, name, "#!/bin/sh\nexit 5\n");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let refused = |new: &str, words: &[&str]| {
        let told = wsbench(SMALL).args(["--base=self", "--new", new, "--quiet"]).run();
        told.expect(3).says(words);
        assert!(told.stderr.starts_with("error: new"), "{}", told.stderr);
        assert_eq!(told.stdout, "");
    };
    refused(&build("unmarked", 0o644), &["unmarked did not start", "Permission denied"]);
    refused(&build("silent", 0o755), &["silent did not start: it ended and said nothing"]);
    refused("cmd:exit 7", &["new ended before it was ready: it said nothing"]);
    refused("ws://127.0.0.1:1/", &["127.0.0.1:1: connection refused"]);
}

#[test]
fn a_file_runs_no_program_without_leave() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gated.toml");
    let quickstart = std::fs::read_to_string(crate::support::root().join("scenarios/quickstart.toml")).unwrap();
    std::fs::write(&file, format!("{quickstart}\n[gate]\nbase = \"self\"\nnew = \"cmd:touch ran\"\n")).unwrap();
    let asked = wsbench(["gate", file.to_str().unwrap()]).directory(directory.path()).run();
    asked.expect(2).says(&["`new` of [gate]", "--allow-commands"]);
    assert!(!directory.path().join("ran").exists());
}

/// The processes `parent` has started, and those they have.
fn family(parent: u32) -> Vec<u32> {
    children(parent).into_iter().flat_map(|child| std::iter::once(child).chain(family(child))).collect()
}

/// What an interrupted gate says, and that it has left nobody behind.
fn interrupted(running: Running, signal: Signal, code: i32) {
    let family = family(running.pid());
    assert!(!family.is_empty());
    running.signal_group(signal);
    let told = running.finish();
    let report: Value = serde_json::from_str(&told.expect(code).stdout).unwrap();
    assert_eq!(report["verdict"], "untrustworthy", "{report:#}");
    assert!(report["reasons"].to_string().contains("interrupted"), "{report:#}");
    wait_for(&format!("the end of {family:?}"), Duration::from_secs(2), || {
        (!family.iter().any(|id| lives(*id))).then_some(())
    });
}

#[test]
fn a_signal_ends_a_gate_that_waits_for_a_command() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let directory = scratch();
        let sides = ["--base=self", "--new=cmd:sleep 1000; true", "--record", &path(&directory)];
        let running = wsbench(SMALL).args(sides).patience(Duration::from_secs(5)).start();
        let id = running.pid();
        wait_for("the command", PATIENCE, || family(id).into_iter().find(|id| command_line(*id).starts_with("sleep ")));
        interrupted(running, signal, code);
        let again = wsbench(["gate", "--replay", &path(&directory)]).run();
        assert!(again.expect(4).stdout.contains("interrupted"), "{}", again.stdout);
    }
}

#[test]
fn a_signal_ends_a_gate_that_still_tries_to_reach_a_side() {
    let (reached, reaching) = std::sync::mpsc::channel();
    let silent = Server::new(move |stream| {
        reached.send(()).ok();
        std::io::Read::read_to_end(&mut &stream, &mut Vec::new()).ok();
    });
    let running = wsbench(SMALL)
        .args(["--base=self", &format!("--new={}", silent.url())])
        .patience(Duration::from_secs(5))
        .start();
    reaching.recv_timeout(PATIENCE).unwrap();
    interrupted(running, Signal::INT, 130);
}

#[test]
fn what_commands_say_is_kept_only_where_the_error_sends_its_reader() {
    let place = scratch();
    let gate = |new: &str, time: &str| {
        let sides = ["gate", "@quickstart", "--base=self", "--new", new, "--max-time", time];
        wsbench(sides).env("TMPDIR", place.path().to_str().unwrap()).run()
    };
    gate("self", "1s").expect(2).says(&["no time for a single pair"]);
    let left = || std::fs::read_dir(place.path()).unwrap().count();
    assert_eq!(left(), 0, "nothing was said, and nothing is kept");
    gate("cmd:echo no; exit 7", "12s").expect(3).says(&["new.log"]);
    assert_eq!(left(), 1, "the log that was told of");
}
