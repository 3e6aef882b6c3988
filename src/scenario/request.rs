//! Requests beside the broadcast: who asks what, and when.

use std::sync::Arc;
use std::time::Duration;

use super::Cadence;
use crate::observe::GroupId;
use crate::profile::Spacing;

/// A `[[request]]` entry.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its name, a label on everything that becomes of it.
    pub name: String,
    /// What is asked: the dialect's name for it.
    pub message: Arc<str>,
    /// Whether it is about one of the client's rooms.
    pub names_room: bool,
    /// Who asks.
    pub from: GroupId,
    /// When.
    pub when: Occasion,
    /// An answer that comes later than this after it was due is none.
    pub within: Duration,
}

/// When a request is due.
#[derive(Clone, Debug)]
pub enum Occasion {
    /// Each time a client has joined a room, about that room.
    Joined,
    /// At a pace, about one of the client's rooms, drawn anew each time.
    Paced(Cadence, Spacing),
}
