//! The end of a worker's shift: the last writes, the last copies, the last accounts, and the farewell.

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::spawn_local;

use super::{FAREWELL, Worker};
use crate::engine::books::{SendFate, SendReport};
use crate::engine::client::{Client, abandon};
use crate::engine::link::{FromWorker, Stage};
use crate::ledger::Sent;
use crate::observe::ClientId;

/// How long the last publications may take to be written.
const LAST_WRITES: Duration = Duration::from_millis(500);

/// How long reading what has come by the end may take, where more and more comes.
const LAST_READS: Duration = Duration::from_millis(500);

impl Worker {
    /// Waits a little until everything said is written; what is not by then is uncertain.
    pub(super) async fn await_writes(&self) {
        let deadline = self.desk.clock.now() + LAST_WRITES;
        loop {
            let clients: Vec<Rc<Client>> =
                self.clients.borrow().values().map(|(client, _)| Rc::clone(client)).collect();
            let unwritten: Vec<_> = clients.iter().flat_map(|client| client.unwritten()).collect();
            if unwritten.is_empty() {
                return;
            }
            if self.desk.clock.now() >= deadline {
                for (room, index, at) in unwritten {
                    let fate = SendFate::Sent(Sent::Uncertain(at));
                    self.desk.books.borrow_mut().report(SendReport { room, index, fate });
                }
                return;
            }
            self.desk.clock.sleep_until(self.desk.clock.now() + Duration::from_millis(5)).await;
        }
    }

    /// Hears what has come to this machine by now: a worker that was held up would call lost what lies in its sockets.
    pub(super) async fn hear_out(&self) {
        let deadline = self.desk.clock.now() + LAST_READS;
        loop {
            let heard = self.desk.books.borrow().recognised;
            // First the runtime looks what has come, then everybody to whom something has has a turn.
            tokio::task::yield_now().await;
            if spawn_local(async {}).await.is_err() || self.desk.books.borrow().recognised == heard {
                return;
            }
            if self.desk.clock.now() >= deadline {
                return;
            }
        }
    }

    /// The last accounts, and the farewell between them.
    pub(super) async fn finish(&self, reports: &mpsc::Sender<FromWorker>) {
        self.hear_out().await;
        if let Some(raw) = &mut self.desk.books.borrow_mut().raw {
            raw.closed(self.desk.clock.now());
        }
        self.end_requests();
        self.desk.books.borrow_mut().end_correlation();
        if self.tell(self.progress(Stage::Finished, true), reports).await.is_break() {
            return;
        }
        self.dismiss().await;
        if let Some(raw) = &mut self.desk.books.borrow_mut().raw {
            raw.flush();
        }
        // Late copies and the bytes of the farewell; nobody is left to hear a failure to report them.
        drop(reports.send(self.progress(Stage::Gone, true)).await);
    }

    /// Everybody leaves; waits a little for the closing handshakes.
    async fn dismiss(&self) {
        let all: Vec<ClientId> = self.clients.borrow().keys().copied().collect();
        for client in all {
            self.leave(client);
        }
        let deadline = self.desk.clock.now() + FAREWELL;
        while !self.clients.borrow().is_empty() && self.desk.clock.now() < deadline {
            self.desk.clock.sleep_until(self.desk.clock.now() + Duration::from_millis(10)).await;
        }
        for (client, task) in std::mem::take(&mut *self.clients.borrow_mut()).into_values() {
            task.abort();
            abandon(&self.desk, &client);
            self.tally_group(&client);
        }
    }
}
