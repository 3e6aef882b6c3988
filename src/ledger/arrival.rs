//! A copy comes in: what it is, and what that says of the pair it belongs to.

use super::room::{Class, Room, Sending};
use super::seat::{Seat, SeatId};
use super::{Ledger, owed};
use crate::observe::{Fact, GroupId, Hop, Labels, Observation, Observe, Topic, TransportKind};
use crate::time::{Timestamp, nanos};
use crate::wire::{InstanceTag, Marker};

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
    /// Whether the receiver kept its connection since the last incident began; only where there was one.
    pub bystander: Option<bool>,
    /// The receiver's group.
    pub group: GroupId,
    /// The receiver's transport.
    pub to: TransportKind,
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

impl Ledger {
    /// A copy arrived at a client: `seat` is its seat in the marker's room, if it has one. Observes what it was.
    pub fn arrived(&mut self, seat: Option<SeatId>, arrival: &Arrival, observer: &mut dyn Observe) -> Arrived {
        let (arrived, topic) = self.judge(seat, arrival, observer);
        let fact = match arrived {
            Arrived::Delivered { .. } | Arrived::Unmeasured => return arrived,
            Arrived::Duplicate => Fact::Duplicate,
            Arrived::Late => Fact::Late,
            Arrived::Misrouted => Fact::Misrouted,
            Arrived::Ghost => Fact::Ghost,
            Arrived::Unowed => Fact::Unowed,
        };
        let class = Class { group: arrival.group, to: arrival.to };
        observer.observe(&Observation::new(fact, owed(class, topic), 1));
        arrived
    }

    fn judge(
        &mut self,
        seat: Option<SeatId>,
        arrival: &Arrival,
        observer: &mut dyn Observe,
    ) -> (Arrived, Option<Topic>) {
        let marker = &arrival.marker;
        let room = match self.rooms.get_mut(marker.room as usize) {
            Some(room) if marker.index < room.next() => room,
            _ => return (Arrived::Ghost, None),
        };
        let open = room.get(marker.index);
        let topic = open.map(|open| open.topic);
        if open.is_some_and(|o| o.sending == Sending::Unsent || o.publisher.0 != marker.publisher) {
            return (Arrived::Ghost, topic);
        }
        let Some(seat) = seat.and_then(|seat| self.seats.get_mut(seat)) else {
            return (Arrived::Misrouted, topic);
        };
        seat.seen.raise_to(room.base);
        if open.is_some_and(|o| !o.measured) {
            let news = seat.seen.insert(marker.index) && seat.owes(marker.index);
            if let Some(open) = room.get_mut(marker.index).filter(|_| news) {
                open.delivered += 1;
            }
            return (Arrived::Unmeasured, topic);
        }
        let spared = open.is_some_and(|o| o.spares_publisher.is_some() && o.publisher == seat.client);
        if spared || !seat.owes(marker.index) {
            let left = seat.end.is_some() && seat.membership.left_before(arrival.at, self.rules.race);
            return (if left { Arrived::Misrouted } else { Arrived::Unowed }, topic);
        }
        if open.is_none() {
            let late = seat.unmiss(marker.index);
            return (if late.is_some() { Arrived::Late } else { Arrived::Duplicate }, late);
        }
        if !seat.seen.insert(marker.index) {
            return (Arrived::Duplicate, topic);
        }
        let reordered = !arrival.replayed && overtaken(room, seat, marker.index);
        seat.newest = seat.newest.max(open.map_or(seat.newest, |open| open.due));
        (deliver(room, seat, arrival, reordered, observer), topic)
    }
}

/// Whether a later publication of the same publisher has already arrived at this seat.
fn overtaken(room: &Room, seat: &Seat, index: u32) -> bool {
    room.later(index).any(|(later, _)| later >= seat.first && seat.seen.contains(later))
}

fn deliver(room: &mut Room, seat: &Seat, arrival: &Arrival, reordered: bool, observer: &mut dyn Observe) -> Arrived {
    let marker = &arrival.marker;
    let own = seat.client.0 == marker.publisher;
    let hop = Hop::between(marker.instance, arrival.instance);
    let Some(open) = room.get_mut(marker.index) else { return Arrived::Duplicate };
    let latency = nanos(arrival.at - open.due);
    let owed = owed(seat.class, Some(open.topic));
    let labels = Labels {
        hop: Some(hop),
        from: Some(arrival.from),
        own: Some(own),
        instance: Some(arrival.instance),
        bystander: arrival.bystander,
        ..owed
    };
    open.first = if open.delivered == 0 { arrival.at } else { open.first.min(arrival.at) };
    open.last = open.last.max(arrival.at);
    open.delivered += 1;
    if arrival.replayed {
        observer.observe(&Observation::new(Fact::Replayed, labels, latency));
        observer.observe(&Observation::new(Fact::Missed, labels, 1));
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
