//! `wsbench worker`: a process that carries a share of a run's clients. Started by `run`, not by people; everything it has to
//! know comes through its stdin, a socket, and everything it has to say goes back there. Its stdout is its part of the raw
//! log. It ends with the socket.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};
use url::Url;

use super::exit::{Done, Failure};
use super::run::secrets::Learnt;
use super::run::{limits, target};
use crate::engine::{Pipe, RawSink, Setup, serve};
use crate::scenario::plan::Plan;
use crate::scenario::{self, Overrides, Source};
use crate::session::{Dialer, Part};
use crate::transport::NetworkConfig;

/// A process that carries clients of a run
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {}

/// What a worker process is told first. The plan is not in it: it follows from the scenario. Not `Debug`: it holds secrets.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Assignment {
    /// Where the scenario was read.
    pub(super) path: String,
    /// What it says.
    pub(super) text: String,
    /// What the command line says against it.
    pub(super) overrides: Overrides,
    /// Where the target is, as it was raised.
    pub(super) urls: Vec<String>,
    /// What each URL's instance is called, where that is known beforehand.
    pub(super) instances: Vec<Arc<str>>,
    /// What tokens are minted with, if the server was raised for this run.
    pub(super) secret: Option<Vec<u8>>,
    /// The fault proxy, if there is one.
    pub(super) detour: Option<SocketAddr>,
    /// The number of this process, below `of`.
    pub(super) process: u8,
    /// How many processes share the clients.
    pub(super) of: u8,
    /// How many workers all of them have together: a multiple of `of`.
    pub(super) workers: usize,
    /// Tells the run's markers from another's.
    pub(super) run: u64,
    /// Whether a raw log is wanted.
    pub(super) raw: bool,
}

/// What a worker process answers when it is ready to take orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ready {
    /// The digest of its plan: it must be that of everybody.
    pub(super) plan: u64,
}

/// A pipe to the other end of a socket; to be called inside a runtime.
pub(super) fn pipe(socket: UnixStream) -> io::Result<Pipe> {
    socket.set_nonblocking(true)?;
    let (reads, writes) = tokio::net::UnixStream::from_std(socket)?.into_split();
    Ok(Pipe::new(reads, writes))
}

pub(super) fn main(_args: &Args) -> Done {
    super::runtime()?.block_on(work())
}

async fn work() -> Done {
    let by_hand = |error: &dyn std::fmt::Display| {
        Failure::usage(format!("`wsbench run --processes` starts this by itself, and tells it more: {error}"))
    };
    let socket = io::stdin().as_fd().try_clone_to_owned().map_err(|error| by_hand(&error))?;
    let socket = UnixStream::from(socket);
    // A terminal or a file has no other end.
    socket.peer_addr().map_err(|error| by_hand(&error))?;
    let mut pipe = pipe(socket).map_err(|error| by_hand(&error))?;
    let told = pipe.hear::<Assignment>().await.map_err(|error| by_hand(&error))?;
    let assignment = told.ok_or_else(|| by_hand(&"nothing came"))?;
    limits::of_this_machine()?;
    let own = own_workers(&assignment);
    let (raw, writer) = assignment.raw.then(raw_log).unzip();
    let learnt = Learnt::to_be_told();
    let setup = setup(assignment, raw, &learnt)?;
    let ready = Ready { plan: setup.plan.digest() };
    if pipe.say(&ready).await.is_err() {
        // Whoever started this has gone.
        return Ok(ExitCode::SUCCESS);
    }
    serve(setup, own, pipe, || learnt.take_untold()).await.map_err(Failure::internal)?;
    match writer.map(JoinHandle::join) {
        None | Some(Ok(Ok(()))) => Ok(ExitCode::SUCCESS),
        Some(Ok(Err(error))) => Err(Failure::internal(format!("the raw log: {error}"))),
        Some(Err(_)) => Err(Failure::internal("the writer of the raw log died")),
    }
}

/// The numbers of this process's workers.
fn own_workers(assignment: &Assignment) -> std::ops::Range<usize> {
    let each = assignment.workers / usize::from(assignment.of.max(1));
    let first = usize::from(assignment.process) * each;
    first..first + each
}

/// The run as it is asked for, from the same words as the process that coordinates it has read.
fn setup(assignment: Assignment, raw: Option<RawSink>, learnt: &Learnt) -> Result<Setup, Failure> {
    let source = Source::new(assignment.path, assignment.text);
    let scenario = scenario::parse(source, &assignment.overrides, &super::environment)
        .map_err(|diagnostic| Failure::usage(diagnostic.plain()))?;
    let plan = Plan::new(&scenario);
    let secret = assignment.secret.map(Arc::from);
    let usual =
        NetworkConfig { detour: assignment.detour, loopback_block: assignment.process, ..NetworkConfig::default() };
    let urls: Result<Vec<Url>, _> = assignment.urls.iter().map(|url| Url::parse(url)).collect();
    let part = Part { number: assignment.process, of: assignment.of };
    let ground = target::at(&urls.map_err(Failure::internal)?, &scenario, &plan, secret, usual, learnt, part)?;
    Ok(Setup {
        dialer: Dialer { instances: assignment.instances, ..ground.dialer(&scenario) },
        urls: ground.urls(),
        secret: ground.secret(),
        scenario: Arc::new(scenario),
        plan,
        workers: assignment.workers,
        run: assignment.run,
        raw,
        turns: None,
    })
}

/// The sink of this process's part of the raw log, and the thread that writes it to stdout.
fn raw_log() -> (RawSink, JoinHandle<io::Result<()>>) {
    let (sink, chunks) = RawSink::channel();
    let write = move || {
        let mut stdout = io::stdout().lock();
        chunks.into_iter().try_for_each(|chunk| stdout.write_all(chunk.as_bytes()))?;
        stdout.flush()
    };
    (sink, std::thread::spawn(write))
}
