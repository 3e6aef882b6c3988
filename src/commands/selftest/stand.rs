//! The test stand: a bundled server that takes orders to misbehave, and `wsbench run` as a process of its own, judged by
//! the result file it writes like anybody else's.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde::Deserialize;
use tokio::runtime::Runtime;

use super::rows::Machine;
use crate::commands::child::{End, Process};
use crate::commands::exit::Failure;
use crate::commands::redis::Broker;
use crate::commands::rig::{Layout, Rig};
use crate::commands::{admin, saved, secret};
use crate::engine::Signals;
use crate::report::Report;
use crate::time::{Clock, Timestamp};

/// How often a run that goes on is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// How much longer than its scenario says a run may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The variable in which a run is handed the server's secret.
const SECRET: &str = "WSBENCH_SELFTEST_SECRET";

/// Lateness of a thread that only sleeps from which on times prove nothing: many times what is to be found.
const DISTURBING_HICCUP: u64 = 5_000_000;

/// Likewise the share of the machine that its hypervisor takes.
const DISTURBING_STEAL: f64 = 0.05;

/// Why the self-test ends before its table is full.
pub(super) enum Stop {
    /// It cannot be carried out.
    Failed(Failure),
    /// A signal; its exit code.
    Signal(u8),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A folder that is gone when the value is.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("wsbench-selftest-{:016x}", rand::random::<u64>()));
        std::fs::create_dir(&path)
            .map_err(|error| Failure::setup(format!("failed to make {}: {error}", path.display())))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder left behind in the temporary place harms nobody.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A run that goes on.
pub(super) struct Running {
    process: Process,
    result: PathBuf,
    deadline: Timestamp,
}

/// One thing the server did wrong, as its log tells it.
#[derive(Debug, Deserialize)]
struct Deed {
    what: String,
    #[serde(default)]
    seq: u64,
}

/// The stand. Dropping it ends everything.
pub(super) struct Stand<'a> {
    program: PathBuf,
    secret: String,
    folder: Folder,
    rig: Rig,
    clock: Clock,
    runtime: &'a Runtime,
    signals: &'a mut Signals,
}

impl<'a> Stand<'a> {
    /// Raises the server. Call it from the main thread.
    pub(super) fn raise(broker: Broker, runtime: &'a Runtime, signals: &'a mut Signals) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(|error| Failure::internal(format!("own path: {error}")))?;
        let secret = secret::random();
        let layout = Layout {
            program: program.clone(),
            instances: 2,
            port: 0,
            admin_port: 0,
            bind: std::net::IpAddr::from([127, 0, 0, 1]),
            secret: secret.clone(),
            arguments: ["--faults", "--frames-per-second", "100000"].map(str::to_owned).to_vec(),
        };
        let rig = Rig::start(layout, broker)?;
        Ok(Self { program, secret, folder: Folder::new()?, rig, clock: Clock::real(), runtime, signals })
    }

    /// What joins the instances, in words.
    pub(super) fn broker(&self) -> String {
        self.rig.broker.describe()
    }

    /// Where a file of this stand is.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.0.join(name)
    }

    /// Starts a run of `traffic` for `measured` seconds and as much longer as `drain` says; with a fault proxy, its log
    /// goes to `log`.
    pub(super) fn start(
        &self,
        traffic: &str,
        (measured, drain): (u64, u64),
        log: Option<&Path>,
    ) -> Result<Running, Failure> {
        let target = if log.is_some() {
            // Its own server, without Redis: while a far copy is held everything goes to sleep, and beside Redis waking up
            // again costs 50 to 75 us more than a near copy pays: true, but no log of the proxy's tells it.
            "[server]\ninstances = 1\nbroker = \"memory\"\n".to_owned()
        } else {
            let urls: Vec<&str> = self.rig.instances.iter().map(|instance| instance.url.as_str()).collect();
            format!(
                "[target]\nurls = {urls:?}\ndialect = \"room\"\n[users]\n\
                 mint = {{ secret = \"${{{SECRET}}}\", claims = {{ sub = \"u{{{{n}}}}\" }} }}\n"
            )
        };
        let text = format!(
            "name = \"selftest\"\n[run]\nwarm_up = \"0s\"\nduration = \"{measured}s\"\ndrain = \"{drain}s\"\n{target}{traffic}"
        );
        let (scenario, result) = (self.file("scenario.toml"), self.file("result.json"));
        std::fs::write(&scenario, text)
            .map_err(|error| Failure::setup(format!("failed to write {}: {error}", scenario.display())))?;
        let mut command = Command::new(&self.program);
        command.arg("run").arg(&scenario).arg("--quiet").stdin(Stdio::null());
        let outputs = [("json", Some(result.as_path())), ("proxy", log)];
        for (kind, path) in outputs.iter().filter_map(|(kind, path)| Some((kind, (*path)?))) {
            command.arg("--out").arg(format!("{kind}={}", path.display()));
        }
        command.env(SECRET, &self.secret);
        let process = Process::start_unheard("selftest-run", command)
            .map_err(|error| Failure::setup(format!("failed to start {}: {error}", self.program.display())))?;
        let deadline = self.clock.now() + Duration::from_secs(measured + drain) + PATIENCE;
        Ok(Running { process, result, deadline })
    }

    /// Waits for the end of a run and reads what it found.
    pub(super) fn finish(&mut self, mut running: Running) -> Result<Report, Stop> {
        while running.process.end().is_none() {
            if self.clock.now() >= running.deadline {
                return Err(Failure::setup("a run of the self-test does not come to its end").into());
            }
            self.pause(GLANCE)?;
        }
        match running.process.end() {
            Some(End::Status(0)) => Ok(saved::result(&running.result.to_string_lossy())?),
            end => {
                let words = running.process.last_words();
                Err(Failure::setup(format!("a run of the self-test failed ({end:?}): {words}")).into())
            }
        }
    }

    /// Lets time pass; a signal ends it.
    pub(super) fn pause(&mut self, time: Duration) -> Result<(), Stop> {
        self.runtime.block_on(async {
            tokio::select! {
                code = self.signals.recv() => Err(code.map_or_else(
                    || Stop::Failed(Failure::internal("nobody listens for signals any more")),
                    Stop::Signal,
                )),
                () = tokio::time::sleep(time) => Ok(()),
            }
        })
    }

    /// Orders every instance to misbehave so, from now on.
    pub(super) fn order(&self, plan: &serde_json::Value) -> Result<(), Failure> {
        let order = |admin| admin::misbehave(admin, plan);
        self.rig.instances.iter().try_for_each(|instance| order(instance.admin)).map_err(Failure::setup)
    }

    /// How many deeds each instance has logged.
    pub(super) fn logged(&self) -> Result<Vec<u64>, Failure> {
        let last = |deeds: Vec<Deed>| deeds.last().map_or(0, |deed| deed.seq);
        let counts = self.rig.instances.iter().map(|instance| deeds(instance.admin, 0).map(last));
        counts.collect()
    }

    /// How often the instances did `what` since their logs were as long as `since`; anything with `None`.
    pub(super) fn done(&self, what: Option<&str>, since: &[u64]) -> Result<u64, Failure> {
        let mut done = 0;
        for (instance, after) in self.rig.instances.iter().zip(since) {
            let deeds = deeds(instance.admin, *after)?;
            done += deeds.iter().filter(|deed| what.is_none_or(|what| deed.what == what)).count() as u64;
        }
        Ok(done)
    }

    /// Waits until clients talk.
    pub(super) fn wait_for_talk(&mut self, before: u64) -> Result<(), Stop> {
        let deadline = self.clock.now() + PATIENCE;
        while self.messages()? <= before {
            if self.clock.now() >= deadline {
                return Err(Failure::setup("nobody talks in a run of the self-test").into());
            }
            self.pause(GLANCE)?;
        }
        Ok(())
    }

    /// How many messages the instances have taken.
    pub(super) fn messages(&self) -> Result<u64, Failure> {
        let taken = |admin| admin::metric(admin, "room_server_messages_in_total");
        self.rig
            .instances
            .iter()
            .map(|instance| taken(instance.admin))
            .sum::<Result<u64, String>>()
            .map_err(Failure::setup)
    }

    /// Stops the whole server for `time`; how long it really stood still.
    pub(super) fn stop_server(&mut self, time: Duration) -> Result<Duration, Stop> {
        self.rig.signal_all(Signal::STOP);
        let stopped = self.clock.now();
        let paused = self.pause(time);
        self.rig.signal_all(Signal::CONT);
        let still = self.clock.now() - stopped;
        paused.map(|()| still)
    }
}

fn deeds(admin: std::net::SocketAddr, after: u64) -> Result<Vec<Deed>, Failure> {
    let lines = admin::truth(admin, after).map_err(Failure::setup)?;
    let read: Result<Vec<Deed>, _> = lines.lines().map(serde_json::from_str).collect();
    let deeds =
        read.map_err(|error| Failure::setup(format!("the server's log of its faults is not valid: {error}")))?;
    if after > 0 && deeds.iter().any(|deed| deed.what == "forgotten") {
        return Err(Failure::setup("the server's log of its faults has forgotten what it did"));
    }
    Ok(deeds)
}

/// Whether the machine let the run be on time.
pub(super) fn machine(report: &Report) -> Machine {
    let generator = &report.generator;
    if let Some(reason) = generator.reasons.first() {
        return Machine::Disturbed(reason.clone());
    }
    if generator.steal_share > DISTURBING_STEAL {
        let taken = generator.steal_share * 100.0;
        return Machine::Disturbed(format!("the hypervisor took {taken:.0} % of the machine: use a quieter one"));
    }
    if generator.hiccup_p99_ns > DISTURBING_HICCUP {
        let late = generator.hiccup_p99_ns as f64 / 1e6;
        return Machine::Disturbed(format!(
            "a thread that only sleeps woke {late:.1} ms late: look for other load on this machine"
        ));
    }
    Machine::Quiet
}
