//! What both sides' seconds come together in: from turns to blocks, from blocks to pairs, from pairs to a decision.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use super::load::Reading;
use crate::engine::{Tick, Turn};
use crate::gate::{Block, Gate, Schedule, Settings, Side};

/// How long after its end a block is closed: copies are under way, and figures are told once a second.
const GRACE: Duration = Duration::from_millis(1_700);

/// Share of the cores that generator and servers together may use.
const BUSIEST: f64 = 0.60;

/// How long is watched before the rate is judged.
const WATCH: Duration = Duration::from_secs(3);

/// Why a run was broken off before its time.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Broken {
    /// The gate has decided.
    Decided,
    /// The machine is too busy: this share of its cores.
    TooBusy(f64),
    /// A block could not be kept; why.
    Failed(String),
}

/// See the module.
pub(super) struct Collector<'a> {
    schedule: Schedule,
    gate: Gate,
    open: [BTreeMap<u32, Turn>; 2],
    /// How far each side has told.
    told: [Duration; 2],
    /// Deliveries of closed blocks; and those that came later.
    in_time: u64,
    late: u64,
    next: u32,
    readings: Vec<(Duration, Reading)>,
    cores: usize,
    keep: &'a mut dyn FnMut(&Block) -> Result<(), String>,
    pub(super) broken: Option<Broken>,
}

impl<'a> Collector<'a> {
    /// Nothing yet. Each block is handed to `keep` as it is closed.
    pub(super) fn new(
        schedule: Schedule,
        settings: Settings,
        cores: usize,
        keep: &'a mut dyn FnMut(&Block) -> Result<(), String>,
    ) -> Self {
        Self {
            schedule,
            gate: Gate::new(settings),
            open: [BTreeMap::new(), BTreeMap::new()],
            told: [Duration::ZERO; 2],
            in_time: 0,
            late: 0,
            next: 0,
            readings: Vec::new(),
            cores,
            keep,
            broken: None,
        }
    }

    /// The gate, its last look taken.
    pub(super) fn into_gate(mut self) -> Gate {
        self.gate.finish();
        self.gate
    }

    /// Share of the deliveries that came when their block had been closed.
    pub(super) fn late_share(&self) -> f64 {
        self.late as f64 / (self.in_time + self.late).max(1) as f64
    }

    /// Takes in a second of `side`.
    pub(super) fn tick(&mut self, side: Side, tick: &Tick) -> ControlFlow<String> {
        let Ok(at) = u64::try_from(tick.at_ns).map(Duration::from_nanos) else { return ControlFlow::Continue(()) };
        self.readings.push((at, Reading::take()));
        for (number, turn) in &tick.turns {
            if *number < self.next {
                self.late += turn.delivery.count();
            } else {
                self.open[side as usize].entry(*number).or_default().merge(turn);
            }
        }
        self.told[side as usize] = at;
        if self.broken.is_none() {
            self.broken = self.too_busy().map(Broken::TooBusy).or_else(|| self.close_pairs());
        }
        match &self.broken {
            None => ControlFlow::Continue(()),
            Some(Broken::Decided) => ControlFlow::Break("decided".to_owned()),
            Some(Broken::TooBusy(_)) => ControlFlow::Break("the machine is too busy".to_owned()),
            Some(Broken::Failed(why)) => ControlFlow::Break(why.clone()),
        }
    }

    /// The share of the cores in use, once, if it is too much.
    fn too_busy(&self) -> Option<f64> {
        let [(first, from), .., (last, to)] = &self.readings[..] else { return None };
        let (watched, before) = (*last - *first, self.readings[self.readings.len() - 2].0 - *first);
        if watched < WATCH || before >= WATCH {
            return None;
        }
        let share = to.cpu_since(from).as_secs_f64() / watched.as_secs_f64() / self.cores as f64;
        (share > BUSIEST).then_some(share)
    }

    fn close_pairs(&mut self) -> Option<Broken> {
        let told = self.told[0].min(self.told[1]);
        while (self.next as usize) < self.schedule.pairs() && self.schedule.end_of(self.next) + GRACE <= told {
            let pair = self.next;
            self.next += 1;
            match self.close(pair) {
                Ok(false) => {}
                Ok(true) => return Some(Broken::Decided),
                Err(why) => return Some(Broken::Failed(why)),
            }
        }
        None
    }

    fn close(&mut self, pair: u32) -> Result<bool, String> {
        let block = |side: Side, turns: &mut BTreeMap<u32, Turn>, steal: u32| {
            let turn = turns.remove(&pair).unwrap_or_default();
            Block::new(pair, side, &turn.delivery, &turn.send_lag, steal)
        };
        let steal = self.steal(self.schedule.end_of(pair));
        let [base, new] = &mut self.open;
        let (base, new) = (block(Side::Base, base, steal)?, block(Side::New, new, steal)?);
        self.in_time += base.delivery.count() + new.delivery.count();
        (self.keep)(&base)?;
        (self.keep)(&new)?;
        Ok(self.gate.push(base, new))
    }

    /// The steal over the pair that ended at `end`, as far as there are readings around it.
    fn steal(&self, end: Duration) -> u32 {
        let start = end.saturating_sub(self.schedule.end_of(0));
        let before = self.readings.iter().rev().find(|(at, _)| *at <= start).or(self.readings.first());
        let after = self.readings.iter().find(|(at, _)| *at >= end).or(self.readings.last());
        match (before, after) {
            (Some((_, from)), Some((_, to))) => to.steal_ppm(from),
            _ => 0,
        }
    }
}
