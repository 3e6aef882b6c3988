//! A worker: owns its clients, paces what they say, keeps their books. Everything in it belongs to one thread.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::task::{AbortHandle, spawn_local};

use crate::engine::Setup;
use crate::engine::books::{Action, SendFate, SendReport};
use crate::engine::client::{Client, abandon, live};
use crate::engine::desk::Desk;
use crate::engine::fault::victims;
use crate::engine::walk::Share;
use crate::ledger::Sent;
use crate::metrics::Histogram;
use crate::observe::{ClientId, Fact, Topic, Word};
use crate::scenario::Deed;
use crate::scenario::plan::{Payload, Plan, Publication};
use crate::time::{Timestamp, nanos};
use crate::wire::Marker;

mod ending;
mod requests;
mod shift;

pub(super) use shift::run;

/// How long closing handshakes may take at the end.
const FAREWELL: Duration = Duration::from_secs(2);

/// After how many publications in a row the pacer lets the clients flush.
const YIELD_EVERY: usize = 32;

/// One worker's state, shared by its tasks.
pub(in crate::engine) struct Worker {
    desk: Desk,
    plan: Plan,
    share: Share,
    clients: RefCell<FxHashMap<ClientId, (Rc<Client>, AbortHandle)>>,
    payload: Payload,
    text: RefCell<String>,
    asked: Cell<u64>,
    /// When the plan next wants something of this worker, as far as the pacer has looked.
    due: Cell<Option<Timestamp>>,
    lag: RefCell<Histogram>,
    rescheduled: tokio::sync::Notify,
}

impl Worker {
    fn new(setup: &Setup, worker: usize) -> Rc<Self> {
        let share = Share { worker, of: setup.workers };
        Rc::new(Self {
            desk: Desk::new(setup, share),
            plan: setup.plan.clone(),
            share,
            clients: RefCell::default(),
            payload: Payload::new(&setup.scenario),
            text: RefCell::default(),
            asked: Cell::new(0),
            due: Cell::new(None),
            lag: RefCell::default(),
            rescheduled: tokio::sync::Notify::new(),
        })
    }

    /// A client's task is over.
    pub(in crate::engine) fn ended(&self, client: &Client) {
        self.desk.decided(client.id);
        self.desk.books.borrow_mut().vacate(client.id);
        if let Some((client, _)) = self.clients.borrow_mut().remove(&client.id) {
            self.tally_group(&client);
        }
    }

    fn tally_group(&self, client: &Client) {
        if !client.was_ready() {
            self.desk.books.borrow_mut().count(Fact::ClientFailed, client.group);
        } else if let Some(loss) = client.loss() {
            self.desk.books.borrow_mut().since(loss.noticed, Fact::NeverRecovered, client.group, 1);
        }
    }

    fn start(self: &Rc<Self>, client: ClientId) {
        let life = self.plan.life(client).clone();
        let seats = self.desk.books.borrow().seats(client).to_vec();
        self.desk.books.borrow_mut().count(Fact::ClientRequested, life.group);
        self.asked.set(self.asked.get() + 1);
        self.desk.groups.borrow_mut()[usize::from(life.group.0)].0 += 1;
        let client = Rc::new(Client::new(&life, &seats));
        let task = spawn_local({
            let (worker, client) = (Rc::clone(self), Rc::clone(&client));
            async move {
                let mut life = Box::pin(live(&worker.desk, &client, life));
                poll_fn(|cx| {
                    worker.keep_time();
                    life.as_mut().poll(cx)
                })
                .await;
                worker.ended(&client);
            }
        });
        self.clients.borrow_mut().insert(client.id, (client, task.abort_handle()));
    }

    /// A client leaves in the middle of the run; a server that does not answer the closing handshake is not waited for.
    fn depart(self: &Rc<Self>, client: ClientId) {
        self.leave(client);
        let worker = Rc::clone(self);
        spawn_local(async move {
            worker.desk.clock.sleep_until(worker.desk.clock.now() + FAREWELL).await;
            let lingering = worker.clients.borrow().get(&client).cloned();
            if let Some((client, task)) = lingering {
                task.abort();
                abandon(&worker.desk, &client);
                worker.ended(&client);
            }
        });
    }

    /// Ends a client: with a closing handshake if it is connected, at once if it is not.
    fn leave(&self, client: ClientId) {
        let Some((client, task)) = self.clients.borrow().get(&client).cloned() else {
            return self.desk.books.borrow_mut().vacate(client);
        };
        {
            let (mut books, now) = (self.desk.books.borrow_mut(), self.desk.clock.now());
            for (_, seat) in books.seats(client.id).to_vec() {
                books.ledger.left(seat, now);
            }
            if let Some(raw) = &mut books.raw {
                raw.left(client.id, now);
            }
        }
        if !client.leave() {
            task.abort();
            self.ended(&client);
        }
    }

    /// Does what is due by now, if anything is. Called before each client's turn: the alarm alone would be heard only
    /// when all clients that have something to read have had theirs.
    fn keep_time(self: &Rc<Self>) {
        if self.due.get().is_none_or(|due| due > self.desk.clock.now()) {
            return;
        }
        self.desk.books.borrow_mut().catch_up(self.desk.clock.now());
        while self.act() {}
        self.due.set(self.next_due());
    }

    /// When the plan next wants something of this worker.
    fn next_due(&self) -> Option<Timestamp> {
        let mut books = self.desk.books.borrow_mut();
        books.t0().and_then(|t0| books.walk.wake().map(|at| t0 + at))
    }

    /// Does everything that is due now.
    async fn advance(self: &Rc<Self>) {
        self.desk.books.borrow_mut().catch_up(self.desk.clock.now());
        let mut done = 0;
        while self.act() {
            done += 1;
            if done % YIELD_EVERY == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Does the next thing that is due; gives whether there was one.
    fn act(self: &Rc<Self>) -> bool {
        let Some(action) = self.desk.books.borrow_mut().actions.pop_front() else { return false };
        match action {
            // What becomes due is reported as never written, so that no other worker waits for it.
            Action::Say(publication) if self.desk.silent.get() => {
                let (room, index) = (publication.room, publication.index);
                let fate = SendFate::Sent(Sent::Unsent);
                self.desk.books.borrow_mut().report(SendReport { room, index, fate });
            }
            Action::Start(_) | Action::Ask(_) if self.desk.silent.get() => {}
            Action::Start(client) => self.start(client),
            Action::Leave(client) => self.depart(client),
            Action::Say(publication) => self.say(&publication),
            Action::Ask(inquiry) => self.ask(&inquiry),
            Action::Afflict(number) => self.afflict(number),
        }
        true
    }

    /// This worker's own part of a fault.
    fn afflict(&self, number: u16) {
        let scenario = &self.desk.scenario;
        let Some(fault) = scenario.faults.get(usize::from(number)) else { return };
        let Deed::Slow { read, .. } = fault.deed else { return };
        for victim in victims(&self.plan, scenario, number, fault) {
            if let Some((client, _)) = self.clients.borrow().get(&victim) {
                client.slow_down(read, self.desk.clock.now());
            }
        }
    }

    fn say(&self, publication: &Publication) {
        let Some(t0) = self.desk.books.borrow().t0() else { return };
        let client = self.clients.borrow().get(&publication.publisher).map(|(client, _)| Rc::clone(client));
        let instance = client.as_ref().map(|client| client.instance()).unwrap_or_default();
        let marker = Marker {
            room: publication.room.0,
            index: publication.index,
            publisher: publication.publisher.0,
            instance,
            sent: self.desk.clock.now() - t0,
        };
        let addressee = self.desk.addressee(publication.room);
        let mut text = self.text.borrow_mut();
        self.payload.write(publication, &self.desk.books.borrow().markers.write(&marker), &mut text);
        let how = (addressee, self.desk.scenario[publication.publish].message.as_ref());
        let said = client.ok_or(Word::DISCONNECTED).and_then(|client| client.say(publication, how, &text));
        self.account_for(publication, said, t0);
    }

    fn account_for(&self, publication: &Publication, said: Result<Timestamp, Word>, t0: Timestamp) {
        let mut books = self.desk.books.borrow_mut();
        let group = self.desk.scenario[publication.publish].from;
        let measured = books.measures(publication.due);
        let due = t0 + publication.due;
        let topic = Topic { publish: publication.publish, phase: books.stretches.at(due) };
        if let Some(raw) = &mut books.raw {
            raw.said(publication, (due, self.plan.echoes(publication.publish)), said);
        }
        if measured {
            books.said(Fact::MessageScheduled, topic, group, None, 1);
        }
        match said {
            Ok(at) if measured => {
                books.said(Fact::MessageSent, topic, group, None, 1);
                books.said(Fact::SendLag, topic, group, None, nanos(at - due));
                if let Some(turns) = &mut books.turns {
                    turns.sent(publication.due, at - due);
                }
            }
            Ok(_) => {}
            Err(reason) => {
                let fate = SendFate::Sent(Sent::Unsent);
                books.report(SendReport { room: publication.room, index: publication.index, fate });
                if measured {
                    books.said(Fact::MessageUnsent, topic, group, Some(reason), 1);
                }
            }
        }
    }
}
