//! One client's conversation on one connection: open, authenticate, join, talk. Where dialect and transport meet.
//!
//! A session is polled by the task that owns it and tells what happens through a closure; it never waits on a send.
//! Reconnecting is making a new session; who does that decides when, with the policies of `backoff`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::dialect::{Cursor, Dialect, Identity};
use crate::observe::{TransportKind, Word};
use crate::time::{Clock, Timestamp};
use crate::transport::{Connection, Traffic};
use crate::wire::{Frame, InstanceRule, InstanceTag};

mod approach;
mod asking;
mod cookies;
mod dialer;
mod happening;
mod hearing;
mod login;
mod moving;
mod pass;
mod polling;
mod pulse;
mod saying;

use cookies::Cookies;
pub use dialer::Dialer;
pub use happening::{Ended, Happening, Hint, Place, Token, hop_stages};
pub use login::{Login, LoginRule, Part};
pub use moving::Vanish;
pub use pass::Pass;

/// How far a session has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Authenticating,
    AwaitingWelcome,
    Joining,
    Active,
    Closing,
}

/// A publication waiting for something: what it is called, its reference, when it was handed over.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    token: Token,
    reference: u64,
    at: Timestamp,
}

/// How many publications may wait for their acknowledgement; older ones are given up as never answered.
const MAX_WAITING: usize = 4_096;

/// One conversation.
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    kind: TransportKind,
    /// Who speaks, where publications are requests of their own; beside a socket nothing else is.
    caller: Option<Arc<Identity>>,
    /// What its requests show as cookies.
    cookies: Option<String>,
    /// What is being read was said before this conversation: the answer to a poll that resumes.
    catching_up: bool,
    dialect: Arc<dyn Dialect>,
    clock: Clock,
    step: Step,
    opened: Timestamp,
    since: Timestamp,
    references: u64,
    places: Vec<Place>,
    /// Handed to the codec, not yet known to be written.
    unwritten: VecDeque<Waiting>,
    /// Handed over as requests of their own, not yet known to have left.
    called: VecDeque<Waiting>,
    /// Written or not, not yet answered.
    unanswered: VecDeque<Waiting>,
    /// References of questions that are not yet answered.
    asked: VecDeque<u64>,
    instance: InstanceTag,
    /// What the instance is called, if it is known.
    name: Option<Arc<str>>,
    /// Where its name is still looked for, in this order.
    instance_rules: Box<[InstanceRule]>,
    machine: Option<Arc<str>>,
    same_clock: bool,
    answer: Option<Frame>,
    /// What is to be said first and has not been said yet.
    greeting: Option<Frame>,
    /// After what silence of its own it says a sign of life, where the protocol wants that.
    heartbeat: Option<Duration>,
    /// When it last said something; kept only where that counts.
    spoke: Timestamp,
    /// How long the server may be silent, as it said itself.
    patience: Option<Duration>,
    hint: Option<Hint>,
}

impl Session {
    fn new(
        dialer: &Dialer,
        (dialect, kind): (Arc<dyn Dialect>, TransportKind),
        connection: Connection,
        places: Vec<Place>,
    ) -> Self {
        Self {
            connection,
            kind,
            caller: None,
            cookies: None,
            catching_up: false,
            dialect,
            clock: dialer.clock.clone(),
            step: Step::AwaitingWelcome,
            opened: dialer.clock.now(),
            since: dialer.clock.now(),
            references: 0,
            places,
            unwritten: VecDeque::new(),
            called: VecDeque::new(),
            unanswered: VecDeque::new(),
            asked: VecDeque::new(),
            instance: InstanceTag::UNKNOWN,
            name: None,
            instance_rules: Box::default(),
            machine: dialer.machine.clone(),
            same_clock: false,
            answer: None,
            greeting: None,
            heartbeat: dialer.dialect.habits().heartbeat,
            spoke: dialer.clock.now(),
            patience: None,
            hint: None,
        }
    }

    /// The kind of transport it goes over.
    pub fn kind(&self) -> TransportKind {
        self.kind
    }

    /// The instance this connection ended up on.
    pub fn instance(&self) -> InstanceTag {
        self.instance
    }

    /// What that instance is called, if it is known.
    pub fn instance_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether every room is joined.
    pub fn is_ready(&self) -> bool {
        self.step == Step::Active
    }

    /// Whether the room at `place` is joined.
    pub fn is_joined(&self, place: usize) -> bool {
        self.places.get(place).is_some_and(|place| place.joined)
    }

    /// What passed below the codec since the last call.
    pub fn take_traffic(&mut self) -> Traffic {
        self.connection.take_traffic()
    }

    /// When the connection was made.
    pub fn opened(&self) -> Timestamp {
        self.opened
    }

    /// What the server said about coming back.
    pub fn hint(&self) -> Option<Hint> {
        self.hint.or_else(|| self.connection.retry().map(Hint::Base))
    }

    /// When the server was last heard.
    pub fn last_heard(&self) -> Timestamp {
        self.connection.last_heard()
    }

    /// From when on the server, if nothing more is heard, has been silent for longer than its ping interval and time-out
    /// together; `None` where it does not ping.
    pub fn silent_from(&self) -> Option<Timestamp> {
        self.patience.map(|patience| self.last_heard() + patience)
    }

    /// The rooms with their positions, for a session that takes this one's place.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Where the conversation stands as a whole, if the protocol can go on with it.
    pub fn cursor(&self) -> Option<Cursor> {
        self.dialect.cursor()
    }

    /// Takes over where a stream itself says it is: the id of its last event also passes what was for others.
    pub fn catch_position(&mut self) {
        let position = self.dialect.position(self.connection.last_event_id());
        if let (Some(place), Some(position)) = (self.places.first_mut(), position) {
            place.position = Some(position);
        }
    }

    /// Notes that the message at `offset` of the room at `place` was seen, for resuming.
    pub fn saw(&mut self, place: usize, offset: u64) {
        if let Some(position) = self.places.get_mut(place).and_then(|place| place.position.as_mut()) {
            position.offset = position.offset.max(offset);
        }
    }

    /// Starts the closing handshake; go on polling until it ends.
    pub fn leave(&mut self) {
        self.step = Step::Closing;
        self.connection.start_close(1000);
    }

    /// Publications handed over and not known to be written, those for the socket first, the oldest first of each; for when
    /// the session has ended.
    pub fn unwritten(&self) -> impl Iterator<Item = (Token, Timestamp)> + '_ {
        self.unwritten.iter().chain(&self.called).map(|waiting| (waiting.token, waiting.at))
    }

    /// Asks the socket to take in as little as it can beyond what is read: a slow reader.
    pub fn take_little(&self) {
        self.connection.take_little();
    }

    /// Reads (at most so many messages) and writes whatever can be, telling what happens; ready when the session is
    /// over. Having read `at_most`, it may leave messages unread without being woken for them.
    pub fn poll(&mut self, cx: &mut Context<'_>, at_most: usize, tell: &mut dyn FnMut(Happening<'_>)) -> Poll<Ended> {
        for _ in 0..at_most {
            match self.connection.poll_receive(cx) {
                Poll::Ready(Ok(received)) => {
                    if let Some(ended) = self.read(&received, tell) {
                        return Poll::Ready(ended);
                    }
                }
                Poll::Ready(Err(reason)) => return Poll::Ready(Ended::Closed(reason)),
                Poll::Pending => break,
            }
        }
        match self.connection.poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                // What a broken line was given is not known to have left; nor is a request that is not answered yet.
                if !self.unwritten.is_empty() && !self.connection.has_broken() {
                    for waiting in self.unwritten.drain(..) {
                        tell(Happening::Written(waiting.token, waiting.at));
                    }
                }
                Poll::Pending
            }
            Poll::Ready(Err(reason)) => Poll::Ready(Ended::Closed(reason)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// The stage a session that is not ready yet is in.
    pub fn stage(&self) -> Word {
        match self.step {
            Step::Authenticating | Step::AwaitingWelcome => Word::AUTH,
            Step::Joining => Word::JOIN,
            Step::Active | Step::Closing => Word::ACTIVE,
        }
    }
}

#[cfg(test)]
mod tests;
