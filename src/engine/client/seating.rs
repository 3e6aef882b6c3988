//! The seats a client fills. Almost always it is one, which is kept in the client itself: a delivery then finds it
//! without another look into cold memory.

use std::ops::{Deref, DerefMut};

use crate::ledger::SeatId;
use crate::observe::RoomId;

/// A seat in a room, and how far its client has heard that room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seated {
    pub(super) room: RoomId,
    pub(super) seat: SeatId,
    /// The newest offset seen; 0 before the first.
    pub(super) newest: u64,
}

/// A client's seats, in the order of its session's places.
pub(super) enum Seating {
    One(Seated),
    Several(Box<[Seated]>),
}

impl Seating {
    pub(super) fn new(seats: &[(RoomId, SeatId)]) -> Self {
        let seated = |(room, seat): &(RoomId, SeatId)| Seated { room: *room, seat: *seat, newest: 0 };
        match seats {
            [one] => Self::One(seated(one)),
            seats => Self::Several(seats.iter().map(seated).collect()),
        }
    }

    /// The seat in `room`.
    pub(super) fn find(&mut self, room: RoomId) -> Option<&mut Seated> {
        self.iter_mut().find(|seated| seated.room == room)
    }
}

impl Default for Seating {
    fn default() -> Self {
        Self::Several(Box::default())
    }
}

impl Deref for Seating {
    type Target = [Seated];
    fn deref(&self) -> &[Seated] {
        match self {
            Self::One(seated) => std::slice::from_ref(seated),
            Self::Several(seats) => seats,
        }
    }
}

impl DerefMut for Seating {
    fn deref_mut(&mut self) -> &mut [Seated] {
        match self {
            Self::One(seated) => std::slice::from_mut(seated),
            Self::Several(seats) => seats,
        }
    }
}
