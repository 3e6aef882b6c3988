//! Many clients: starting them, pacing what they say, adding up what they saw.
//!
//! A coordinator and workers that share nothing: each worker owns its clients, walks the whole plan and keeps its own
//! books; they exchange plain values over bounded channels, or through a pipe where a worker is in another process. The engine names neither thresholds nor outputs: it calls
//! one closure with each second and learns whether to go on.

use std::ops::Range;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::LocalSet;

use crate::scenario::Scenario;
use crate::scenario::plan::Plan;
use crate::session::Dialer;

mod books;
mod client;
mod closes;
mod coordinator;
mod desk;
mod fault;
mod frames;
mod health;
mod incidents;
mod link;
mod outcome;
mod processes;
mod raw;
mod stretches;
mod turns;
mod walk;
mod worker;

#[cfg(test)]
mod tests;

use coordinator::Posts;
pub use coordinator::{OnTick, Signals};
pub use fault::{Act, Aftermath, Cuts, Rig, Victim};
pub use frames::Pipe;
pub use outcome::{Close, End, ErrorSample, Health, Identity, Incident, Middle, Outcome, Phase, Tick};
pub use processes::{OnSecret, serve};
pub use raw::{RawLines, RawSink};
pub use turns::{Meeting, Turn, Turns};

/// Reports that may wait for the coordinator; a worker sends ten a second.
const REPORTS: usize = 64;

/// Orders that may wait for a worker.
const ORDERS: usize = 1_024;

/// Everything a run needs. Not `Debug`: it holds a secret.
pub struct Setup {
    /// What was asked for.
    pub scenario: Arc<Scenario>,
    /// The schedule it means.
    pub plan: Plan,
    /// How to reach the target.
    pub dialer: Dialer,
    /// How many URLs the transport knows.
    pub urls: usize,
    /// How many workers share the clients, in all processes together.
    pub workers: usize,
    /// The secret of a server this run started, to mint tokens with.
    pub secret: Option<Arc<[u8]>>,
    /// Tells this run's markers from another's.
    pub run: u64,
    /// Where the raw log goes, if one is wanted.
    pub raw: Option<RawSink>,
    /// When it is this run's turn, if it is one of several side by side.
    pub turns: Option<Turns>,
}

/// Why a run could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The operating system gave no thread, runtime or timer.
    #[error("failed to start worker {worker}: {source}")]
    Worker {
        /// Which worker.
        worker: usize,
        /// What it said.
        source: std::io::Error,
    },
}

/// Where the workers of a run are.
pub enum Crew {
    /// Each is a thread of this process.
    Threads,
    /// In other processes, the same number in each.
    Processes {
        /// At whose other ends they are; they are told nothing yet but what [`serve`] asks for.
        pipes: Vec<Pipe>,
        /// What is called with each secret that is learnt there.
        learnt: Arc<OnSecret>,
    },
}

/// Runs a scenario with the workers where `crew` says; `rig` carries out faults.
///
/// # Errors
/// When a worker could not be started.
pub async fn run<'a>(
    setup: Setup,
    crew: Crew,
    rig: &'a mut dyn Rig,
    signals: &'a mut Signals,
    on_tick: &'a mut OnTick<'a>,
) -> Result<Outcome, StartError> {
    let setup = Arc::new(setup);
    let (report, reports) = mpsc::channel(REPORTS);
    let (StartedThreads { orders, threads }, notices) = match crew {
        Crew::Threads => (start_threads(&setup, 0..setup.workers, &report)?, no_notices()),
        Crew::Processes { pipes, learnt } => {
            let each = setup.workers / pipes.len().max(1);
            let (orders, notices) = processes::attend(pipes, each, &report, &learnt);
            (StartedThreads { orders, threads: Vec::new() }, notices)
        }
    };
    drop(report);
    let posts = Posts { orders, reports, notices };
    let outcome = coordinator::Coordinator::new(setup, posts, rig, signals, on_tick).run().await;
    join(threads)?;
    Ok(outcome)
}

/// Threads that are workers, and the channel of each one's orders.
struct StartedThreads {
    orders: Vec<mpsc::Sender<link::ToWorker>>,
    threads: Vec<(usize, JoinHandle<std::io::Result<()>>)>,
}

/// Starts a thread for each of the workers numbered `own`.
fn start_threads(
    setup: &Arc<Setup>,
    own: Range<usize>,
    report: &mpsc::Sender<link::FromWorker>,
) -> Result<StartedThreads, StartError> {
    let mut started = StartedThreads { orders: Vec::new(), threads: Vec::new() };
    for number in own {
        let (order, ordered) = mpsc::channel(ORDERS);
        let (setup, report) = (Arc::clone(setup), report.clone());
        let work = move || -> std::io::Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(LocalSet::new().run_until(worker::run(setup, number, ordered, report)))
        };
        let thread = std::thread::Builder::new().name(format!("worker-{number}")).spawn(work);
        let thread = thread.map_err(|source| StartError::Worker { worker: number, source })?;
        started.threads.push((number, thread));
        started.orders.push(order);
    }
    Ok(started)
}

/// Waits for the end of threads that are workers.
fn join(threads: Vec<(usize, JoinHandle<std::io::Result<()>>)>) -> Result<(), StartError> {
    for (worker, thread) in threads {
        if let Ok(Err(source)) = thread.join() {
            return Err(StartError::Worker { worker, source });
        }
    }
    Ok(())
}

/// Of processes that do not exist nothing is learned.
fn no_notices() -> mpsc::Receiver<processes::Notice> {
    mpsc::channel(1).1
}

/// Runs a scenario with all workers as tasks of the current runtime, for simulated time; call it inside a `LocalSet`.
///
/// # Errors
/// When a worker could not be started.
pub async fn simulate<'a>(
    setup: Setup,
    rig: &'a mut dyn Rig,
    signals: &'a mut Signals,
    on_tick: &'a mut OnTick<'a>,
) -> Result<Outcome, StartError> {
    let setup = Arc::new(setup);
    let (report, reports) = mpsc::channel(REPORTS);
    let mut orders = Vec::new();
    for number in 0..setup.workers {
        let (order, ordered) = mpsc::channel(ORDERS);
        tokio::task::spawn_local(worker::run(Arc::clone(&setup), number, ordered, report.clone()));
        orders.push(order);
    }
    drop(report);
    let posts = Posts { orders, reports, notices: no_notices() };
    Ok(coordinator::Coordinator::new(setup, posts, rig, signals, on_tick).run().await)
}

/// How many workers suit this machine: one for two cores (the rest is for the servers), and never more than clients
/// keep busy.
pub fn suitable_workers(cores: usize, clients: usize) -> usize {
    (cores / 2).min(clients.div_ceil(500)).max(1)
}

/// The longest a run can take after its ramp, for time-outs around it.
pub fn longest(setup: &Setup) -> Duration {
    let times = setup.scenario.times;
    setup.plan.ramp() + times.join_timeout + times.warm_up + times.duration + times.drain + Duration::from_secs(30)
}
