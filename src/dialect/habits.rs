//! What a protocol does by itself, and what can be said in it beside the plain message.

use std::sync::Arc;
use std::time::Duration;

/// A named message that is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its name in scenarios.
    pub name: String,
    /// Whether it is about a room the client is in.
    pub names_room: bool,
}

/// A named message that is published in place of the plain one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
    /// Its name in scenarios.
    pub name: Arc<str>,
    /// Whether it is acknowledged.
    pub acknowledged: bool,
}

/// What a protocol does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// A publisher gets a copy of its own message.
    pub sender_hears_itself: bool,
    /// Each join is acknowledged; where not, a join counts as made once sent.
    pub acknowledges_joins: bool,
    /// It is so by a message of its own ([`Event::Joined`](super::Event::Joined)): what merely answers the request does not count.
    pub tells_joins: bool,
    /// Each publication is acknowledged.
    pub acknowledges_messages: bool,
    /// Authentication by first message is acknowledged.
    pub acknowledges_auth: bool,
    /// The server speaks first (a welcome) and joins must wait for it.
    pub welcomes: bool,
    /// What a client says first ([`Intent::Auth`](super::Intent::Auth)) waits for the welcome.
    pub answers_welcome: bool,
    /// A client that has said nothing for so long says a sign of life ([`Intent::Heartbeat`](super::Intent::Heartbeat)).
    pub heartbeat: Option<Duration>,
}
