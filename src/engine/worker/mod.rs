//! A worker: owns its clients, paces what they say, keeps their books. Everything in it belongs to one thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::task::{AbortHandle, spawn_local};

use crate::dialect::Identity;
use crate::engine::Setup;
use crate::engine::books::{Action, Books, SendFate, SendReport};
use crate::engine::client::{Client, abandon, live};
use crate::engine::walk::Share;
use crate::ledger::Sent;
use crate::metrics::Histogram;
use crate::observe::{ClientId, Fact, GroupId, Word};
use crate::scenario::Scenario;
use crate::scenario::plan::{Life, Payload, Plan, Publication, Start};
use crate::session::{Dialer, Place};
use crate::time::{Clock, Timestamp, nanos};
use crate::wire::Marker;

mod shift;

pub(super) use shift::run;

/// How long closing handshakes may take at the end.
const FAREWELL: Duration = Duration::from_secs(2);

/// After how many publications in a row the pacer lets the clients flush.
const YIELD_EVERY: usize = 32;

/// One worker's state, shared by its tasks.
pub(in crate::engine) struct Worker {
    pub(in crate::engine) scenario: Arc<Scenario>,
    pub(in crate::engine) dialer: Dialer,
    pub(in crate::engine) clock: Clock,
    pub(in crate::engine) urls: usize,
    pub(in crate::engine) books: RefCell<Books>,
    /// Clients in all their rooms right now.
    pub(in crate::engine) ready: Cell<u64>,
    plan: Plan,
    secret: Option<Arc<[u8]>>,
    share: Share,
    clients: RefCell<FxHashMap<ClientId, (Rc<Client>, AbortHandle)>>,
    room_names: Vec<Arc<str>>,
    payload: Payload,
    text: RefCell<String>,
    asked: Cell<u64>,
    /// The run is ending: what becomes due is reported as never written, so that no other worker waits for it.
    silent: Cell<bool>,
    /// Clients of ramps that have not joined or failed yet.
    undecided: RefCell<rustc_hash::FxHashSet<ClientId>>,
    /// Per group: asked, and been in all rooms at least once.
    groups: RefCell<Vec<(u64, u64)>>,
    lag: RefCell<Histogram>,
    rescheduled: tokio::sync::Notify,
}

impl Worker {
    fn new(setup: &Arc<Setup>, worker: usize) -> Rc<Self> {
        let scenario = Arc::clone(&setup.scenario);
        let share = Share { worker, of: setup.workers };
        let echo = setup.dialer.dialect.habits().sender_hears_itself;
        let markers = crate::wire::Markers::new(setup.run);
        let transport = setup.dialer.transport.kind();
        let mut books = Books::new(&setup.plan, share, &scenario.times, scenario.rooms.len(), echo, transport, markers);
        books.raw = setup.raw.as_ref().map(|raw| raw.for_worker());
        let undecided = setup.plan.lives().iter().filter(|life| share.owns(life.client) && is_ramp(life));
        Rc::new(Self {
            dialer: setup.dialer.clone(),
            clock: setup.dialer.clock.clone(),
            urls: setup.urls.max(1),
            books: RefCell::new(books),
            ready: Cell::new(0),
            plan: setup.plan.clone(),
            clients: RefCell::default(),
            room_names: scenario.rooms.iter().map(|name| Arc::from(name.as_str())).collect(),
            payload: Payload::new(&scenario),
            text: RefCell::default(),
            asked: Cell::new(0),
            silent: Cell::new(false),
            undecided: RefCell::new(undecided.map(|life| life.client).collect()),
            groups: RefCell::new(vec![(0, 0); scenario.groups.len()]),
            lag: RefCell::default(),
            rescheduled: tokio::sync::Notify::new(),
            secret: setup.secret.clone(),
            share,
            scenario,
        })
    }

    /// The rooms of a life, to be joined live.
    pub(in crate::engine) fn places(&self, life: &Life) -> Vec<Place> {
        let room = |room: &crate::observe::RoomId| Place::new(Arc::clone(&self.room_names[room.0 as usize]), None);
        life.rooms.iter().map(room).collect()
    }

    /// Who a life speaks for.
    pub(in crate::engine) fn identity(&self, life: &Life) -> Identity {
        let (user, token) = self.scenario.users.user(life.user, self.secret.as_deref());
        Identity { user, token, auth: self.scenario[life.group].auth }
    }

    /// A client as errors name it.
    pub(in crate::engine) fn name_of(&self, client: ClientId, group: GroupId) -> String {
        format!("{} #{}", self.scenario[group].name, client.0)
    }

    /// Whether clients of `group` ask for what they missed when they come back.
    pub(in crate::engine) fn resumes(&self, group: GroupId) -> bool {
        self.scenario[group].reconnect.resume
    }

    /// A client has joined, or never will: it holds up t0 no longer.
    pub(in crate::engine) fn decided(&self, client: ClientId) {
        self.undecided.borrow_mut().remove(&client);
    }

    /// A client's task is over.
    pub(in crate::engine) fn ended(&self, client: &Client) {
        self.decided(client.id);
        self.books.borrow_mut().vacate(client.id);
        if let Some((client, _)) = self.clients.borrow_mut().remove(&client.id) {
            self.tally_group(&client);
        }
    }

    fn tally_group(&self, client: &Client) {
        let (fact, ready) = (Fact::ClientFailed, client.was_ready());
        self.groups.borrow_mut()[usize::from(client.group.0)].1 += u64::from(ready);
        if !ready {
            self.books.borrow_mut().count(fact, client.group);
        } else if client.is_down() {
            self.books.borrow_mut().count(Fact::NeverRecovered, client.group);
        }
    }

    fn start(self: &Rc<Self>, client: ClientId) {
        let life = self.plan.life(client).clone();
        let seats = self.books.borrow().seats(client).to_vec();
        self.books.borrow_mut().count(Fact::ClientRequested, life.group);
        self.asked.set(self.asked.get() + 1);
        self.groups.borrow_mut()[usize::from(life.group.0)].0 += 1;
        let client = Rc::new(Client::new(&life, &seats));
        let task = spawn_local(live(Rc::clone(self), Rc::clone(&client), life));
        self.clients.borrow_mut().insert(client.id, (client, task.abort_handle()));
    }

    /// A client leaves in the middle of the run; a server that does not answer the closing handshake is not waited for.
    fn depart(self: &Rc<Self>, client: ClientId) {
        self.leave(client);
        let worker = Rc::clone(self);
        spawn_local(async move {
            worker.clock.sleep_until(worker.clock.now() + FAREWELL).await;
            let lingering = worker.clients.borrow().get(&client).cloned();
            if let Some((client, task)) = lingering {
                task.abort();
                abandon(&worker, &client);
                worker.ended(&client);
            }
        });
    }

    /// Ends a client: with a closing handshake if it is connected, at once if it is not.
    fn leave(&self, client: ClientId) {
        let Some((client, task)) = self.clients.borrow().get(&client).cloned() else { return };
        {
            let (mut books, now) = (self.books.borrow_mut(), self.clock.now());
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

    /// Does everything that is due now.
    async fn advance(self: &Rc<Self>) {
        self.books.borrow_mut().catch_up(self.clock.now());
        let mut done = 0;
        loop {
            let Some(action) = self.books.borrow_mut().actions.pop_front() else { break };
            match action {
                Action::Say(publication) if self.silent.get() => {
                    let (room, index) = (publication.room, publication.index);
                    let fate = SendFate::Sent(Sent::Unsent);
                    self.books.borrow_mut().report(SendReport { room, index, fate });
                }
                Action::Start(_) if self.silent.get() => {}
                Action::Start(client) => self.start(client),
                Action::Leave(client) => self.depart(client),
                Action::Say(publication) => self.say(&publication),
            }
            done += 1;
            if done % YIELD_EVERY == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn say(&self, publication: &Publication) {
        let Some(t0) = self.books.borrow().t0() else { return };
        let client = self.clients.borrow().get(&publication.publisher).map(|(client, _)| Rc::clone(client));
        let instance = client.as_ref().map(|client| client.instance()).unwrap_or_default();
        let marker = Marker {
            room: publication.room.0,
            index: publication.index,
            publisher: publication.publisher.0,
            instance,
            sent: self.clock.now() - t0,
        };
        let mut text = self.text.borrow_mut();
        self.payload.write(publication, &self.books.borrow().markers.write(&marker), &mut text);
        let said = client.ok_or(Word::DISCONNECTED).and_then(|client| client.say(publication, &text));
        self.account_for(publication, said, t0);
    }

    fn account_for(&self, publication: &Publication, said: Result<Timestamp, Word>, t0: Timestamp) {
        let mut books = self.books.borrow_mut();
        let (publish, group) = (publication.publish, self.scenario[publication.publish].from);
        let measured = books.measures(publication.due);
        let due = t0 + publication.due;
        if let Some(raw) = &mut books.raw {
            raw.said(publication, due, said);
        }
        if measured {
            books.said(Fact::MessageScheduled, publish, group, None, 1);
        }
        match said {
            Ok(at) if measured => {
                books.said(Fact::MessageSent, publish, group, None, 1);
                books.said(Fact::SendLag, publish, group, None, nanos(at - due));
            }
            Ok(_) => {}
            Err(reason) => {
                let fate = SendFate::Sent(Sent::Unsent);
                books.report(SendReport { room: publication.room, index: publication.index, fate });
                if measured {
                    books.said(Fact::MessageUnsent, publish, group, Some(reason), 1);
                }
            }
        }
    }
}

fn is_ramp(life: &Life) -> bool {
    matches!(life.start, Start::BeforeT0(_))
}
