//! One start of the sides: both runs, side by side in turns, until enough is known of it.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::attention::{Attention, Ended};
use super::collector::{Broken, Collector, Stretch};
use super::live::{DRAIN, Live};
use super::turns;
use crate::commands::exit::Failure;
use crate::commands::run::preflight;
use crate::commands::run::target::{self as ground, Ground};
use crate::engine::{self, Act, Aftermath, Crew, Cuts, Meeting, OnTick, Outcome, Setup, Signals, Tick, Turns};
use crate::gate::{Block, Gate, Schedule, Side};
use crate::scenario::plan::Plan;
use crate::scenario::{Target as Whom, Times};
use crate::session::Part;
use crate::transport::NetworkConfig;

/// What comes of one attempt.
pub(super) struct Attempt {
    pub(super) gate: Gate,
    pub(super) broken: Option<Broken>,
    pub(super) late: f64,
    pub(super) outcomes: [Outcome; 2],
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

impl Live<'_> {
    /// Measures until the gate has decided, has enough of this start, or the schedule is over.
    pub(super) fn attempt(
        &self,
        attention: &mut Attention,
        stretch: Stretch,
        keep: &mut dyn FnMut(&Block) -> Result<(), String>,
    ) -> Result<Attempt, Ended> {
        let meeting = Arc::new(Meeting::default());
        let base = self.setup(Side::Base, &stretch.schedule, &meeting)?;
        let new = self.setup(Side::New, &stretch.schedule, &meeting)?;
        for (side, (setup, ground)) in Side::BOTH.into_iter().zip([&base, &new]) {
            let reached = attention.until(preflight::connect(ground.urls(), setup))?;
            reached.map_err(|failure| self.not_reached(side, &failure))?;
        }
        let collector = RefCell::new(Collector::new(stretch, cores(), keep));
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
        let ground = ground::at(&raised.urls, &scenario, &plan, secret, usual, &self.asked.learnt, Part::WHOLE)?;
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
