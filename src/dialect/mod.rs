//! Translation between what a client means and the frames of a protocol: no IO, no clock, tested by transcripts.
//!
//! One file per protocol. A session asks its dialect what to send ([`Intent`]) and what a received frame means
//! ([`Event`]); the dialect never sees a socket.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::observe::{ClientId, TransportKind};
use crate::wire::{Call, Frame, Opening};

mod credentials;
mod json;
mod quote;
mod room;
mod scan;

/// How a client proves who it is, as the scenario asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuthStyle {
    /// `?token=` on the URL.
    QueryToken,
    /// The first message after the upgrade.
    FirstMessage,
    /// `Authorization: Bearer`.
    Header,
    /// A cookie named `token`.
    Cookie,
    /// Nobody asks.
    None,
}

/// Who a connection speaks for.
#[derive(Clone)]
pub struct Identity {
    /// Its number in the plan.
    pub client: ClientId,
    /// The user's name.
    pub user: String,
    /// The token, if the user has one. Never printed.
    pub token: Option<String>,
    /// How the token is shown to the server.
    pub auth: AuthStyle,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("user", &self.user).field("auth", &self.auth).finish_non_exhaustive()
    }
}

/// Something a client wants to say. `reference` is unique within the connection and never 0.
#[derive(Clone, Copy, Debug)]
pub enum Intent<'a> {
    /// Prove who is speaking.
    Auth {
        /// Who.
        identity: &'a Identity,
    },
    /// Enter a room, from a position on when resuming.
    Join {
        /// The room's name.
        room: &'a str,
        /// Where to resume, as this dialect gave it in [`Event::Joined`] or [`Delivery`].
        position: Option<&'a Position>,
        /// Numbers the request.
        reference: u64,
    },
    /// Leave a room.
    Leave {
        /// The room's name.
        room: &'a str,
        /// Numbers the request.
        reference: u64,
    },
    /// Ask what was said in a room after a position, and wait for it; where there is no connection to hear it on.
    Poll {
        /// The room's name.
        room: &'a str,
        /// The position the last answer gave.
        position: &'a Position,
        /// Numbers the request.
        reference: u64,
    },
    /// Tell one user `text`, wherever the user is.
    Notify {
        /// The user's name.
        user: &'a str,
        /// The payload, marker included.
        text: &'a str,
        /// Numbers the request.
        reference: u64,
    },
    /// Say `text` to a room.
    Publish {
        /// The room's name.
        room: &'a str,
        /// The payload, marker included.
        text: &'a str,
        /// Numbers the request.
        reference: u64,
    },
    /// Say a named message that is answered by its reference.
    Ask {
        /// The message's name: one of [`Dialect::questions`].
        message: &'a str,
        /// The room it is about; not looked at where it is about none.
        room: &'a str,
        /// Numbers the request.
        reference: u64,
    },
}

/// A named message that is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its name in scenarios.
    pub name: String,
    /// Whether it is about a room the client is in.
    pub names_room: bool,
}

/// A place in a room's history: an offset within an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Position {
    /// The offset of the last message seen.
    pub offset: u64,
    /// The epoch the offset counts in; empty when the protocol has none.
    pub epoch: Arc<str>,
}

/// The server's own stamps on a delivery, in microseconds of its monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// The publisher's frame was read by the origin instance.
    pub ingress: u64,
    /// Just before the origin instance handed it to the bus.
    pub published: u64,
    /// The delivering instance got it from the bus.
    pub subscribed: u64,
    /// The delivering instance began its fan-out.
    pub fanned_out: u64,
}

/// A copy of somebody's publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery<'a> {
    /// Where the marker stands, if this is one of ours.
    pub body: &'a [u8],
    /// The server's stamps, if it gives them.
    pub stamps: Option<Stamps>,
    /// The message's offset in its room, if the protocol numbers them.
    pub offset: Option<u64>,
    /// Whether it was replayed from history rather than delivered live.
    pub replayed: bool,
}

/// What a received frame means.
#[derive(Debug, PartialEq)]
pub enum Event<'a> {
    /// The server introduces itself.
    Welcome {
        /// The name of the instance.
        instance: Option<&'a str>,
        /// Identity of the server's monotonic clock (the machine's boot id).
        clock: Option<&'a str>,
        /// How often the server pings.
        ping_interval: Option<Duration>,
        /// How long it may be silent.
        ping_timeout: Option<Duration>,
    },
    /// The token was accepted.
    AuthAccepted,
    /// The token was refused, in the server's words.
    AuthRefused(&'a str),
    /// A join was acknowledged.
    Joined {
        /// Which request, if the protocol says.
        reference: Option<u64>,
        /// Which room, if the protocol says.
        room: Option<&'a str>,
        /// The position from which on everything is heard.
        position: Option<Position>,
        /// The instance, if it is told here.
        instance: Option<&'a str>,
    },
    /// A copy of somebody's publication (or of something that looks like one).
    Delivery(Delivery<'a>),
    /// A request was accepted: a publication, or a join or question in a protocol whose answers say no more than which
    /// request they belong to.
    Acked {
        /// Which.
        reference: u64,
    },
    /// A request was refused.
    Refused {
        /// Which, if the protocol says.
        reference: Option<u64>,
        /// The server's code for it.
        code: &'a str,
        /// The server does not know whether it happened.
        unconfirmed: bool,
    },
    /// A poll was answered; what was said follows as deliveries.
    Polled {
        /// Which poll.
        reference: u64,
        /// Where to go on.
        position: Position,
        /// The instance, if it is told here.
        instance: Option<&'a str>,
    },
    /// An answer to some other request of ours.
    Reply {
        /// Which, if the protocol says.
        reference: Option<u64>,
    },
    /// Somebody came or went.
    Presence,
    /// A sign of life; `answer` is owed, if any.
    Heartbeat {
        /// The frame to send back.
        answer: Option<Frame>,
    },
    /// The server is about to close; reconnect after a delay within these bounds.
    Drain {
        /// Shortest delay.
        min: Duration,
        /// Longest delay.
        max: Duration,
    },
    /// Messages of a room are missing and will not come.
    Gap {
        /// Which room.
        room: Option<&'a str>,
    },
    /// Nothing this dialect knows.
    Unknown,
}

/// What a protocol does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// A publisher gets a copy of its own message.
    pub sender_hears_itself: bool,
    /// Each join is acknowledged; where not, a join counts as made once sent.
    pub acknowledges_joins: bool,
    /// Each publication is acknowledged.
    pub acknowledges_messages: bool,
    /// Authentication by first message is acknowledged.
    pub acknowledges_auth: bool,
    /// The server speaks first (a welcome) and joins must wait for it.
    pub welcomes: bool,
}

/// One protocol.
pub trait Dialect: Send + Sync + fmt::Debug {
    /// Its name in scenarios.
    fn name(&self) -> &'static str;

    /// What it does by itself.
    fn habits(&self) -> Habits;

    /// What opening a socket for `identity` needs.
    fn opening(&self, identity: &Identity) -> Opening;

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
    fn call(&self, _identity: &Identity, _intent: &Intent<'_>) -> Option<Call> {
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

    /// Calls `emit` with what the response headers of a stream say (lower-case names).
    fn introduce(&self, _headers: &[(String, String)], _emit: &mut dyn FnMut(Event<'_>)) {}

    /// The frame that says `intent`; `None` when this protocol has no frame for it (then there is nothing to await).
    fn encode(&self, intent: &Intent<'_>) -> Option<Frame>;

    /// Calls `emit` with everything `frame` means, in order; once with [`Event::Unknown`] when it means nothing.
    fn decode(&self, frame: &Frame, emit: &mut dyn FnMut(Event<'_>));
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
}

/// The values of `[target.with]`, already expanded.
pub type Parameters = serde_json::Map<String, serde_json::Value>;

/// A dialect's entry: its name, a line of help, its parameters and how it is made.
pub struct DialectEntry {
    /// Its name in scenarios.
    pub name: &'static str,
    /// One line.
    pub help: &'static str,
    /// Its parameters: name, help.
    pub parameters: &'static [(&'static str, &'static str)],
    /// Makes it from its parameters.
    pub make: fn(&Parameters) -> Result<Arc<dyn Dialect>, DialectError>,
}

/// Every dialect there is.
pub const DIALECTS: &[DialectEntry] = &[room::ENTRY, json::ENTRY];

/// The dialect called `name`, made with `parameters`.
///
/// # Errors
/// When there is none of that name, or a parameter is not valid.
pub fn find(name: &str, parameters: &Parameters) -> Result<Arc<dyn Dialect>, DialectError> {
    let entry = DIALECTS.iter().find(|entry| entry.name == name);
    let entry = entry.ok_or_else(|| DialectError::NotFound { name: name.to_owned() })?;
    (entry.make)(parameters)
}
