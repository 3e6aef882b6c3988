//! What a client remembers: its own messages, its questions, its counts.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// So many of one's own messages are remembered.
pub(in crate::repl) const REMEMBERED: usize = 64;

/// A message of one's own, from when it was handed over.
pub(in crate::repl) struct Sent {
    pub(in crate::repl) token: u64,
    pub(in crate::repl) room: String,
    pub(in crate::repl) text: String,
    pub(in crate::repl) at: Timestamp,
    pub(in crate::repl) settled: bool,
}

/// What was counted on a client's connections.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::repl) struct Tally {
    pub(in crate::repl) heard: u64,
    pub(in crate::repl) own: u64,
    pub(in crate::repl) replayed: u64,
    pub(in crate::repl) sent: u64,
    pub(in crate::repl) acked: u64,
    pub(in crate::repl) refused: u64,
    pub(in crate::repl) bytes: u64,
    pub(in crate::repl) connects: u64,
    pub(in crate::repl) worst: Duration,
}

/// What a client remembers of its conversation.
#[derive(Default)]
pub(in crate::repl) struct Book {
    pub(in crate::repl) instance: Option<String>,
    pub(in crate::repl) sent: VecDeque<Sent>,
    /// Questions: reference, name, when it was asked.
    pub(in crate::repl) asked: Vec<(u64, String, Timestamp)>,
    /// Rooms whose joining was refused, to be forgotten.
    pub(in crate::repl) refused: Vec<usize>,
    /// Every frame is told as it is, too.
    pub(in crate::repl) frames: Frames,
    /// How many frames were looked at for what protocol they could be.
    pub(in crate::repl) looked: u32,
    pub(super) tokens: u64,
}

/// Whether frames are told as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::repl) enum Frames {
    /// Only what nobody understands.
    #[default]
    Hidden,
    /// All of them.
    Shown,
}
