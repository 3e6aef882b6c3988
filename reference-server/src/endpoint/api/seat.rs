//! A stream's or a poll's place among the connections of its worker: counted, and out of the books when it is dropped.

use std::{rc::Rc, sync::Arc};

use hyper::StatusCode;

use super::Refusal;
use crate::{
    auth::User,
    peer::{Line, Peer},
    protocol::Transport,
    worker::Worker,
};

/// See the module.
pub(super) struct Seat {
    pub(super) worker: Rc<Worker>,
    pub(super) peer: Rc<Peer>,
}

impl Seat {
    /// Takes a place, if the instance has one. Who is too slow loses its `line`.
    pub(super) fn take(
        worker: &Rc<Worker>,
        line: &Rc<Line>,
        user: &Arc<User>,
        transport: Transport,
    ) -> Result<Self, Refusal> {
        let shared = &worker.shared;
        if shared.stats.connections() >= shared.max_connections as i64 {
            return Err(Refusal::plain(StatusCode::SERVICE_UNAVAILABLE, "Too Many Connections"));
        }
        worker.stats.connections.add(1);
        let peer = worker.enter(transport, Some(Rc::clone(line)));
        worker.identify(&peer, user);
        Ok(Self { worker: Rc::clone(worker), peer })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.worker.stats.slow_consumers.add(u64::from(self.peer.is_slow()));
        self.worker.exit(&self.peer);
        self.worker.stats.connections.add(-1);
    }
}
