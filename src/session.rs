//! One client's conversation on one connection: open, authenticate, join, talk. Where dialect and transport meet.
//!
//! A session is polled by the task that owns it and tells what happens through a closure; it never waits on a send.
//! Reconnecting is making a new session; who does that decides when, with the policies of `backoff`.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::dialect::{AuthStyle, Delivery, Dialect, Event, Identity, Intent, Position, Stamps};
use crate::observe::Word;
use crate::time::{Clock, Timestamp};
use crate::transport::{ConnectError, Connection, Stages, Transport};
use crate::wire::{CloseReason, Frame, InstanceTag, Received};

/// What all sessions of a run have in common.
#[derive(Clone, Debug)]
pub struct Dialer {
    /// How bytes travel.
    pub transport: Arc<dyn Transport>,
    /// What they mean.
    pub dialect: Arc<dyn Dialect>,
    /// The clock of the run.
    pub clock: Clock,
    /// Identity of this machine's monotonic clock: the server's stamps are used only if its clock is the same.
    pub machine: Option<Arc<str>>,
    /// A response header of the opening that names the instance, lower-case.
    pub instance_header: Option<Arc<str>>,
    /// How long authenticating and joining may take together.
    pub join_timeout: Duration,
}

impl Dialer {
    /// Connects to the target's address number `url` and greets; joining goes on as the session is polled.
    ///
    /// # Errors
    /// When no connection came about.
    pub async fn dial(
        &self,
        url: usize,
        identity: &Identity,
        rooms: Vec<Place>,
    ) -> Result<(Session, Stages), ConnectError> {
        let opening = self.dialect.opening(identity);
        let connected = self.transport.connect(url, &opening, &self.clock).await?;
        let named = self.instance_header.as_ref().and_then(|want| {
            connected.headers.iter().find(|(name, _)| **name == **want).map(|(_, value)| value.as_str())
        });
        let mut session = Session::new(self, connected.connection, rooms);
        if let Some(name) = named {
            session.name_instance(name);
        }
        session.greet(identity);
        Ok((session, connected.stages))
    }
}

/// A room a session is to be in.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its name on the wire.
    pub room: Arc<str>,
    /// Where to resume, or the last position seen.
    pub position: Option<Position>,
    joined: bool,
    asked: Option<u64>,
}

impl Place {
    /// A room to join live, or from `position` on.
    pub fn new(room: Arc<str>, position: Option<Position>) -> Self {
        Self { room, position, joined: false, asked: None }
    }
}

/// What the caller calls a publication; handed back with its fate.
pub type Token = u64;

/// Something that happened on the connection.
#[derive(Debug)]
pub enum Happening<'a> {
    /// A stage after connecting (auth, join) is done; how long it took.
    Stage(Word, Duration),
    /// The room at this place was joined.
    Joined(usize),
    /// All rooms are joined.
    Ready,
    /// A room was refused: its place, the server's code.
    JoinRefused(usize, &'a str),
    /// A copy of somebody's publication; the server's stamps are there only if they are on this machine's clock.
    Delivery(Delivery<'a>, Timestamp),
    /// A publication was written to the socket.
    Written(Token, Timestamp),
    /// A publication was acknowledged, this long after it was handed over.
    Acked(Token, Duration),
    /// A publication was refused: the server's code, and whether it may still be delivered.
    Refused(Token, &'a str, bool),
    /// A frame of this kind (other than a delivery or an acknowledgement) was read.
    Frame(Word),
    /// A frame that means nothing to the dialect.
    Unknown(&'a Frame),
    /// The server asks to come back after a delay within these bounds.
    Drain(Duration, Duration),
    /// The server named its instance.
    Instance(InstanceTag, &'a str),
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The connection ended.
    Closed(CloseReason),
    /// The server refused the token, in its words.
    AuthRefused(String),
    /// Authentication or joining took too long; the stage.
    Timeout(Word),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(reason) => reason.fmt(f),
            Self::AuthRefused(words) => write!(f, "token refused: {}", words.escape_debug()),
            Self::Timeout(stage) => write!(f, "{}: no answer in time", stage.name()),
        }
    }
}

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
    dialect: Arc<dyn Dialect>,
    clock: Clock,
    step: Step,
    since: Timestamp,
    references: u64,
    places: Vec<Place>,
    /// Handed to the codec, not yet known to be written.
    unwritten: VecDeque<Waiting>,
    /// Written or not, not yet answered.
    unanswered: VecDeque<Waiting>,
    instance: InstanceTag,
    machine: Option<Arc<str>>,
    same_clock: bool,
    answer: Option<Frame>,
}

impl Session {
    fn new(dialer: &Dialer, connection: Connection, places: Vec<Place>) -> Self {
        Self {
            connection,
            dialect: Arc::clone(&dialer.dialect),
            clock: dialer.clock.clone(),
            step: Step::AwaitingWelcome,
            since: dialer.clock.now(),
            references: 0,
            places,
            unwritten: VecDeque::new(),
            unanswered: VecDeque::new(),
            instance: InstanceTag::UNKNOWN,
            machine: dialer.machine.clone(),
            same_clock: false,
            answer: None,
        }
    }

    /// The instance this connection ended up on.
    pub fn instance(&self) -> InstanceTag {
        self.instance
    }

    /// Whether every room is joined.
    pub fn is_ready(&self) -> bool {
        self.step == Step::Active
    }

    /// Whether the room at `place` is joined.
    pub fn is_joined(&self, place: usize) -> bool {
        self.places.get(place).is_some_and(|place| place.joined)
    }

    /// Bytes read and written below the codec.
    pub fn bytes(&self) -> (u64, u64) {
        self.connection.bytes()
    }

    /// When the server was last heard.
    pub fn last_heard(&self) -> Timestamp {
        self.connection.last_heard()
    }

    /// The rooms with their positions, for a session that takes this one's place.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Notes that the message at `offset` of the room at `place` was seen, for resuming.
    pub fn saw(&mut self, place: usize, offset: u64) {
        if let Some(position) = self.places.get_mut(place).and_then(|place| place.position.as_mut()) {
            position.offset = position.offset.max(offset);
        }
    }

    /// Hands a publication to the socket: says `text` to the room at `place`. Gives the moment, or why it cannot be
    /// said now.
    ///
    /// # Errors
    /// `not_joined`, `back_pressure` or `disconnected`.
    pub fn publish(&mut self, place: usize, text: &str, token: Token) -> Result<Timestamp, Word> {
        let room = match self.places.get(place) {
            Some(place) if place.joined && self.step != Step::Closing => Arc::clone(&place.room),
            _ => return Err(Word::NOT_JOINED),
        };
        self.references += 1;
        let reference = self.references;
        let frame = self.dialect.encode(&Intent::Publish { room: &room, text, reference }).ok_or(Word::OTHER)?;
        let at = self.clock.now();
        match self.connection.start_send(frame) {
            Ok(true) => {}
            Ok(false) => return Err(Word::BACK_PRESSURE),
            Err(_) => return Err(Word::DISCONNECTED),
        }
        let waiting = Waiting { token, reference, at };
        self.unwritten.push_back(waiting);
        if self.dialect.habits().acknowledges_messages {
            if self.unanswered.len() == MAX_WAITING {
                self.unanswered.pop_front();
            }
            self.unanswered.push_back(waiting);
        }
        Ok(at)
    }

    /// Starts the closing handshake; go on polling until it ends.
    pub fn leave(&mut self) {
        self.step = Step::Closing;
        self.connection.start_close(1000);
    }

    /// Publications handed to the socket and not known to be written, oldest first; for when the session has ended.
    pub fn unwritten(&self) -> impl Iterator<Item = (Token, Timestamp)> + '_ {
        self.unwritten.iter().map(|waiting| (waiting.token, waiting.at))
    }

    /// Reads and writes whatever can be, telling what happens; ready when the session is over.
    pub fn poll(&mut self, cx: &mut Context<'_>, tell: &mut dyn FnMut(Happening<'_>)) -> Poll<Ended> {
        loop {
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
                for waiting in self.unwritten.drain(..) {
                    tell(Happening::Written(waiting.token, waiting.at));
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

    fn name_instance(&mut self, name: &str) -> InstanceTag {
        self.instance = InstanceTag::of(name);
        self.instance
    }

    /// Says what has to be said first, and goes as far as that allows without an answer.
    fn greet(&mut self, identity: &Identity) {
        let habits = self.dialect.habits();
        let first = (identity.auth == AuthStyle::FirstMessage).then(|| self.dialect.encode(&Intent::Auth { identity }));
        if let Some(frame) = first.flatten() {
            self.send(frame);
            if habits.acknowledges_auth {
                self.step = Step::Authenticating;
                return;
            }
        }
        if !habits.welcomes {
            self.join(&mut |_| {});
        }
    }

    /// A frame of the protocol's own; the small ones always fit the write buffer of a connection that is being set up.
    fn send(&mut self, frame: Frame) {
        if !matches!(self.connection.start_send(frame), Ok(true)) {
            // The connection is finished or stuck; the next poll, or the join time-out, says so.
            self.answer = None;
        }
    }

    fn join(&mut self, tell: &mut dyn FnMut(Happening<'_>)) {
        self.step = Step::Joining;
        self.since = self.clock.now();
        for at in 0..self.places.len() {
            self.references += 1;
            let (reference, room) = (self.references, Arc::clone(&self.places[at].room));
            let position = self.places[at].position.clone();
            let intent = Intent::Join { room: &room, position: position.as_ref(), reference };
            let frame = self.dialect.encode(&intent);
            let awaits = frame.is_some() && self.dialect.habits().acknowledges_joins;
            self.places[at].asked = awaits.then_some(reference);
            if let Some(frame) = frame {
                self.send(frame);
            }
            if !awaits {
                self.places[at].joined = true;
                tell(Happening::Joined(at));
            }
        }
        self.activate(tell);
    }

    fn activate(&mut self, tell: &mut dyn FnMut(Happening<'_>)) {
        if self.step == Step::Joining && self.places.iter().all(|place| place.joined) {
            self.step = Step::Active;
            tell(Happening::Stage(Word::JOIN, self.clock.now() - self.since));
            tell(Happening::Ready);
        }
    }

    fn read(&mut self, received: &Received, tell: &mut dyn FnMut(Happening<'_>)) -> Option<Ended> {
        let dialect = Arc::clone(&self.dialect);
        let mut ended = None;
        dialect.decode(&received.frame, &mut |event| {
            if ended.is_none() {
                ended = self.hear(event, received, tell);
            }
        });
        if let Some(frame) = self.answer.take() {
            self.send(frame);
        }
        ended
    }

    fn hear(&mut self, event: Event<'_>, received: &Received, tell: &mut dyn FnMut(Happening<'_>)) -> Option<Ended> {
        match event {
            Event::Delivery(mut delivery) => {
                delivery.stamps = delivery.stamps.filter(|_| self.same_clock);
                tell(Happening::Delivery(delivery, received.at));
            }
            Event::Acked { reference } => {
                match self.answered(reference) {
                    Some(waiting) => tell(Happening::Acked(waiting.token, received.at - waiting.at)),
                    // Where answers carry nothing but the reference, it may be a join's.
                    None => self.joined(Some(reference), None, None, tell),
                }
            }
            Event::Refused { reference, code, unconfirmed } => self.refuse(reference, code, unconfirmed, tell),
            Event::Joined { reference, room, position, instance } => {
                if let Some(name) = instance {
                    let tag = self.name_instance(name);
                    tell(Happening::Instance(tag, name));
                }
                self.joined(reference, room, position, tell);
            }
            Event::Welcome { instance, clock, .. } => self.welcome(instance, clock, tell),
            Event::AuthAccepted => self.authenticated(tell),
            Event::AuthRefused(words) => return Some(Ended::AuthRefused(words.to_owned())),
            Event::Heartbeat { answer } => {
                self.answer = answer;
                tell(Happening::Frame(Word::HEARTBEAT));
            }
            Event::Drain { min, max } => tell(Happening::Drain(min, max)),
            Event::Presence => tell(Happening::Frame(Word::PRESENCE)),
            Event::Reply | Event::Gap { .. } => tell(Happening::Frame(Word::REPLY)),
            Event::Unknown => tell(Happening::Unknown(&received.frame)),
        }
        None
    }

    fn welcome(&mut self, instance: Option<&str>, clock: Option<&str>, tell: &mut dyn FnMut(Happening<'_>)) {
        if let Some(name) = instance {
            let tag = self.name_instance(name);
            tell(Happening::Instance(tag, name));
        }
        self.same_clock = clock.is_some() && clock == self.machine.as_deref();
        tell(Happening::Frame(Word::REPLY));
        if self.step == Step::AwaitingWelcome {
            self.join(tell);
        }
    }

    fn authenticated(&mut self, tell: &mut dyn FnMut(Happening<'_>)) {
        tell(Happening::Frame(Word::REPLY));
        if self.step == Step::Authenticating {
            tell(Happening::Stage(Word::AUTH, self.clock.now() - self.since));
            self.step = Step::AwaitingWelcome;
            if !self.dialect.habits().welcomes {
                self.join(tell);
            }
        }
    }

    fn joined(
        &mut self,
        reference: Option<u64>,
        room: Option<&str>,
        position: Option<Position>,
        tell: &mut dyn FnMut(Happening<'_>),
    ) {
        tell(Happening::Frame(Word::REPLY));
        let by_reference = |place: &Place| reference.is_some() && place.asked == reference;
        let by_room = |place: &Place| reference.is_none() && room.is_none_or(|room| *place.room == *room);
        let found = self.places.iter().position(|place| !place.joined && (by_reference(place) || by_room(place)));
        if let Some(at) = found {
            let place = &mut self.places[at];
            place.joined = true;
            place.position = position.or_else(|| place.position.take());
            tell(Happening::Joined(at));
            self.activate(tell);
        }
    }

    fn refuse(&mut self, reference: Option<u64>, code: &str, unconfirmed: bool, tell: &mut dyn FnMut(Happening<'_>)) {
        tell(Happening::Frame(Word::ERROR));
        let Some(reference) = reference else { return };
        if let Some(at) = self.places.iter().position(|place| !place.joined && place.asked == Some(reference)) {
            tell(Happening::JoinRefused(at, code));
        } else if let Some(waiting) = self.answered(reference) {
            tell(Happening::Refused(waiting.token, code, unconfirmed));
        }
    }

    /// Takes the publication with this reference out of those awaiting an answer; answers mostly come in order.
    fn answered(&mut self, reference: u64) -> Option<Waiting> {
        if self.unanswered.front().is_some_and(|first| first.reference == reference) {
            return self.unanswered.pop_front();
        }
        let at = self.unanswered.iter().position(|waiting| waiting.reference == reference)?;
        self.unanswered.remove(at)
    }
}

/// How long each stage of the bus hop took, in the order of `metrics::HOP_STAGES`, for a copy read at `at`; `None`
/// when the stamps contradict each other.
pub fn hop_stages(stamps: &Stamps, at: Timestamp) -> Option<[Duration; 4]> {
    let micros = |later: u64, earlier: u64| Some(Duration::from_micros(later.checked_sub(earlier)?));
    let read = at.nanos() / 1_000;
    Some([
        micros(stamps.published, stamps.ingress)?,
        micros(stamps.subscribed, stamps.published)?,
        micros(stamps.fanned_out, stamps.subscribed)?,
        micros(read, stamps.fanned_out)?,
    ])
}
