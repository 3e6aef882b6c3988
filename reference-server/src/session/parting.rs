//! What a client says before it has heard that the instance goes away: it is in the room as far as it can know, and what it
//! says there is passed on, though nobody can answer it any more.

use std::{rc::Rc, sync::Arc};

use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::act::{Said, publish};
use crate::{
    auth::User,
    broker::{Receipt, Room},
    protocol::{self, Inbound},
    rate::{RateLimit, Verdict},
    worker::Worker,
};

/// A client that is being sent home.
pub(super) struct Parting {
    pub(super) worker: Rc<Worker>,
    pub(super) user: Arc<User>,
    pub(super) home: Option<String>,
    /// Those it was in.
    pub(super) rooms: Vec<Room>,
    pub(super) rate: RateLimit,
    /// Of what was passed on: told when the broker has it.
    pub(super) receipts: Vec<oneshot::Receiver<()>>,
}

impl Parting {
    /// Passes a frame on that was read at `tin`, if it is a message for a room the client was in.
    pub(super) fn hear(&mut self, text: &Utf8Bytes, tin: u64) {
        if self.rate.frame(tin) != Verdict::Accept {
            return;
        }
        let Ok(inbound) = Inbound::parse(text) else { return };
        let name = inbound.room.as_deref().or(self.home.as_deref()).filter(|name| protocol::is_room_name(name));
        let room = self.rooms.iter().find(|room| name == Some(&***room));
        let (Some(room), Some(content), "message") = (room, inbound.content, inbound.kind()) else { return };
        let (done, receipt) = oneshot::channel();
        let shared = Arc::clone(&self.worker.shared);
        let settle = move |_| {
            Receipt::new(move |outcome| {
                outcome.err().into_iter().for_each(|error| shared.registry.failed(error));
                // Whoever waited may have been cut.
                done.send(()).unwrap_or_default();
            })
        };
        publish(&self.worker, &self.user, Said { room: Arc::clone(room), inbound: &inbound, content, tin }, settle);
        self.receipts.push(receipt);
    }

    /// Waits until the broker has what was passed on: the instance stays as long.
    pub(super) async fn passed_on(self) {
        for receipt in self.receipts {
            // A receipt is told or dropped, once.
            receipt.await.unwrap_or_default();
        }
    }
}
