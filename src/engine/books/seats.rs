//! Who sits where: planned seats taken, joins acknowledged, clients gone for good.

use super::Books;
use crate::ledger::SeatId;
use crate::observe::{ClientId, RoomId};
use crate::scenario::plan::Life;
use crate::time::Timestamp;

impl Books {
    /// A client of this worker takes its planned seats.
    pub(in crate::engine) fn enter(&mut self, life: &Life) {
        let ledger = &mut self.ledger;
        let seat = |room| (room, ledger.enter(life.client, life.group, life.transport, room));
        self.seats.insert(life.client, life.places().map(seat).collect());
        if let Some(raw) = &mut self.raw {
            let (from, until) = (life.start.after_t0(), life.leave);
            life.places().for_each(|room| raw.member(life.client, room, from, until));
        }
    }

    /// The seats of a client of this worker.
    pub(in crate::engine) fn seats(&self, client: ClientId) -> &[(RoomId, SeatId)] {
        self.seats.get(&client).map_or(&[], |seats| seats)
    }

    /// A client's seat in a room.
    pub(super) fn seat_in(&self, client: ClientId, room: RoomId) -> Option<SeatId> {
        self.seats(client).iter().find(|(of, _)| *of == room).map(|(_, seat)| *seat)
    }

    /// The client is gone for good. If that is before the plan has it leave, it is owed what falls into its stay all the
    /// same: its seats are kept till then.
    pub(in crate::engine) fn vacate(&mut self, client: ClientId) {
        let leaves = self.walk.plan().life(client).leave.is_some();
        let stays = leaves && self.seats(client).iter().any(|(_, seat)| self.ledger.is_placed(*seat));
        // A copy may get its name when the client that heard it has gone.
        if !stays && self.correlation.is_none() {
            self.seats.remove(&client);
        }
    }

    /// The server acknowledged a join, or the protocol needs no acknowledgement.
    pub(in crate::engine) fn joined(&mut self, client: ClientId, (room, seat): (RoomId, SeatId), at: Timestamp) {
        self.ledger.joined(seat, at);
        if let Some(raw) = &mut self.raw {
            raw.joined(client, room, at);
        }
    }
}
