//! Who is in which room on this instance, and what of it Redis has not been told yet. Pure; the attendant carries it out,
//! one batch at a time. Bounded by the connections there are and those Redis still has to forget.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::Arc,
    time::Duration,
};

use super::super::{Room, presence::Member};

/// Most changes in one command.
pub(super) const BATCH: usize = 128;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    rooms: HashMap<Room, Page>,
    /// Rooms with changes, each at most once.
    due: VecDeque<Room>,
    leases: HashMap<(Room, Arc<str>), (Member, Duration)>,
    /// The instance goes away; nothing is told any more.
    parted: bool,
}

#[derive(Debug, Default)]
struct Page {
    present: HashMap<u64, Present>,
    changed: HashMap<u64, Change>,
    queued: bool,
}

#[derive(Debug)]
struct Present {
    member: Member,
    /// Redis may know of it.
    told: bool,
}

/// What Redis is to be told about a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Enter,
    /// Whose it was.
    Exit(Arc<str>),
}

/// One room's changes, to be told in one command.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) room: Room,
    pub(super) changes: Vec<(u64, Told)>,
    /// Whether connections stay in the room.
    pub(super) occupied: bool,
}

/// A change as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Enter(Member),
    Exit(Arc<str>),
}

impl Ledger {
    /// A connection is in a room, or was heard of again.
    pub(super) fn enter(&mut self, room: &Room, number: u64, member: Member) {
        if self.parted {
            return;
        }
        let page = self.rooms.entry(Arc::clone(room)).or_default();
        let told = page.present.get(&number).is_some_and(|present| present.told)
            || matches!(page.changed.get(&number), Some(Change::Exit(_)));
        page.present.insert(number, Present { member, told });
        page.changed.insert(number, Change::Enter);
        self.queue(room);
    }

    /// A connection is in a room no longer.
    pub(super) fn exit(&mut self, room: &Room, number: u64) {
        let Some(page) = self.rooms.get_mut(room).filter(|_| !self.parted) else { return };
        let Some(Present { member, told }) = page.present.remove(&number) else { return };
        if told {
            page.changed.insert(number, Change::Exit(member.user));
        } else {
            page.changed.remove(&number);
        }
        self.queue(room);
    }

    /// A lease to take or to make longer.
    pub(super) fn lease(&mut self, room: &Room, member: Member, time: Duration) {
        if !self.parted {
            self.leases.entry((Arc::clone(room), Arc::clone(&member.user))).or_insert((member, time));
        }
    }

    /// The leases that are due.
    pub(super) fn take_leases(&mut self) -> Vec<(Room, Member, Duration)> {
        mem::take(&mut self.leases).into_iter().map(|((room, _), (member, time))| (room, member, time)).collect()
    }

    /// The next room's changes, if any are due.
    pub(super) fn next(&mut self) -> Option<Batch> {
        while let Some(room) = self.due.pop_front() {
            let Some(page) = self.rooms.get_mut(&room) else { continue };
            page.queued = false;
            let numbers: Vec<u64> = page.changed.keys().copied().take(BATCH).collect();
            let mut changes = Vec::with_capacity(numbers.len());
            for number in numbers {
                match (page.changed.remove(&number), page.present.get_mut(&number)) {
                    (Some(Change::Enter), Some(present)) => {
                        present.told = true;
                        changes.push((number, Told::Enter(present.member.clone())));
                    }
                    (Some(Change::Exit(user)), _) => changes.push((number, Told::Exit(user))),
                    _ => {}
                }
            }
            let occupied = !page.present.is_empty();
            self.queue(&room);
            if !changes.is_empty() {
                return Some(Batch { room, changes, occupied });
            }
        }
        None
    }

    /// The batch may not have reached Redis: it is told again, as far as nothing has changed since.
    pub(super) fn failed(&mut self, batch: Batch) {
        if self.parted {
            return;
        }
        let page = self.rooms.entry(Arc::clone(&batch.room)).or_default();
        for (number, told) in batch.changes {
            let present = page.present.contains_key(&number);
            match told {
                Told::Enter(_) if present => drop(page.changed.entry(number).or_insert(Change::Enter)),
                Told::Exit(user) if !present => drop(page.changed.entry(number).or_insert(Change::Exit(user))),
                _ => {}
            }
        }
        self.queue(&batch.room);
    }

    /// Redis knows nothing of this instance: everybody is told anew, and nobody has to be forgotten.
    pub(super) fn forgotten(&mut self) {
        for page in self.rooms.values_mut() {
            page.changed = page.present.keys().map(|number| (*number, Change::Enter)).collect();
        }
        let rooms: Vec<Room> = self.rooms.keys().cloned().collect();
        rooms.iter().for_each(|room| self.queue(room));
    }

    /// From now on nothing is told.
    pub(super) fn part(&mut self) {
        *self = Self { parted: true, ..Self::default() };
    }

    /// Whether the instance goes away.
    pub(super) fn has_parted(&self) -> bool {
        self.parted
    }

    fn queue(&mut self, room: &Room) {
        let Some(page) = self.rooms.get_mut(room) else { return };
        if page.changed.is_empty() {
            if page.present.is_empty() {
                self.rooms.remove(room);
            }
        } else if !mem::replace(&mut page.queued, true) {
            self.due.push_back(Arc::clone(room));
        }
    }
}

#[cfg(test)]
mod tests;
