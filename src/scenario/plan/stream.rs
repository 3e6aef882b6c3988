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
use crate::observe::{PublishId, RoomId};
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
    destination: Destination,
    sizes: Sizes,
    sequence: u64,
}

/// When, and whose turn it is.
#[derive(Clone, Debug)]
pub(super) enum Moments {
    Total { shape: Arc<dyn RateShape>, counts: Counts, present: Present, choice: Choice },
    Think { heap: BinaryHeap<Reverse<(u64, u32)>>, least: u64, most: u64, rng: Box<ChaCha8Rng> },
}

/// Where publications go.
#[derive(Clone, Debug)]
enum Destination {
    Room(RoomId),
    /// Per talker the place of its next room; empty when nobody has two.
    InTurn(Vec<u32>),
    /// How many ever enter each room.
    BySize {
        sizes: Vec<u32>,
        rng: Box<ChaCha8Rng>,
    },
    /// Those who may be notified.
    User {
        present: Box<Present>,
        users: Talkers,
        rng: Box<ChaCha8Rng>,
    },
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
        Self {
            id,
            talkers: talkers.clone(),
            moments: Moments::new((plan.seed, id.0), &publish.rate, publish.spacing, talkers),
            destination: Destination::new(id, plan, talkers.clients().len()),
            sizes: Sizes::new(&publish.text, plan.seed, id),
            sequence: 0,
        }
    }

    /// The next publication of this stream, its index in the room not yet known; `None` at the end of publishing.
    pub(super) fn next(&mut self, plan: &Inner) -> Option<Publication> {
        // What finds nobody to go to is not said.
        let (due, publisher, room) = loop {
            let (due, talker) = self.moments.next(plan, &self.talkers)?;
            let publisher = self.talkers.clients()[talker as usize];
            if let Some(room) = self.destination.of(&plan.lives[publisher.0 as usize].rooms, talker, due, plan) {
                break (due, publisher, room);
            }
        };
        let sequence = self.sequence;
        self.sequence += 1;
        let size = self.sizes.next(sequence);
        Some(Publication { publish: self.id, sequence, due, room, index: 0, publisher, size })
    }
}

impl Destination {
    fn new(id: PublishId, plan: &Inner, talkers: usize) -> Self {
        let rng = || Box::new(rng(plan.seed, For::Addressees, id.0, 0));
        match plan.publishes[usize::from(id.0)].to {
            To::Room(room) => Self::Room(room),
            To::Rooms => {
                let several = plan.lives.iter().any(|life| life.rooms.len() > 1);
                Self::InTurn(if several { vec![0; talkers] } else { Vec::new() })
            }
            To::BySize => {
                let mut sizes = vec![0; plan.rooms];
                let entered = plan.lives.iter().flat_map(|life| life.rooms.iter());
                entered.for_each(|room| sizes[room.0 as usize] += 1);
                Self::BySize { sizes, rng: rng() }
            }
            To::UserOf(group) => {
                let users = Talkers::group(group, &plan.lives);
                Self::User { present: Box::new(Present::new(&users)), users, rng: rng() }
            }
        }
    }

    /// Where what a talker in `rooms` says at `due` goes.
    fn of(&mut self, rooms: &[RoomId], talker: u32, due: Duration, plan: &Inner) -> Option<RoomId> {
        match self {
            Self::Room(room) => Some(*room),
            Self::InTurn(turns) => match turns.get_mut(talker as usize) {
                Some(turn) => {
                    let room = rooms[*turn as usize];
                    *turn = (*turn + 1) % rooms.len() as u32;
                    Some(room)
                }
                None => rooms.first().copied(),
            },
            Self::BySize { sizes, rng } => {
                let size = |room: &RoomId| u64::from(sizes[room.0 as usize]);
                let mut drawn = rng.random_range(0..rooms.iter().map(size).sum::<u64>().max(1));
                let at = rooms.iter().position(|room| {
                    let here = drawn < size(room);
                    drawn = drawn.saturating_sub(size(room));
                    here
                });
                rooms.get(at.unwrap_or(0)).copied()
            }
            Self::User { present, users, rng } => {
                let present = present.at(due);
                let chosen = present.get(rng.random_range(0..present.len().max(1)))?;
                plan.lives[users.clients()[*chosen as usize].0 as usize].mailbox
            }
        }
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
