//! Two runs side by side, taking turns: the measuring half of a gate.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::asked::Asked;
use super::attention::{Attention, Ended};
use super::collector::{Broken, Collector};
use super::doubts;
use super::recording::Recording;
use super::side::{Means, Raised};
use super::turns;
use crate::commands::exit::Failure;
use crate::commands::run::target::{self as ground, Ground};
use crate::engine::{self, Act, Aftermath, Crew, Cuts, End, Meeting, OnTick, Outcome, Setup, Signals, Tick, Turns};
use crate::gate::{About, Block, Gate, Schedule, Settings, Side};
use crate::scenario::gate::BLOCKS;
use crate::scenario::plan::Plan;
use crate::scenario::{Target as Whom, Times};
use crate::time::{Clock, Timestamp};
use crate::transport::NetworkConfig;

/// Pairs for the last look, a warm-up and a few that are spoilt.
const WANTED: u32 = 67;

/// After the last block: copies under way, a second's figures, the farewells.
const DRAIN: Duration = Duration::from_millis(2_800);
const AROUND: Duration = Duration::from_millis(1_200);

/// Pairs between two lines of progress.
const TOLD_EVERY: u32 = 12;

/// How often the rate is lowered before the machine counts as too busy.
const LOWERINGS: u32 = 3;

/// Share of the cores a lowered rate aims at.
const AIMED_AT: f64 = 0.50;

/// What a live gate amounts to.
pub(super) struct Measured {
    pub(super) gate: Gate,
    pub(super) about: About,
    /// 130 or 143, if a signal ended it.
    pub(super) interrupted: Option<u8>,
}

impl Measured {
    /// A signal came before there was anything.
    pub(super) fn nothing(asked: &Asked<'_>, settings: &Settings, code: u8) -> Result<Self, Failure> {
        let doubts = vec!["it was interrupted before anything was measured".to_owned()];
        let about = asked.about(asked.block.unwrap_or_default(), Vec::new(), doubts)?;
        Ok(Self { gate: Gate::new(settings.clone()), about, interrupted: Some(code) })
    }
}

/// What comes of one attempt.
struct Attempt {
    gate: Gate,
    broken: Option<Broken>,
    late: f64,
    outcomes: [Outcome; 2],
}

/// Nobody to carry out faults: a scenario with any is refused.
struct NoRig;

impl engine::Rig for NoRig {
    fn act(&mut self, _: &Act) -> Result<Cuts, String> {
        Err("a gate has no faults".to_owned())
    }

    fn aftermath(&mut self) -> Vec<Aftermath> {
        Vec::new()
    }
}

/// A gate about to be measured.
pub(super) struct Live<'a> {
    asked: &'a Asked<'a>,
    settings: &'a Settings,
    clock: Clock,
    deadline: Timestamp,
    sides: [Raised; 2],
    /// Where clients turn to instead, if there is something in between.
    detours: [Option<SocketAddr>; 2],
    /// By how much the rate has been lowered.
    factor: f64,
    notes: Vec<String>,
}

impl<'a> Live<'a> {
    /// Raises both sides. Call it from the main thread.
    pub(super) fn raise(
        asked: &'a Asked<'a>,
        settings: &'a Settings,
        logs: &Path,
        attention: &mut Attention,
    ) -> Result<Self, Ended> {
        let clock = Clock::real();
        let deadline = clock.now() + asked.max_time;
        let means = Means { secret: &asked.secret, logs, ready: asked.ready.as_deref() };
        let mut raise = |side| Raised::new(side, asked.target(side), &asked.load(side)?, &means, attention);
        let sides = [raise(Side::Base)?, raise(Side::New)?];
        let notes = vec!["one start of each side".to_owned()];
        Ok(Self { asked, settings, clock, deadline, sides, detours: [None; 2], factor: 1.0, notes })
    }

    /// Clients of both sides go through these proxies.
    pub(super) fn through(self, proxies: [SocketAddr; 2]) -> Self {
        Self { detours: proxies.map(Some), ..self }
    }

    /// Measures until the gate has decided or the time is up. Each block goes into `recording`, if there is one.
    pub(super) fn measure(
        mut self,
        attention: &mut Attention,
        recording: &mut Option<Recording>,
    ) -> Result<Measured, Ended> {
        let mut schedule = self.schedule()?;
        for lowered in 0..=LOWERINGS {
            let block = schedule.end_of(0) / 2;
            let mut keep = |block: &Block| {
                if !self.asked.quiet && block.side == Side::New && (block.pair + 1).is_multiple_of(TOLD_EVERY) {
                    anstream::eprintln!("gate: {} pairs", block.pair + 1);
                }
                recording.as_mut().map_or(Ok(()), |recording| recording.add(block))
            };
            let attempt = self.attempt(attention, schedule, &mut keep)?;
            match (attempt.broken.clone(), self.schedule()) {
                (Some(Broken::TooBusy(share)), Ok(next)) if lowered < LOWERINGS => {
                    schedule = next;
                    self.factor *= AIMED_AT / share;
                    self.notes.push(format!(
                        "{:.0} % of the cores were in use: the rate was lowered to {:.0} %",
                        share * 100.0,
                        self.factor * 100.0
                    ));
                    recording.as_mut().map_or(Ok(()), Recording::restart)?;
                }
                (Some(Broken::Failed(why)), _) => return Err(Failure::internal(why).into()),
                _ => return Ok(self.conclude(attempt, block)?),
            }
        }
        Err(Failure::internal("the rate was lowered without end").into())
    }

    /// As many pairs as there is time for, in blocks as long as that allows.
    fn schedule(&self) -> Result<Schedule, Failure> {
        let ramp = self.asked.load(Side::Base)?.longest_ramp();
        let left = (self.deadline - self.clock.now()).saturating_sub(ramp + DRAIN + AROUND);
        let fitting = Duration::from_millis((left / (2 * WANTED)).as_millis() as u64);
        let block = self.asked.block.unwrap_or(fitting.clamp(*BLOCKS.start(), *BLOCKS.end()));
        let schedule = Schedule::new(block, left, self.settings.seed);
        if schedule.pairs() == 0 {
            return Err(Failure::usage("--max-time leaves no time for a single pair: the ramp alone takes most of it"));
        }
        Ok(schedule)
    }

    fn attempt(
        &self,
        attention: &mut Attention,
        schedule: Schedule,
        keep: &mut dyn FnMut(&Block) -> Result<(), String>,
    ) -> Result<Attempt, Ended> {
        let meeting = Arc::new(Meeting::default());
        let base = self.setup(Side::Base, &schedule, &meeting)?;
        let new = self.setup(Side::New, &schedule, &meeting)?;
        for (side, (setup, ground)) in Side::BOTH.into_iter().zip([&base, &new]) {
            let reached = attention.until(ground.preflight(setup))?;
            reached.map_err(|failure| self.not_reached(side, &failure))?;
        }
        let collector = RefCell::new(Collector::new(schedule, self.settings.clone(), cores(), keep));
        let (base, new) = (base.0, new.0);
        let Attention { runtime, signals } = attention;
        let outcomes = runtime.block_on(side_by_side(base, new, &meeting, &collector, signals));
        let outcomes = outcomes.map_err(Failure::internal)?;
        let collector = collector.into_inner();
        Ok(Attempt {
            late: collector.late_share(),
            broken: collector.broken.clone(),
            gate: collector.into_gate(),
            outcomes,
        })
    }

    fn not_reached(&self, side: Side, failure: &Failure) -> Failure {
        let words = self.sides[side as usize].words();
        let words = if words.is_empty() { words } else { format!("\nit said: {words}") };
        Failure::setup(format!("{}: {}{words}", side.name(), failure.message))
    }

    fn setup(&self, side: Side, schedule: &Schedule, meeting: &Arc<Meeting>) -> Result<(Setup, Ground), Failure> {
        let raised = &self.sides[side as usize];
        let mut scenario = self.asked.load(side)?;
        let spans = schedule.turns(side);
        turns::take(&mut scenario, &spans, self.factor);
        scenario.times = Times { warm_up: Duration::ZERO, duration: schedule.length(), drain: DRAIN, ..scenario.times };
        let plan = Plan::over_urls(&scenario, raised.urls.len());
        let ours =
            matches!(scenario.target, Whom::Bundled(_)) || crate::commands::environment("WSBENCH_JWT_SECRET").is_some();
        let secret = ours.then(|| Arc::from(self.asked.secret.as_bytes()));
        let usual = NetworkConfig { detour: self.detours[side as usize], ..NetworkConfig::default() };
        let ground = ground::at(&raised.urls, &scenario, &plan, secret, usual)?;
        let clients = plan.lives().len();
        let turns = Turns { spans: spans.into(), meeting: Arc::clone(meeting), place: side as usize };
        let setup = Setup {
            dialer: ground.dialer(&scenario),
            urls: ground.urls(),
            scenario: Arc::new(scenario),
            plan,
            workers: engine::suitable_workers(cores(), clients),
            secret: ground.secret(),
            run: rand::random(),
            raw: None,
            turns: Some(turns),
        };
        Ok((setup, ground))
    }

    fn conclude(mut self, attempt: Attempt, block: Duration) -> Result<Measured, Failure> {
        let mut interrupted = None;
        let mut doubts = Vec::new();
        for (side, outcome) in Side::BOTH.into_iter().zip(&attempt.outcomes) {
            match &outcome.end {
                End::Failed(why) => return Err(Failure::setup(format!("{}: {why}", side.name()))),
                End::Interrupted(code) => interrupted = Some(*code),
                End::Complete | End::Aborted(_) => {}
            }
            if self.sides[side as usize].has_ended() {
                let words = self.sides[side as usize].words();
                return Err(Failure::setup(format!("{} ended by itself: {words}", side.name())));
            }
            doubts.extend(doubts::of(side, outcome));
        }
        doubts.extend(doubts::of_both(attempt.late, attempt.broken.as_ref()));
        if interrupted.is_some() {
            doubts.push("it was interrupted".to_owned());
        }
        let about = self.asked.about(block, self.notes, doubts)?;
        Ok(Measured { gate: attempt.gate, about, interrupted })
    }
}

/// Runs both; each hears every signal.
async fn side_by_side(
    base: Setup,
    new: Setup,
    meeting: &Meeting,
    collector: &RefCell<Collector<'_>>,
    signals: &mut Signals,
) -> Result<[Outcome; 2], engine::StartError> {
    let (to_base, for_base) = tokio::sync::mpsc::channel(1);
    let (to_new, for_new) = tokio::sync::mpsc::channel(1);
    let run = async |side: Side, setup: Setup, mut signals: Signals| {
        let mut on_tick = |tick: &Tick| -> ControlFlow<String> { collector.borrow_mut().tick(side, tick) };
        let on_tick: &mut OnTick<'_> = &mut on_tick;
        let outcome = engine::run(setup, Crew::Threads, &mut NoRig, &mut signals, on_tick).await;
        meeting.leave(side as usize);
        outcome
    };
    let both = async { tokio::join!(run(Side::Base, base, for_base), run(Side::New, new, for_new)) };
    tokio::pin!(both);
    loop {
        tokio::select! {
            (base, new) = &mut both => return Ok([base?, new?]),
            Some(code) = signals.recv() => {
                // A side that is over hears nothing, and need not.
                to_base.try_send(code).ok();
                to_new.try_send(code).ok();
            }
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
