//! What joins the instances: an explicit Redis, a private one of ours, or memory.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use super::child::Process;
use super::exit::Failure;
use crate::scenario::BrokerChoice;
use crate::time::{Clock, nap};

/// How long a private Redis may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The broker of a run.
#[derive(Debug)]
pub(super) enum Broker {
    /// A Redis that was already there.
    Given(String),
    /// A Redis of our own, with its directory.
    Private {
        /// Where it listens.
        url: String,
        /// The process.
        process: Process,
        /// What it is.
        program: PathBuf,
        /// Its port.
        port: u16,
        /// Where it runs; gone with it.
        directory: TempDir,
    },
    /// The embedded broker.
    Memory,
}

impl Broker {
    /// The Redis there is, if any.
    pub(super) fn url(&self) -> Option<&str> {
        match self {
            Self::Given(url) | Self::Private { url, .. } => Some(url),
            Self::Memory => None,
        }
    }

    /// Signals the private Redis.
    pub(super) fn signal(&self, signal: Signal) -> Result<(), String> {
        match self {
            Self::Private { process, .. } => {
                process.signal(signal);
                Ok(())
            }
            Self::Given(_) => Err("this Redis was not started by wsbench: leave --redis and REDIS_URL out".to_owned()),
            Self::Memory => Err("there is no Redis: install redis-server".to_owned()),
        }
    }

    /// Starts the private Redis again, empty, where it was.
    pub(super) fn restart(&mut self) -> Result<(), String> {
        let Self::Private { process, program, port, directory, .. } = self else {
            return self.signal(Signal::CONT);
        };
        process.wait_or_kill(&Clock::real(), Duration::ZERO);
        let started = Process::start("redis", command(program, *port, directory.path()));
        *process = started.map_err(|error| format!("Redis did not start again: {error}"))?;
        process.stop_listening();
        Ok(())
    }

    /// How it is told to people, secrets of the URL left out.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Given(url) => format!("Redis at {}", without_secret(url)),
            Self::Private { program, .. } => format!("a private {}", name_of(program)),
            Self::Memory => "the embedded memory broker, all instances in one process".to_owned(),
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Self::Private { process, .. } = self {
            process.terminate();
            process.wait_or_kill(&Clock::real(), Duration::from_secs(2));
        }
    }
}

/// Finds or starts what `choice` asks for; `url` is an explicit Redis, `path` is `$PATH`.
pub(super) fn start(choice: BrokerChoice, url: Option<&str>, path: Option<&str>) -> Result<Broker, Failure> {
    // An empty REDIS_URL is what a pipeline has where there is none.
    match (choice, url.filter(|url| !url.is_empty())) {
        (BrokerChoice::Memory, _) => Ok(Broker::Memory),
        (_, Some(url)) if !is_redis(url) => {
            Err(Failure::usage("--redis (or REDIS_URL) is not the URL of a Redis: write redis://HOST:PORT"))
        }
        (_, Some(url)) => Ok(Broker::Given(url.to_owned())),
        (BrokerChoice::Auto, None) => Ok(private(path)?.unwrap_or(Broker::Memory)),
        (BrokerChoice::Redis, None) => private(path)?.ok_or_else(|| {
            Failure::setup(
                "no Redis: neither --redis nor REDIS_URL is given, and there is no redis-server or valkey-server on \
                 PATH; install one (apt-get install redis-server), give a URL, or use broker = \"memory\"",
            )
        }),
    }
}

fn is_redis(url: &str) -> bool {
    let schemes = ["redis", "rediss", "redis+unix", "unix", "valkey", "valkeys", "valkey+unix"];
    url::Url::parse(url).is_ok_and(|url| schemes.contains(&url.scheme()))
}

fn private(path: Option<&str>) -> Result<Option<Broker>, Failure> {
    let Some((_, program)) = at_hand(path) else { return Ok(None) };
    // The port is free when looked at; should another process take it meanwhile, the next try gets another.
    for _ in 0..3 {
        let directory = super::private::directory("redis")?;
        if let Some((port, process)) = try_start(&program, directory.path())? {
            let url = format!("redis://127.0.0.1:{port}");
            return Ok(Some(Broker::Private { url, process, program, port, directory }));
        }
    }
    Err(Failure::setup(format!("{} does not start; try it by hand, or use broker = \"memory\"", name_of(&program))))
}

/// The server of which a private one can be started, if there is any on `path`: its name, and where it is.
pub(super) fn at_hand(path: Option<&str>) -> Option<(&'static str, PathBuf)> {
    ["redis-server", "valkey-server"].into_iter().find_map(|name| Some((name, on_path(path?, name)?)))
}

fn try_start(program: &Path, directory: &Path) -> Result<Option<(u16, Process)>, Failure> {
    let failed = |error: std::io::Error| Failure::setup(format!("failed to start {}: {error}", program.display()));
    let port = free_port().map_err(failed)?;
    let mut process = Process::start("redis", command(program, port, directory)).map_err(failed)?;
    process.stop_listening();
    let (clock, address) = (Clock::real(), SocketAddr::from(([127, 0, 0, 1], port)));
    let deadline = clock.now() + PATIENCE;
    while clock.now() < deadline && !process.has_ended() {
        if TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok() && !process.has_ended() {
            return Ok(Some((port, process)));
        }
        nap(Duration::from_millis(10));
    }
    Ok(None)
}

fn command(program: &Path, port: u16, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
    command.args(["--daemonize", "no", "--tcp-backlog", "511", "--dir"]).arg(directory);
    command
}

fn name_of(program: &Path) -> String {
    program.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn on_path(path: &str, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A URL as it may be shown: without user, password and query.
pub(super) fn without_secret(url: &str) -> String {
    let Ok(mut url) = url::Url::parse(url) else { return "(not a URL)".to_owned() };
    let hidden = url.set_username("").is_err() || url.set_password(None).is_err();
    url.set_query(None);
    if hidden { url.scheme().to_owned() } else { url.to_string() }
}
