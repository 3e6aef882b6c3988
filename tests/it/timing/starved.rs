//! A generator that gets no core must not be believed, and must say what is missing.

use std::process::{Child, Command, Stdio};

use crate::support::cli::Cli;
use crate::support::{Report, scratch};

/// Keeps a core busy until it is dropped, and for a minute at most.
struct Busy(Child);

impl Busy {
    fn on_core_0() -> Self {
        let loops = ["-c", "0", "sh", "-c", "ulimit -t 60; while :; do :; done"];
        Self(Command::new("taskset").args(loops).stdout(Stdio::null()).spawn().expect("taskset"))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
#[ignore = "about time: see the module"]
fn a_generator_without_a_core_calls_itself_untrustworthy() {
    let _busy = [Busy::on_core_0(), Busy::on_core_0(), Busy::on_core_0()];
    let directory = scratch();
    let json = directory.path().join("r.json");
    let out = format!("json={}", json.display());
    let finished = Cli::new("taskset", ["-c", "0", env!("CARGO_BIN_EXE_wsbench"), "run", "@quickstart", "--strict"])
        .args(["--out", &out])
        .vars("LISTENERS=180 TALKERS=20 WARM_UP=1s DURATION=5s DRAIN=2s")
        .run();
    let report = Report::read(json);
    let reasons = report.0["generator"]["reasons"].as_array().unwrap();
    println!("{reasons:#?}");
    assert!(!report.is_healthy(), "{}", finished.stdout);
    assert_eq!(report.0["verdict"], "untrustworthy");
    let named = |reason: &serde_json::Value| reason.as_str().unwrap().contains("for a core that others used");
    assert!(reasons.iter().any(named), "no reason names the core: {reasons:?}");
    assert!(finished.stdout.starts_with("UNTRUSTWORTHY"), "{}", finished.stdout);
    assert!(matches!(finished.code, Some(4)), "--strict makes it a failure: {:?}", finished.code);
    report.identity();
}
