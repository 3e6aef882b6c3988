//! The rooms of a worker's connections: joining, leaving, and what is said to their members.

use std::{rc::Rc, sync::Arc};

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::Worker;
use crate::{
    broker::{NOTIFY, Room},
    history::Position,
    peer::{Joining, Membership, Peer, PeerId},
    protocol::{self, Code, Encoded, Medium},
    room::{self, Entrance, JoinRequest, Look},
    time,
};

/// What a client asks for when it joins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) room: &'a str,
    pub(crate) reference: Option<&'a str>,
    /// Has everything up to here and wants the rest.
    pub(crate) from: Option<Position>,
}

impl Worker {
    pub(super) fn fan_out(&self, room: &Room, what: &Encoded, message: bool, now: u64) -> usize {
        if let Some(faulty) = self.faulty.as_ref().filter(|faulty| message && faulty.is_active()) {
            return self.fan_out_faulty(faulty, room, what);
        }
        let rooms = self.rooms.borrow();
        let Some(members) = rooms.get(room) else { return 0 };
        for peer in members {
            if let Some(frame) = what.over(peer.medium) {
                peer.send(frame, message, now, &self.shared.config.outbound);
            }
        }
        members.len()
    }

    /// Tells everybody in a room but `user`.
    pub(super) fn announce(&self, room: &Room, what: &Encoded, user: &str, now: u64) -> usize {
        let rooms = self.rooms.borrow();
        let Some(members) = rooms.get(room) else { return 0 };
        let others = members.iter().filter(|peer| peer.user.get().is_none_or(|known| &*known.json != user));
        for peer in others {
            if let Some(frame) = what.over(peer.medium) {
                peer.send(frame, false, now, &self.shared.config.outbound);
            }
        }
        members.len()
    }

    /// Tells one connection something, in its medium.
    pub(super) fn tell(&self, peer: &Peer, position: Option<Position>, frame: Utf8Bytes, now: u64) {
        let frame = match peer.medium {
            Medium::Frames => frame,
            Medium::Events => protocol::event(position, None, &frame),
        };
        peer.send(frame, false, now, &self.shared.config.outbound);
    }

    /// A join is done, unless the connection has gone or changed its mind.
    pub(super) fn joined(&self, id: PeerId, room: &Room, join: u64, entrance: &Entrance, now: u64) {
        let Some(peer) = self.peer(id) else { return };
        let mut rooms = self.rooms.borrow_mut();
        let members = rooms.entry(Arc::clone(room)).or_default();
        let reference = peer.membership(room, |membership| {
            if membership.join != join || matches!(membership.state, Joining::Member { .. }) {
                return None;
            }
            match std::mem::replace(&mut membership.state, Joining::Member { index: members.len() }) {
                Joining::Waiting { reference, .. } => Some(reference),
                Joining::Member { .. } => None,
            }
        });
        let Some(Some(reference)) = reference else {
            if members.is_empty() {
                rooms.remove(room);
            }
            return;
        };
        members.push(Rc::clone(&peer));
        drop(rooms);
        self.greet(&peer, room, reference.as_deref(), entrance, now);
        if &**room == NOTIFY {
            self.list_user(&peer);
        } else {
            self.stats.members.add(1);
            self.present(&peer, room);
        }
        peer.signal();
    }

    /// Says that the join is done, and what was missed before anything that comes after it.
    fn greet(&self, peer: &Rc<Peer>, room: &Room, reference: Option<&str>, entrance: &Entrance, now: u64) {
        let position = match entrance {
            Entrance::Live(position) | Entrance::Lost { position, .. } => *position,
            Entrance::Recovered { from, .. } => Some(*from),
        };
        let frame = match &**room {
            NOTIFY => protocol::connected(time::timestamp()),
            room => protocol::joined(room, position, reference, &self.shared.name),
        };
        let frame = match peer.medium {
            Medium::Frames => frame,
            Medium::Events => protocol::event(position, Some(self.shared.config.stream_retry.as_millis()), &frame),
        };
        self.answer_join(peer, room, frame, now);
        match entrance {
            Entrance::Live(_) => {}
            Entrance::Recovered { replay, .. } => {
                let missed = replay.copies().iter().filter(|copy| !copy.frame.is_empty());
                missed.filter_map(|copy| copy.over(peer.medium)).for_each(|frame| peer.send_missed(frame, now));
                self.stats.resumed.add(1);
            }
            Entrance::Lost { from, position } => {
                self.tell(peer, *position, protocol::gap(room::public(room), Some(*from), *position), now);
                self.stats.resume_gaps.add(1);
            }
        }
    }

    /// Begins a join; what comes of it reaches the connection as a frame. Who is in the room already is told where it
    /// stands, or, asking for more than that, joins again.
    pub(crate) fn join(&self, peer: &Rc<Peer>, wish: Wish<'_>, now: u64) -> Result<(), Code> {
        let Wish { room: name, reference, from } = wish;
        let known = peer.membership(name, |m| (m.room.clone(), matches!(m.state, Joining::Member { .. })));
        match known {
            Some(_) if from.is_some() => drop(self.leave(peer, name)),
            Some((_, false)) => return Ok(()),
            Some((room, true)) => {
                let position = self.shared.registry.position(&room).ok_or(Code::Unavailable)?;
                self.tell(peer, position, protocol::joined(name, position, reference, &self.shared.name), now);
                return Ok(());
            }
            None => {}
        }
        if peer.membership_count() >= self.shared.config.limits.rooms_per_connection {
            return Err(Code::Limit);
        }
        let join = self.joins.get() + 1;
        self.joins.set(join);
        let room = self.shared.registry.join(name, JoinRequest { from, ..self.request(peer, name, join) })?;
        let until = now + time::as_micros(self.shared.config.join_timeout);
        let state = Joining::Waiting { until, reference: reference.map(Box::from) };
        peer.add_membership(Membership { room, join, state, looks: false });
        Ok(())
    }

    /// Asks for the last messages of a room the connection is in; one question at a time.
    pub(crate) fn look(&self, peer: &Rc<Peer>, name: &str, look: Look) -> Result<(), Code> {
        let known = peer.membership(name, |membership| {
            let member = matches!(membership.state, Joining::Member { .. });
            member.then(|| (membership.room.clone(), membership.join, std::mem::replace(&mut membership.looks, true)))
        });
        let (room, join, looks) = known.flatten().ok_or(Code::NotJoined)?;
        if looks {
            return Err(Code::RateLimited);
        }
        self.shared.registry.look(&room, JoinRequest { look: Some(look), ..self.request(peer, name, join) });
        Ok(())
    }

    /// The answer, unless the connection has left since.
    pub(super) fn remembered(&self, id: PeerId, room: &Room, join: u64, frame: Utf8Bytes, now: u64) {
        let Some(peer) = self.peer(id) else { return };
        let asked = peer.membership(room, |m| m.join == join && std::mem::replace(&mut m.looks, false));
        if asked == Some(true) {
            peer.send(frame, false, now, &self.shared.config.outbound);
        }
    }

    /// A connection as the registry knows it.
    fn request(&self, peer: &Peer, room: &str, join: u64) -> JoinRequest {
        let whose = peer.user.get().filter(|_| room == NOTIFY).map(|user| Arc::clone(&user.json));
        JoinRequest { worker: self.index, peer: peer.id, join, medium: peer.medium, from: None, whose, look: None }
    }

    /// Ends a membership or a join; whether there was one. Gives back the `ref` of a join that was still waiting.
    pub(crate) fn leave(&self, peer: &Rc<Peer>, name: &str) -> Option<Option<Box<str>>> {
        peer.remove_membership(name).map(|membership| self.unlist(peer, membership))
    }

    pub(super) fn unlist(&self, peer: &Rc<Peer>, membership: Membership) -> Option<Box<str>> {
        let Membership { room, join, state, .. } = membership;
        let reference = match state {
            Joining::Waiting { reference, .. } => reference,
            Joining::Member { index } => {
                self.remove_member(&room, index);
                self.absent(peer, &room);
                None
            }
        };
        self.shared.registry.leave(&room, &self.request(peer, &room, join));
        reference
    }

    fn remove_member(&self, room: &Room, index: usize) {
        let mut rooms = self.rooms.borrow_mut();
        let Some(members) = rooms.get_mut(room) else { return };
        members.swap_remove(index);
        if &**room != NOTIFY {
            self.stats.members.add(-1);
        }
        if let Some(moved) = members.get(index) {
            moved.membership(room, |membership| membership.state = Joining::Member { index });
        }
        if members.is_empty() {
            rooms.remove(room);
        }
    }
}
