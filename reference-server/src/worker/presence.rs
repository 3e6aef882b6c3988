//! What the others are told about where a worker's connections are.

use std::{sync::Arc, time::Duration};

use super::Worker;
use crate::{
    broker::{NOTIFY, Room, presence::Member},
    peer::Peer,
    time,
};

impl Worker {
    /// The connection is in a room, or was heard of again.
    pub(super) fn present(&self, peer: &Peer, room: &Room) {
        if let Some(member) = self.member(peer) {
            self.shared.registry.enter(room, peer.number, member);
        }
    }

    /// The connection is in a room no longer.
    pub(super) fn absent(&self, peer: &Peer, room: &Room) {
        if &**room != NOTIFY {
            self.shared.registry.exit(room, peer.number);
        }
    }

    /// The connection has been silent for so long.
    pub(crate) fn seen(&self, peer: &Peer, silence: Duration) {
        // The last byte may be one of the handshake, which came before there was a connection.
        let seen = Duration::from(time::timestamp()).saturating_sub(silence).max(peer.connected_at.into());
        peer.last_seen.set(seen.into());
        for room in peer.rooms().iter().filter(|room| &***room != NOTIFY) {
            self.present(peer, room);
        }
    }

    /// A client that polls counts as in the room until it polls again, for a time.
    pub(crate) fn lease(&self, peer: &Peer, room: &str) {
        if let Some(member) = self.member(peer) {
            self.shared.registry.lease(room, member, self.shared.config.poll_lease);
        }
    }

    fn member(&self, peer: &Peer) -> Option<Member> {
        Some(Member {
            user: Arc::clone(&peer.user.get()?.json),
            instance: Arc::clone(&self.shared.name),
            transport: peer.transport.name(),
            connected_at: peer.connected_at.into(),
            last_seen: peer.last_seen.get().into(),
        })
    }
}
