//! Translation between what a client means and the frames of a protocol: no IO, no clock, tested by transcripts.
//!
//! One file per protocol. A session asks its dialect what to send ([`Intent`]) and what a received frame means
//! ([`Event`]); the dialect never sees a socket.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::observe::TransportKind;
use crate::wire::{Call, Frame, Opening, Requests};

mod approach;
mod credentials;
mod declared;
mod event;
mod habits;
mod intent;
mod marking;
mod quote;
mod raw;
mod reading;
mod recovering;
mod room;
mod scan;
mod shown;
mod signs;
mod traced;

pub use approach::{Act, Approach, Carried, Omen, Sign};
pub use event::{Delivery, Event, Position, Stamps};
pub use habits::{Habits, Question, Saying};
pub use intent::{AuthStyle, Identity, Intent};
pub use marking::Marking;
pub use reading::{News, Reading};
pub use recovering::{Cursor, Recovering, Recovery};
pub use shown::told;
pub use signs::{Signs, recognise};
pub use traced::{Journal, Passed, Traced};

/// Something that passes on the way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing<'a> {
    /// The client says or asks this.
    Said(&'a str),
    /// The server says this.
    Heard(&'a str),
}

/// One protocol.
pub trait Dialect: Send + Sync + fmt::Debug {
    /// Its name in scenarios.
    fn name(&self) -> &'static str;

    /// What it does by itself.
    fn habits(&self) -> Habits;

    /// By what a copy of a publication is recognised.
    fn marking(&self) -> Marking {
        Marking::Text
    }

    /// What can be tried where no answer to a join comes.
    fn advice(&self) -> Option<&str> {
        None
    }

    /// How a token is shown, unless somebody says otherwise.
    fn usual_auth(&self) -> AuthStyle {
        AuthStyle::Header
    }

    /// What opening a socket for `identity` needs.
    fn opening(&self, identity: &Identity) -> Opening;

    /// What is said before the socket carries the conversation; `None` where it does from the start.
    fn approach(&self) -> Option<&Approach> {
        None
    }

    /// Takes note of something that is said or heard on the way in, for who watches. Nothing where nobody does.
    fn on_the_way(&self, _passing: Passing<'_>) {}

    /// How a conversation whose connection was lost is gone on with; `None` where each connection begins anew.
    fn recovery(&self) -> Option<Arc<dyn Recovery>> {
        None
    }

    /// Where the conversation on this connection stands, if it can be gone on with.
    fn cursor(&self) -> Option<Cursor> {
        None
    }

    /// Whether it can be spoken over this kind of transport.
    fn speaks(&self, kind: TransportKind) -> bool {
        kind == TransportKind::WebSocket
    }

    /// What opening the stream of events of `room`, or without one of the user, needs, from `position` on; `None` where
    /// there are no streams.
    fn stream(&self, _identity: &Identity, _room: Option<&str>, _position: Option<&Position>) -> Option<Opening> {
        None
    }

    /// The request that says `intent` where there is no socket to say it on; `None` where there is none. Its answer
    /// comes to [`Dialect::decode`] if there is one, whatever its status.
    /// `now` is in seconds since 1970, for what is signed.
    fn call(&self, _identity: &Identity, _intent: &Intent<'_>, _now: u64) -> Option<Call> {
        None
    }

    /// Where those requests go; beside a socket, where there are any, they publish.
    fn requests(&self) -> Requests {
        Requests::Usual
    }

    /// The dialect of a connection that has learnt the value of [`Event::Saved`] too; `None` where nothing is saved.
    fn keeping(&self, _place: usize, _value: &str) -> Option<Arc<dyn Dialect>> {
        None
    }

    /// The position that the id of an event stands for.
    fn position(&self, _event_id: &str) -> Option<Position> {
        None
    }

    /// What can be asked over this kind of transport: each has a frame, or a call where there is no socket.
    fn questions(&self, _kind: TransportKind) -> Vec<Question> {
        Vec::new()
    }

    /// What can be published by name over this kind of transport.
    fn sayings(&self, _kind: TransportKind) -> Vec<Saying> {
        Vec::new()
    }

    /// Calls `emit` with what the response headers of a stream say (lower-case names).
    fn introduce(&self, _headers: &[(String, String)], _emit: &mut dyn FnMut(Event<'_>)) {}

    /// The frame that says `intent`; `None` when this protocol has no frame for it (then there is nothing to await).
    fn encode(&self, intent: &Intent<'_>) -> Option<Frame>;

    /// Calls `emit` with everything `frame` means, in order; once with [`Event::Unknown`] when it means nothing.
    fn decode(&self, frame: &Frame, emit: &mut dyn FnMut(Event<'_>));

    /// What people are told of `frame`, in the order of its events; nothing where it is shown as it is. Never called
    /// while load is made.
    fn readings(&self, _frame: &Frame) -> Vec<Reading> {
        Vec::new()
    }
}

/// Why a dialect could not be made.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum DialectError {
    /// No such dialect.
    #[error("no dialect is called {name:?}; there are: {}", DIALECTS.iter().map(|d| d.name).collect::<Vec<_>>().join(", "))]
    NotFound {
        /// What was asked for.
        name: String,
    },
    /// A parameter of `[target.with]` is unknown, missing or not valid.
    #[error("parameter {key:?}: {problem}")]
    Parameter {
        /// The key under `[target.with]`, dots for nesting.
        key: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A dialect file is not valid.
    #[error("{problem}")]
    File {
        /// The bytes of its text it is about.
        span: Range<usize>,
        /// What is wrong and what would be right.
        problem: String,
    },
}

/// The values of `[target.with]`, already expanded.
pub type Parameters = serde_json::Map<String, serde_json::Value>;

/// A dialect's entry: its name, a line of help, its file and how it is made.
pub struct DialectEntry {
    /// Its name in scenarios.
    pub name: &'static str,
    /// One line.
    pub help: &'static str,
    /// Its keys, if it is described by the scenario alone: name, help.
    pub keys: &'static [(&'static str, &'static str)],
    /// The file that describes it, if one does.
    pub file: Option<&'static str>,
    /// By what its servers are known, where they are.
    pub signs: Option<Signs>,
    /// Makes it from its parameters.
    pub make: fn(&Parameters) -> Result<Arc<dyn Dialect>, DialectError>,
}

impl DialectEntry {
    /// What `[target.with]` can say: name, default if there is one, help. Those of a file are the ones it declares.
    pub fn parameters(&self) -> Vec<(String, Option<String>, String)> {
        match self.file {
            Some(file) => declared::declares(file),
            None => self.keys.iter().map(|(name, help)| ((*name).to_owned(), None, (*help).to_owned())).collect(),
        }
    }
}

/// Every dialect there is.
pub const DIALECTS: &[DialectEntry] = &[
    room::ENTRY,
    declared::JSON,
    raw::ENTRY,
    declared::SOCKETIO,
    declared::GRAPHQL,
    declared::ACTIONCABLE,
    declared::NATS,
    declared::MQTT,
    declared::HONO,
    declared::PHOENIX,
    declared::CENTRIFUGO,
    declared::SIGNALR,
    declared::PUSHER,
    declared::MERCURE,
    declared::SSE,
];

/// The keys of a dialect file and of `[target.with]` of the dialect `json`: name, help.
pub const KEYS: &[(&str, &str)] = &declared::HELP;

/// The dialect that the file `text` describes, made with `parameters`.
///
/// # Errors
/// When the file or a parameter is not valid.
pub fn read(text: &str, parameters: &Parameters) -> Result<Arc<dyn Dialect>, DialectError> {
    declared::make("its own dialect", text, parameters)
}

/// The parameters that the file `text` declares: name, default if there is one, help.
pub fn declares(text: &str) -> Vec<(String, Option<String>, String)> {
    declared::declares(text)
}

/// Whether a message that enters a room has a place for the name `room`; where none is said, every name is as good.
pub fn room_fits(dialect: &dyn Dialect, room: &str) -> bool {
    let says = |room| dialect.encode(&Intent::Join { room, position: None, reference: 1 }).is_some();
    says(room) || !says("r")
}

/// The dialect called `name`, made with `parameters`.
///
/// # Errors
/// When there is none of that name, or a parameter is not valid.
pub fn find(name: &str, parameters: &Parameters) -> Result<Arc<dyn Dialect>, DialectError> {
    let entry = DIALECTS.iter().find(|entry| entry.name == name);
    let entry = entry.ok_or_else(|| DialectError::NotFound { name: name.to_owned() })?;
    (entry.make)(parameters)
}
