//! What both sides' seconds come together in: from turns to blocks, from blocks to pairs, from pairs to a decision.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use super::load::Reading;
use crate::engine::{Tick, Turn};
use crate::gate::{Block, Gate, Schedule, Side};

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
    /// Enough was measured of this start of the sides.
    Enough,
    /// The machine is too busy: this share of its cores.
    TooBusy(f64),
    /// A block could not be kept; why.
    Failed(String),
}

/// A start of the sides, and how far the gate is when it begins.
pub(super) struct Stretch {
    /// Which start it is, from 0, of how many.
    pub(super) start: u32,
    pub(super) starts: u32,
    pub(super) schedule: Schedule,
    pub(super) gate: Gate,
}

/// See the module.
pub(super) struct Collector<'a> {
    stretch: Stretch,
    /// The number of the first pair.
    first: u32,
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
    /// Nothing of this stretch yet. Each block is handed to `keep` as it is closed.
    pub(super) fn new(stretch: Stretch, cores: usize, keep: &'a mut dyn FnMut(&Block) -> Result<(), String>) -> Self {
        Self {
            first: stretch.gate.pairs(),
            stretch,
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

    /// The gate, as far as it has come.
    pub(super) fn into_gate(self) -> Gate {
        self.stretch.gate
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
            Some(Broken::Enough) => ControlFlow::Break("enough of this start".to_owned()),
            Some(Broken::TooBusy(_)) => ControlFlow::Break("the machine is too busy".to_owned()),
            Some(Broken::Failed(why)) => ControlFlow::Break(why.clone()),
        }
    }

    /// The share of the cores in use, once, if it is too much: one rate is for all starts, and the first one sizes it.
    fn too_busy(&self) -> Option<f64> {
        if self.stretch.start > 0 {
            return None;
        }
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
        let schedule = &self.stretch.schedule;
        let closed = (self.next..).take(schedule.pairs() - self.next as usize);
        let closed = closed.take_while(|pair| schedule.end_of(*pair) + GRACE <= told).count();
        for _ in 0..closed {
            let pair = self.next;
            self.next += 1;
            match self.close(pair) {
                Ok(false) => {}
                Ok(true) => return Some(Broken::Decided),
                Err(why) => return Some(Broken::Failed(why)),
            }
            if self.stretch.gate.has_enough_of_this_start(self.stretch.starts) {
                return Some(Broken::Enough);
            }
        }
        None
    }

    fn close(&mut self, pair: u32) -> Result<bool, String> {
        let block = |side: Side, turns: &mut BTreeMap<u32, Turn>, steal: u32| {
            let turn = turns.remove(&pair).unwrap_or_default();
            Block::new((self.stretch.start, self.first + pair), side, &turn.delivery, &turn.send_lag, steal)
        };
        let steal = self.steal(self.stretch.schedule.end_of(pair));
        let [base, new] = &mut self.open;
        let (base, new) = (block(Side::Base, base, steal)?, block(Side::New, new, steal)?);
        self.in_time += base.delivery.count() + new.delivery.count();
        (self.keep)(&base)?;
        (self.keep)(&new)?;
        Ok(self.stretch.gate.push(base, new))
    }

    /// The steal over the pair that ended at `end`, as far as there are readings around it.
    fn steal(&self, end: Duration) -> u32 {
        let start = end.saturating_sub(self.stretch.schedule.end_of(0));
        let before = self.readings.iter().rev().find(|(at, _)| *at <= start).or(self.readings.first());
        let after = self.readings.iter().find(|(at, _)| *at >= end).or(self.readings.last());
        match (before, after) {
            (Some((_, from)), Some((_, to))) => to.steal_ppm(from),
            _ => 0,
        }
    }
}
