//! Who was due what, who got it, and what became of the rest: exact accounting in pairs of publication and client.
//!
//! One ledger per worker, for the worker's own clients; it walks the whole plan, so it knows every publication of
//! every room. What is *due* comes from plan and send log, what is *delivered* from arrivals, what is *lost* or
//! *excluded* from settling; the four are counted on separate paths and must agree. Pure: no IO, no clock.

use std::time::Duration;

use crate::observe::{
    ClientId, Fact, GroupId, Hop, Labels, Observation, Observe, PublishId, RoomId, TransportKind, Word,
};
use crate::time::{Timestamp, nanos};
use crate::wire::{InstanceTag, Marker};

mod membership;
mod room;
mod row;
mod seen;

#[cfg(test)]
mod tests;

use membership::{Fate, Membership};
use room::{Class, Open, Room, Sending};
use seen::Seen;

pub use row::{ByHop, Row, Sample, Tally};

/// A planned membership of one of this worker's clients in one room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeatId {
    at: u32,
    /// Places are used again; a stale id finds nothing.
    generation: u32,
}

/// The rules of the accounts.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How long after its due time a copy may take before its pair counts as lost.
    pub settle: Duration,
    /// How close to a send a leave excuses a missing copy, and an outage explains it.
    pub race: Duration,
    /// Whether a publisher is owed a copy of its own publication.
    pub sender_hears_itself: bool,
}

/// How long after the send a leave excuses, and an outage explains, a missing copy.
pub const RACE: Duration = Duration::from_secs(1);

/// How many runs of missing publications a seat remembers, to tell a late copy from a duplicate.
const MISSED_RUNS: usize = 256;

#[derive(Debug)]
struct Seat {
    client: ClientId,
    room: RoomId,
    class: Class,
    /// First publication it is owed.
    first: u32,
    /// First publication it is owed no more.
    end: Option<u32>,
    seen: Seen,
    membership: Membership,
    /// Settled without a copy: `[from, to)`, of one publish entry.
    missed: Vec<(u32, u32, PublishId)>,
}

impl Seat {
    fn owes(&self, index: u32) -> bool {
        index >= self.first && self.end.is_none_or(|end| index < end)
    }

    fn miss(&mut self, index: u32, publish: PublishId) {
        match self.missed.last_mut() {
            Some((_, to, of)) if *to == index && *of == publish => *to += 1,
            _ => {
                if self.missed.len() == MISSED_RUNS {
                    self.missed.remove(0);
                }
                self.missed.push((index, index + 1, publish));
            }
        }
    }

    /// Takes `index` out of the missed ones; gives its publish entry if it was there.
    fn unmiss(&mut self, index: u32) -> Option<PublishId> {
        let at = self.missed.iter().position(|(from, to, _)| (*from..*to).contains(&index))?;
        let (from, to, publish) = self.missed.remove(at);
        if index + 1 < to {
            self.missed.insert(at, (index + 1, to, publish));
        }
        if from < index {
            self.missed.insert(at, (from, index, publish));
        }
        Some(publish)
    }
}

/// A publication of the plan.
#[derive(Clone, Copy, Debug)]
pub struct Owed {
    /// The room.
    pub room: RoomId,
    /// When it is due.
    pub due: Timestamp,
    /// Which `[[publish]]` entry.
    pub publish: PublishId,
    /// Who says it.
    pub publisher: ClientId,
    /// Whether it falls into the measured phase.
    pub measured: bool,
}

/// What became of a publication on its way to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Written then.
    Written(Timestamp),
    /// Handed over then; the connection ended before it was known to be written.
    Uncertain(Timestamp),
    /// Never written.
    Unsent,
}

/// A copy that came in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// What the copy says it is.
    pub marker: Marker,
    /// When it was read.
    pub at: Timestamp,
    /// Whether the server says it is a replay.
    pub replayed: bool,
    /// The instance the receiver is connected to.
    pub instance: InstanceTag,
    /// The publisher's transport.
    pub from: TransportKind,
    /// The receiver's group.
    pub group: GroupId,
    /// The receiver's transport.
    pub to: TransportKind,
}

/// One worker's accounts.
#[derive(Debug)]
pub struct Ledger {
    rules: Rules,
    rooms: Vec<Room>,
    seats: Seats,
}

/// The seats, in places that are used again.
#[derive(Debug, Default)]
struct Seats {
    places: Vec<(u32, Option<Seat>)>,
    free: Vec<u32>,
}

impl Seats {
    fn insert(&mut self, seat: Seat) -> SeatId {
        let at = self.free.pop().unwrap_or_else(|| {
            self.places.push((0, None));
            self.places.len() as u32 - 1
        });
        let place = &mut self.places[at as usize];
        place.1 = Some(seat);
        SeatId { at, generation: place.0 }
    }

    fn get(&self, id: SeatId) -> Option<&Seat> {
        self.places.get(id.at as usize).filter(|(generation, _)| *generation == id.generation)?.1.as_ref()
    }

    fn get_mut(&mut self, id: SeatId) -> Option<&mut Seat> {
        self.places.get_mut(id.at as usize).filter(|(generation, _)| *generation == id.generation)?.1.as_mut()
    }

    fn remove(&mut self, id: SeatId) {
        if self.get(id).is_some() {
            self.places[id.at as usize] = (id.generation.wrapping_add(1), None);
            self.free.push(id.at);
        }
    }
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

    /// The connection was lost at `at`; copies missed meanwhile are losses of `class`.
    pub fn lost(&mut self, seat: SeatId, at: Timestamp, class: Word) {
        if let Some(seat) = self.seats.get_mut(seat) {
            seat.membership.lost(at, class);
        }
    }

    /// Whether the seat's client is joined as far as both sides know.
    pub fn is_joined(&self, seat: SeatId) -> bool {
        self.seats.get(seat).is_some_and(|seat| seat.membership.is_joined())
    }

    /// The plan's next publication of its room.
    pub fn owe(&mut self, owed: &Owed) {
        let room = &mut self.rooms[owed.room.0 as usize];
        let mut spares_publisher = None;
        if !self.rules.sender_hears_itself {
            let mut seats = room.seats.iter().filter_map(|id| self.seats.get(*id));
            spares_publisher = seats.find(|s| s.client == owed.publisher && s.end.is_none()).map(|s| s.class);
        }
        let members = room.present();
        room.push(Open {
            due: owed.due,
            publish: owed.publish,
            publisher: owed.publisher,
            measured: owed.measured,
            sending: Sending::Pending,
            refused: false,
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
            observer.observe(&Observation::new(Fact::Due, owed(class, Some(open.publish)), u64::from(due)));
        }
    }

    /// The server answered a publication with an error.
    pub fn refused(&mut self, room: RoomId, index: u32) {
        if let Some(open) = self.rooms[room.0 as usize].get_mut(index) {
            open.refused = true;
        }
    }

    /// Whether the plan has been walked as far as this publication.
    pub fn knows(&self, marker: &Marker) -> bool {
        self.rooms.get(marker.room as usize).is_some_and(|room| marker.index < room.next())
    }

    /// A copy arrived at a client: `seat` is its seat in the marker's room, if it has one. Observes what it was.
    pub fn arrived(&mut self, seat: Option<SeatId>, arrival: &Arrival, observer: &mut dyn Observe) -> Arrived {
        let (arrived, publish) = self.judge(seat, arrival, observer);
        let fact = match arrived {
            Arrived::Delivered { .. } | Arrived::Unmeasured => return arrived,
            Arrived::Duplicate => Fact::Duplicate,
            Arrived::Late => Fact::Late,
            Arrived::Misrouted => Fact::Misrouted,
            Arrived::Ghost => Fact::Ghost,
            Arrived::Unowed => Fact::Unowed,
        };
        let class = Class { group: arrival.group, to: arrival.to };
        observer.observe(&Observation::new(fact, owed(class, publish), 1));
        arrived
    }

    fn judge(
        &mut self,
        seat: Option<SeatId>,
        arrival: &Arrival,
        observer: &mut dyn Observe,
    ) -> (Arrived, Option<PublishId>) {
        let marker = &arrival.marker;
        let room = match self.rooms.get_mut(marker.room as usize) {
            Some(room) if marker.index < room.next() => room,
            _ => return (Arrived::Ghost, None),
        };
        let open = room.get(marker.index);
        let publish = open.map(|open| open.publish);
        if open.is_some_and(|o| o.sending == Sending::Unsent || o.publisher.0 != marker.publisher) {
            return (Arrived::Ghost, publish);
        }
        let Some(seat) = seat.and_then(|seat| self.seats.get_mut(seat)) else {
            return (Arrived::Misrouted, publish);
        };
        seat.seen.raise_to(room.base);
        if open.is_some_and(|o| !o.measured) {
            let news = seat.seen.insert(marker.index) && seat.owes(marker.index);
            if let Some(open) = room.get_mut(marker.index).filter(|_| news) {
                open.delivered += 1;
            }
            return (Arrived::Unmeasured, publish);
        }
        let spared = open.is_some_and(|o| o.spares_publisher.is_some() && o.publisher == seat.client);
        if spared || !seat.owes(marker.index) {
            let left = seat.end.is_some() && seat.membership.left_before(arrival.at, self.rules.race);
            return (if left { Arrived::Misrouted } else { Arrived::Unowed }, publish);
        }
        if open.is_none() {
            let late = seat.unmiss(marker.index);
            return (if late.is_some() { Arrived::Late } else { Arrived::Duplicate }, late);
        }
        if !seat.seen.insert(marker.index) {
            return (Arrived::Duplicate, publish);
        }
        let reordered = !arrival.replayed && overtaken(room, seat, marker.index);
        (deliver(room, seat, arrival, reordered, observer), publish)
    }

    /// Settles every publication whose window has closed by `now`, and hands over rows of those that are done.
    pub fn settle(&mut self, now: Timestamp, rows: &mut Vec<Row>, observer: &mut dyn Observe) {
        self.close(rows, observer, |open, settle| open.due + settle <= now);
    }

    /// Closes every window: the run is over. What no talker has reported by now was cut off before it was said.
    pub fn finish(&mut self, rows: &mut Vec<Row>, observer: &mut dyn Observe) {
        let open = self.rooms.iter_mut().flat_map(|room| &mut room.open);
        open.filter(|open| open.sending == Sending::Pending).for_each(|open| open.sending = Sending::Unsent);
        self.close(rows, observer, |_, _| true);
    }

    fn close(&mut self, rows: &mut Vec<Row>, observer: &mut dyn Observe, over: impl Fn(&Open, Duration) -> bool) {
        for at in 0..self.rooms.len() {
            let id = RoomId(at as u32);
            let room = &mut self.rooms[at];
            room.hand_over(id, rows);
            let mut popped = false;
            while room.open.front().is_some_and(|o| o.sending != Sending::Pending && over(o, self.rules.settle)) {
                if !room.open[0].settled {
                    settle_front(id, room, &mut self.seats, self.rules.race, rows, observer);
                }
                room.pop();
                popped = true;
            }
            if popped {
                self.vacate(at);
            }
        }
    }

    /// Frees the seats of a room that nothing open is owed to, and forgets what no open publication can ask for.
    fn vacate(&mut self, room: usize) {
        let room = &mut self.rooms[room];
        let oldest = room.open.front().map(|open| open.due);
        let (seats, base) = (&mut self.seats, room.base);
        room.seats.retain(|id| {
            let Some(seat) = seats.get_mut(*id) else { return false };
            if let Some(oldest) = oldest {
                seat.membership.forget_before(oldest);
            }
            let gone = seat.end.is_some_and(|end| end <= base);
            if gone {
                seats.remove(*id);
            }
            !gone
        });
    }

    /// The publish entry of an open publication of the measured phase.
    pub fn measured(&self, room: RoomId, index: u32) -> Option<PublishId> {
        self.rooms.get(room.0 as usize)?.get(index).filter(|open| open.measured).map(|open| open.publish)
    }

    /// Publications whose window is open, over all rooms.
    pub fn open(&self) -> usize {
        self.rooms.iter().map(|room| room.open.len()).sum()
    }
}

/// What a copy turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// The first copy of a due pair.
    Delivered {
        /// From the due time to the arrival, nanoseconds.
        latency: u64,
    },
    /// A further copy.
    Duplicate,
    /// After its window; the pair stays lost.
    Late,
    /// The client was not in that room.
    Misrouted,
    /// Nobody sent that.
    Ghost,
    /// The plan owed this client no copy of it.
    Unowed,
    /// Of the warm-up.
    Unmeasured,
}

/// The labels of what is owed to a class.
fn owed(class: Class, publish: Option<PublishId>) -> Labels {
    Labels { to: Some(class.to), group: Some(class.group), publish, ..Labels::default() }
}

/// Whether a later publication of the same publisher has already arrived at this seat.
fn overtaken(room: &Room, seat: &Seat, index: u32) -> bool {
    let mut next = room.get(index).and_then(|open| open.next);
    while let Some(later) = next {
        if later >= seat.first && seat.seen.contains(later) {
            return true;
        }
        next = room.get(later).and_then(|open| open.next);
    }
    false
}

fn deliver(room: &mut Room, seat: &Seat, arrival: &Arrival, reordered: bool, observer: &mut dyn Observe) -> Arrived {
    let marker = &arrival.marker;
    let own = seat.client.0 == marker.publisher;
    let hop = Hop::between(marker.instance, arrival.instance);
    let Some(open) = room.get_mut(marker.index) else { return Arrived::Duplicate };
    let latency = nanos(arrival.at - open.due);
    let owed = owed(seat.class, Some(open.publish));
    let labels =
        Labels { hop: Some(hop), from: Some(arrival.from), own: Some(own), instance: Some(arrival.instance), ..owed };
    open.first = if open.delivered == 0 { arrival.at } else { open.first.min(arrival.at) };
    open.last = open.last.max(arrival.at);
    open.delivered += 1;
    if arrival.replayed {
        observer.observe(&Observation::new(Fact::Replayed, labels, latency));
    } else {
        if !own && hop != Hop::Unknown {
            open.by_hop.get_or_insert_default().add(hop == Hop::Cross, latency);
        }
        observer.observe(&Observation::new(Fact::Delivered, labels, latency));
    }
    if !seat.membership.is_joined() {
        observer.observe(&Observation::new(Fact::Early, owed, 1));
    }
    if reordered {
        observer.observe(&Observation::new(Fact::Reordered, owed, 1));
    }
    Arrived::Delivered { latency }
}

/// Closes a room's oldest publication: every owed seat without a copy is lost or excluded.
fn settle_front(
    id: RoomId,
    room: &mut Room,
    seats: &mut Seats,
    race: Duration,
    rows: &mut Vec<Row>,
    observer: &mut dyn Observe,
) {
    let index = room.base;
    let open = &mut room.open[0];
    let mut row = open.row(id, index);
    let sent = match open.sending {
        Sending::Sent(at) | Sending::Uncertain(at) => at,
        Sending::Pending | Sending::Unsent => return,
    };
    for seat in &room.seats {
        let Some(seat) = seats.get_mut(*seat) else { continue };
        let spared = open.spares_publisher.is_some() && seat.client == open.publisher;
        if spared || !seat.owes(index) || seat.seen.contains(index) {
            continue;
        }
        seat.miss(index, open.publish);
        if !open.measured {
            continue;
        }
        let labels = owed(seat.class, Some(open.publish));
        let fate = match open.sending {
            Sending::Uncertain(_) => Fate::Excluded(Word::UNKNOWN),
            _ => seat.membership.fate(sent, race),
        };
        let (fact, detail) = match fate {
            Fate::Lost(_) if open.refused => {
                row.refuse(labels);
                continue;
            }
            Fate::Lost(class) => (Fact::Lost, class),
            Fate::Excluded(reason) => (Fact::Excluded, reason),
        };
        row.lost += u64::from(fact == Fact::Lost);
        observer.observe(&Observation::new(fact, Labels { detail: Some(detail), ..labels }, 1));
    }
    rows.push(row);
}
