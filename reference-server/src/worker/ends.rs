//! How a worker's connections are ended from outside: one by one because an admin wants it, all of them because the
//! instance goes away.

use std::sync::Arc;

use super::Worker;
use crate::{
    auth::User,
    drain,
    faults::{Cut, Deed, Done},
    peer::PeerId,
    protocol::Medium,
    time,
};

impl Worker {
    /// A connection was cut: for the log, and for whoever wanted it.
    pub(crate) fn has_cut(&self, user: &Arc<User>, cut: Cut) {
        let Some(faults) = &self.shared.faults else { return };
        let (at, how) = (time::micros(), Some(cut.how.to_string()));
        faults.truth.record(Deed { what: "cut", at, user: Some(Arc::clone(user)), how, ..Deed::default() });
        // Whoever asked may have stopped waiting.
        let _late = cut.done.try_send(Done { user: Arc::clone(user), at });
    }

    /// Everybody who has proved who they are: on sockets, streams and polls that wait.
    pub(super) fn users(&self) -> Vec<(Arc<User>, PeerId)> {
        let slots = self.slots.borrow();
        slots
            .peers
            .iter()
            .filter_map(|(_, peer)| peer.as_ref())
            .filter(|peer| !peer.ending.get())
            .filter_map(|peer| Some((peer.user()?, peer.id)))
            .collect()
    }

    pub(super) fn cut(&self, id: PeerId, cut: Cut) {
        if let Some(peer) = self.peer(id) {
            peer.cut(cut);
        }
    }

    /// Gives every connection its moment to be closed.
    pub(super) fn drain(&self, now: u64) {
        self.draining.cancel();
        let config = &self.shared.config.drain;
        for peer in self.slots.borrow().peers.iter().filter_map(|(_, peer)| peer.as_ref()) {
            let hint = match peer.medium {
                Medium::Frames => drain::hint(config),
                Medium::Events => drain::event(config, peer.place(), &mut rand::rng()),
            };
            peer.send(hint, false, now, &self.shared.config.outbound);
            peer.drain_at.set(drain::moment(config, now, &mut rand::rng()));
            peer.signal();
        }
    }
}
