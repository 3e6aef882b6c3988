//! What joins the instances: the seam every broker fills, and what crosses it.
//!
//! Commands go down and never wait; answers and messages come up through one bounded [`Events`] queue per instance.

mod book;
pub mod memory;
pub mod presence;
pub mod redis;

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use tokio::sync::watch;

pub use self::presence::Presence;
pub use crate::queue::Bound;
use crate::{
    history::{Entry, Position},
    queue::Queue,
};

/// The name of a room, shared by everything that mentions it.
pub type Room = Arc<str>;

/// The channel of notifications: a room no client can name, which every instance listens to. The tails of its messages
/// begin with the user they are for.
pub const NOTIFY: &str = "!notify";

/// One instance's view of what joins the instances.
///
/// Promises: messages of a room reach every subscribed instance in one order. `subscribe` is answered by
/// [`Event::Subscribed`] only when nothing published after its position can be missed. After [`Event::Down`] every
/// wanted room is answered again without being asked for.
pub trait Broker: Presence + Send + Sync + 'static {
    /// `redis` or `memory`, as banners and reports say it.
    fn name(&self) -> &'static str;

    /// Takes a message for a room; its receipt is settled exactly once.
    fn publish(&self, publication: Publication);

    /// Wants a room from now on. `generation` comes back with the answer and tells it from answers to older wishes.
    fn subscribe(&self, room: &Room, generation: u64);

    /// Wants a room no longer.
    fn unsubscribe(&self, room: &Room);

    /// Asks for what a room remembers after `after`; answered by [`Event::History`] with the same `generation`, or by
    /// [`Event::Down`].
    fn history(&self, room: &Room, generation: u64, after: Position);

    /// Has every wanted room answered again: some of its messages may have been thrown away here.
    fn resync(&self);

    /// Whether it answers.
    fn health(&self) -> watch::Receiver<Health>;
}

/// Whether a broker answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It has not answered yet; why, as far as known.
    Starting(String),
    /// It answers and everything wanted is subscribed.
    Up,
    /// It has stopped answering; why.
    Down(String),
}

/// A message on its way to a room.
#[derive(Debug)]
pub struct Publication {
    /// Where to.
    pub room: Room,
    /// The envelope's tail.
    pub tail: Bytes,
    /// Publications with the same key are one, for as long as the room remembers.
    pub dedupe: Option<String>,
    /// Who wants to know what became of it.
    pub receipt: Receipt,
}

/// Why a publication has no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// It was not handed over. Trying again is safe.
    Unavailable,
    /// It was handed over and not answered: it may still be delivered.
    Unconfirmed,
}

/// What became of a publication: its position (`None` without history), or why it has none.
pub type Published = Result<Option<Position>, PublishError>;

/// Tells the one who published what became of it, once; when dropped, that nobody knows.
pub struct Receipt(Option<Box<dyn FnOnce(Published) + Send>>);

impl Receipt {
    /// Calls `tell` with the outcome.
    pub fn new(tell: impl FnOnce(Published) + Send + 'static) -> Self {
        Self(Some(Box::new(tell)))
    }

    /// Tells the outcome.
    pub fn settle(mut self, outcome: Published) {
        if let Some(tell) = self.0.take() {
            tell(outcome);
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            tell(Err(PublishError::Unconfirmed));
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Receipt(open)" } else { "Receipt(settled)" })
    }
}

/// What comes up from a broker.
#[derive(Debug)]
pub enum Event {
    /// A message of a room that is, or was, wanted.
    Message(Arrival),
    /// A room is subscribed and stood here after that (`None` without history).
    Subscribed {
        /// Which.
        room: Room,
        /// From the wish this answers.
        generation: u64,
        /// Where the room stands.
        position: Option<Position>,
    },
    /// What a room remembers after the position asked about.
    History {
        /// Which.
        room: Room,
        /// From the question.
        generation: u64,
        /// In order; may begin later than asked for, when older ones are forgotten.
        entries: Vec<Entry>,
        /// Where the room stands: at the last entry, if there is one.
        position: Position,
    },
    /// Somebody has come to a room or has gone; the whole frame.
    Announcement {
        /// Which.
        room: Room,
        /// What members are told.
        frame: Bytes,
    },
    /// The broker is lost; nothing is subscribed until it is answered again.
    Down,
}

/// A message as it arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Of which room.
    pub room: Room,
    /// Its place (`None` without history).
    pub position: Option<Position>,
    /// The envelope's tail.
    pub tail: Bytes,
    /// When it arrived, in microseconds of CLOCK_MONOTONIC.
    pub received: u64,
}

/// The queue of events of one instance. Messages that find it full are thrown away, and it says so; answers always fit.
#[derive(Debug)]
pub struct Events {
    queue: Queue<Event>,
    overflowed: AtomicBool,
}

impl Events {
    /// An empty queue.
    pub fn new(bound: Bound) -> Arc<Self> {
        Arc::new(Self { queue: Queue::new(bound), overflowed: AtomicBool::new(false) })
    }

    pub(crate) fn message(&self, arrival: Arrival) {
        let bytes = arrival.tail.len();
        if !self.queue.offer(Event::Message(arrival), bytes) {
            self.overflowed.store(true, Ordering::Release);
        }
    }

    /// Like messages, announcements that find the queue full are thrown away.
    pub(crate) fn announcement(&self, room: Room, frame: Bytes) {
        let bytes = frame.len();
        if !self.queue.offer(Event::Announcement { room, frame }, bytes) {
            self.overflowed.store(true, Ordering::Release);
        }
    }

    pub(crate) fn answer(&self, event: Event) {
        self.queue.push(event, 0);
    }

    /// Waits for events and moves all of them to `into`, which must be empty. Only one task may wait.
    pub async fn take(&self, into: &mut VecDeque<Event>) {
        self.queue.take(into).await;
    }

    /// Whether messages have been thrown away since the last call.
    pub fn take_overflow(&self) -> bool {
        self.overflowed.swap(false, Ordering::AcqRel)
    }
}
