//! Who may say the publications of one stream, and who of them is present as time goes on.

use std::sync::Arc;
use std::time::Duration;

use super::Life;
use crate::observe::{ClientId, GroupId};
use crate::scenario::{Cadence, Publish, To};

/// The lives that may talk in a stream, with their comings and goings in order.
#[derive(Clone, Debug)]
pub(super) struct Talkers {
    /// In the order of coming.
    clients: Arc<[ClientId]>,
    /// When each comes, counted from t0.
    comings: Arc<[Duration]>,
    /// When who goes: places in `clients`, ordered by time.
    goings: Arc<[(Duration, u32)]>,
}

impl Talkers {
    /// The talkers of `publish`: the lives of its group that enter a room it can go to.
    pub(super) fn of(publish: &Publish, lives: &[Life]) -> Self {
        let suits = |life: &&Life| {
            life.group == publish.from
                && match publish.to {
                    To::Rooms | To::BySize => !life.rooms.is_empty(),
                    To::UserOf(_) => true,
                    To::Room(room) => life.rooms.contains(&room),
                }
        };
        Self::among(lives.iter().filter(suits))
    }

    /// Those of `group`, whatever they may say.
    pub(super) fn group(group: GroupId, lives: &[Life]) -> Self {
        Self::among(lives.iter().filter(|life| life.group == group))
    }

    /// These lives, which are in the order of coming.
    pub(super) fn among<'l>(lives: impl Iterator<Item = &'l Life>) -> Self {
        let suitable: Vec<&Life> = lives.collect();
        let mut goings: Vec<(Duration, u32)> =
            (0..).zip(&suitable).filter_map(|(at, life)| Some((life.leave?, at))).collect();
        goings.sort_unstable();
        Self {
            clients: suitable.iter().map(|life| life.client).collect(),
            comings: suitable.iter().map(|life| life.start.after_t0()).collect(),
            goings: goings.into(),
        }
    }

    /// All of them, in the order of coming.
    pub(super) fn clients(&self) -> &[ClientId] {
        &self.clients
    }

    /// When each comes, counted from t0.
    pub(super) fn comings(&self) -> &[Duration] {
        &self.comings
    }

    /// The rate of publications per second at `at`.
    pub(super) fn rate(&self, publish: &Publish, lives: &[Life], at: Duration) -> f64 {
        match &publish.rate {
            Cadence::Total(shape) => shape.rate(at),
            Cadence::Think(least, most) => {
                let present = self.clients.iter().filter(|client| lives[client.0 as usize].covers(at)).count();
                present as f64 * 2.0 / (*least + *most).as_secs_f64()
            }
        }
    }
}

/// The talkers present at a moment that only moves forward.
#[derive(Clone, Debug)]
pub(super) struct Present {
    talkers: Talkers,
    come: usize,
    gone: usize,
    /// Places in `talkers.clients` of those present.
    present: Vec<u32>,
    /// Where in `present` each talker stands; empty when nobody ever goes.
    stands: Vec<u32>,
}

impl Present {
    pub(super) fn new(talkers: &Talkers) -> Self {
        let stands = if talkers.goings.is_empty() { Vec::new() } else { vec![0; talkers.clients.len()] };
        Self { talkers: talkers.clone(), come: 0, gone: 0, present: Vec::new(), stands }
    }

    /// Those present at `now`, as places among all talkers. `now` must not move backwards.
    pub(super) fn at(&mut self, now: Duration) -> &[u32] {
        while self.talkers.comings.get(self.come).is_some_and(|coming| *coming <= now) {
            if let Some(stand) = self.stands.get_mut(self.come) {
                *stand = self.present.len() as u32;
            }
            self.present.push(self.come as u32);
            self.come += 1;
        }
        // Whoever went has come before: a life starts before it ends.
        while let Some((_, who)) = self.talkers.goings.get(self.gone).filter(|(going, _)| *going <= now) {
            let stand = self.stands[*who as usize];
            self.present.swap_remove(stand as usize);
            if let Some(moved) = self.present.get(stand as usize) {
                self.stands[*moved as usize] = stand;
            }
            self.gone += 1;
        }
        &self.present
    }
}
