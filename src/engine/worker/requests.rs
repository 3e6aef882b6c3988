//! A worker's part in requests: asking what is due, and looking for what has not been answered.

use std::rc::Rc;

use super::Worker;
use crate::engine::books::Fate;
use crate::engine::client::Client;
use crate::observe::Word;
use crate::scenario::plan::Inquiry;

impl Worker {
    pub(super) fn ask(&self, inquiry: &Inquiry) {
        let Some(t0) = self.desk.books.borrow().t0() else { return };
        let due = t0 + inquiry.due;
        let client = self.clients.borrow().get(&inquiry.client).map(|(client, _)| Rc::clone(client));
        match client {
            Some(client) => client.ask(&self.desk, inquiry.request, inquiry.room, due),
            None => {
                let mut books = self.desk.books.borrow_mut();
                let account = books.asked(inquiry.request, self.desk.scenario[inquiry.request].from, due);
                books.settle(account, Fate::Failed(Word::DISCONNECTED));
            }
        }
    }

    /// Requests whose time is over have timed out.
    pub(super) fn check_requests(&self) {
        let now = self.desk.clock.now();
        while let Some(id) = self.desk.overdue.next(now) {
            let again = self.clients.borrow().get(&id).and_then(|(client, _)| client.time_out(&self.desk, now));
            if let Some(at) = again {
                self.desk.overdue.add(at, id);
            }
        }
    }

    /// The run is over: no answer is waited for any longer.
    pub(super) fn end_requests(&self) {
        let clients: Vec<Rc<Client>> = self.clients.borrow().values().map(|(client, _)| Rc::clone(client)).collect();
        clients.iter().for_each(|client| client.end_requests(&self.desk));
    }
}
