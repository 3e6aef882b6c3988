//! Who was due what, who got it, and what became of the rest: exact accounting in pairs of publication and client.
//!
//! One ledger per worker, for the worker's own clients; it walks the whole plan, so it knows every publication of
//! every room. What is *due* comes from plan and send log, what is *delivered* from arrivals, what is *lost* or
//! *excluded* from settling; the four are counted on separate paths and must agree. Pure: no IO, no clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::observe::{ClientId, Fact, GroupId, Labels, Observation, Observe, RoomId, Topic, TransportKind, Word};
use crate::time::Timestamp;
use crate::wire::Marker;

mod arrival;
mod membership;
mod room;
mod row;
mod seat;
mod seen;
mod settle;

#[cfg(test)]
mod tests;

use membership::Membership;
use room::{Class, Open, Room, Sending};
use seat::{Seat, Seats};
use seen::Seen;

pub use arrival::{Arrival, Arrived};
pub use row::{ByHop, Row, Sample, Tally};
pub use seat::SeatId;
pub use settle::StretchAt;

/// The rules of the accounts.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How long after its due time a copy may take before its pair counts as lost.
    pub settle: Duration,
    /// How close to a send a leave excuses a missing copy, and an outage explains it.
    pub race: Duration,
    /// Copies are recognised by the id that the server's acknowledgement gives a publication: nobody can tell what became
    /// of the copies of one that got none.
    pub needs_name: bool,
}

/// How long after the send a leave excuses, and an outage explains, a missing copy.
pub const RACE: Duration = Duration::from_secs(1);

/// The loss of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    /// Since when nothing comes: the end of the connection, or the last byte before a silence.
    pub since: Timestamp,
    /// When the client noticed, which decides the stretch of the run that the loss belongs to.
    pub noticed: Timestamp,
    /// What copies that it costs are lost as.
    pub class: Word,
}

/// A publication of the plan.
#[derive(Clone, Copy, Debug)]
pub struct Owed {
    /// The room.
    pub room: RoomId,
    /// When it is due.
    pub due: Timestamp,
    /// What it is told apart by.
    pub topic: Topic,
    /// Who says it.
    pub publisher: ClientId,
    /// Whether it falls into the measured phase.
    pub measured: bool,
    /// Whether who says it is owed a copy too.
    pub echo: bool,
}

/// What became of a publication on its way to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sent {
    /// Written then.
    Written(Timestamp),
    /// Handed over then; the connection ended before it was known to be written.
    Uncertain(Timestamp),
    /// Never written.
    Unsent,
}

/// One worker's accounts.
#[derive(Debug)]
pub struct Ledger {
    rules: Rules,
    rooms: Vec<Room>,
    seats: Seats,
}

impl Ledger {
    /// Empty accounts over `rooms` rooms.
    pub fn new(rooms: usize, rules: Rules) -> Self {
        Self { rules, rooms: (0..rooms).map(|_| Room::default()).collect(), seats: Seats::default() }
    }

    /// The rules of these accounts.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The plan places `client` in `room` from the next publication on.
    pub fn enter(&mut self, client: ClientId, group: GroupId, to: TransportKind, room: RoomId) -> SeatId {
        let first = self.rooms[room.0 as usize].next();
        let class = Class { group, to };
        let seat = Seat {
            client,
            room,
            class,
            first,
            end: None,
            seen: Seen::from(first),
            membership: Membership::default(),
            newest: Timestamp::default(),
            missed: Vec::new(),
        };
        let id = self.seats.insert(seat);
        let room = &mut self.rooms[room.0 as usize];
        room.seats.push(id);
        room.add(class);
        id
    }

    /// The plan takes the client out of the room before the next publication.
    pub fn exit(&mut self, seat: SeatId, at: Timestamp) {
        let Some(seat) = self.seats.get_mut(seat) else { return };
        let room = &mut self.rooms[seat.room.0 as usize];
        if seat.end.is_none() {
            seat.end = Some(room.next());
            seat.membership.left(at);
            room.remove(seat.class);
        }
    }

    /// The server acknowledged the join (or, after a loss, the re-join).
    pub fn joined(&mut self, seat: SeatId, at: Timestamp) {
        if let Some(seat) = self.seats.get_mut(seat) {
            seat.membership.acked(at);
        }
    }

    /// The client left by its own decision, at `at`.
    pub fn left(&mut self, seat: SeatId, at: Timestamp) {
        if let Some(seat) = self.seats.get_mut(seat) {
            seat.membership.left(at);
        }
    }

    /// The client lost its connection; copies that were on their way, and those said until it is back, are lost by it.
    pub fn lost(&mut self, seat: SeatId, loss: Loss) {
        if let Some(seat) = self.seats.get_mut(seat) {
            seat.membership.lost(loss, &seat.seen, seat.newest);
        }
    }

    /// Whether the plan still places the seat's client in its room.
    pub fn is_placed(&self, seat: SeatId) -> bool {
        self.seats.get(seat).is_some_and(|seat| seat.end.is_none())
    }

    /// Whether the seat's client is joined as far as both sides know.
    pub fn is_joined(&self, seat: SeatId) -> bool {
        self.seats.get(seat).is_some_and(|seat| seat.membership.is_joined())
    }

    /// The plan's next publication of its room.
    pub fn owe(&mut self, owed: &Owed) {
        let room = &mut self.rooms[owed.room.0 as usize];
        let mut spares_publisher = None;
        if !owed.echo {
            let mut seats = room.seats.iter().filter_map(|id| self.seats.get(*id));
            spares_publisher = seats.find(|s| s.client == owed.publisher && s.end.is_none()).map(|s| s.class);
        }
        let members = room.present();
        room.push(Open {
            due: owed.due,
            topic: owed.topic,
            publisher: owed.publisher,
            measured: owed.measured,
            sending: Sending::Pending,
            refused: false,
            nameless: self.rules.needs_name,
            next: None,
            members,
            spares_publisher,
            delivered: 0,
            first: Timestamp::default(),
            last: Timestamp::default(),
            by_hop: None,
            settled: false,
        });
    }

    /// The talker's report about a publication: from here on its pairs are due (or it owns none).
    pub fn sent(&mut self, room: RoomId, index: u32, sent: Sent, observer: &mut dyn Observe) {
        let Some(open) = self.rooms[room.0 as usize].get_mut(index) else { return };
        if open.sending != Sending::Pending {
            return;
        }
        open.sending = match sent {
            Sent::Written(at) => Sending::Sent(at),
            Sent::Uncertain(at) => Sending::Uncertain(at),
            Sent::Unsent => Sending::Unsent,
        };
        if !open.measured || sent == Sent::Unsent {
            return;
        }
        for (class, due) in open.due().filter(|(_, due)| *due > 0) {
            observer.observe(&Observation::new(Fact::Due, owed(class, Some(open.topic)), u64::from(due)));
        }
    }

    /// The server answered a publication with an error.
    pub fn refused(&mut self, room: RoomId, index: u32) {
        if let Some(open) = self.rooms[room.0 as usize].get_mut(index) {
            open.refused = true;
        }
    }

    /// It is known what the server calls a publication.
    pub fn named(&mut self, room: RoomId, index: u32) {
        if let Some(open) = self.rooms[room.0 as usize].get_mut(index) {
            open.nameless = false;
        }
    }

    /// Whether the plan has been walked as far as this publication.
    pub fn knows(&self, marker: &Marker) -> bool {
        self.rooms.get(marker.room as usize).is_some_and(|room| marker.index < room.next())
    }

    /// What an open publication of the measured phase is told apart by.
    pub fn measured(&self, room: RoomId, index: u32) -> Option<Topic> {
        self.rooms.get(room.0 as usize)?.get(index).filter(|open| open.measured).map(|open| open.topic)
    }

    /// Publications whose window is open, over all rooms.
    pub fn open(&self) -> usize {
        self.rooms.iter().map(|room| room.open.len()).sum()
    }
}

/// The labels of what is owed to a class.
fn owed(class: Class, topic: Option<Topic>) -> Labels {
    let (publish, phase) = (topic.map(|topic| topic.publish), topic.and_then(|topic| topic.phase));
    Labels { to: Some(class.to), group: Some(class.group), publish, phase, ..Labels::default() }
}
