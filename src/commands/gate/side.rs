//! One side of a gate: how its target is raised, found ready and stopped.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use url::Url;

use super::answers::answers;
use super::attention::{Attention, Ended};
use super::logs::{Log, SILENT};
use super::target::Target;
use crate::commands::child::Process;
use crate::commands::exit::Failure;
use crate::commands::redis::{self, Broker};
use crate::commands::run::bundled;
use crate::gate::Side;
use crate::scenario::{BrokerChoice, Bundled, Scenario, Target as Asked};
use crate::time::Clock;
use crate::units::print_duration;

/// How long a side may take to be ready.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long it may take to end once it is asked to.
const ENDING: Duration = Duration::from_secs(10);

/// Between two looks whether it is.
const GLANCE: Duration = Duration::from_millis(20);

/// What stands for the free port a side is given.
pub(super) const PORT: &str = "{{port}}";

/// A side that is up, as far as it is ours to be. Dropping it ends it.
pub(super) struct Raised {
    pub(super) side: Side,
    pub(super) urls: Vec<Url>,
    process: Option<Process>,
    /// Of a command: what it says.
    log: Option<Log>,
    /// Behind the process, so that it outlives it.
    _broker: Option<Broker>,
}

/// What raising a side takes beside its target. Not `Debug`: it holds a secret.
pub(super) struct Means<'a> {
    pub(super) secret: &'a str,
    /// Where the log of a command goes.
    pub(super) logs: &'a Path,
    /// Which start it is, from 0, of how many.
    pub(super) start: (u32, u32),
    /// Asked until it answers with success, the port filled in.
    pub(super) ready: Option<&'a str>,
}

impl Raised {
    /// Raises `target` for `scenario`. Call it from the main thread: the kernel ties the child's life to it.
    pub(super) fn new(
        side: Side,
        target: &Target,
        scenario: &Scenario,
        means: &Means<'_>,
        attention: &mut Attention,
    ) -> Result<Self, Ended> {
        match target {
            Target::Url(_) => {
                let Asked::Foreign(foreign) = &scenario.target else {
                    return Err(Failure::internal("a URL that is no target").into());
                };
                Ok(Self { side, urls: foreign.urls.clone(), process: None, log: None, _broker: None })
            }
            Target::Command(command) => Self::command(side, command, scenario, means, attention),
            Target::Build(program) => Self::build(side, program, scenario, means, attention),
        }
    }

    fn build(
        side: Side,
        program: &Path,
        scenario: &Scenario,
        means: &Means<'_>,
        attention: &mut Attention,
    ) -> Result<Self, Ended> {
        let Asked::Bundled(bundled) = &scenario.target else {
            return Err(Ended::Failed(Failure::usage(format!(
                "--{}: a build of wsbench is its room server, and this scenario is for another one: it has a [target], \
                 not a [server]",
                side.name()
            ))));
        };
        let mut command = Command::new(program);
        command.args(serve_arguments(bundled, scenario));
        command.env("WSBENCH_JWT_SECRET", means.secret).env_remove("REDIS_URL");
        let failed = |why: &str| Failure::setup(format!("{}: {} did not start: {why}", side.name(), program.display()));
        let process = Process::start(side.name(), command).map_err(|error| failed(&error.to_string()))?;
        let mut raised = Self { side, urls: Vec::new(), process: Some(process), log: None, _broker: None };
        raised.await_urls(usize::from(bundled.instances), &failed, attention)?;
        Ok(raised)
    }

    /// Waits until it has said where its instances are.
    fn await_urls(
        &mut self,
        instances: usize,
        failed: &dyn Fn(&str) -> Failure,
        attention: &mut Attention,
    ) -> Result<(), Ended> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let clock = Clock::real();
        let deadline = clock.now() + PATIENCE;
        while self.urls.len() < instances {
            let line = process.line(Duration::ZERO);
            let url = line.iter().flat_map(|line| line.split(' ')).find_map(|field| field.strip_prefix("url="));
            self.urls.extend(url.and_then(|url| Url::parse(url).ok()));
            if line.is_some() {
                continue;
            }
            if process.has_ended() {
                let words = process.last_words();
                let words = Some(words.trim_start_matches("error: ")).filter(|words| !words.is_empty());
                return Err(failed(words.unwrap_or(&format!("it ended and {SILENT}"))).into());
            }
            if clock.now() > deadline {
                let within = PATIENCE.as_secs();
                return Err(
                    failed(&format!("within {within} s it did not say where it is, as `wsbench serve` does")).into()
                );
            }
            attention.nap(GLANCE)?;
        }
        process.stop_listening();
        // Instances are ready in any order; both sides list them in the same.
        self.urls.sort_by_key(Url::port);
        Ok(())
    }

    fn command(
        side: Side,
        command: &str,
        scenario: &Scenario,
        means: &Means<'_>,
        attention: &mut Attention,
    ) -> Result<Self, Ended> {
        let failed = |why: String| Failure::setup(format!("{}: {why}", side.name()));
        let port = free_port().map_err(|error| failed(error.to_string()))?;
        let broker = redis::start(BrokerChoice::Auto, None, crate::commands::environment("PATH").as_deref())?;
        let (log, file) = Log::open(means.logs, side, means.start)?;
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command.replace(PORT, &port.to_string())).env("PORT", port.to_string());
        shell.env("WSBENCH_JWT_SECRET", means.secret);
        match broker.url() {
            Some(url) => shell.env("REDIS_URL", url),
            None => shell.env_remove("REDIS_URL"),
        };
        let process = Process::start_logging(side.name(), shell, file);
        let process = process.map_err(|error| failed(format!("failed to start the shell: {error}")))?;
        let urls = vec![at_port(scenario, port).ok_or_else(|| failed("the target's URL takes no port".to_owned()))?];
        let mut raised = Self { side, urls, process: Some(process), log: Some(log), _broker: Some(broker) };
        raised.await_port(port, means.ready, attention)?;
        Ok(raised)
    }

    /// Waits until something listens on its port, and answers with success where that is asked.
    fn await_port(&mut self, port: u16, ready: Option<&str>, attention: &mut Attention) -> Result<(), Ended> {
        let clock = Clock::real();
        let deadline = clock.now() + PATIENCE;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let ready = ready.map(|url| url.replace(PORT, &port.to_string()));
        let is_ready = || match &ready {
            Some(url) => answers(url),
            None => TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok(),
        };
        while !is_ready() {
            if self.has_ended() {
                let (name, words) = (self.side.name(), self.words());
                return Err(Failure::setup(format!("{name} ended before it was ready: {words}")).into());
            }
            if clock.now() > deadline {
                let what = ready.as_deref().map_or_else(|| format!("port {port}"), str::to_owned);
                let (name, words, within) = (self.side.name(), self.words(), PATIENCE.as_secs());
                return Err(Ended::Failed(Failure::setup(format!(
                    "{name}: nothing answered at {what} within {within} s ({{{{port}}}} and PORT tell it where to listen): \
                     {words}"
                ))));
            }
            attention.nap(GLANCE)?;
        }
        Ok(())
    }

    /// Ends it, and waits until it has; its Redis stays until it is dropped.
    pub(super) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.terminate_group();
            process.wait_or_kill(&Clock::real(), ENDING);
            process.kill_group();
        }
    }

    /// Whether it has ended though nobody asked it to.
    pub(super) fn has_ended(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::has_ended)
    }

    /// The end of its log, and where that is.
    pub(super) fn words(&self) -> String {
        match (&self.log, &self.process) {
            (Some(log), _) => log.words(),
            (None, Some(process)) => process.words_so_far(),
            (None, None) => String::new(),
        }
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What `serve` is told so that it is what `run` would raise.
fn serve_arguments(bundled: &Bundled, scenario: &Scenario) -> Vec<String> {
    let broker = match bundled.broker {
        BrokerChoice::Auto => "auto",
        BrokerChoice::Redis => "redis",
        BrokerChoice::Memory => "memory",
    };
    let plan = crate::scenario::plan::Plan::new(scenario);
    let flags = [
        ("--instances", bundled.instances.to_string()),
        ("--broker", broker.to_owned()),
        ("--frames-per-second", bundled::frames_per_second(scenario, &plan).to_string()),
        ("--ping-interval", print_duration(bundled.ping_interval)),
        ("--ping-timeout", print_duration(bundled.ping_timeout)),
    ];
    let flags = flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
    std::iter::once("serve".to_owned()).chain(flags).collect()
}

/// The scenario's URL, at a port of this machine.
fn at_port(scenario: &Scenario, port: u16) -> Option<Url> {
    let mut url = match &scenario.target {
        Asked::Foreign(foreign) => foreign.urls.first()?.clone(),
        Asked::Bundled(_) => Url::parse("ws://127.0.0.1/ws").ok()?,
    };
    url.set_ip_host([127, 0, 0, 1].into()).ok()?;
    url.set_port(Some(port)).ok()?;
    Some(url)
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
