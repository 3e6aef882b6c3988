//! One room as one worker sees it: the publications whose window is open, and the seats of its clients.

use std::collections::VecDeque;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::SeatId;
use super::row::{ByHop, Row};
use crate::observe::{ClientId, GroupId, RoomId, Topic, TransportKind};
use crate::time::Timestamp;

/// Members that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) group: GroupId,
    pub(super) to: TransportKind,
}

/// What is known of a publication's way to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// Its talker has not reported yet.
    Pending,
    /// Written then.
    Sent(Timestamp),
    /// Handed over then, but the connection ended before it was known to be written.
    Uncertain(Timestamp),
    /// Never written.
    Unsent,
}

/// A publication whose window is open.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) due: Timestamp,
    pub(super) topic: Topic,
    pub(super) publisher: ClientId,
    pub(super) measured: bool,
    pub(super) sending: Sending,
    pub(super) refused: bool,
    /// Copies of it could not be recognised, if there were any.
    pub(super) nameless: bool,
    /// The same publisher's next publication in this room.
    pub(super) next: Option<u32>,
    /// Planned members here when it was due.
    pub(super) members: Rc<[(Class, u32)]>,
    /// The publisher's class, if it sits here but is owed no copy of its own.
    pub(super) spares_publisher: Option<Class>,
    pub(super) delivered: u32,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) by_hop: Option<Box<ByHop>>,
    /// Its row has been handed over (everything due came); only duplicates can follow.
    pub(super) settled: bool,
}

impl Open {
    /// Pairs due here, by class.
    pub(super) fn due(&self) -> impl Iterator<Item = (Class, u32)> + '_ {
        self.members.iter().map(|(class, n)| (*class, n - u32::from(self.spares_publisher == Some(*class))))
    }

    /// Pairs due here.
    pub(super) fn due_here(&self) -> u32 {
        self.due().map(|(_, pairs)| pairs).sum()
    }

    /// This worker's row, so far.
    pub(super) fn row(&mut self, room: RoomId, index: u32) -> Row {
        Row {
            room,
            index,
            topic: self.topic,
            counts: self.measured && self.sending != Sending::Unsent,
            due_at: self.due,
            due: u64::from(self.due_here()),
            delivered: u64::from(self.delivered),
            lost: 0,
            refused: Vec::new(),
            first: self.first,
            last: self.last,
            by_hop: self.by_hop.take(),
        }
    }

    /// Whether nothing more can come of it but duplicates.
    fn is_complete(&self) -> bool {
        match self.sending {
            Sending::Pending => false,
            Sending::Unsent => true,
            Sending::Sent(_) | Sending::Uncertain(_) => self.delivered == self.due_here(),
        }
    }
}

/// The room.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Index of the first open publication.
    pub(super) base: u32,
    pub(super) open: VecDeque<Open>,
    pub(super) seats: Vec<SeatId>,
    /// Every publication below this index has handed over its row.
    pub(super) settled_to: u32,
    /// Planned members right now; copied only when they change.
    present: Rc<[(Class, u32)]>,
    /// The last publication of each publisher, while it is open.
    last_of: FxHashMap<ClientId, u32>,
}

impl Room {
    /// The index the next publication of this room gets.
    pub(super) fn next(&self) -> u32 {
        self.base + self.open.len() as u32
    }

    /// One more planned member of `class`.
    pub(super) fn add(&mut self, class: Class) {
        let mut present = self.present.to_vec();
        match present.iter_mut().find(|(known, _)| *known == class) {
            Some((_, members)) => *members += 1,
            None => present.push((class, 1)),
        }
        self.present = present.into();
    }

    /// One planned member of `class` less.
    pub(super) fn remove(&mut self, class: Class) {
        let less = |(known, n): &(Class, u32)| (*known, n - u32::from(*known == class));
        self.present = self.present.iter().map(less).filter(|(_, members)| *members > 0).collect();
    }

    pub(super) fn present(&self) -> Rc<[(Class, u32)]> {
        Rc::clone(&self.present)
    }

    pub(super) fn get(&self, index: u32) -> Option<&Open> {
        self.open.get(index.checked_sub(self.base)? as usize)
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Open> {
        self.open.get_mut(index.checked_sub(self.base)? as usize)
    }

    /// Appends a publication and links it to its publisher's previous one.
    pub(super) fn push(&mut self, open: Open) {
        let index = self.next();
        if let Some(previous) = self.last_of.insert(open.publisher, index)
            && let Some(previous) = self.get_mut(previous)
        {
            previous.next = Some(index);
        }
        self.open.push_back(open);
    }

    /// The later publications of the same publisher, in order.
    pub(super) fn later(&self, index: u32) -> impl Iterator<Item = (u32, &Open)> {
        let after = |index: u32| self.get(index)?.next;
        let all = std::iter::successors(after(index), move |index| after(*index));
        all.filter_map(|index| Some((index, self.get(index)?)))
    }

    /// Hands over the rows of publications of which everything due has come.
    pub(super) fn hand_over(&mut self, id: RoomId, rows: &mut Vec<Row>) {
        let mut all = true;
        for index in self.settled_to.max(self.base)..self.next() {
            let open = &mut self.open[(index - self.base) as usize];
            if !open.settled && open.is_complete() {
                open.settled = true;
                rows.push(open.row(id, index));
            }
            all &= open.settled;
            if all {
                self.settled_to = index + 1;
            }
        }
    }

    /// Drops the first open publication.
    pub(super) fn pop(&mut self) {
        if let Some(open) = self.open.pop_front() {
            if self.last_of.get(&open.publisher) == Some(&self.base) {
                self.last_of.remove(&open.publisher);
            }
            self.base += 1;
        }
    }
}
