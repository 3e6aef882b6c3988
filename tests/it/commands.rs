//! Commands as faults: run with leave only, unheard but for their end, and gone when the run is.

use std::path::Path;

use crate::support::process::lives;
use crate::support::{Finished, PATIENCE, Report, put, scratch, wait_for, wsbench};

/// A short run with a command in the middle.
fn scenario(command: &str) -> String {
    format!(
        r#"name = "commanded"
[run]
warm_up  = "0s"
duration = "1500ms"
drain    = "300ms"
[server]
instances = 1
broker    = "memory"
[[clients]]
name  = "people"
count = 4
rooms = {{ count = 1, name = "room" }}
[[publish]]
name = "talk"
from = "people"
rate = "20/s"
size = "64B"
[[fault]]
name = "outside"
at   = "300ms"
command = {command}
"#
    )
}

fn run(directory: &tempfile::TempDir, command: &str) -> (Finished, Report) {
    let path = put(directory, "commanded.toml", &scenario(command));
    let json = directory.path().join("r.json");
    let out = format!("json={}", json.display());
    let finished = wsbench(["run", &path, "--allow-commands", "--out", &out]).run();
    (finished, Report::read(json))
}

/// The process whose number is in this file.
fn written(file: &Path) -> u32 {
    wait_for("a process number", PATIENCE, || std::fs::read_to_string(file).ok()?.trim().parse().ok())
}

#[test]
fn nothing_is_run_without_leave() {
    let directory = scratch();
    let witness = directory.path().join("witness");
    let path = put(&directory, "commanded.toml", &scenario(&format!("[\"touch\", \"{}\"]", witness.display())));
    wsbench(["run", &path]).run().expect(2).says(&["commanded.toml:21:", "--allow-commands"]);
    let said = wsbench(["check", &path]).run();
    said.expect(0);
    let words = said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("runs touch with 1 argument, 60 s at most; only with --allow-commands"), "{words}");
    assert!(!witness.exists());
}

#[test]
fn with_leave_it_is_run_at_its_moment_and_its_end_is_told() {
    let directory = scratch();
    let witness = directory.path().join("witness");
    let (finished, report) = run(&directory, &format!("[\"sh\", \"-c\", \"echo noise; touch {}\"]", witness.display()));
    finished.expect(0);
    assert!(witness.exists());
    assert!(!finished.stdout.contains("noise") && !finished.stderr.contains("noise"), "{finished:?}");
    assert!(finished.stdout.contains("its command ended with exit status 0"), "{}", finished.stdout);
    let fault = report.entries("faults").next().unwrap();
    assert_eq!((&fault["exit_status"], &fault["failure"]), (&0.into(), &serde_json::Value::Null));
    assert_eq!(fault["what"], "ran sh", "arguments may be secrets");
}

#[test]
fn one_that_fails_is_told_with_its_last_words() {
    let directory = scratch();
    let (finished, report) = run(&directory, "[\"sh\", \"-c\", \"echo no such deployment >&2; exit 7\"]");
    finished.expect(3);
    let fault = report.entries("faults").next().unwrap();
    assert_eq!(fault["exit_status"], 7);
    assert_eq!(fault["failure"], "sh ended with exit status 7: no such deployment");
    assert!(finished.stdout.contains("NOT CARRIED OUT: sh ended with exit status 7: no such deployment"));
    let (finished, report) = run(&directory, "[\"no-such-program-anywhere\"]");
    finished.expect(3);
    let failure = report.entries("faults").next().unwrap()["failure"].as_str().unwrap().to_owned();
    assert!(failure.starts_with("failed to start no-such-program-anywhere: No such file"), "{failure}");
}

#[test]
fn one_that_takes_too_long_is_killed_with_all_it_started() {
    let directory = scratch();
    for (timeout, when) in [("timeout = \"500ms\"\n", "its time"), ("", "the end of the run")] {
        let pids = ["parent", "child"].map(|name| directory.path().join(name));
        let script = format!("echo $$ > {}; sleep 300 & echo $! > {}; wait", pids[0].display(), pids[1].display());
        let (finished, report) = run(&directory, &format!("[\"sh\", \"-c\", \"{script}\"]\n{timeout}"));
        finished.expect(3);
        let fault = report.entries("faults").next().unwrap();
        assert!(fault["exit_status"].is_null());
        assert_eq!(fault["failure"], "sh still ran when its time, or the run, was over, and was killed", "{when}");
        for file in &pids {
            let id = written(file);
            wait_for("the end of what was started", PATIENCE, || (!lives(id)).then_some(()));
        }
    }
}

#[test]
fn what_a_command_leaves_behind_is_gone_with_the_run() {
    let directory = scratch();
    let file = directory.path().join("pid");
    let (finished, report) =
        run(&directory, &format!("[\"sh\", \"-c\", \"sleep 300 & echo $! > {}\"]", file.display()));
    finished.expect(0);
    assert_eq!(report.entries("faults").next().unwrap()["exit_status"], 0);
    let id = written(&file);
    wait_for("the end of what was left", PATIENCE, || (!lives(id)).then_some(()));
}

#[test]
fn what_init_writes_is_a_scenario() {
    use wsbench::dialect::DIALECTS;
    use wsbench::scenario::builtin::BUILTINS;
    let directory = crate::support::scratch();
    let dialects = DIALECTS.iter().map(|entry| format!("--dialect={}", entry.name));
    for how in dialects.chain(BUILTINS.iter().map(|(name, _)| format!("--from=@{name}"))) {
        let written = wsbench(["init", "made.toml", &how]).directory(directory.path()).run();
        written.expect(0).says(&["wrote made.toml", "wsbench probe made.toml"]);
        wsbench(["check", "made.toml"]).directory(directory.path()).run().expect(0);
        let again = wsbench(["init", "made.toml", &how]).directory(directory.path()).run();
        again.expect(2).says(&["made.toml is there already"]);
        std::fs::remove_file(directory.path().join("made.toml")).unwrap();
    }
    let shown = wsbench(["init", "-", "--url", "wss://chat.example.com/ws"]).run();
    assert!(shown.expect(0).stdout.contains("urls    = [\"wss://chat.example.com/ws\"]"), "{}", shown.stdout);
    wsbench(["init", "-", "--dialect=jsn"]).run().expect(2).says(&["jsn", "json"]);
    wsbench(["init", "-", "--from=@quick"]).run().expect(2).says(&["@quick", "@quickstart"]);
    let of_a_file =
        "publish = '{\"say\":\"{{text}}\"}'\n[parameters]\nevent = { default = \"said\", help = \"the event\" }\n";
    crate::support::put(&directory, "mine.toml", of_a_file);
    let written = wsbench(["init", "made.toml", "--dialect", "./mine.toml"]).directory(directory.path()).run();
    written.expect(0).says(&["wrote made.toml"]);
    wsbench(["check", "made.toml"]).directory(directory.path()).run().expect(0);
    let made = std::fs::read_to_string(directory.path().join("made.toml")).unwrap();
    assert!(made.contains("dialect = \"./mine.toml\"") && made.contains("# the event\n# event = 'said'\n"), "{made}");
    crate::support::put(&directory, "mine.toml", "publsh = ''\n");
    let wrong = wsbench(["init", "-", "--dialect", "./mine.toml"]).directory(directory.path()).run();
    wrong.expect(2).says(&["./mine.toml", "publsh", "publish"]);
    let absent = wsbench(["init", "-", "--dialect", "./yours.toml"]).directory(directory.path()).run();
    absent.expect(2).says(&["./yours.toml", "No such file"]);
    let nowhere = wsbench(["init", "no/such/place.toml"]).directory(directory.path()).run();
    nowhere.expect(1).says(&["no/such/place.toml"]);
}
