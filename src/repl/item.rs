//! What happened on a connection, as plain values: made by a client, shown by `render`.

use std::time::Duration;

use crate::observe::{Hop, TransportKind};
use crate::wire::CloseReason;

/// Something that happened to one client.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// A connection came about.
    Connected {
        /// By what.
        kind: TransportKind,
        /// How long that took in all.
        took: Duration,
    },
    /// A connection that was lost unasked is there again.
    Back {
        /// By what.
        kind: TransportKind,
        /// How long there was none.
        down: Duration,
    },
    /// An attempt to come back failed; another follows.
    Missed {
        /// Why, in words.
        words: String,
    },
    /// What is heard looks like a protocol there is a dialect for.
    Hint {
        /// What people call it.
        called: &'static str,
        /// The dialect.
        dialect: &'static str,
    },
    /// A room was entered.
    Joined {
        /// Which.
        room: String,
        /// On which instance.
        instance: Option<String>,
    },
    /// Something was refused: what, the server's code and its words.
    Refused {
        /// What was asked for.
        what: String,
        /// The code.
        code: String,
        /// In words.
        words: Option<String>,
    },
    /// Somebody said something.
    Message(Box<Message>),
    /// Somebody came or went.
    Presence {
        /// Where.
        room: String,
        /// Who.
        user: String,
        /// Came, not went.
        came: bool,
    },
    /// A publication was acknowledged.
    Acked {
        /// In which room.
        room: String,
        /// The round trip.
        took: Duration,
    },
    /// A question was answered.
    Answered {
        /// Its name.
        question: String,
        /// The round trip.
        took: Duration,
    },
    /// A frame as it came, text or hex.
    Frame(String),
    /// The conversation is over.
    Ended {
        /// Why, in words.
        words: String,
        /// As the wire has it, where it was the connection.
        reason: Option<CloseReason>,
    },
    /// No connection came about.
    Failed {
        /// Why, in words.
        words: String,
    },
}

impl Item {
    /// How many bytes of a flood it is, if it is of a kind that may come in one.
    pub(super) fn floods(&self) -> Option<usize> {
        match self {
            Self::Message(message) => Some(message.text.len()),
            Self::Frame(frame) => Some(frame.len()),
            Self::Presence { room, user, .. } => Some(room.len() + user.len()),
            _ => None,
        }
    }
}

/// A message as it was heard by one client.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    pub(super) room: Option<String>,
    pub(super) from: Option<String>,
    /// Text as it came, or bytes as hex.
    pub(super) text: String,
    /// The instance that took it, and the one that delivered it.
    pub(super) origin: Option<String>,
    pub(super) instance: Option<String>,
    pub(super) hop: Hop,
    /// From when the server took it (one's own: from when it was sent) to when it was read here.
    pub(super) delay: Option<Duration>,
    pub(super) own: bool,
    pub(super) replayed: bool,
    pub(super) id: Option<String>,
}
