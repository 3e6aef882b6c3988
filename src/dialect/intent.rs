//! What a client means, before it is put into the frames of a protocol.

use std::fmt;

use super::Position;
use crate::observe::ClientId;

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
    /// Say `text` to a room by a named message.
    PublishAs {
        /// The message's name: one of [`Dialect::sayings`].
        message: &'a str,
        /// The room's name.
        room: &'a str,
        /// The payload, marker included.
        text: &'a str,
        /// Numbers the request.
        reference: u64,
    },
    /// Show that one is still there, where the protocol wants that of clients ([`Habits::heartbeat`](super::Habits)).
    Heartbeat {
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
