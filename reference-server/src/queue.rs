//! The queue between a producer that must not block and one consumer that takes everything waiting at once.
//!
//! Bounded in entries and bytes. What is bounded by construction (one answer per question) is pushed past the bound;
//! what is not is offered, and refused when there is no room.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
};

use tokio::sync::Notify;

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Entries.
    pub entries: usize,
    /// Bytes.
    pub bytes: usize,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    bound: Bound,
    readable: Notify,
    writable: Notify,
}

#[derive(Debug)]
struct State<T> {
    entries: VecDeque<T>,
    bytes: usize,
}

impl<T> Queue<T> {
    pub(crate) fn new(bound: Bound) -> Self {
        let state = Mutex::new(State { entries: VecDeque::new(), bytes: 0 });
        Self { state, bound, readable: Notify::new(), writable: Notify::new() }
    }

    /// Adds an entry whose number is bounded elsewhere.
    pub(crate) fn push(&self, entry: T, bytes: usize) {
        let mut state = self.lock();
        state.entries.push_back(entry);
        state.bytes += bytes;
        let first = state.entries.len() == 1;
        drop(state);
        if first {
            self.readable.notify_one();
        }
    }

    /// Adds an entry if there is room for it.
    pub(crate) fn offer(&self, entry: T, bytes: usize) -> bool {
        let room = self.has_room();
        if room {
            self.push(entry, bytes);
        }
        room
    }

    /// Waits until the queue is below its bound. Only one task may wait.
    pub(crate) async fn room(&self) {
        while !self.has_room() {
            self.writable.notified().await;
        }
    }

    /// Waits for entries and moves all of them to `into`, which must be empty. Only one task may wait.
    pub(crate) async fn take(&self, into: &mut VecDeque<T>) {
        while !self.take_now(into) {
            self.readable.notified().await;
        }
    }

    fn take_now(&self, into: &mut VecDeque<T>) -> bool {
        let mut state = self.lock();
        if state.entries.is_empty() {
            return false;
        }
        std::mem::swap(&mut state.entries, into);
        state.bytes = 0;
        drop(state);
        self.writable.notify_one();
        true
    }

    fn has_room(&self) -> bool {
        let state = self.lock();
        state.entries.len() < self.bound.entries && state.bytes < self.bound.bytes
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Invariant: nothing panics while this lock is held (no user code runs under it).
        self.state.lock().expect("queue lock is never poisoned")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refuses_offers_when_full_and_takes_everything_at_once() {
        let queue = Queue::new(Bound { entries: 2, bytes: 100 });
        assert!(queue.offer(1, 1) && queue.offer(2, 1));
        assert!(!queue.offer(3, 1), "full in entries");
        queue.push(4, 1);
        let mut taken = VecDeque::new();
        queue.take(&mut taken).await;
        assert_eq!(taken, [1, 2, 4]);
        queue.room().await;
        assert!(queue.offer(5, 1_000));
        assert!(!queue.offer(6, 1), "full in bytes");
    }
}
