//! The coordinator: finds t0, adds up what the workers tell, passes on what they must know, and ends the run.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::sync::mpsc;

use crate::engine::Setup;
use crate::engine::closes::Closes;
use crate::engine::fault::{Rig, Schedule};
use crate::engine::health::{Meter, Vitals};
use crate::engine::incidents::Incidents;
use crate::engine::link::{FromWorker, Stage, ToWorker};
use crate::engine::outcome::{End, ErrorSample, Outcome, Tick};
use crate::engine::processes::Notice;
use crate::engine::turns::Turn;
use crate::ledger::Tally;
use crate::metrics::{Histogram, Names, Recorder, Snapshot};
use crate::observe::ClientId;
use crate::time::{Clock, Timestamp};
use crate::wire::InstanceTag;

use marks::Marks;

mod faults;
mod marks;
mod meeting;
mod phases;
mod processes;
mod sums;

/// Between the decision that everybody is there and the first moment of the schedule.
const RUN_UP: Duration = Duration::from_millis(100);

/// How long an interrupted run waits for copies that are on their way.
const SHORT_DRAIN: Duration = Duration::from_secs(1);

/// How long workers may take to say what became of the last publications.
const SETTLING: Duration = Duration::from_secs(5);

/// What decides from outside: a signal (130 or 143).
pub type Signals = mpsc::Receiver<u8>;

/// What the engine calls with each second; it may end the run, giving the reason.
pub type OnTick<'a> = dyn FnMut(&Tick) -> ControlFlow<String> + 'a;

/// How the workers are reached.
pub(in crate::engine) struct Posts {
    /// To each worker, or to each process of workers.
    pub(in crate::engine) orders: Vec<mpsc::Sender<ToWorker>>,
    /// From all of them.
    pub(in crate::engine) reports: mpsc::Receiver<FromWorker>,
    /// Of the processes, where there are any.
    pub(in crate::engine) notices: mpsc::Receiver<Notice>,
}

/// The coordinator's view of the run.
pub(in crate::engine) struct Coordinator<'a> {
    setup: Arc<Setup>,
    clock: Clock,
    posts: Posts,
    rig: &'a mut dyn Rig,
    signals: &'a mut Signals,
    on_tick: &'a mut OnTick<'a>,
    schedule: Schedule,
    incidents: Incidents,
    closes: Closes,
    /// When the rig cut a client's connection.
    cuts: FxHashMap<ClientId, Timestamp>,
    workers: Vec<Known>,
    tally: Tally,
    own: Recorder,
    totals: Snapshot,
    second: Snapshot,
    turns: BTreeMap<u32, Turn>,
    marks: Marks,
    lag: Histogram,
    errors: Vec<ErrorSample>,
    unknown: Vec<String>,
    names: Names,
    instances: Vec<(String, u64)>,
    meter: Meter,
    vitals: Option<Vitals>,
    /// What the measured phase cost the processes that carry clients.
    carriers: Vec<Vitals>,
    /// The first of them that ended before its time.
    died: Option<usize>,
    peak: u64,
    next_tick: Timestamp,
    t0: Option<Timestamp>,
}

/// The last totals a worker told.
#[derive(Clone, Debug, Default)]
struct Known {
    ready: u64,
    asked: u64,
    undecided: u64,
    groups: Vec<(u64, u64)>,
    recognised: u64,
    instances: BTreeMap<InstanceTag, (String, u64)>,
    stage: Option<Stage>,
}

/// What a wait ended with.
enum Woken {
    Deadline,
    Enough,
    Stopped(End),
}

impl<'a> Coordinator<'a> {
    pub(in crate::engine) fn new(
        setup: Arc<Setup>,
        posts: Posts,
        rig: &'a mut dyn Rig,
        signals: &'a mut Signals,
        on_tick: &'a mut OnTick<'a>,
    ) -> Self {
        let scenario = &setup.scenario;
        let names = Names {
            groups: scenario.groups.iter().map(|group| group.name.clone()).collect(),
            publishes: scenario.publishes.iter().map(|publish| publish.name.clone()).collect(),
            requests: scenario.requests.iter().map(|request| request.name.clone()).collect(),
            instances: BTreeMap::new(),
            incidents: scenario.faults.iter().map(|fault| fault.name.clone()).collect(),
        };
        let clock = setup.dialer.clock.clone();
        Self {
            workers: vec![Known::default(); setup.workers],
            tally: Tally::new(setup.workers),
            own: Recorder::default(),
            totals: Snapshot::default(),
            second: Snapshot::default(),
            turns: BTreeMap::new(),
            marks: Marks::default(),
            lag: Histogram::default(),
            errors: Vec::new(),
            unknown: Vec::new(),
            instances: Vec::new(),
            meter: Meter::new(&clock),
            vitals: None,
            carriers: Vec::new(),
            died: None,
            peak: 0,
            next_tick: clock.now() + Duration::from_secs(1),
            t0: None,
            names,
            clock,
            setup,
            posts,
            rig,
            signals,
            on_tick,
            schedule: Schedule::default(),
            incidents: Incidents::declared([]),
            closes: Closes::default(),
            cuts: FxHashMap::default(),
        }
    }

    /// The whole run, from the ramp to the last row.
    pub(in crate::engine) async fn run(mut self) -> Outcome {
        let times = self.setup.scenario.times;
        let mut measured = Duration::ZERO;
        let end = match self.gather().await {
            Err(end) => end,
            Ok(t0) => {
                self.t0 = Some(t0);
                self.expect_faults(t0 + times.warm_up);
                self.order(&ToWorker::Schedule(t0)).await;
                let started = t0 + times.warm_up;
                self.open_marks(started).await;
                let mut end = self.publish(t0).await;
                let stopped = self.clock.now();
                measured = stopped.since(started).min(times.duration);
                self.note_instances();
                self.vitals = Some(self.meter.stop(measured));
                self.order(&ToWorker::StopSpeaking).await;
                if !matches!(end, End::Failed(_)) {
                    let drain = if end == End::Complete { times.drain } else { times.drain.min(SHORT_DRAIN) };
                    if let Woken::Stopped(early) = self.wait(stopped + drain, |_| false).await {
                        end = if end == End::Complete { early } else { end };
                    }
                }
                end
            }
        };
        self.close().await;
        self.outcome(end, measured)
    }

    /// Asks every worker for the fate of its last publications, lets all know, and ends them.
    async fn close(&mut self) {
        self.make_amends();
        self.order(&ToWorker::Settle).await;
        self.until(Stage::Settled).await;
        self.order(&ToWorker::Finish).await;
        self.until(Stage::Gone).await;
    }

    async fn until(&mut self, stage: Stage) {
        let deadline = self.clock.now() + SETTLING;
        let reached = move |known: &[Known]| known.iter().all(|k| k.stage >= Some(stage));
        while !reached(&self.workers) {
            let report = tokio::select! {
                Some(notice) = self.posts.notices.recv() => {
                    self.notice(notice);
                    continue;
                }
                report = self.posts.reports.recv() => report,
                () = self.clock.sleep_until(deadline) => None,
            };
            let Some(report) = report else { break };
            self.absorb(report).await;
        }
    }

    /// Goes on adding up until `deadline`, or until `enough`, or until something stops the run; carries out faults.
    async fn wait(&mut self, deadline: Timestamp, enough: impl Fn(&[Known]) -> bool) -> Woken {
        loop {
            if enough(&self.workers) {
                return Woken::Enough;
            }
            self.carry_out();
            let wake = self.schedule.next().map_or(deadline, |act| act.min(deadline));
            let report = tokio::select! {
                biased;
                signal = self.signals.recv() => return Woken::Stopped(End::Interrupted(signal.unwrap_or(130))),
                () = self.clock.sleep_until(wake), if self.clock.now() < wake => {
                    if wake == deadline {
                        return Woken::Deadline;
                    }
                    continue;
                }
                Some(notice) = self.posts.notices.recv() => {
                    self.notice(notice);
                    match self.died {
                        Some(process) => return Woken::Stopped(End::Failed(self.obituary(process))),
                        None => continue,
                    }
                }
                report = self.posts.reports.recv() => report,
            };
            let Some(report) = report else {
                return Woken::Stopped(End::Failed("a worker ended before its time".to_owned()));
            };
            self.absorb(report).await;
            if self.clock.now() >= self.next_tick
                && let ControlFlow::Break(reason) = self.tick()
            {
                return Woken::Stopped(End::Aborted(reason));
            }
            if self.clock.now() >= deadline {
                return Woken::Deadline;
            }
        }
    }

    async fn order(&mut self, order: &ToWorker) {
        for worker in &self.posts.orders {
            // A worker that is gone is noticed by its missing reports.
            drop(worker.send(order.clone()).await);
        }
    }
}
