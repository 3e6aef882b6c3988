//! Copies without a marker: where a dialect says that the server's own id of a message takes its place, the id that an
//! acknowledgement tells names the publication, and a copy with that id is one of it, whichever of the two comes first.
//!
//! A copy keeps the moment it was read at; when it is attributed changes nothing about it. What waits for its name is
//! bounded: the copies of the id that has waited longest are given up for others, and counted.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher as _};
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::{Books, Heard, SendFate, SendReport};
use crate::observe::{ClientId, Fact, GroupId, Labels, Observation, Observe, RoomId, Word};
use crate::time::Timestamp;
use crate::wire::{InstanceTag, Marker};

/// Copies that may wait for their name, per worker.
const WAITING: usize = 1 << 17;

/// Names that are remembered, per worker: the copies of a publication come soon after each other.
const NAMES: usize = 1 << 18;

/// What is said of a publication at another worker is known here this much later at most. Windows close so much later.
const HEARSAY: Duration = Duration::from_secs(1);

/// A publication, and what its marker would tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Named {
    pub(in crate::engine) room: RoomId,
    pub(in crate::engine) index: u32,
    pub(in crate::engine) publisher: ClientId,
    pub(in crate::engine) instance: InstanceTag,
}

impl Named {
    fn marker(&self) -> Marker {
        let Self { room, index, publisher, instance } = *self;
        Marker { room: room.0, index, publisher: publisher.0, instance, sent: Duration::ZERO }
    }
}

/// What is known of ids so far.
#[derive(Debug, Default)]
pub(super) struct Correlation {
    named: FxHashMap<u64, Named>,
    /// The ids of `named`, the oldest first.
    names: VecDeque<u64>,
    held: FxHashMap<u64, Vec<(Heard, GroupId)>>,
    /// The ids of `held` in the order in which they came; those that have got their name may still be among them.
    order: VecDeque<u64>,
    waiting: usize,
}

/// What a name told.
#[derive(Debug, PartialEq)]
enum Told {
    /// The copies that waited for it.
    News(Vec<(Heard, GroupId)>),
    /// Another publication is called the same.
    Contradiction,
}

impl Correlation {
    /// Keeps a copy until its id is named; gives those that had to be given up for it.
    fn hold(&mut self, id: u64, copy: Heard, group: GroupId) -> Vec<(Heard, GroupId)> {
        let given_up = if self.waiting >= WAITING { self.give_up() } else { Vec::new() };
        let copies = self.held.entry(id).or_default();
        if copies.is_empty() {
            self.order.push_back(id);
        }
        copies.push((copy, group));
        self.waiting += 1;
        if self.order.len() > 2 * self.held.len() + 1_024 {
            self.order.retain(|id| self.held.contains_key(id));
        }
        given_up
    }

    /// The copies of the id that has waited longest.
    fn give_up(&mut self) -> Vec<(Heard, GroupId)> {
        let oldest = std::iter::from_fn(|| self.order.pop_front()).find_map(|id| self.held.remove(&id));
        let copies = oldest.unwrap_or_default();
        self.waiting -= copies.len();
        copies
    }

    fn name(&mut self, id: u64, named: Named) -> Told {
        if let Some(known) = self.named.get(&id) {
            return if *known == named { Told::News(Vec::new()) } else { Told::Contradiction };
        }
        if self.names.len() == NAMES
            && let Some(oldest) = self.names.pop_front()
        {
            self.named.remove(&oldest);
        }
        self.named.insert(id, named);
        self.names.push_back(id);
        let copies = self.held.remove(&id).unwrap_or_default();
        self.waiting -= copies.len();
        Told::News(copies)
    }

    /// All that nobody has named.
    fn rest(&mut self) -> Vec<(Heard, GroupId)> {
        self.order.clear();
        self.waiting = 0;
        self.held.drain().flat_map(|(_, copies)| copies).collect()
    }
}

/// The same in every process of this program.
fn hash(id: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(id);
    hasher.finish()
}

impl Books {
    /// A copy that holds no marker came in. Gives whether it may be one of ours.
    #[cold]
    pub(super) fn correlate(&mut self, id: &[u8], copy: Heard, group: GroupId) -> bool {
        let Some(correlation) = &mut self.correlation else { return false };
        let id = hash(id);
        match correlation.named.get(&id).copied() {
            Some(named) => self.attribute(&named, &copy, group),
            None => {
                let given_up = correlation.hold(id, copy, group);
                self.unattributed(&given_up);
            }
        }
        true
    }

    /// The server's acknowledgement calls a publication of one of this worker's clients `id`.
    pub(in crate::engine) fn name(&mut self, named: Named, id: &str, at: Timestamp) {
        if self.correlation.is_none() {
            return;
        }
        let Named { room, index, publisher, instance } = named;
        let fate = SendFate::Named { id: hash(id.as_bytes()), publisher, instance, at };
        self.report(SendReport { room, index, fate });
    }

    /// A publication of this worker or another is called that: its copies are known from here on, and those that waited.
    pub(super) fn called(&mut self, named: Named, id: u64, at: Timestamp) {
        let Some(correlation) = &mut self.correlation else { return };
        match correlation.name(id, named) {
            Told::News(copies) => {
                self.ledger.named(named.room, named.index);
                copies.iter().for_each(|(copy, group)| self.attribute(&named, copy, *group));
            }
            Told::Contradiction => {
                let words = || "the server gave two messages the same id: copies are told by ids here".to_owned();
                self.fail(Word::ACTIVE, Word::PROTOCOL, at, || format!("#{}", named.publisher.0), words);
            }
        }
    }

    fn attribute(&mut self, named: &Named, copy: &Heard, group: GroupId) {
        let marker = named.marker();
        if !self.ledger.knows(&marker) {
            self.catch_up(copy.at);
        }
        let seat = self.seat_in(copy.client, named.room);
        self.arrived(seat, &marker, copy, group);
    }

    /// Nobody will say any more what these are copies of.
    fn unattributed(&mut self, copies: &[(Heard, GroupId)]) {
        for (copy, group) in copies {
            let labels = Labels { to: Some(copy.receiver.transport), group: Some(*group), ..Labels::default() };
            self.recorder.observe(&Observation::new(Fact::Unattributed, labels, 1));
        }
    }

    /// Windows that close by then can be closed at `now`: all copies that came in them are known by then.
    pub(in crate::engine) fn settled_by(&self, now: Timestamp) -> Timestamp {
        if self.correlation.is_some() { now.saturating_sub(HEARSAY) } else { now }
    }

    /// The run is over: what no acknowledgement has named by now stays nameless.
    pub(in crate::engine) fn end_correlation(&mut self) {
        let rest = self.correlation.as_mut().map(Correlation::rest).unwrap_or_default();
        self.unattributed(&rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::books::Receiver;
    use crate::observe::TransportKind;

    fn copy(client: u32) -> Heard {
        let (instance, transport) = (InstanceTag::UNKNOWN, TransportKind::WebSocket);
        let receiver = Receiver { instance, transport, last_loss: None };
        Heard { client: ClientId(client), at: Timestamp::default(), replayed: false, receiver }
    }

    fn named(index: u32) -> Named {
        Named { room: RoomId(0), index, publisher: ClientId(0), instance: InstanceTag::UNKNOWN }
    }

    fn clients(copies: &[(Heard, GroupId)]) -> Vec<u32> {
        copies.iter().map(|(copy, _)| copy.client.0).collect()
    }

    #[test]
    fn copies_wait_for_their_name_and_a_name_is_told_once() {
        let mut known = Correlation::default();
        for (id, client) in [(7, 1), (8, 2), (7, 3)] {
            assert_eq!(known.hold(id, copy(client), GroupId(0)), []);
        }
        let Told::News(copies) = known.name(7, named(1)) else { panic!("no news") };
        assert_eq!(clients(&copies), [1, 3]);
        assert_eq!(known.name(7, named(1)), Told::News(Vec::new()), "an acknowledgement may be told twice");
        assert_eq!(known.name(7, named(2)), Told::Contradiction);
        assert_eq!((known.waiting, clients(&known.rest())), (1, vec![2]));
        assert_eq!(known.rest(), []);
    }

    #[test]
    fn what_has_waited_longest_is_given_up_for_others_and_not_forgotten_silently() {
        let mut known = Correlation::default();
        for id in 0..WAITING as u64 {
            // Two copies of each: one id in two is named at once.
            assert_eq!(known.hold(id, copy(0), GroupId(0)), []);
            if id % 2 == 1 {
                known.name(id, named(id as u32));
            }
        }
        let mut given_up = 0;
        for id in 0..WAITING as u64 {
            given_up += known.hold(WAITING as u64 + id, copy(1), GroupId(0)).len();
        }
        assert_eq!(given_up, WAITING / 2);
        assert_eq!(known.waiting, WAITING);
        assert!(known.order.len() <= 2 * known.held.len() + 1_024);
        assert_eq!(known.rest().len(), WAITING);
    }

    #[test]
    fn as_many_names_are_remembered_as_there_is_room_for() {
        let mut known = Correlation::default();
        for id in 0..=NAMES as u64 {
            known.name(id, named(id as u32));
        }
        assert_eq!((known.named.len(), known.names.len()), (NAMES, NAMES));
        assert!(!known.named.contains_key(&0) && known.named.contains_key(&1));
    }
}
