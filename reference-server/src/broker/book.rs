//! Who is where, in memory: what the Lua scripts do for Redis. Pure: time comes in as microseconds, and what members are
//! to be told comes out.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::{
    Room,
    presence::{LISTED, Member, PresenceOptions, Roster, Step},
};
use crate::time;

/// An instance.
pub(super) type Node = usize;

/// Something to announce.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) step: Step,
    pub(super) room: Room,
    pub(super) user: Arc<str>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Book {
    rooms: HashMap<Room, Page>,
    /// Instances that have gone, and when their members go too.
    gone: HashMap<Node, u64>,
    /// When leases end.
    leases: HashMap<(Room, Arc<str>), u64>,
}

#[derive(Debug, Default)]
struct Page {
    entries: HashMap<Key, Member>,
    users: HashMap<Arc<str>, usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Connection(Node, u64),
    Lease(Arc<str>),
}

impl Book {
    /// A connection is in a room.
    pub(super) fn enter(
        &mut self,
        room: &Room,
        node: Node,
        number: u64,
        member: Member,
        options: &PresenceOptions,
    ) -> Option<Notice> {
        if self.gone.contains_key(&node) {
            return None;
        }
        self.add(room, Key::Connection(node, number), member, options)
    }

    /// A connection is in a room no longer.
    pub(super) fn exit(&mut self, room: &Room, node: Node, number: u64, options: &PresenceOptions) -> Option<Notice> {
        if self.gone.contains_key(&node) {
            return None;
        }
        self.remove(room, &Key::Connection(node, number), options)
    }

    /// A user counts as in a room until `until`.
    pub(super) fn lease(
        &mut self,
        room: &Room,
        member: Member,
        until: u64,
        options: &PresenceOptions,
    ) -> Option<Notice> {
        let user = Arc::clone(&member.user);
        self.leases.insert((Arc::clone(room), Arc::clone(&user)), until);
        self.add(room, Key::Lease(user), member, options)
    }

    /// The instance's members go at `at`, unless that was said before.
    pub(super) fn part(&mut self, node: Node, at: u64) {
        self.gone.entry(node).or_insert(at);
    }

    /// Gives up everything whose time is over.
    pub(super) fn reap(&mut self, now: u64, options: &PresenceOptions) -> Vec<Notice> {
        let over: Vec<_> = self.leases.extract_if(|_, until| *until <= now).map(|(lease, _)| lease).collect();
        let leases = over.into_iter().map(|(room, user)| (room, Key::Lease(user)));
        let nodes: Vec<_> = self.gone.iter().filter(|(_, at)| **at <= now).map(|(node, _)| *node).collect();
        let theirs = |key: &Key| matches!(key, Key::Connection(node, _) if nodes.contains(node));
        let mut ended: Vec<_> = leases.collect();
        for (room, page) in self.rooms.iter().filter(|_| !nodes.is_empty()) {
            ended.extend(page.entries.keys().filter(|key| theirs(key)).map(|key| (Arc::clone(room), key.clone())));
        }
        ended.iter().filter_map(|(room, key)| self.remove(room, key, options)).collect()
    }

    /// Who is in a room. Who has come back from an instance that is going away is not counted there any more.
    pub(super) fn roster(&self, room: &Room) -> Roster {
        let Some(page) = self.rooms.get(room) else { return Roster::default() };
        let parting = |key: &Key| matches!(key, Key::Connection(node, _) if self.gone.contains_key(node));
        let here = |user: &str| page.entries.iter().any(|(key, member)| &*member.user == user && !parting(key));
        let entries = page.entries.iter().filter(|(key, member)| !parting(key) || !here(&member.user));
        let mut members: Vec<_> = entries.map(|(_, member)| member.json(room)).collect();
        let connections = members.len();
        members.truncate(LISTED);
        Roster { users: page.users.len(), connections, members }
    }

    fn add(&mut self, room: &Room, key: Key, member: Member, options: &PresenceOptions) -> Option<Notice> {
        let page = self.rooms.entry(Arc::clone(room)).or_default();
        let user = Arc::clone(&member.user);
        if page.entries.insert(key, member).is_some() {
            return None;
        }
        let count = page.users.entry(Arc::clone(&user)).or_default();
        *count += 1;
        let announced = *count == 1 && options.announce.allows(page.users.len());
        announced.then(|| Notice { step: Step::Joined, room: Arc::clone(room), user })
    }

    fn remove(&mut self, room: &Room, key: &Key, options: &PresenceOptions) -> Option<Notice> {
        let page = self.rooms.get_mut(room)?;
        let user = page.entries.remove(key)?.user;
        let members = page.users.len();
        let count = page.users.get_mut(&user)?;
        *count -= 1;
        if *count > 0 {
            return None;
        }
        page.users.remove(&user);
        if page.users.is_empty() {
            self.rooms.remove(room);
        }
        let announced = options.announce.allows(members);
        announced.then(|| Notice { step: Step::Left, room: Arc::clone(room), user })
    }
}

/// When the members of an instance that died at `now` are given up.
pub(super) fn given_up(now: u64, options: &PresenceOptions) -> u64 {
    now + time::as_micros(options.lease() + options.slack())
}

/// When those of an instance that says goodbye are.
pub(super) fn after(now: u64, grace: Duration) -> u64 {
    now + time::as_micros(grace)
}

#[cfg(test)]
mod tests;
