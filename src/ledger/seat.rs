//! Seats: planned memberships of one worker's clients, and what each has received.

use super::membership::Membership;
use super::room::Class;
use super::seen::Seen;
use crate::observe::{ClientId, RoomId, Topic};
use crate::time::Timestamp;

/// A planned membership of one of this worker's clients in one room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeatId {
    at: u32,
    /// Places are used again; a stale id finds nothing.
    generation: u32,
}

/// How many runs of missing publications a seat remembers, to tell a late copy from a duplicate.
const MISSED_RUNS: usize = 256;

#[derive(Debug)]
pub(super) struct Seat {
    pub(super) client: ClientId,
    pub(super) room: RoomId,
    pub(super) class: Class,
    /// First publication it is owed.
    pub(super) first: u32,
    /// First publication it is owed no more.
    pub(super) end: Option<u32>,
    pub(super) seen: Seen,
    pub(super) membership: Membership,
    /// When the newest publication it has a copy of was due.
    pub(super) newest: Timestamp,
    /// Settled without a copy: `[from, to)`, of one topic.
    pub(super) missed: Vec<(u32, u32, Topic)>,
}

impl Seat {
    pub(super) fn owes(&self, index: u32) -> bool {
        index >= self.first && self.end.is_none_or(|end| index < end)
    }

    pub(super) fn miss(&mut self, index: u32, topic: Topic) {
        match self.missed.last_mut() {
            Some((_, to, of)) if *to == index && *of == topic => *to += 1,
            _ => {
                if self.missed.len() == MISSED_RUNS {
                    self.missed.remove(0);
                }
                self.missed.push((index, index + 1, topic));
            }
        }
    }

    /// Takes `index` out of the missed ones; gives its topic if it was there.
    pub(super) fn unmiss(&mut self, index: u32) -> Option<Topic> {
        let at = self.missed.iter().position(|(from, to, _)| (*from..*to).contains(&index))?;
        let (from, to, topic) = self.missed.remove(at);
        if index + 1 < to {
            self.missed.insert(at, (index + 1, to, topic));
        }
        if from < index {
            self.missed.insert(at, (from, index, topic));
        }
        Some(topic)
    }
}

/// The seats, in places that are used again.
#[derive(Debug, Default)]
pub(super) struct Seats {
    places: Vec<(u32, Option<Seat>)>,
    free: Vec<u32>,
}

impl Seats {
    pub(super) fn insert(&mut self, seat: Seat) -> SeatId {
        let at = self.free.pop().unwrap_or_else(|| {
            self.places.push((0, None));
            self.places.len() as u32 - 1
        });
        let place = &mut self.places[at as usize];
        place.1 = Some(seat);
        SeatId { at, generation: place.0 }
    }

    pub(super) fn get(&self, id: SeatId) -> Option<&Seat> {
        self.places.get(id.at as usize).filter(|(generation, _)| *generation == id.generation)?.1.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: SeatId) -> Option<&mut Seat> {
        self.places.get_mut(id.at as usize).filter(|(generation, _)| *generation == id.generation)?.1.as_mut()
    }

    pub(super) fn remove(&mut self, id: SeatId) {
        if self.get(id).is_some() {
            self.places[id.at as usize] = (id.generation.wrapping_add(1), None);
            self.free.push(id.at);
        }
    }
}
