//! A room of the broker in memory.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;

use super::super::Events;
use crate::{
    history::{Entry, Epoch, Position},
    time,
};

/// A room: its last messages and the instances that want it.
pub(super) struct Log {
    pub(super) position: Position,
    pub(super) entries: VecDeque<Entry>,
    keys: VecDeque<(u64, String, u64)>,
    pub(super) subscribers: Vec<(usize, Arc<Events>)>,
    pub(super) used: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            position: Position { offset: 0, epoch: Epoch::random() },
            entries: VecDeque::new(),
            keys: VecDeque::new(),
            subscribers: Vec::new(),
            used: 0,
        }
    }
}

impl Log {
    /// The offset of an earlier publication with this key; remembers the key otherwise.
    pub(super) fn repeated(&mut self, key: Option<String>, window: Duration, now: u64) -> Option<u64> {
        while self.keys.front().is_some_and(|(at, ..)| now >= at + time::as_micros(window)) {
            self.keys.pop_front();
        }
        let key = key?;
        if let Some((.., offset)) = self.keys.iter().find(|(_, known, _)| *known == key) {
            return Some(*offset);
        }
        if self.keys.len() >= 1_024 {
            self.keys.pop_front();
        }
        self.keys.push_back((now, key, self.position.offset + 1));
        None
    }

    /// Remembers a message, and as many before it as fit in `length`.
    pub(super) fn append(&mut self, tail: &Bytes, length: usize, now: u64) -> Position {
        self.position.offset += 1;
        self.used = now;
        self.entries.push_back(Entry { offset: self.position.offset, tail: tail.clone() });
        while self.entries.len() > length {
            self.entries.pop_front();
        }
        self.position
    }
}
