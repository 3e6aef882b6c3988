//! The measuring half of a gate: sides are started, measured side by side, and started again where that is asked for.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::asked::Asked;
use super::attempt::Attempt;
use super::attention::{Attention, Ended};
use super::collector::{Broken, Stretch};
use super::doubts;
use super::recording::Recording;
use super::side::{Means, Raised};
use crate::commands::exit::Failure;
use crate::engine::End;
use crate::gate::{About, Block, Gate, Schedule, Settings, Side};
use crate::scenario::gate::BLOCKS;
use crate::time::{Clock, Timestamp};

/// Pairs for the last look, a warm-up and a few that are spoilt.
const WANTED: u32 = 67;

/// After the last block: copies under way, a second's figures, the farewells.
pub(super) const DRAIN: Duration = Duration::from_millis(2_800);
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
    /// Nothing was measured; why.
    pub(super) fn nothing(asked: &Asked<'_>, settings: &Settings, why: String) -> Self {
        let about = asked.about(asked.block.unwrap_or_default(), Vec::new(), vec![why]);
        Self { gate: Gate::new(settings.clone()), about, interrupted: None }
    }
}

/// A gate about to be measured.
pub(super) struct Live<'a> {
    pub(super) asked: &'a Asked<'a>,
    settings: &'a Settings,
    logs: &'a Path,
    clock: Clock,
    deadline: Timestamp,
    pub(super) sides: [Raised; 2],
    /// Where clients turn to instead, if there is something in between.
    pub(super) detours: [Option<SocketAddr>; 2],
    /// How long a block is, once that is settled.
    block: Option<Duration>,
    /// How often and by how much the rate has been lowered.
    lowered: u32,
    pub(super) factor: f64,
    notes: Vec<String>,
    doubts: Vec<String>,
}

impl<'a> Live<'a> {
    /// Raises both sides. Call it from the main thread.
    pub(super) fn raise(
        asked: &'a Asked<'a>,
        settings: &'a Settings,
        logs: &'a Path,
        attention: &mut Attention,
    ) -> Result<Self, Ended> {
        let clock = Clock::real();
        let deadline = clock.now() + asked.max_time;
        let mut raise = |side| raise(side, asked, (logs, 0), attention);
        let sides = [raise(Side::Base)?, raise(Side::New)?];
        let (notes, doubts) = (Vec::new(), Vec::new());
        let (detours, lowered, factor, block) = ([None; 2], 0, 1.0, None);
        Ok(Self { asked, settings, logs, clock, deadline, sides, detours, block, lowered, factor, notes, doubts })
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
        let mut start = 0;
        let mut gate = Gate::new(self.settings.clone());
        let mut schedule = self.schedule(start)?;
        loop {
            self.block = Some(schedule.end_of(0) / 2);
            let mut keep = |block: &Block| {
                if !self.asked.quiet && block.side == Side::New && (block.pair + 1).is_multiple_of(TOLD_EVERY) {
                    anstream::eprintln!("gate: {} pairs", block.pair + 1);
                }
                recording.as_mut().map_or(Ok(()), |recording| recording.add(block))
            };
            let stretch = Stretch { start, starts: self.asked.starts, schedule, gate };
            let attempt = self.attempt(attention, stretch, &mut keep)?;
            let interrupted = self.weigh(&attempt)?;
            match attempt.broken {
                Some(Broken::Failed(why)) => return Err(Failure::internal(why).into()),
                _ if interrupted.is_some() || attempt.gate.has_decided() => {
                    return Ok(self.conclude(attempt.gate, interrupted));
                }
                Some(Broken::TooBusy(share)) => {
                    let Some(next) = self.lower(share) else { return Ok(self.conclude(attempt.gate, None)) };
                    (schedule, gate) = (next, Gate::new(self.settings.clone()));
                    recording.as_mut().map_or(Ok(()), Recording::restart)?;
                }
                Some(Broken::Decided | Broken::Enough) | None => {
                    start += 1;
                    let Some(next) = self.renew(start, attention)? else {
                        return Ok(self.conclude(attempt.gate, None));
                    };
                    (schedule, gate) = (next, attempt.gate);
                }
            }
        }
    }

    /// As many pairs as there is time for in this start, in blocks as long as that allows.
    fn schedule(&self, start: u32) -> Result<Schedule, Failure> {
        let ramp = self.asked.load(Side::Base)?.longest_ramp();
        let (starts, left) = (self.asked.starts - start, self.deadline - self.clock.now());
        let left = (left / starts).saturating_sub(ramp + DRAIN + AROUND);
        let fitting = Duration::from_millis((left * starts / (2 * WANTED)).as_millis() as u64);
        let block = self.block.or(self.asked.block).unwrap_or(fitting.clamp(*BLOCKS.start(), *BLOCKS.end()));
        let schedule = Schedule::new(block, left, self.settings.seed.wrapping_add(u64::from(start)));
        if schedule.pairs() == 0 {
            return Err(Failure::usage("--max-time leaves no time for a single pair: the ramp alone takes most of it"));
        }
        Ok(schedule)
    }

    /// Everything is too busy with `share` of the cores in use: the schedule at a lower rate, if that can be tried.
    fn lower(&mut self, share: f64) -> Option<Schedule> {
        let block = self.block.take();
        let next = if self.lowered < LOWERINGS { self.schedule(0).ok() } else { None };
        if next.is_none() {
            self.block = block;
            self.doubts.push(doubts::too_busy(share));
            return None;
        }
        self.lowered += 1;
        self.doubts.clear();
        self.factor *= AIMED_AT / share;
        self.notes.push(format!(
            "{:.0} % of the cores were in use: the rate was lowered to {:.0} %",
            share * 100.0,
            self.factor * 100.0
        ));
        next
    }

    /// Ends both sides and starts them again: the schedule of that start, if there is to be one and time for it.
    fn renew(&mut self, start: u32, attention: &mut Attention) -> Result<Option<Schedule>, Ended> {
        if start == self.asked.starts {
            return Ok(None);
        }
        for side in Side::BOTH {
            // Before the next one is there: nothing of the old one may be in its way.
            self.sides[side as usize].stop();
            self.sides[side as usize] = raise(side, self.asked, (self.logs, start), attention)?;
        }
        Ok(self.schedule(start).ok())
    }

    /// What an attempt says beside its blocks; the code of the signal that ended it.
    fn weigh(&mut self, attempt: &Attempt) -> Result<Option<u8>, Failure> {
        let mut interrupted = None;
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
            self.doubts.extend(doubts::of(side, outcome));
        }
        self.doubts.extend(doubts::of_late(attempt.late));
        self.doubts.extend(interrupted.map(|_| "it was interrupted".to_owned()));
        Ok(interrupted)
    }

    fn conclude(mut self, mut gate: Gate, interrupted: Option<u8>) -> Measured {
        gate.finish();
        self.notes.insert(
            0,
            match gate.starts() {
                1 => "one start of each side".to_owned(),
                starts => format!("{starts} starts of each side"),
            },
        );
        let about = self.asked.about(self.block.unwrap_or_default(), self.notes, self.doubts);
        Measured { gate, about, interrupted }
    }
}

/// Raises what one side is, in the start of that number, its log in `logs`. Call it from the main thread.
fn raise(
    side: Side,
    asked: &Asked<'_>,
    (logs, start): (&Path, u32),
    attention: &mut Attention,
) -> Result<Raised, Ended> {
    let means = Means { secret: &asked.secret, logs, start: (start, asked.starts), ready: asked.ready.as_deref() };
    Raised::new(side, asked.target(side), &asked.load(side)?, &means, attention)
}
