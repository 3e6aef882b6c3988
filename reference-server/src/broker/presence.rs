//! Who is in which room, across all instances: what a broker is told and asked about it.

use std::{fmt, sync::Arc, time::Duration};

use super::{PublishError, Room};
use crate::{config::Announce, time::Rfc3339};

/// A connection in a room, or a lease that stands for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Whose: a JSON string.
    pub user: Arc<str>,
    /// The instance it is on.
    pub instance: Arc<str>,
    /// `websocket`, `sse` or `longpoll`.
    pub transport: &'static str,
    /// When it was opened, since 1970.
    pub connected_at: Duration,
    /// When it was last heard of, since 1970.
    pub last_seen: Duration,
}

/// Everybody in a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// Different users.
    pub users: usize,
    /// Connections and leases.
    pub connections: usize,
    /// The first of them, as JSON objects; at most [`LISTED`].
    pub members: Vec<String>,
}

/// Most members that are listed one by one.
pub const LISTED: usize = 1_000;

/// Takes the answer to a question for a [`Roster`].
pub type RosterReceipt = Box<dyn FnOnce(Result<Roster, PublishError>) + Send>;

/// How presence is kept.
#[derive(Clone, Debug)]
pub struct PresenceOptions {
    /// How long the members of an instance that has died are thought to be there.
    pub ttl: Duration,
    /// In which rooms joins and leaves are announced.
    pub announce: Announce,
}

impl Default for PresenceOptions {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(6), announce: Announce::default() }
    }
}

impl PresenceOptions {
    /// How often [`Presence::renew`] is to be called.
    pub fn tick(&self) -> Duration {
        self.ttl / 8
    }

    /// How long one renewal lasts.
    pub(crate) fn lease(&self) -> Duration {
        self.tick() * 4
    }

    /// How long after the end of its lease an instance is given up: one that is as late as everybody is not.
    pub(crate) fn slack(&self) -> Duration {
        self.tick() * 2
    }
}

/// The part of a broker that knows who is where. Users are announced (`user.joined`, `user.left`) once, however many
/// connections they have on however many instances. Nothing here waits or fails: what cannot be said now is said when
/// the broker is back.
pub trait Presence {
    /// Connection `number` of this instance is in a room, or was heard of again.
    fn enter(&self, room: &Room, number: u64, member: Member);

    /// Connection `number` is in the room no longer.
    fn exit(&self, room: &Room, number: u64);

    /// The user counts as in the room for `time` from now, whatever becomes of its connections.
    fn lease(&self, room: &Room, member: Member, time: Duration);

    /// Asks who is in a room.
    fn roster(&self, room: &Room, receipt: RosterReceipt);

    /// Says that this instance lives, and gives up those that do not. To be called every [`PresenceOptions::tick`].
    fn renew(&self);

    /// This instance goes away: its members count as there for `grace` more, so that those who come back elsewhere
    /// have never been gone. What they do here from now on is not told.
    fn part(&self, grace: Duration);
}

impl Member {
    /// As a JSON object.
    pub(crate) fn json(&self, room: &str) -> String {
        let Self { user, instance, transport, connected_at, last_seen } = self;
        let (connected, seen) = (Rfc3339::from(*connected_at), Rfc3339::from(*last_seen));
        format!(
            r#"{{"user":{user},"room":"{room}","instance":"{instance}","transport":"{transport}","connectedAt":"{connected}","lastSeen":"{seen}"}}"#
        )
    }
}

/// What becomes of a user in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Joined,
    Left,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Joined => "joined",
            Self::Left => "left",
        })
    }
}

/// The frame members are told.
pub(crate) fn announcement(step: Step, room: &str, user: &str, now: Rfc3339) -> String {
    format!(r#"{{"type":"user.{step}","room":"{room}","userId":{user},"timestamp":"{now}"}}"#)
}
