//! Going on with a conversation whose connection was lost, where a protocol names it: which one it was, and what was heard
//! last, are kept beside the dialect for each connection, and put into the next greeting. Only dialects that can do this
//! pay for it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Approach, Dialect, Event, Habits, Identity, Intent, Marking, Passing, Position, Question, Reading, Saying,
};
use crate::observe::TransportKind;
use crate::wire::{Call, Frame, Opening, Requests};

/// Where a conversation stands, for a connection that goes on with it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Cursor {
    /// What the server calls it; empty while that is not known. Who knows it can go on with it.
    pub session: String,
    /// The position of what was heard last; empty while nothing was.
    pub last: String,
}

/// The name is as good as a token: not shown.
impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").field("last", &self.last).finish_non_exhaustive()
    }
}

/// How a protocol goes on with a conversation.
pub trait Recovery: Send + Sync + fmt::Debug {
    /// `greeting` with where the conversation stands in it.
    fn greeting(&self, greeting: Frame, cursor: &Cursor) -> Frame;

    /// What the conversation is called, in the message that accepts a client.
    fn session<'f>(&self, frame: &'f Frame) -> Option<&'f str>;

    /// The position that `frame` has, if it has one.
    fn last<'f>(&self, frame: &'f Frame) -> Option<&'f str>;
}

/// A dialect and where one connection stands.
pub struct Recovering {
    inner: Arc<dyn Dialect>,
    recovery: Arc<dyn Recovery>,
    stand: Arc<Mutex<Stand>>,
}

#[derive(Default)]
struct Stand {
    cursor: Cursor,
    /// The server has accepted the client on this connection. What is heard before was missed by the last one.
    accepted: bool,
}

impl Recovering {
    /// `inner` on a connection that goes on from `cursor`, or begins; just `inner` where nothing can be gone on with.
    pub fn from(inner: &Arc<dyn Dialect>, cursor: Cursor) -> Arc<dyn Dialect> {
        match inner.recovery() {
            None => Arc::clone(inner),
            Some(recovery) => {
                let stand = Arc::new(Mutex::new(Stand { cursor, accepted: false }));
                Arc::new(Self { inner: Arc::clone(inner), recovery, stand })
            }
        }
    }

    fn stand(&self) -> MutexGuard<'_, Stand> {
        self.stand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stand {
    /// The server has accepted the client: as one it knows, or as a new one.
    fn accept(&mut self, session: Option<&str>) {
        let session = session.unwrap_or_default();
        self.accepted = true;
        if session != self.cursor.session {
            self.cursor = Cursor { session: session.to_owned(), last: String::new() };
        }
    }

    fn hear(&mut self, last: Option<&str>) {
        if let Some(last) = last.filter(|_| !self.cursor.session.is_empty()) {
            last.clone_into(&mut self.cursor.last);
        }
    }
}

impl fmt::Debug for Recovering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovering").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Dialect for Recovering {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn habits(&self) -> Habits {
        self.inner.habits()
    }

    fn marking(&self) -> Marking {
        self.inner.marking()
    }

    fn advice(&self) -> Option<&str> {
        self.inner.advice()
    }

    fn opening(&self, identity: &Identity) -> Opening {
        self.inner.opening(identity)
    }

    fn approach(&self) -> Option<&Approach> {
        self.inner.approach()
    }

    fn on_the_way(&self, passing: Passing<'_>) {
        self.inner.on_the_way(passing);
    }

    fn cursor(&self) -> Option<Cursor> {
        Some(self.stand().cursor.clone())
    }

    fn speaks(&self, kind: TransportKind) -> bool {
        self.inner.speaks(kind)
    }

    fn stream(&self, identity: &Identity, room: Option<&str>, position: Option<&Position>) -> Option<Opening> {
        self.inner.stream(identity, room, position)
    }

    fn call(&self, identity: &Identity, intent: &Intent<'_>, now: u64) -> Option<Call> {
        self.inner.call(identity, intent, now)
    }

    fn requests(&self) -> Requests {
        self.inner.requests()
    }

    fn keeping(&self, place: usize, value: &str) -> Option<Arc<dyn Dialect>> {
        let inner = self.inner.keeping(place, value)?;
        Some(Arc::new(Self { inner, recovery: Arc::clone(&self.recovery), stand: Arc::clone(&self.stand) }))
    }

    fn position(&self, event_id: &str) -> Option<Position> {
        self.inner.position(event_id)
    }

    fn questions(&self, kind: TransportKind) -> Vec<Question> {
        self.inner.questions(kind)
    }

    fn sayings(&self, kind: TransportKind) -> Vec<Saying> {
        self.inner.sayings(kind)
    }

    fn introduce(&self, headers: &[(String, String)], emit: &mut dyn FnMut(Event<'_>)) {
        self.inner.introduce(headers, emit);
    }

    fn encode(&self, intent: &Intent<'_>) -> Option<Frame> {
        let frame = self.inner.encode(intent)?;
        if !matches!(intent, Intent::Auth { .. }) {
            return Some(frame);
        }
        let stand = self.stand();
        let knows = !stand.cursor.session.is_empty() && !stand.cursor.last.is_empty();
        Some(if knows { self.recovery.greeting(frame, &stand.cursor) } else { frame })
    }

    fn readings(&self, frame: &Frame) -> Vec<Reading> {
        self.inner.readings(frame)
    }

    fn decode(&self, frame: &Frame, emit: &mut dyn FnMut(Event<'_>)) {
        let mut stand = self.stand();
        self.inner.decode(frame, &mut |mut event| {
            match &mut event {
                Event::AuthAccepted => stand.accept(self.recovery.session(frame)),
                Event::Delivery(delivery) => delivery.replayed |= !stand.accepted,
                _ => {}
            }
            emit(event);
        });
        stand.hear(self.recovery.last(frame));
    }
}
