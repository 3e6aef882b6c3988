//! `--processes`: the clients are carried by other processes of this program, which are started here, told what they have to
//! know, and asked at the end whether they have done it.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::{Args, rigging, target};
use crate::commands::child::{self, Process};
use crate::commands::exit::Failure;
use crate::commands::worker::{Assignment, Ready, pipe};
use crate::engine::{self, End, Pipe, Setup};
use crate::time::{Clock, nap};

/// How long a process may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a process may take to end when the run is over.
const ENDING: Duration = Duration::from_secs(10);

/// How often a process that is expected to end is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// Processes that carry clients, if there are any beside this one. Dropping it ends them.
#[derive(Default)]
pub(super) struct Crew {
    processes: Vec<Process>,
}

/// How many workers a run has: as many as are asked for or suit the machine, the same number in every process.
pub(super) fn workers(args: &Args, clients: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = args.workers.map_or_else(|| engine::suitable_workers(cores, clients), usize::from);
    let processes = usize::from(args.processes);
    workers.div_ceil(processes) * processes
}

impl Crew {
    /// Starts the processes that `args` ask for, and gives what the engine reaches them by. Call it from the main thread.
    pub(super) fn raise(
        args: &Args,
        setup: &Setup,
        ground: &target::Ground,
        runtime: &tokio::runtime::Runtime,
    ) -> Result<(Self, engine::Crew), Failure> {
        if args.processes == 1 {
            return Ok((Self::default(), engine::Crew::Threads));
        }
        let program = rigging::program()?;
        let mut crew = Self::default();
        let mut pipes = Vec::new();
        for number in 0..args.processes {
            let (process, socket) = start(&program, number, setup)?;
            crew.processes.push(process);
            let _inside = runtime.enter();
            pipes.push(pipe(socket).map_err(|error| failed(number, &error))?);
        }
        let first = assignment(args, setup, ground);
        runtime.block_on(async {
            for (number, pipe) in (0..).zip(&mut pipes) {
                let told = pipe.say(&Assignment { process: number, ..first.clone() }).await;
                // One that has gone has said why, and is asked below.
                drop(told);
            }
            for (number, pipe) in (0..).zip(&mut pipes) {
                crew.await_ready(number, pipe, setup).await?;
            }
            Ok::<(), Failure>(())
        })?;
        let learnt = ground.learnt();
        Ok((crew, engine::Crew::Processes { pipes, learnt: Arc::new(move |secret| learnt.note(secret)) }))
    }

    /// Waits until the process of this number is ready to carry clients of the same plan.
    async fn await_ready(&mut self, number: u8, pipe: &mut Pipe, setup: &Setup) -> Result<(), Failure> {
        let Ok(heard) = tokio::time::timeout(PATIENCE, pipe.hear::<Ready>()).await else {
            return Err(failed(number, &format!("it was not ready within {} s", PATIENCE.as_secs())));
        };
        match heard {
            Ok(Some(Ready { plan })) if plan == setup.plan.digest() => Ok(()),
            Ok(Some(_)) => Err(failed(number, &"its plan is another: did a file that the scenario names change?")),
            Ok(None) | Err(_) => {
                let process = &mut self.processes[usize::from(number)];
                process.wait_or_kill(&Clock::real(), ENDING);
                let words = process.last_words();
                Err(failed(number, &words.trim_start_matches("error: ")))
            }
        }
    }

    /// The run is over: waits for the end of every process, and says in `end` how one ended that did not end well.
    pub(super) fn stop(&mut self, end: &mut End) {
        let of = self.processes.len();
        for (number, process) in (1..).zip(&mut self.processes) {
            let how = match end_of(process) {
                Some(child::End::Status(0)) => continue,
                Some(child::End::Status(status)) => format!("status {status}"),
                Some(child::End::Signal(signal)) => format!("signal {signal}"),
                None => format!("being killed, because it did not end within {} s", ENDING.as_secs()),
            };
            let words = process.last_words();
            let words = if words.is_empty() { String::new() } else { format!(": {words}") };
            let how = format!("worker process {number} of {of} ended by {how}{words}");
            match end {
                End::Failed(why) => *why = format!("{why} ({how})"),
                End::Complete => *end = End::Failed(how),
                End::Interrupted(_) | End::Aborted(_) => {}
            }
        }
    }
}

/// How it ended by itself; one that does not is killed.
fn end_of(process: &mut Process) -> Option<child::End> {
    let clock = Clock::real();
    let deadline = clock.now() + ENDING;
    // Before it is reaped: then nobody knows any more.
    while process.end().is_none() && clock.now() < deadline {
        nap(GLANCE);
    }
    let end = process.end();
    process.wait_or_kill(&clock, Duration::ZERO);
    end
}

/// Starts the process of this number; the socket it listens at.
fn start(program: &Path, number: u8, setup: &Setup) -> Result<(Process, UnixStream), Failure> {
    let (ours, theirs) = UnixStream::pair().map_err(|error| failed(number, &error))?;
    let mut command = Command::new(program);
    command.arg("worker");
    let mut raw = setup.raw.as_ref().map(engine::RawSink::lines);
    let each = move |line: String| {
        if let Some(raw) = &mut raw {
            raw.add(&line);
        }
    };
    let process = Process::start_joined(&format!("worker-{}", number + 1), command, OwnedFd::from(theirs), each)
        .map_err(|error| failed(number, &error))?;
    Ok((process, ours))
}

/// What the first process is told; the others are told the same, with their numbers.
fn assignment(args: &Args, setup: &Setup, ground: &target::Ground) -> Assignment {
    Assignment {
        path: setup.scenario.source.path.clone(),
        text: setup.scenario.source.text.to_string(),
        overrides: args.overrides(),
        urls: ground.addresses().iter().map(url::Url::to_string).collect(),
        instances: setup.dialer.instances.clone(),
        secret: setup.secret.as_deref().map(<[u8]>::to_vec),
        detour: ground.detour(),
        process: 0,
        of: args.processes,
        workers: setup.workers,
        run: setup.run,
        raw: setup.raw.is_some(),
    }
}

fn failed(number: u8, why: &dyn std::fmt::Display) -> Failure {
    Failure::setup(format!("worker process {} did not start: {why}", u32::from(number) + 1))
}
