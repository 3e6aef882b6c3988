//! A worker: owns its clients, paces what they say, keeps their books. Everything in it belongs to one thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, spawn_local};

use super::Setup;
use super::books::{Action, Books, SendFate, SendReport};
use super::client::{Client, abandon, live};
use super::link::{FromWorker, Stage, ToWorker};
use super::walk::Share;
use crate::dialect::Identity;
use crate::ledger::Sent;
use crate::metrics::Histogram;
use crate::observe::{ClientId, Fact, GroupId, Word};
use crate::scenario::Scenario;
use crate::scenario::plan::{Life, Payload, Plan, Publication, Start};
use crate::session::{Dialer, Place};
use crate::time::{Alarm, Clock, Timestamp, nanos};
use crate::wire::Marker;

/// How often a worker settles and reports.
const TICK: Duration = Duration::from_millis(100);

/// How long closing handshakes may take at the end.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long the last publications may take to be written.
const LAST_WRITES: Duration = Duration::from_millis(500);

/// After how many publications in a row the pacer lets the clients flush.
const YIELD_EVERY: usize = 32;

/// One worker's state, shared by its tasks.
pub(super) struct Worker {
    pub(super) scenario: Arc<Scenario>,
    pub(super) dialer: Dialer,
    pub(super) clock: Clock,
    pub(super) urls: usize,
    pub(super) books: RefCell<Books>,
    /// Clients in all their rooms right now.
    pub(super) ready: Cell<u64>,
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
    pub(super) fn places(&self, life: &Life) -> Vec<Place> {
        let room = |room: &crate::observe::RoomId| Place::new(Arc::clone(&self.room_names[room.0 as usize]), None);
        life.rooms.iter().map(room).collect()
    }

    /// Who a life speaks for.
    pub(super) fn identity(&self, life: &Life) -> Identity {
        let (user, token) = self.scenario.users.user(life.user, self.secret.as_deref());
        Identity { user, token, auth: self.scenario[life.group].auth }
    }

    /// A client as errors name it.
    pub(super) fn name_of(&self, client: ClientId, group: GroupId) -> String {
        format!("{} #{}", self.scenario[group].name, client.0)
    }

    /// Whether clients of `group` ask for what they missed when they come back.
    pub(super) fn resumes(&self, group: GroupId) -> bool {
        self.scenario[group].reconnect.resume
    }

    /// A client has joined, or never will: it holds up t0 no longer.
    pub(super) fn decided(&self, client: ClientId) {
        self.undecided.borrow_mut().remove(&client);
    }

    /// A client's task is over.
    pub(super) fn ended(&self, client: &Client) {
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

    /// Starts the clients of ramps, counted from `start`.
    async fn ramp(self: Rc<Self>, start: Timestamp) {
        let mut own: Vec<(Duration, ClientId)> = Vec::new();
        for life in self.plan.lives() {
            if let (Start::BeforeT0(at), true) = (life.start, self.share.owns(life.client)) {
                own.push((at, life.client));
            }
        }
        own.sort_by_key(|(at, _)| *at);
        for (at, client) in own {
            if self.clock.now() < start + at {
                self.clock.sleep_until(start + at).await;
            }
            self.start(client);
        }
    }

    /// Wakes at each moment the plan wants something of this worker's clients.
    async fn pace(self: Rc<Self>, alarm: Alarm) -> std::io::Result<()> {
        loop {
            let wake = {
                let mut books = self.books.borrow_mut();
                books.t0().map(|t0| books.walk.wake().map(|at| t0 + at))
            };
            match wake {
                Some(Some(at)) => {
                    tokio::select! {
                        rung = alarm.wait_until(at) => rung?,
                        () = self.rescheduled.notified() => {}
                    }
                }
                Some(None) | None => self.rescheduled.notified().await,
            }
            self.advance().await;
        }
    }

    /// A tick's account: what has happened since the last one.
    fn progress(&self, stage: Stage, with_snapshot: bool) -> FromWorker {
        let mut books = self.books.borrow_mut();
        let books = &mut *books;
        let mut rows = std::mem::take(&mut books.rows);
        books.ledger.settle(self.clock.now(), &mut rows, &mut books.recorder);
        if stage == Stage::Finished {
            books.ledger.finish(&mut rows, &mut books.recorder);
        }
        FromWorker {
            worker: self.share.worker,
            stage,
            rows,
            reports: std::mem::take(&mut books.reports),
            snapshot: with_snapshot.then(|| books.recorder.take()),
            ready: self.ready.get(),
            asked: self.asked.get(),
            undecided: self.undecided.borrow().len() as u64,
            groups: self.groups_now(),
            recognised: books.recognised,
            errors: std::mem::take(&mut books.errors),
            unknown: std::mem::take(&mut books.unknown),
            instances: books.instances.clone(),
            lag: with_snapshot.then(|| std::mem::take(&mut *self.lag.borrow_mut())),
        }
    }

    /// Per group: clients asked for, and those that have been in all their rooms.
    fn groups_now(&self) -> Vec<(u64, u64)> {
        let mut groups = self.groups.borrow().clone();
        for (client, _) in self.clients.borrow().values() {
            groups[usize::from(client.group.0)].1 += u64::from(client.was_ready());
        }
        groups
    }

    /// Waits a little until everything said is written; what is not by then is uncertain.
    async fn await_writes(&self) {
        let deadline = self.clock.now() + LAST_WRITES;
        loop {
            let clients: Vec<Rc<Client>> =
                self.clients.borrow().values().map(|(client, _)| Rc::clone(client)).collect();
            let unwritten: Vec<_> = clients.iter().flat_map(|client| client.unwritten()).collect();
            if unwritten.is_empty() {
                return;
            }
            if self.clock.now() >= deadline {
                for (room, index, at) in unwritten {
                    let fate = SendFate::Sent(Sent::Uncertain(at));
                    self.books.borrow_mut().report(SendReport { room, index, fate });
                }
                return;
            }
            self.clock.sleep_until(self.clock.now() + Duration::from_millis(5)).await;
        }
    }

    /// Everybody leaves; waits a little for the closing handshakes.
    async fn dismiss(&self) {
        let all: Vec<ClientId> = self.clients.borrow().keys().copied().collect();
        for client in all {
            self.leave(client);
        }
        let deadline = self.clock.now() + FAREWELL;
        while !self.clients.borrow().is_empty() && self.clock.now() < deadline {
            self.clock.sleep_until(self.clock.now() + Duration::from_millis(10)).await;
        }
        for (client, task) in std::mem::take(&mut *self.clients.borrow_mut()).into_values() {
            task.abort();
            abandon(self, &client);
            self.tally_group(&client);
        }
    }
}

fn is_ramp(life: &Life) -> bool {
    matches!(life.start, Start::BeforeT0(_))
}

/// Runs one worker to its end. Meant for a current-thread runtime, inside a `LocalSet`.
///
/// # Errors
/// When the kernel gives no timer.
pub(super) async fn run(
    setup: Arc<Setup>,
    number: usize,
    mut orders: mpsc::Receiver<ToWorker>,
    reports: mpsc::Sender<FromWorker>,
) -> std::io::Result<()> {
    let alarm = Alarm::new(&setup.dialer.clock)?;
    let worker = Worker::new(&setup, number);
    {
        let mut books = worker.books.borrow_mut();
        worker
            .plan
            .lives()
            .iter()
            .filter(|life| is_ramp(life) && worker.share.owns(life.client))
            .for_each(|life| books.enter(life));
    }
    let pacer = spawn_local(Rc::clone(&worker).pace(alarm));
    let mut ticks = 0u32;
    let mut next = worker.clock.now() + TICK;
    loop {
        let order = tokio::select! {
            biased;
            order = orders.recv() => order,
            () = worker.clock.sleep_until(next) => {
                let late = worker.clock.now() - next;
                // The runtime's timer is a millisecond coarse by design; what is beyond that is the loop's own lag.
                worker.lag.borrow_mut().record(nanos(late.saturating_sub(Duration::from_millis(1))));
                next = next.max(worker.clock.now().saturating_sub(TICK)) + TICK;
                ticks += 1;
                worker.advance().await;
                let progress = worker.progress(Stage::Running, ticks.is_multiple_of(10));
                if reports.send(progress).await.is_err() {
                    break;
                }
                continue;
            }
        };
        match order {
            Some(ToWorker::Ramp(start)) => drop(spawn_local(Rc::clone(&worker).ramp(start))),
            Some(ToWorker::Schedule(t0)) => {
                worker.books.borrow_mut().start_schedule(t0);
                worker.rescheduled.notify_one();
            }
            Some(ToWorker::Peers(batch)) => {
                let mut books = worker.books.borrow_mut();
                // A worker that was held up may not have walked as far as the others have spoken.
                books.catch_up(worker.clock.now());
                batch.iter().filter(|(from, _)| *from != number).for_each(|(_, report)| books.apply(report));
            }
            Some(ToWorker::StopSpeaking) => worker.silent.set(true),
            Some(ToWorker::Settle) => {
                worker.silent.set(true);
                worker.advance().await;
                worker.await_writes().await;
                if reports.send(worker.progress(Stage::Settled, false)).await.is_err() {
                    break;
                }
            }
            Some(ToWorker::Finish) => {
                if let Some(raw) = &mut worker.books.borrow_mut().raw {
                    raw.closed(worker.clock.now());
                }
                if reports.send(worker.progress(Stage::Finished, true)).await.is_err() {
                    break;
                }
                worker.dismiss().await;
                if let Some(raw) = &mut worker.books.borrow_mut().raw {
                    raw.flush();
                }
                // Late copies and the bytes of the farewell; nobody is left to hear a failure to report them.
                drop(reports.send(worker.progress(Stage::Gone, true)).await);
                break;
            }
            None => break,
        }
    }
    pacer.abort();
    Ok(())
}
