//! The users of a worker's connections: who is told when a user is notified.

use std::{rc::Rc, sync::Arc};

use super::Worker;
use crate::{
    auth::User,
    broker::NOTIFY,
    history::Position,
    peer::{Peer, PeerId},
    protocol::{self, Encoded, Medium},
    room::JoinRequest,
};

impl Worker {
    /// The connection is this user's.
    pub(crate) fn identify(&self, peer: &Peer, user: &Arc<User>) {
        if peer.user.set(Arc::clone(user)).is_ok() {
            self.shared.registry.people.enter(&user.json, self.index);
        }
    }

    /// The connection is told from now on when its user is notified.
    pub(crate) fn list_user(&self, peer: &Rc<Peer>) {
        let Some(user) = peer.user.get() else { return };
        if !peer.listed.replace(true) {
            self.people.borrow_mut().entry(Arc::clone(&user.json)).or_default().push(Rc::clone(peer));
        }
    }

    /// The connection is gone.
    pub(super) fn unlist_user(&self, peer: &Rc<Peer>) {
        let Some(user) = peer.user.get() else { return };
        self.shared.registry.people.exit(&user.json, self.index);
        let mut people = self.people.borrow_mut();
        if peer.listed.replace(false)
            && let Some(peers) = people.get_mut(&user.json)
        {
            peers.retain(|known| known.id != peer.id);
            if peers.is_empty() {
                people.remove(&user.json);
            }
        }
    }

    /// Tells every connection of a user. Only personal streams have positions among the notifications; others keep
    /// the one they have.
    pub(super) fn notify(&self, user: &str, what: &Encoded, now: u64) -> usize {
        let people = self.people.borrow();
        let Some(peers) = people.get(user) else { return 0 };
        for peer in peers {
            let personal = peer.membership(NOTIFY, |_| ()).is_some();
            let frame = match peer.medium {
                Medium::Events if !personal => Some(protocol::event(peer.place(), None, &what.frame)),
                medium => what.over(medium),
            };
            if let Some(frame) = frame {
                peer.send(frame, true, now, &self.shared.config.outbound);
            }
        }
        peers.len()
    }

    /// Asks where the notifications stand; the answer moves the stream's position, in order with them.
    pub(crate) fn ask_standing(&self, peer: &Peer) {
        let (worker, peer, medium) = (self.index, peer.id, peer.medium);
        let request = JoinRequest { worker, peer, join: 0, medium, from: None, whose: None, look: None };
        self.shared.registry.stand(NOTIFY, &request);
    }

    pub(super) fn standing(&self, id: PeerId, position: Option<Position>, now: u64) {
        if let Some(peer) = self.peer(id) {
            peer.send(protocol::mark(position), false, now, &self.shared.config.outbound);
        }
    }
}
