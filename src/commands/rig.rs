//! The bundled server as wsbench runs it: a broker and one process per instance, started, told apart, stopped.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::admin;
use super::child::Process;
use super::exit::Failure;
use super::redis::Broker;
use crate::engine::{Act, Cuts, Victim};
use crate::observe::ClientId;
use crate::scenario::Cut;
use crate::time::Clock;
use rustc_hash::FxHashMap;
use rustix::process::Signal;

/// How long an instance may take to be ready.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long an instance that is to be started again may still take to end.
const RESTART: Duration = Duration::from_millis(200);

/// How long an instance may take to drain.
const DRAIN: Duration = Duration::from_secs(20);

/// How the instances are to be run. Everything not named here goes to them as it is. Not `Debug`: it holds a secret.
#[derive(Clone)]
pub(super) struct Layout {
    /// This program: inside tests the current executable is the test runner.
    pub(super) program: PathBuf,
    /// How many instances.
    pub(super) instances: u16,
    /// Instance `k` listens on `port + k`; 0: any free ones.
    pub(super) port: u16,
    /// Likewise for the admin listeners.
    pub(super) admin_port: u16,
    /// The address of all listeners.
    pub(super) bind: IpAddr,
    /// The secret tokens are signed with; handed over in the environment.
    pub(super) secret: String,
    /// Further arguments for each instance.
    pub(super) arguments: Vec<String>,
}

/// An instance that is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instance {
    /// Its name.
    pub(super) name: String,
    /// Where clients connect.
    pub(super) url: String,
    /// Where faults are asked for.
    pub(super) admin: SocketAddr,
    /// The port clients connect to.
    port: u16,
    /// The line it said so with.
    pub(super) line: String,
}

/// Running instances and what joins them. Dropping it ends them all.
pub(super) struct Rig {
    layout: Layout,
    /// One per instance with Redis, one for all of them without.
    processes: Vec<Process>,
    pub(super) instances: Vec<Instance>,
    pub(super) broker: Broker,
}

impl Rig {
    /// Starts everything and waits until it is ready. Call it from the main thread.
    pub(super) fn start(layout: Layout, broker: Broker) -> Result<Self, Failure> {
        let mut rig = Self { layout, processes: Vec::new(), instances: Vec::new(), broker };
        let layout = &rig.layout;
        // With Redis one process per instance; without, all of them are listeners of one process.
        let (processes, listeners) =
            if rig.broker.url().is_some() { (layout.instances, 1) } else { (1, layout.instances) };
        for number in 0..processes {
            let offset = |port: u16| if port == 0 { 0 } else { port.saturating_add(number) };
            let ports = (offset(layout.port), offset(layout.admin_port));
            let command = command(layout, number, ports, listeners, rig.broker.url());
            let process = Process::start(&format!("instance-{}", name(number)), command);
            rig.processes.push(process.map_err(|error| failed(&layout.program, &error))?);
        }
        for process in &mut rig.processes {
            for _ in 0..listeners {
                rig.instances.push(ready(process, &rig.broker)?);
            }
            process.stop_listening();
        }
        // Listeners of one process are ready in any order; the first URL is that of the first instance.
        rig.instances.sort_by_key(|instance| (0..layout.instances).find(|number| name(*number) == instance.name));
        Ok(rig)
    }

    /// Names of instances that have ended though nobody asked them to.
    pub(super) fn ended(&mut self) -> Vec<String> {
        let ended =
            self.processes.iter_mut().filter_map(|process| process.has_ended().then(|| process.name().to_owned()));
        ended.collect()
    }

    /// Asks every instance to drain and waits for it.
    pub(super) fn stop(&mut self) {
        let clock = Clock::real();
        self.processes.iter().for_each(Process::terminate);
        self.processes.iter_mut().for_each(|process| process.wait_or_kill(&clock, DRAIN));
    }
}

impl Rig {
    /// Does what concerns the server.
    pub(super) fn act(&mut self, act: &Act) -> Result<Cuts, String> {
        match act {
            Act::KillInstance(index) => self.signal(*index, Signal::KILL),
            Act::DrainInstance(index) => self.signal(*index, Signal::TERM),
            Act::StopInstance(index) => self.signal(*index, Signal::STOP),
            Act::ContinueInstance(index) => self.signal(*index, Signal::CONT),
            Act::StartInstance(index) => self.restart(*index),
            Act::PauseRedis => self.broker.signal(Signal::STOP),
            Act::ContinueRedis => self.broker.signal(Signal::CONT),
            Act::KillRedis => self.broker.signal(Signal::KILL),
            Act::StartRedis => self.broker.restart(),
            Act::Disconnect(victims, how) => return self.disconnect(victims, *how),
            Act::Proxy(..) | Act::StartCommand(..) | Act::EndCommand(_) => {
                Err("that is no business of the server's".to_owned())
            }
        }
        .map(|()| Cuts::new())
    }

    /// Signals every process of the server.
    pub(super) fn signal_all(&self, signal: Signal) {
        self.processes.iter().for_each(|process| process.signal(signal));
    }

    fn signal(&self, index: u16, signal: Signal) -> Result<(), String> {
        if self.broker.url().is_none() {
            return Err("all instances are one process without Redis: install redis-server, or give --redis".to_owned());
        }
        let process = self.processes.get(usize::from(index)).ok_or_else(|| format!("there is no instance {index}"))?;
        process.signal(signal);
        Ok(())
    }

    /// Each instance cuts those of the victims that are connected to it; it knows them by their users' names.
    fn disconnect(&self, victims: &[Victim], how: Cut) -> Result<Cuts, String> {
        let users: Vec<&str> = victims.iter().map(|victim| victim.user.as_str()).collect();
        let clients: FxHashMap<&str, ClientId> = users.iter().copied().zip(victims.iter().map(|v| v.client)).collect();
        let mut cuts = Cuts::new();
        for instance in &self.instances {
            let cut = admin::disconnect(instance.admin, &users, how)?;
            cuts.extend(cut.iter().filter_map(|(user, at)| Some((*clients.get(user.as_str())?, *at))));
        }
        Ok(cuts)
    }

    /// Starts an instance again on its ports; it is ready when clients can connect, which they find out by trying.
    fn restart(&mut self, index: u16) -> Result<(), String> {
        let at = usize::from(index);
        let instance = self.instances.get(at).ok_or_else(|| format!("there is no instance {index}"))?;
        let ports = (instance.port, instance.admin.port());
        let command = command(&self.layout, index, ports, 1, self.broker.url());
        // What is left of the old one must let go of the ports.
        self.processes[at].wait_or_kill(&Clock::real(), RESTART);
        let mut process = Process::start(&format!("instance-{}", instance.name), command)
            .map_err(|error| format!("instance {} did not start again: {error}", instance.name))?;
        process.stop_listening();
        self.processes[at] = process;
        Ok(())
    }
}

/// Instances are called a, b, c, …, z, a1, b1, …
pub(super) fn name(number: u16) -> String {
    let letter = char::from(b'a' + (number % 26) as u8);
    if number < 26 { letter.to_string() } else { format!("{letter}{}", number / 26) }
}

fn command(layout: &Layout, number: u16, ports: (u16, u16), listeners: u16, redis: Option<&str>) -> Command {
    let mut command = Command::new(&layout.program);
    command.arg("instance").args(["--first", &number.to_string(), "--listeners", &listeners.to_string()]);
    command.args(["--bind", &layout.bind.to_string()]);
    command.args(["--port", &ports.0.to_string(), "--admin-port", &ports.1.to_string()]);
    command.args(&layout.arguments);
    // In the environment: a command line is readable by everybody.
    command.env("WSBENCH_JWT_SECRET", &layout.secret);
    match redis {
        Some(url) => command.env("WSBENCH_INSTANCE_REDIS", url),
        None => command.env_remove("WSBENCH_INSTANCE_REDIS"),
    };
    command
}

fn ready(process: &mut Process, broker: &Broker) -> Result<Instance, Failure> {
    let clock = Clock::real();
    let deadline = clock.now() + PATIENCE;
    while clock.now() < deadline {
        if let Some(line) = process.line(Duration::from_millis(100)) {
            return parse(&line)
                .ok_or_else(|| Failure::internal(format!("{} said {line:?} in place of being ready", process.name())));
        }
        if process.has_ended() {
            return Err(not_ready(process, "did not start", broker));
        }
    }
    Err(not_ready(process, &format!("was not ready within {} s", PATIENCE.as_secs()), broker))
}

fn not_ready(process: &mut Process, what: &str, broker: &Broker) -> Failure {
    let words = process.last_words();
    let words = words.trim_start_matches("error: ");
    Failure::setup(format!("{} ({}) {what}: {words}", process.name(), broker.describe()))
}

fn parse(line: &str) -> Option<Instance> {
    let fields = line.strip_prefix("ready ")?;
    let value = |key: &str| fields.split(' ').find_map(|field| field.strip_prefix(key)?.strip_prefix('='));
    let url = value("url")?.to_owned();
    let address = url.strip_prefix("ws://").or_else(|| url.strip_prefix("wss://"))?;
    let port = address.parse::<SocketAddr>().ok()?.port();
    let admin = value("admin")?.strip_prefix("http://")?.parse().ok()?;
    Some(Instance { name: value("instance")?.to_owned(), url, admin, port, line: line.to_owned() })
}

fn failed(program: &Path, error: &std::io::Error) -> Failure {
    Failure::setup(format!("failed to start {}: {error}", program.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ready_line_is_read() {
        let line = "ready instance=b url=ws://127.0.0.1:7001 admin=http://127.0.0.1:7101 broker=redis";
        let instance = parse(line).unwrap();
        assert_eq!((instance.name.as_str(), instance.url.as_str()), ("b", "ws://127.0.0.1:7001"));
        let secure = parse(&line.replace("ws://", "wss://")).unwrap();
        assert_eq!((secure.url.as_str(), secure.port), ("wss://127.0.0.1:7001", 7_001));
        assert_eq!(parse("error: port taken"), None);
    }

    #[test]
    fn names_go_on_after_z() {
        assert_eq!([name(0), name(25), name(26), name(53)], ["a", "z", "a1", "b2"]);
    }
}
