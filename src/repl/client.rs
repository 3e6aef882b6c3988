//! One client of the console: its connection, from dialling to its end, and what it makes of what it hears.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::hearing::Hearing;
use super::item::Item;
use super::world::Who;
use crate::dialect::Identity;
use crate::observe::TransportKind;
use crate::session::{Dialer, Ended, Hint, Pass, Place, Session};
use crate::time::Timestamp;
use crate::transport::{ConnectError, Stages};
use crate::wire::{Ask, CloseReason};

mod asked;
mod back;
mod book;
mod waiting;

use back::Way;
pub(super) use book::{Book, Frames, REMEMBERED, Sent, Tally};

/// At most so many messages are read before others get their turn.
const AT_ONCE: usize = 256;

/// What becomes of a dial.
type Dialed = (Result<(Session, Stages), ConnectError>, Pass);

/// Where a connection stands.
enum State {
    Down,
    Dialing(Pin<Box<dyn Future<Output = Dialed>>>, Timestamp),
    Talking(Box<Session>),
    /// Neither read nor written any more; the other side is not told.
    Stuck(Box<Session>),
}

/// A user on a connection.
pub(super) struct Client {
    /// What it is called at the prompt.
    pub(super) name: String,
    pub(super) identity: Arc<Identity>,
    login: Option<Ask>,
    pub(super) kind: TransportKind,
    /// The rooms it is to be in, with where it is in them.
    pub(super) rooms: Vec<Place>,
    /// The room that is spoken to.
    pub(super) room: Option<Arc<str>>,
    pub(super) tally: Tally,
    pub(super) book: Book,
    url: usize,
    pass: Pass,
    state: State,
    slow: Option<(u64, Timestamp)>,
    leaving: bool,
    /// What was asked for has taken too long: nobody waits for it any more.
    given_up: bool,
    way: Way,
}

impl Client {
    pub(super) fn new(name: &str, who: Who, kind: TransportKind, url: usize) -> Self {
        Self {
            name: name.to_owned(),
            identity: Arc::new(who.identity),
            login: who.login.clone(),
            kind,
            rooms: Vec::new(),
            room: None,
            tally: Tally::default(),
            book: Book::default(),
            url,
            pass: Pass::new(who.login),
            state: State::Down,
            slow: None,
            leaving: false,
            given_up: false,
            way: Way::default(),
        }
    }

    /// Who it is, for another client of the same user.
    pub(super) fn who(&self) -> Who {
        Who { identity: Identity::clone(&self.identity), login: self.login.clone() }
    }

    /// Starts to connect, to the next of `urls` addresses if it is not the first time.
    pub(super) fn dial(&mut self, dialer: &Arc<Dialer>, urls: usize) {
        self.stay_lost();
        self.connect(dialer, urls);
    }

    fn connect(&mut self, dialer: &Arc<Dialer>, urls: usize) {
        self.forget();
        if self.tally.connects > 0 {
            self.url = (self.url + 1) % urls.max(1);
        }
        self.tally.connects += 1;
        let (dialer, identity) = (Arc::clone(dialer), Arc::clone(&self.identity));
        let (kind, url, rooms) = (self.kind, self.url, self.rooms.clone());
        let (mut pass, now) = (self.pass.clone(), dialer.clock.now());
        let dial = async move {
            let dialed = dialer.dial(kind, url, &identity, rooms, &mut pass).await;
            (dialed, pass)
        };
        self.state = State::Dialing(Box::pin(dial), now);
    }

    /// Nothing of the last conversation is waited for.
    fn forget(&mut self) {
        let Book { tokens, frames, looked, .. } = self.book;
        self.book = Book { tokens, frames, looked, ..Book::default() };
        (self.leaving, self.given_up) = (false, false);
        self.state = State::Down;
    }

    /// Goes on connecting, hearing and writing; ready when there is something to be told.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, dialer: &Dialer, items: &mut Vec<Item>) -> Poll<()> {
        let before = items.len();
        if let State::Dialing(dial, since) = &mut self.state {
            let since = *since;
            let Poll::Ready((dialed, pass)) = dial.as_mut().poll(cx) else { return Poll::Pending };
            self.pass = pass;
            self.dialed(dialed, since, dialer.clock.now(), items);
        }
        let slow = self.slow;
        let pauses = slow.is_some_and(|(_, next)| dialer.clock.now() < next);
        let State::Talking(session) = &mut self.state else { return told(items, before) };
        session.keep_alive(dialer.clock.now());
        if pauses {
            return told(items, before);
        }
        let mut hearing = Hearing::new(dialer, &self.identity, session, (&mut self.book, &mut self.tally), items);
        let at_most = if slow.is_some() { 1 } else { AT_ONCE };
        let ended = session.poll(cx, at_most, &mut |happening| hearing.hear(happening));
        let (saw, heard) = (hearing.saw, hearing.heard);
        saw.into_iter().for_each(|(room, offset)| {
            let place = session.places().iter().position(|place| *place.room == *room);
            place.into_iter().for_each(|place| session.saw(place, offset));
        });
        let refused = std::mem::take(&mut self.book.refused);
        let rooms: Vec<Arc<str>> = refused.iter().map(|place| Arc::clone(&session.places()[*place].room)).collect();
        for place in refused {
            // A connection that is gone says so itself when it is polled again.
            session.go_out(place).ok();
        }
        let traffic = session.take_traffic();
        if let Some((rate, next)) = &mut self.slow {
            let pause = traffic.read.saturating_mul(1_000_000_000) / (*rate).max(1);
            *next = dialer.clock.now().max(*next) + Duration::from_nanos(pause);
        }
        rooms.iter().for_each(|room| self.give_up(room));
        if let Poll::Ready(ended) = ended {
            self.ended(&ended, items);
        }
        if heard > 0 { Poll::Ready(()) } else { told(items, before) }
    }

    fn dialed(
        &mut self,
        dialed: Result<(Session, Stages), ConnectError>,
        since: Timestamp,
        now: Timestamp,
        items: &mut Vec<Item>,
    ) {
        match dialed {
            Ok((session, _)) => {
                let kind = session.kind();
                items.push(match self.way.arrive(now) {
                    Some(down) => Item::Back { kind, down },
                    None => Item::Connected { kind, took: now.since(since) },
                });
                self.book.instance = session.instance_name().map(str::to_owned);
                if self.slow.is_some() {
                    session.take_little();
                }
                // Where joining is not acknowledged nothing will be told of it.
                let entered = (0..session.places().len()).filter(|place| session.is_joined(*place));
                let rooms = entered.map(|place| session.places()[place].room.to_string());
                items.extend(rooms.filter(|room| !room.is_empty()).map(|room| Item::Joined { room, instance: None }));
                self.state = State::Talking(Box::new(session));
            }
            Err(error) => {
                self.state = State::Down;
                let words = super::closes::refusal(&error);
                let missed = self.is_lost();
                self.way.heed(error.retry_after.map(Hint::NotBefore));
                items.push(if missed { Item::Missed { words } } else { Item::Failed { words } });
            }
        }
    }

    fn ended(&mut self, ended: &Ended, items: &mut Vec<Item>) {
        if let State::Talking(mut session) = std::mem::replace(&mut self.state, State::Down) {
            self.keep_positions(&mut session);
            self.way.heed(session.hint());
        }
        let (words, reason) = match ended {
            Ended::Closed(CloseReason::Code(1000 | 1005, _) | CloseReason::Eof) if self.leaving => {
                ("closed 1000".to_owned(), Some(CloseReason::Code(1000, String::new())))
            }
            Ended::Closed(reason) => (super::closes::words(reason), Some(reason.clone())),
            other => (other.to_string(), None),
        };
        items.push(Item::Ended { words, reason });
    }

    /// When it owes a sign of life, if it does.
    pub(super) fn heartbeat_due(&self) -> Option<Timestamp> {
        match &self.state {
            State::Talking(session) => session.heartbeat_due(),
            State::Down | State::Dialing(..) | State::Stuck(_) => None,
        }
    }

    /// Whether it is connected.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Talking(_))
    }

    /// Whether what it said is all written and, where that is done, acknowledged.
    pub(super) fn has_said_all(&self) -> bool {
        !self.is_up() || self.book.sent.iter().all(|sent| sent.settled)
    }

    /// Whether something it said was not confirmed when the connection ended.
    pub(super) fn is_unconfirmed(&self) -> bool {
        self.book.sent.iter().any(|sent| !sent.settled)
    }

    /// Keeps where the session is in its rooms, for one that takes its place.
    fn keep_positions(&mut self, session: &mut Session) {
        session.catch_position();
        self.pass.go_on_from(session.cursor());
        for place in &mut self.rooms {
            let known = session.places().iter().find(|known| known.room == place.room);
            place.position = known.and_then(|known| known.position.clone()).or(place.position.take());
        }
    }
}

fn told(items: &[Item], before: usize) -> Poll<()> {
    if items.len() > before { Poll::Ready(()) } else { Poll::Pending }
}
