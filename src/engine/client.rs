//! A virtual client: a session, the seats it fills, and what it does when the connection is lost.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::books::{Books, SendFate, SendReport};
use super::worker::Worker;
use crate::backoff::HEALTHY_AFTER;
use crate::ledger::{SeatId, Sent};
use crate::observe::{ClientId, Fact, GroupId, PublishId, RoomId, Word};
use crate::scenario::Failover;
use crate::scenario::plan::{Life, Publication};
use crate::session::{Ended, Happening, Place, Session};
use crate::time::{Timestamp, nanos};
use crate::wire::CloseReason;

/// One client. Its task owns the conversation; the pacer reaches in to make it speak.
pub(super) struct Client {
    pub(super) id: ClientId,
    pub(super) group: GroupId,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    session: Option<Session>,
    waker: Option<Waker>,
    seats: Box<[(RoomId, SeatId)]>,
    leaving: bool,
    /// It has been in all its rooms at least once.
    was_ready: bool,
    lost_at: Option<Timestamp>,
    awaits_first_delivery: Option<Timestamp>,
}

/// A publication as it is remembered between handing it over and its fate.
fn token(room: RoomId, index: u32) -> u64 {
    u64::from(room.0) << 32 | u64::from(index)
}

fn named(token: u64) -> (RoomId, u32) {
    (RoomId((token >> 32) as u32), token as u32)
}

impl Client {
    pub(super) fn new(life: &Life, seats: &[(RoomId, SeatId)]) -> Self {
        let state = State { seats: seats.into(), ..State::default() };
        Self { id: life.client, group: life.group, state: RefCell::new(state) }
    }

    /// Says what is due now. The publication's fate is known when this returns, or will be reported by the task.
    pub(super) fn say(&self, publication: &Publication, text: &str) -> Result<Timestamp, Word> {
        let mut state = self.state.borrow_mut();
        let place = state.seats.iter().position(|(room, _)| *room == publication.room);
        let (Some(place), Some(session)) = (place, state.session.as_mut()) else { return Err(Word::DISCONNECTED) };
        let at = session.publish(place, text, token(publication.room, publication.index))?;
        if let Some(waker) = &state.waker {
            waker.wake_by_ref();
        }
        Ok(at)
    }

    /// The instance it is connected to.
    pub(super) fn instance(&self) -> crate::wire::InstanceTag {
        self.state.borrow().session.as_ref().map_or(crate::wire::InstanceTag::UNKNOWN, Session::instance)
    }

    /// Leaves for good; gives whether there is a conversation to be ended first.
    pub(super) fn leave(&self) -> bool {
        let mut state = self.state.borrow_mut();
        state.leaving = true;
        let Some(session) = state.session.as_mut() else { return false };
        session.leave();
        if let Some(waker) = &state.waker {
            waker.wake_by_ref();
        }
        true
    }

    /// Whether it has been in all its rooms at least once.
    pub(super) fn was_ready(&self) -> bool {
        self.state.borrow().was_ready
    }

    /// Whether it has lost its connection and is not back.
    pub(super) fn is_down(&self) -> bool {
        self.state.borrow().lost_at.is_some()
    }

    /// Publications handed to the socket and not known to be written.
    pub(super) fn unwritten(&self) -> Vec<(RoomId, u32, Timestamp)> {
        let state = self.state.borrow();
        let waiting = state.session.iter().flat_map(Session::unwritten);
        waiting.map(|(token, at)| (named(token).0, named(token).1, at)).collect()
    }

    fn install(&self, session: Session) {
        self.state.borrow_mut().session = Some(session);
    }

    /// Polls the conversation, telling the books what happens.
    fn poll(&self, cx: &mut Context<'_>, worker: &Worker, until_ready: bool) -> Poll<Option<Ended>> {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let Some(session) = state.session.as_mut() else { return Poll::Ready(None) };
        if state.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
        let mut books = worker.books.borrow_mut();
        let mut hearing = Hearing {
            client: self,
            worker,
            books: &mut books,
            seats: &state.seats,
            instance: session.instance(),
            ready: false,
            first_delivery: &mut state.awaits_first_delivery,
            saw: worker.resumes(self.group).then_some(None),
        };
        let ended = session.poll(cx, &mut |happening| hearing.hear(happening));
        let (ready, saw) = (hearing.ready, hearing.saw.flatten());
        if let Some((place, offset)) = saw {
            session.saw(place, offset);
        }
        match ended {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if until_ready && (ready || session.is_ready()) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// One poll's view of the world: what happens is written into the books.
struct Hearing<'a> {
    client: &'a Client,
    worker: &'a Worker,
    books: &'a mut Books,
    seats: &'a [(RoomId, SeatId)],
    instance: crate::wire::InstanceTag,
    ready: bool,
    first_delivery: &'a mut Option<Timestamp>,
    /// The newest position seen, where the client resumes.
    saw: Option<Option<(usize, u64)>>,
}

impl Hearing<'_> {
    fn hear(&mut self, happening: Happening<'_>) {
        let (books, group) = (&mut *self.books, self.client.group);
        match happening {
            Happening::Delivery(delivery, at) => {
                books.frame(Word::DELIVERY);
                let room = books.deliver(self.client.id, group, self.seats, &delivery, at, self.instance);
                if let Some(lost_at) = self.first_delivery.take_if(|_| room.is_some()) {
                    books.measure(Fact::FirstDelivery, group, nanos(at - lost_at));
                }
                if let (Some(saw), Some(room), Some(offset)) = (&mut self.saw, room, delivery.offset) {
                    *saw = self.seats.iter().position(|(of, _)| *of == room).map(|place| (place, offset));
                }
            }
            Happening::Written(token, at) => {
                let (room, index) = named(token);
                books.report(SendReport { room, index, fate: SendFate::Sent(Sent::Written(at)) });
            }
            Happening::Acked(token, took) => {
                books.frame(Word::ACK);
                if let Some(publish) = self.measured(token) {
                    self.books.said(Fact::Ack, publish, group, None, nanos(took));
                }
            }
            Happening::Refused(token, code, unconfirmed) => self.refused(token, code, unconfirmed),
            Happening::Joined(place) => {
                let now = self.worker.clock.now();
                if let Some(seat) = self.seats.get(place) {
                    books.joined(self.client.id, *seat, now);
                }
            }
            Happening::Ready => self.ready = true,
            Happening::JoinRefused(_, code) => {
                let (now, code) = (self.worker.clock.now(), code.escape_debug().to_string());
                let who = || self.worker.name_of(self.client.id, group);
                books.fail(Word::JOIN, Word::REFUSED, now, who, || format!("join refused: {code}"));
            }
            Happening::Stage(stage, took) => books.stage(stage, group, took),
            Happening::Instance(tag, name) => {
                self.instance = tag;
                books.name_instance(tag, name);
            }
            Happening::Frame(kind) => books.frame(kind),
            Happening::Unknown(frame) => books.unknown(frame.bytes()),
            Happening::Drain(..) => books.frame(Word::REPLY),
        }
    }

    fn refused(&mut self, token: u64, code: &str, unconfirmed: bool) {
        let (room, index) = named(token);
        self.books.report(SendReport { room, index, fate: SendFate::Refused });
        let fact = if unconfirmed { Fact::MessageUnconfirmed } else { Fact::MessageRefused };
        if let Some(publish) = self.measured(token) {
            self.books.said(fact, publish, self.client.group, None, 1);
        }
        let kind = match code {
            "unavailable" => Word::UNAVAILABLE,
            "unconfirmed" => Word::UNCONFIRMED,
            "rate_limited" => Word::RATE_LIMITED,
            _ => Word::REFUSED,
        };
        let who = || self.worker.name_of(self.client.id, self.client.group);
        let code = code.escape_debug().to_string();
        self.books.fail(Word::ACTIVE, kind, self.worker.clock.now(), who, || format!("publication refused: {code}"));
    }

    /// The publish entry of a publication of the measured phase.
    fn measured(&self, token: u64) -> Option<PublishId> {
        let (room, index) = named(token);
        self.books.ledger.measured(room, index)
    }
}

/// A client's whole life: connect, talk, and come back after a loss as long as its policy says so.
pub(super) async fn live(worker: Rc<Worker>, client: Rc<Client>, life: Life) {
    let group = &worker.scenario[life.group];
    let policy = group.reconnect.policy.clone();
    let mut rng = ChaCha8Rng::seed_from_u64(worker.scenario.seed ^ (u64::from(life.client.0) << 20) ^ 0x5ca1_ab1e);
    let identity = worker.identity(&life);
    let mut url = life.url as usize % worker.urls;
    let (mut attempt, mut previous) = (0u32, Duration::ZERO);
    let mut places: Option<Vec<Place>> = None;
    loop {
        let started = worker.clock.now();
        let rooms = places.take().unwrap_or_else(|| worker.places(&life));
        let outcome = Box::pin(establish(&worker, &client, &identity, url, rooms)).await;
        let ended = match outcome {
            Ok(()) => {
                became_ready(&worker, &client);
                poll_fn(|cx| client.poll(cx, &worker, false)).await
            }
            Err(ended) => ended,
        };
        let was_up = was_lost(&worker, &client, ended.as_ref(), group.reconnect.resume.then_some(&mut places));
        if client.state.borrow().leaving {
            break;
        }
        if was_up && worker.clock.now() - started >= HEALTHY_AFTER {
            (attempt, previous) = (0, Duration::ZERO);
        }
        let refused = matches!(ended, Some(Ended::AuthRefused(_)));
        let clean = matches!(&ended, Some(Ended::Closed(CloseReason::Code(1000 | 1001, _))));
        let given_up =
            client.state.borrow().lost_at.is_some_and(|at| worker.clock.now() - at > group.reconnect.give_up);
        if refused || given_up || (clean && !policy.reconnects_after_clean_close()) {
            break;
        }
        let Some(delay) = policy.delay(attempt, previous, &mut rng) else { break };
        worker.clock.sleep_until(worker.clock.now() + delay).await;
        (attempt, previous) = (attempt + 1, delay);
        if client.state.borrow().lost_at.is_some() {
            worker.books.borrow_mut().count(Fact::ReconnectAttempt, life.group);
        }
        url = match group.reconnect.failover {
            Failover::Next => (url + 1) % worker.urls,
            Failover::Same => url,
            Failover::Random => rand::RngExt::random_range(&mut rng, 0..worker.urls),
        };
    }
    worker.ended(&client);
}

/// Connects and joins; the error is how the conversation ended instead (nothing, if none came about).
async fn establish(
    worker: &Rc<Worker>,
    client: &Rc<Client>,
    identity: &crate::dialect::Identity,
    url: usize,
    places: Vec<Place>,
) -> Result<(), Option<Ended>> {
    let (session, stages) = match worker.dialer.dial(url, identity, places).await {
        Ok(dialed) => dialed,
        Err(error) => {
            let who = || worker.name_of(client.id, client.group);
            let now = worker.clock.now();
            worker.books.borrow_mut().fail(error.stage, error.kind, now, who, || error.detail.clone());
            return Err(None);
        }
    };
    {
        let mut books = worker.books.borrow_mut();
        for (stage, took) in stages {
            books.stage(stage, client.group, took);
        }
    }
    let joined_at_once: Vec<usize> = (0..session.places().len()).filter(|place| session.is_joined(*place)).collect();
    client.install(session);
    {
        let (mut books, state, now) = (worker.books.borrow_mut(), client.state.borrow(), worker.clock.now());
        for place in joined_at_once {
            if let Some(seat) = state.seats.get(place) {
                books.joined(client.id, *seat, now);
            }
        }
    }
    let ready = tokio::time::timeout(worker.dialer.join_timeout, poll_fn(|cx| client.poll(cx, worker, true)));
    match ready.await {
        Ok(None) => Ok(()),
        Ok(ended) => Err(ended),
        Err(_) => {
            let stage = client.state.borrow().session.as_ref().map_or(Word::AUTH, Session::stage);
            Err(Some(Ended::Timeout(stage)))
        }
    }
}

fn became_ready(worker: &Worker, client: &Client) {
    let mut state = client.state.borrow_mut();
    let mut books = worker.books.borrow_mut();
    let now = worker.clock.now();
    if let Some(session) = &state.session {
        books.on_instance(session.instance(), true);
    }
    if let Some(lost_at) = state.lost_at.take() {
        books.count(Fact::Recovered, client.group);
        books.measure(Fact::Downtime, client.group, nanos(now - lost_at));
        state.awaits_first_delivery = Some(lost_at);
    }
    if !state.was_ready {
        state.was_ready = true;
        books.count(Fact::ClientConnected, client.group);
        worker.decided(client.id);
    }
    worker.ready.set(worker.ready.get() + 1);
}

/// Books the end of a client whose task is not run any more.
pub(super) fn abandon(worker: &Worker, client: &Client) {
    was_lost(worker, client, None, None);
}

/// Books the end of a conversation; gives whether the client had been in all its rooms.
fn was_lost(worker: &Worker, client: &Client, ended: Option<&Ended>, keep: Option<&mut Option<Vec<Place>>>) -> bool {
    let mut state = client.state.borrow_mut();
    let Some(session) = state.session.take() else { return false };
    let mut books = worker.books.borrow_mut();
    let now = worker.clock.now();
    let was_up = session.is_ready() || (state.leaving && state.was_ready && state.lost_at.is_none());
    for (token, at) in session.unwritten() {
        let (room, index) = named(token);
        books.report(SendReport { room, index, fate: SendFate::Sent(Sent::Uncertain(at)) });
    }
    let (read, written) = session.bytes();
    books.bytes(read, written);
    if let Some(keep) = keep {
        *keep = Some(session.places().iter().map(|p| Place::new(Arc::clone(&p.room), p.position.clone())).collect());
    }
    if was_up {
        books.on_instance(session.instance(), false);
        worker.ready.set(worker.ready.get() - 1);
    }
    if let (Some(ended), false) = (ended, state.leaving) {
        let (stage, kind) = (session.stage(), kind_of(ended));
        let who = || worker.name_of(client.id, client.group);
        books.fail(stage, kind, now, who, || ended.to_string());
        if was_up {
            let silent = matches!(ended, Ended::Closed(CloseReason::Silent));
            let since = if silent { session.last_heard() } else { now };
            let slow = matches!(ended, Ended::Closed(CloseReason::Code(4202, _)));
            let class = if slow { Word::SLOW_CONSUMER } else { Word::RECONNECT_GAP };
            for (_, seat) in &state.seats {
                books.ledger.lost(*seat, since, class);
            }
            books.lost_connection(client.group, kind);
            if let Some(raw) = &mut books.raw {
                raw.lost(client.id, since);
            }
            state.lost_at.get_or_insert(since);
        }
    }
    was_up
}

/// The kind under which an ending is counted.
fn kind_of(ended: &Ended) -> Word {
    match ended {
        Ended::AuthRefused(_) => Word::REFUSED,
        Ended::Timeout(_) => Word::TIMEOUT,
        Ended::Closed(reason) => match reason {
            CloseReason::Code(code, _) => Word::close(*code),
            CloseReason::Eof => Word::EOF,
            CloseReason::Reset => Word::RESET,
            CloseReason::Protocol(_) => Word::PROTOCOL,
            CloseReason::Silent => Word::SILENT,
            CloseReason::Io(_) => Word::IO,
        },
    }
}
