//! The rooms a connection is in or wants to be in.

use std::sync::Arc;

use super::Peer;
use crate::broker::Room;

/// A room a connection is in or wants to be in.
#[derive(Debug)]
pub(crate) struct Membership {
    pub(crate) room: Room,
    /// Tells the answer to this join from answers to an earlier one.
    pub(crate) join: u64,
    pub(crate) state: Joining,
    /// Has asked for the last messages and has no answer yet.
    pub(crate) looks: bool,
}

/// How far a join is.
#[derive(Debug)]
pub(crate) enum Joining {
    /// Asked; the time until which to wait, and the client's `ref`.
    Waiting { until: u64, reference: Option<Box<str>> },
    /// Done: the place in the worker's list of the room's members.
    Member { index: usize },
}

impl Peer {
    /// Works on a membership, if there is one of this room.
    pub(crate) fn membership<T>(&self, room: &str, work: impl FnOnce(&mut Membership) -> T) -> Option<T> {
        self.memberships.borrow_mut().iter_mut().find(|membership| &*membership.room == room).map(work)
    }

    pub(crate) fn add_membership(&self, membership: Membership) {
        self.memberships.borrow_mut().push(membership);
    }

    pub(crate) fn remove_membership(&self, room: &str) -> Option<Membership> {
        let mut memberships = self.memberships.borrow_mut();
        let at = memberships.iter().position(|membership| &*membership.room == room)?;
        Some(memberships.swap_remove(at))
    }

    /// The rooms it is in.
    pub(crate) fn rooms(&self) -> Vec<Room> {
        let member = |m: &&Membership| matches!(m.state, Joining::Member { .. });
        self.memberships.borrow().iter().filter(member).map(|membership| Arc::clone(&membership.room)).collect()
    }

    /// Takes all of them.
    pub(crate) fn take_memberships(&self) -> Vec<Membership> {
        std::mem::take(&mut self.memberships.borrow_mut())
    }

    pub(crate) fn membership_count(&self) -> usize {
        self.memberships.borrow().len()
    }

    /// The earliest time a waiting join has to be answered by.
    pub(crate) fn next_join_deadline(&self) -> Option<u64> {
        let until = |membership: &Membership| match membership.state {
            Joining::Waiting { until, .. } => Some(until),
            Joining::Member { .. } => None,
        };
        self.memberships.borrow().iter().filter_map(until).min()
    }

    /// A room whose join should have been answered by now.
    pub(crate) fn overdue(&self, now: u64) -> Option<Room> {
        let overdue = |m: &&Membership| matches!(m.state, Joining::Waiting { until, .. } if until <= now);
        self.memberships.borrow().iter().find(overdue).map(|membership| membership.room.clone())
    }
}
