//! What workers are told about rooms, and how a connection asks to be in one.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    auth::User,
    broker::Room,
    faults::Cut,
    history::{Entry, Position},
    peer::PeerId,
    protocol::{self, Encoded, Medium},
    queue::Queue,
};

/// What a worker is told, in the order in which it is to act.
#[derive(Debug)]
pub(crate) enum ToWorker {
    /// Something for every local member of a room; `message` if it counts as a delivery.
    Deliver { room: Room, what: Encoded, message: bool },
    /// A join is done.
    Joined { peer: PeerId, room: Room, join: u64, entrance: Entrance },
    /// Something about a user, for every local member of a room but that user.
    Announce { room: Room, what: Encoded, user: Arc<str> },
    /// Something for every connection of a user that wants notifications.
    Notify { user: Arc<str>, what: Encoded },
    /// The last messages of a member's room, as a frame; the question is answered.
    Remembered { peer: PeerId, room: Room, join: u64, frame: Utf8Bytes },
    /// What comes after this position is still to come.
    Standing { peer: PeerId, position: Option<Position> },
    /// A frame for one connection.
    Reply { peer: PeerId, frame: Utf8Bytes },
    /// The instance goes away.
    Drain,
    /// Who is there?
    List(oneshot::Sender<Vec<(Arc<User>, PeerId)>>),
    /// Cut a connection.
    Cut { peer: PeerId, cut: Cut },
}

/// Where a worker finds what it is told.
pub(crate) type Inbox = Queue<ToWorker>;

/// A connection that wants to be in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JoinRequest {
    pub(crate) worker: usize,
    pub(crate) peer: PeerId,
    /// Comes back with the answer.
    pub(crate) join: u64,
    pub(crate) medium: Medium,
    /// Has everything up to here and wants the rest.
    pub(crate) from: Option<Position>,
    /// Wants only what is for this user: how personal streams listen to the channel of notifications.
    pub(crate) whose: Option<Arc<str>>,
    /// Is in the room, and only wants to look back.
    pub(crate) look: Option<Look>,
}

/// A member's question for the last messages of its room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) count: u64,
    pub(crate) reference: Option<Box<str>>,
}

/// How a join comes out. Everything after its position will be delivered.
#[derive(Debug)]
pub(crate) enum Entrance {
    /// Live from here on.
    Live(Option<Position>),
    /// Live, and everything between `from` and then is in the replay.
    Recovered { from: Position, replay: Replay },
    /// Live from `position` on, but what came after `from` is not to be had.
    Lost { from: Position, position: Option<Position> },
}

/// The messages one connection missed: the end of what was fetched for everybody who asked at the same time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replay {
    pub(super) copies: Arc<[Encoded]>,
    pub(super) skip: usize,
}

impl Replay {
    /// Without what is for others than this user.
    pub(super) fn only_for(self, user: Option<&str>, entries: &[Entry]) -> Self {
        let Some(user) = user else { return self };
        let mine = |entry: &Entry| protocol::addressee(&entry.tail) == Some(user);
        let kept = entries.iter().zip(self.copies.iter()).skip(self.skip).filter(|(entry, _)| mine(entry));
        Self { copies: kept.map(|(_, copy)| copy.clone()).collect(), skip: 0 }
    }

    /// The messages, oldest first.
    pub(crate) fn copies(&self) -> &[Encoded] {
        &self.copies[self.skip..]
    }
}
