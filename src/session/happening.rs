//! What a session tells its owner.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::dialect::{Delivery, Position, Stamps};
use crate::observe::Word;
use crate::time::Timestamp;
use crate::wire::{CloseReason, Frame, InstanceTag, Received};

/// A room a session is to be in.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its name on the wire; empty for what is for the user alone, which is heard on a stream of its own.
    pub room: Arc<str>,
    /// Where to resume, or the last position seen.
    pub position: Option<Position>,
    pub(super) joined: bool,
    pub(super) asked: Option<u64>,
    /// What the next poll brings was said before the conversation: the answer before was cut.
    pub(super) behind: bool,
    /// It was left again, or never entered, and is not waited for.
    pub(super) left: bool,
}

impl Place {
    /// What is for the user alone, live or from `position` on.
    pub fn mailbox(position: Option<Position>) -> Self {
        Self::new(Arc::from(""), position)
    }

    /// Where it stands, as far as that is known.
    pub fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// Its name, if it is a room.
    pub(super) fn room(&self) -> Option<&str> {
        (!self.room.is_empty()).then_some(&*self.room)
    }

    /// A room to join live, or from `position` on.
    pub fn new(room: Arc<str>, position: Option<Position>) -> Self {
        Self { room, position, joined: false, asked: None, behind: false, left: false }
    }
}

/// What the caller calls a publication; handed back with its fate.
pub type Token = u64;

/// Something that happened on the connection.
#[derive(Debug)]
pub enum Happening<'a> {
    /// A frame was read; what it means follows.
    Read(&'a Received),
    /// A stage after connecting (auth, join) is done; how long it took.
    Stage(Word, Duration),
    /// The room at this place was joined.
    Joined(usize),
    /// All rooms are joined.
    Ready,
    /// A room was refused: its place, the server's code.
    JoinRefused(usize, &'a str),
    /// A join was acknowledged that nobody awaits, as the room that it names is not being entered.
    JoinedElsewhere(&'a str),
    /// A copy of somebody's publication; the server's stamps are there only if they are on this machine's clock.
    Delivery(Delivery<'a>, Timestamp),
    /// A publication was written to the socket.
    Written(Token, Timestamp),
    /// A publication was acknowledged, this long after it was handed over.
    Acked(Token, Duration),
    /// The server's id of a publication, where copies are recognised by it.
    Named(Token, &'a str),
    /// A publication was refused: the server's code, and whether it may still be delivered.
    Refused(Token, &'a str, bool),
    /// A question was answered: its reference, when the answer was read.
    Answered(u64, Timestamp),
    /// A question was refused: its reference, the server's code.
    Declined(u64, &'a str),
    /// A frame of this kind (other than a delivery, an acknowledgement or an answer) was read.
    Frame(Word),
    /// A frame that means nothing to the dialect.
    Unknown(&'a Frame),
    /// The server named its instance.
    Instance(InstanceTag, &'a str),
}

/// What a server says about coming back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// After a delay within these bounds, as it goes away.
    Within(Duration, Duration),
    /// Not before this is over (`Retry-After`).
    NotBefore(Duration),
    /// After this, whenever a stream ends (`retry:`).
    Base(Duration),
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
