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
use crate::engine::turns::Turn;
use crate::ledger::Tally;
use crate::metrics::{Histogram, Names, Recorder, Snapshot};
use crate::observe::ClientId;
use crate::time::{Clock, Timestamp};
use crate::wire::InstanceTag;

mod faults;
mod meeting;
mod sums;

/// Between the decision that everybody is there and the first moment of the schedule.
const RUN_UP: Duration = Duration::from_millis(100);

/// Publishing without a single recognised delivery for this long is not a measurement.
const UNRECOGNISED: Duration = Duration::from_secs(5);

/// How long an interrupted run waits for copies that are on their way.
const SHORT_DRAIN: Duration = Duration::from_secs(1);

/// How long workers may take to say what became of the last publications.
const SETTLING: Duration = Duration::from_secs(5);

/// What decides from outside: a signal (130 or 143).
pub type Signals = mpsc::Receiver<u8>;

/// What the engine calls with each second; it may end the run, giving the reason.
pub type OnTick<'a> = dyn FnMut(&Tick) -> ControlFlow<String> + 'a;

/// The coordinator's view of the run.
pub(in crate::engine) struct Coordinator<'a> {
    setup: Arc<Setup>,
    clock: Clock,
    orders: Vec<mpsc::Sender<ToWorker>>,
    reports: mpsc::Receiver<FromWorker>,
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
    lag: Histogram,
    errors: Vec<ErrorSample>,
    unknown: Vec<String>,
    names: Names,
    instances: Vec<(String, u64)>,
    meter: Meter,
    vitals: Option<Vitals>,
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
        orders: Vec<mpsc::Sender<ToWorker>>,
        reports: mpsc::Receiver<FromWorker>,
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
            workers: vec![Known::default(); orders.len()],
            tally: Tally::new(orders.len()),
            own: Recorder::default(),
            totals: Snapshot::default(),
            second: Snapshot::default(),
            turns: BTreeMap::new(),
            lag: Histogram::default(),
            errors: Vec::new(),
            unknown: Vec::new(),
            instances: Vec::new(),
            meter: Meter::new(&clock),
            vitals: None,
            peak: 0,
            next_tick: clock.now() + Duration::from_secs(1),
            t0: None,
            names,
            clock,
            setup,
            orders,
            reports,
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

    /// Starts the ramps and waits until every client has joined or failed.
    async fn gather(&mut self) -> Result<Timestamp, End> {
        let scenario = Arc::clone(&self.setup.scenario);
        let start = self.clock.now();
        self.order(&ToWorker::Ramp(start)).await;
        let latest = start + self.setup.plan.ramp() + scenario.times.join_timeout;
        let all_in = |known: &[Known]| known.iter().all(|k| k.stage.is_some() && k.undecided == 0);
        let ramp_over = start + self.setup.plan.ramp();
        if let Woken::Stopped(end) = self.wait(ramp_over, |_| false).await {
            return Err(end);
        }
        if let Woken::Stopped(end) = self.wait(latest, all_in).await {
            return Err(end);
        }
        for (at, group) in scenario.groups.iter().enumerate() {
            let of = |pick: fn(&(u64, u64)) -> u64| -> u64 {
                self.workers.iter().filter_map(|known| known.groups.get(at)).map(pick).sum()
            };
            let (asked, ready) = (of(|g| g.0), of(|g| g.1));
            if asked > 0 && ready == 0 {
                return Err(End::Failed(self.nobody_got_in(&group.name, asked)));
            }
        }
        match self.setup.turns.clone() {
            Some(turns) => self.meet(&turns).await,
            None => Ok(self.clock.now() + RUN_UP),
        }
    }

    fn nobody_got_in(&self, group: &str, asked: u64) -> String {
        let why = self.errors.iter().find(|sample| sample.client.starts_with(group)).or(self.errors.first());
        let why = why.map_or_else(
            || "no client finished joining in time; see join_timeout".to_owned(),
            |sample| format!("{}: {}", sample.stage.name(), sample.detail),
        );
        format!("none of the {asked} clients of group {group:?} got in: {why}")
    }

    /// The warm-up and the measured phase.
    async fn publish(&mut self, t0: Timestamp) -> End {
        let times = self.setup.scenario.times;
        let (started, over) = (t0 + times.warm_up, t0 + times.warm_up + times.duration);
        let first = self.setup.plan.publications().next().map(|publication| t0 + publication.due);
        let verdict_at = first.map(|first| first + UNRECOGNISED).filter(|at| *at < over);
        let mut stops = [Some(started), verdict_at, Some(over)];
        stops.sort();
        for stop in stops.into_iter().flatten() {
            if let Woken::Stopped(end) = self.wait(stop, |_| false).await {
                return end;
            }
            if stop == started {
                self.meter.start();
            }
            let recognised: u64 = self.workers.iter().map(|known| known.recognised).sum();
            if (Some(stop) == verdict_at || stop == over) && first.is_some() && recognised == 0 {
                return End::Failed(self.nothing_recognised());
            }
        }
        End::Complete
    }

    fn nothing_recognised(&self) -> String {
        let seen = match self.unknown.first() {
            Some(frame) => format!("the first frame not understood was: {frame}"),
            None => "no unknown frame came either".to_owned(),
        };
        format!("publications were sent, but nothing that came back was recognised as a delivery; {seen}")
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
                report = self.reports.recv() => report,
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
                report = self.reports.recv() => report,
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
        for worker in &self.orders {
            // A worker that is gone is noticed by its missing reports.
            drop(worker.send(order.clone()).await);
        }
    }
}
