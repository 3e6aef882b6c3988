//! One stream of publications, in the order of due times.

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use super::seed::{For, derive, rng};
use super::talkers::{Present, Talkers};
use super::{Inner, Publication};
use crate::observe::PublishId;
use crate::profile::{Counts, RateShape, Spacing};
use crate::scenario::{Cadence, Text, To};
use crate::time::nanos;
use crate::wire::MARKER_LEN;

/// No payload is larger: what a log-normal distribution draws beyond is cut.
pub(in crate::scenario) const LARGEST_PAYLOAD: u32 = 16 << 20;

/// Walks one stream.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    id: PublishId,
    talkers: Talkers,
    moments: Moments,
    to: To,
    /// Per talker the place of its next room; empty when nobody has two.
    turns: Vec<u32>,
    sizes: Sizes,
    sequence: u64,
}

/// When, and whose turn it is.
#[derive(Clone, Debug)]
pub(super) enum Moments {
    Total { shape: Arc<dyn RateShape>, counts: Counts, present: Present, choice: Choice },
    Think { heap: BinaryHeap<Reverse<(u64, u32)>>, least: u64, most: u64, rng: Box<ChaCha8Rng> },
}

#[derive(Clone, Debug)]
pub(super) enum Choice {
    InTurn(usize),
    Uniform(Box<ChaCha8Rng>),
}

#[derive(Clone, Debug)]
enum Sizes {
    Fixed(u32),
    LogNormal { median: f64, sigma: f64, rng: Box<ChaCha8Rng> },
    Lines(u64),
}

impl Stream {
    pub(super) fn new(id: PublishId, plan: &Inner) -> Self {
        let (publish, talkers) = (&plan.publishes[usize::from(id.0)], &plan.talkers[usize::from(id.0)]);
        let several = |room: &To| *room == To::Rooms && plan.lives.iter().any(|life| life.rooms.len() > 1);
        Self {
            id,
            talkers: talkers.clone(),
            moments: Moments::new((plan.seed, id.0), &publish.rate, publish.spacing, talkers),
            to: publish.to.clone(),
            turns: if several(&publish.to) { vec![0; talkers.clients().len()] } else { Vec::new() },
            sizes: Sizes::new(&publish.text, plan.seed, id),
            sequence: 0,
        }
    }

    /// The next publication of this stream, its index in the room not yet known; `None` at the end of publishing.
    pub(super) fn next(&mut self, plan: &Inner) -> Option<Publication> {
        let (due, talker) = self.moments.next(plan, &self.talkers)?;
        let publisher = self.talkers.clients()[talker as usize];
        let room = match self.to {
            To::Room(room) => room,
            To::Rooms => {
                let rooms = &plan.lives[publisher.0 as usize].rooms;
                match self.turns.get_mut(talker as usize) {
                    Some(turn) => {
                        let room = rooms[*turn as usize];
                        *turn = (*turn + 1) % rooms.len() as u32;
                        room
                    }
                    None => rooms[0],
                }
            }
        };
        let sequence = self.sequence;
        self.sequence += 1;
        let size = self.sizes.next(sequence);
        Some(Publication { publish: self.id, sequence, due, room, index: 0, publisher, size })
    }
}

impl Moments {
    /// The moments of the entry with this number; its chances follow from the seed.
    pub(super) fn new((seed, entry): (u64, u16), rate: &Cadence, spacing: Spacing, talkers: &Talkers) -> Self {
        match rate {
            Cadence::Total(shape) => Self::Total {
                shape: Arc::clone(shape),
                counts: spacing.counts(derive(seed, For::Spacing, entry, 0)),
                present: Present::new(talkers),
                choice: match spacing {
                    Spacing::Poisson => Choice::Uniform(Box::new(rng(seed, For::Talkers, entry, 0))),
                    Spacing::Constant | Spacing::Burst(_) => Choice::InTurn(0),
                },
            },
            Cadence::Think(least, most) => {
                let (least, most) = (nanos(*least), nanos(*most));
                let mut rng = Box::new(rng(seed, For::Thinking, entry, 0));
                // The first thought is under way when a talker comes: otherwise all would speak together.
                let first = talkers.comings().iter().map(|coming| {
                    let thought = rng.random_range(least..=most) as f64 * rng.random::<f64>();
                    nanos(*coming).saturating_add(thought as u64)
                });
                let heap = first.zip(0..).map(Reverse).collect();
                Self::Think { heap, least, most, rng }
            }
        }
    }

    /// When the next publication is due and which of the talkers says it. Moments without any talker are skipped.
    pub(super) fn next(&mut self, plan: &Inner, talkers: &Talkers) -> Option<(Duration, u32)> {
        match self {
            Self::Total { shape, counts, present, choice } => loop {
                let due = shape.when(counts.next()?).filter(|due| *due < plan.published)?;
                let present = present.at(due);
                if !present.is_empty() {
                    return Some((due, present[choice.next(present.len())]));
                }
            },
            Self::Think { heap, least, most, rng } => loop {
                let Reverse((at, talker)) = heap.pop()?;
                let due = Duration::from_nanos(at);
                if due >= plan.published {
                    return None;
                }
                let life = &plan.lives[talkers.clients()[talker as usize].0 as usize];
                if life.covers(due) {
                    let next = at.saturating_add(rng.random_range(*least..=*most));
                    heap.push(Reverse((next, talker)));
                    return Some((due, talker));
                }
            },
        }
    }
}

impl Choice {
    fn next(&mut self, among: usize) -> usize {
        match self {
            Self::InTurn(turn) => {
                let chosen = *turn % among;
                *turn = chosen + 1;
                chosen
            }
            Self::Uniform(rng) => rng.random_range(0..among),
        }
    }
}

impl Sizes {
    fn new(text: &Text, seed: u64, id: PublishId) -> Self {
        match text {
            Text::Size(size) => Self::Fixed(*size),
            Text::LogNormal { median, sigma } => {
                let rng = Box::new(rng(seed, For::Sizes, id.0, 0));
                Self::LogNormal { median: f64::from(*median), sigma: *sigma, rng }
            }
            Text::Corpus(lines) => Self::Lines(lines.len() as u64),
        }
    }

    fn next(&mut self, sequence: u64) -> u32 {
        match self {
            Self::Fixed(size) => *size,
            Self::LogNormal { median, sigma, rng } => {
                let size = *median * (*sigma * normal(rng)).exp();
                (size.round() as u32).clamp(MARKER_LEN as u32, LARGEST_PAYLOAD)
            }
            Self::Lines(lines) => (sequence % (*lines).max(1)) as u32,
        }
    }
}

/// A standard normal draw (Box–Muller).
fn normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (TAU * rng.random::<f64>()).cos()
}
