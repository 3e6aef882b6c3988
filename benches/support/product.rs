//! wsbench itself under a bench: the release binary, its scenario, and what its result file says.

#![allow(dead_code)] // each bench uses its part

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::process::Process;
use crate::server::SECRET;

/// What wsbench is asked to do.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Where to.
    pub(crate) urls: Vec<String>,
    /// What stands behind them in `[target]`: the dialect, where it is not the server's own.
    pub(crate) dialect: &'static str,
    /// Clients.
    pub(crate) clients: usize,
    /// Rooms they share.
    pub(crate) rooms: usize,
    /// Publications per second.
    pub(crate) rate: f64,
    /// Bytes of payload.
    pub(crate) size: usize,
    /// How clients connect, as a scenario has it.
    pub(crate) transport: String,
    /// All clients connect within this time.
    pub(crate) ramp: Duration,
    /// Published, not measured.
    pub(crate) warm_up: Duration,
    /// Measured.
    pub(crate) duration: Duration,
}

impl Job {
    fn scenario(&self) -> String {
        let Self { urls, dialect, clients, rooms, rate, size, transport, .. } = self;
        let millis = |time: Duration| format!("{}ms", time.as_millis());
        let (ramp, warm_up, duration) = (millis(self.ramp), millis(self.warm_up), millis(self.duration));
        format!(
            r#"
name = "bench"
seed = 1
[run]
warm_up = "{warm_up}"
duration = "{duration}"
drain = "2s"
settle = "2s"
join_timeout = "60s"
[target]
urls = {urls:?}
{dialect}
[users]
mint = {{ secret = "{SECRET}" }}
[[clients]]
name = "members"
count = {clients}
ramp = "{ramp}"
transport = "{transport}"
rooms = {{ count = {rooms}, name = "room-{{n}}" }}
[[publish]]
name = "chat"
from = "members"
rate = "{rate:.2}/s"
size = "{size}B"
"#
        )
    }
}

/// A run under way.
pub(crate) struct Run {
    process: Process,
    directory: tempfile::TempDir,
}

impl Run {
    /// Starts it.
    pub(crate) fn start(job: &Job) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let scenario = directory.path().join("scenario.toml");
        std::fs::write(&scenario, job.scenario()).expect("the temporary directory is writable");
        let mut command = Command::new(env!("CARGO_BIN_EXE_wsbench"));
        command.arg("run").arg(&scenario).args(["--quiet", "--out"]);
        command.arg(format!("json={}", result_file(&directory).display())).stderr(Stdio::inherit());
        Self { process: Process::start(command), directory }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits for its end; the result.
    pub(crate) fn finish(self) -> Report {
        let said = self.process.finish();
        let text = std::fs::read_to_string(result_file(&self.directory));
        let text = text.unwrap_or_else(|error| panic!("no result: {error}\n{said}"));
        Report(serde_json::from_str(&text).expect("the result is JSON"))
    }
}

fn result_file(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("result.json")
}

/// What wsbench reports.
pub(crate) struct Report(Value);

impl Report {
    /// The total of a counter.
    pub(crate) fn counter(&self, name: &str) -> f64 {
        let total = |entry: &&Value| entry["name"] == name && entry["labels"].as_object().is_some_and(|l| l.is_empty());
        let entry = self.0["counters"].as_array().and_then(|entries| entries.iter().find(total));
        entry.and_then(|entry| entry["value"].as_f64()).unwrap_or(0.0)
    }

    /// What a counter gained in the measured phase, by the seconds of the series.
    pub(crate) fn measured(&self, name: &str) -> f64 {
        let seconds = self.0["series"].as_array().into_iter().flatten();
        let within = |second: &&Value| (0.0..self.seconds() * 1e9).contains(&second["t_ns"].as_f64().unwrap_or(-1.0));
        seconds.filter(within).filter_map(|second| second["counters"][name].as_f64()).sum()
    }

    /// A figure of a distribution over everything, in milliseconds.
    pub(crate) fn millis(&self, name: &str, figure: &str) -> f64 {
        let total = |entry: &&Value| entry["name"] == name && entry["labels"].as_object().is_some_and(|l| l.is_empty());
        let entry = self.0["histograms"].as_array().and_then(|entries| entries.iter().find(total));
        entry.and_then(|entry| entry[figure].as_f64()).unwrap_or(f64::NAN) / 1e6
    }

    /// A figure of the generator's own health.
    pub(crate) fn generator(&self, name: &str) -> f64 {
        self.0["generator"][name].as_f64().unwrap_or(f64::NAN)
    }

    /// Why the generator doubts its own numbers.
    pub(crate) fn doubts(&self) -> usize {
        self.0["generator"]["reasons"].as_array().map_or(0, Vec::len)
    }

    /// The measured phase, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.0["measured_ns"].as_f64().unwrap_or(f64::NAN) / 1e9
    }
}
