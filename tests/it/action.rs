//! The scripts of GitHub's action, run as its runner runs them, with stand-ins for `wsbench`, `curl` and `cargo`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::cli::Cli;
use crate::support::{Finished, root, scratch};

/// Keeps its arguments, one a line, and ends as it is told; records where it could measure, and replays that.
const WSBENCH: &str = r#"#!/usr/bin/env bash
if [[ $2 == --replay ]]; then
    [[ $* == "gate --replay $3 --format json" ]] && cat "$3/gate.json"
    exit "$CODE"
fi
printf '%s\n' "$@" >"$ARGUMENTS"
while [[ $# -gt 1 && $1 != --record ]]; do shift; done
if [[ $CODE != 2 ]]; then mkdir "$2" && printf '%s\n' "ended with $CODE" '```<b>'; fi
if [[ $CODE != [23] ]]; then echo "{\"code\": $CODE}" >"$2/gate.json"; fi
exit "$CODE"
"#;

/// Serves the files of a directory by their last names, and knows no others.
const CURL: &str = r#"#!/usr/bin/env bash
while [[ $# -gt 1 ]]; do
    if [[ $1 == --output ]]; then to=$2; fi
    shift
done
printf '%s\n' "$1" >>"$SERVED/asked"
cp "$SERVED/${1##*/}" "$to" 2>/dev/null || exit 22
"#;

const CARGO: &str = r#"#!/usr/bin/env bash
printf '%s\n' "$@" >"$ARGUMENTS"
"#;

/// A runner's place: its temporary directory, the file of outputs, stand-ins before everything else on PATH.
struct Runner(tempfile::TempDir);

impl Runner {
    fn new() -> Self {
        let runner = Self(scratch());
        for directory in ["bin", "temporary", "served"] {
            std::fs::create_dir(runner.path(directory)).unwrap();
        }
        for (name, text) in [("wsbench", WSBENCH), ("curl", CURL), ("cargo", CARGO)] {
            let path = runner.path(&format!("bin/{name}"));
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        runner
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Runs a script of the action with these variables.
    fn run(&self, script: &str, variables: &[(&str, &str)]) -> Finished {
        for kept in ["output", "summary"] {
            std::fs::remove_file(self.path(kept)).ok();
        }
        let script = root().join(".github/action").join(script);
        let searched = format!("{}:{}", self.path("bin").display(), std::env::var_os("PATH").unwrap().display());
        let mut cli = Cli::new("bash", [script.to_str().unwrap()]).env("PATH", &searched);
        for (name, file) in [
            ("GITHUB_OUTPUT", "output"),
            ("GITHUB_STEP_SUMMARY", "summary"),
            ("RUNNER_TEMP", "temporary"),
            ("ARGUMENTS", "arguments"),
            ("SERVED", "served"),
        ] {
            cli = cli.env(name, self.path(file).to_str().unwrap());
        }
        variables.iter().fold(cli, |cli, (name, value)| cli.env(name, value)).run()
    }

    fn output(&self, name: &str) -> Option<String> {
        let start = format!("{name}=");
        self.read("output").lines().find_map(|line| line.strip_prefix(&start).map(str::to_owned))
    }

    fn gate(&self, code: u8, inconclusive: &str, untrustworthy: &str, more: &[(&str, &str)]) -> Finished {
        let code = code.to_string();
        let mut variables = vec![
            ("CODE", code.as_str()),
            ("SCENARIO", "bench/a chat.toml"),
            ("BASE", "cmd:base/server --port {{port}}"),
            ("NEW", "cmd:new/server --port {{port}}"),
            ("ON_INCONCLUSIVE", inconclusive),
            ("ON_UNTRUSTWORTHY", untrustworthy),
        ];
        variables.extend(more);
        self.run("gate.sh", &variables)
    }

    fn fetch(&self, more: &[(&str, &str)]) -> Finished {
        let mut variables = vec![("RUNNER_OS", "Linux"), ("RUNNER_ARCH", "X64")];
        variables.extend(more);
        self.run("fetch.sh", &variables)
    }

    /// Puts a release where `curl` finds it; the archive's SHA-256.
    fn release(&self) -> String {
        let archive = "wsbench-x86_64-unknown-linux-musl.tar.gz";
        let made = Command::new("tar")
            .args(["-czf", archive, "-C", "../bin", "wsbench"])
            .current_dir(self.path("served"))
            .status();
        assert!(made.unwrap().success());
        let sums = Command::new("sha256sum").arg(archive).current_dir(self.path("served")).output().unwrap();
        std::fs::write(self.path("served/SHA256SUMS"), &sums.stdout).unwrap();
        String::from_utf8_lossy(&sums.stdout).split(' ').next().unwrap().to_owned()
    }

    fn installed(&self) -> bool {
        self.path("temporary/wsbench/bin/wsbench").exists()
    }
}

#[test]
fn every_exit_code_has_its_verdict_annotation_and_status() {
    let runner = Runner::new();
    let cases = [
        (0, "warn", "warn", "not-regressed", "", 0),
        (98, "warn", "warn", "regressed", "error", 98),
        (97, "warn", "fail", "inconclusive", "warning", 0),
        (97, "fail", "warn", "inconclusive", "error", 97),
        (4, "fail", "warn", "untrustworthy", "warning", 0),
        (4, "warn", "fail", "untrustworthy", "error", 4),
        (1, "warn", "warn", "error", "error", 1),
        (2, "warn", "warn", "error", "error", 2),
        (3, "warn", "warn", "error", "error", 3),
        (143, "warn", "warn", "error", "error", 143),
    ];
    for (code, inconclusive, untrustworthy, verdict, annotation, status) in cases {
        let ended = runner.gate(code, inconclusive, untrustworthy, &[]);
        ended.expect(status);
        assert_eq!(runner.output("verdict").as_deref(), Some(verdict), "{code}");
        let summary = if code == 2 { String::new() } else { format!("\n    ended with {code}\n    ```<b>\n\n") };
        assert_eq!(runner.read("summary"), summary, "the job's page says what the log says, as code");
        let told: Vec<&str> = ended.stdout.lines().filter(|line| line.starts_with("::")).collect();
        match annotation {
            "" => assert!(told.is_empty(), "{code}: {told:?}"),
            kind => assert!(told.len() == 1 && told[0].starts_with(&format!("::{kind} title=wsbench: {verdict}::"))),
        }
        let result = runner.output("result");
        assert_eq!(result.is_some(), ![2, 3].contains(&code), "{code}: a result that was not written is not named");
        let written = result.map(|path| std::fs::read_to_string(path).unwrap());
        assert!(written.is_none_or(|text| text == format!("{{\"code\": {code}}}\n")));
        let recording = runner.output("recording");
        assert_eq!(recording.is_some(), code != 2, "{code}: what the builds said is there once they were started");
        assert!(recording.is_none_or(|path| Path::new(&path).is_dir()));
    }
}

#[test]
fn the_gate_is_asked_word_by_word() {
    let runner = Runner::new();
    let ready = "http://127.0.0.1:{{port}}/ready";
    let more = [("METRICS", "p50=5%\n\n  p99 = 20% \n"), ("MAX_TIME", "90s"), ("READY", ready)];
    runner.gate(0, "warn", "fail", &more).expect(0);
    let recording = runner.path("temporary/wsbench-gate");
    let expected = [
        "gate",
        "bench/a chat.toml",
        "--base",
        "cmd:base/server --port {{port}}",
        "--new",
        "cmd:new/server --port {{port}}",
        "--record",
        recording.to_str().unwrap(),
        "--inconclusive",
        "fail",
        "--untrustworthy",
        "fail",
        "--metric",
        "p50=5%",
        "--metric",
        "p99 = 20%",
        "--max-time",
        "90s",
        "--ready",
        ready,
    ];
    assert_eq!(runner.read("arguments").lines().collect::<Vec<_>>(), expected);
    runner.gate(0, "warn", "fail", &[("METRICS", ""), ("MAX_TIME", ""), ("READY", "")]).expect(0);
    assert_eq!(runner.read("arguments").lines().count(), 12, "what is empty is the scenario's to say");
}

#[test]
fn a_choice_that_is_none_measures_nothing() {
    let runner = Runner::new();
    let refused = runner.gate(0, "ignore", "fail", &[]);
    refused.expect(2);
    assert!(refused.stdout.contains("on-inconclusive is either warn or fail"), "{}", refused.stdout);
    assert_eq!(runner.output("verdict").as_deref(), Some("error"));
    assert_eq!(runner.read("arguments"), "");
}

#[test]
fn a_release_is_taken_when_its_checksum_holds() {
    let runner = Runner::new();
    let sum = runner.release();
    runner.fetch(&[]).expect(0);
    assert_eq!(runner.output("found").as_deref(), Some("true"));
    assert!(runner.installed());
    assert_eq!(runner.output("bin").map(Into::into), Some(runner.path("temporary/wsbench/bin")));
    let version = format!("/v{}/wsbench-x86_64-", env!("CARGO_PKG_VERSION"));
    assert!(runner.read("served/asked").contains(&version), "{}", runner.read("served/asked"));

    runner.fetch(&[("WSBENCH_VERSION", "v9.9.9"), ("WSBENCH_SHA256", &sum)]).expect(0);
    assert!(runner.read("served/asked").contains("/v9.9.9/SHA256SUMS"));
    let left = std::fs::read_dir(runner.path("temporary")).unwrap().count();
    assert_eq!(left, 1, "nothing but the binary's place is left");
}

/// Spoils a release; the checksum that is asked for, if any.
type Spoil = fn(&Runner) -> String;

#[test]
fn a_release_that_is_not_what_its_checksum_says_is_refused() {
    let cases: [(&str, Spoil); 3] = [
        ("of another file", |runner| {
            let listed = runner.read("served/SHA256SUMS").replace(|c: char| c.is_ascii_digit(), "0");
            std::fs::write(runner.path("served/SHA256SUMS"), listed).unwrap();
            String::new()
        }),
        ("not listed", |runner| {
            std::fs::write(runner.path("served/SHA256SUMS"), "").unwrap();
            String::new()
        }),
        ("not the one that was asked for", |_| "0".repeat(64)),
    ];
    for (what, spoil) in cases {
        let runner = Runner::new();
        runner.release();
        let wanted = spoil(&runner);
        let refused = runner.fetch(&[("WSBENCH_SHA256", &wanted)]);
        refused.expect(1);
        assert!(
            refused.stdout.contains("::error title=wsbench::wsbench-x86_64-unknown-linux-musl.tar.gz of "),
            "{what}"
        );
        assert!(!runner.installed() && runner.output("found").is_none(), "{what}");
    }
}

#[test]
fn without_a_release_it_is_built_from_the_actions_sources() {
    let runner = Runner::new();
    for more in [&[][..], &[("RUNNER_OS", "Windows")]] {
        let fetched = runner.fetch(more);
        assert!(fetched.expect(0).stdout.contains("::notice title=wsbench::"), "{}", fetched.stdout);
        assert_eq!(runner.output("found").as_deref(), Some("false"));
    }
    let key = runner.output("key").unwrap();
    assert!(key.starts_with("wsbench-Windows-X64-any-") && key.len() == 24 + 64, "{key}");
    runner.fetch(&[("ImageOS", "ubuntu24")]).expect(0);
    assert_eq!(runner.output("key").unwrap(), key.replace("Windows", "Linux").replace("any", "ubuntu24"));

    let bin = runner.path("temporary/wsbench/bin");
    runner.run("build.sh", &[("BIN", bin.to_str().unwrap())]).expect(0);
    let asked = runner.read("arguments");
    assert!(asked.starts_with("install\n--locked\n--path\n"), "{asked}");
    assert!(asked.contains(&format!("\n--root\n{}\n", bin.parent().unwrap().display())), "{asked}");
}
