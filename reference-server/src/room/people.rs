//! Which workers have a connection of a user: a notification wakes no others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// See the module.
#[derive(Debug)]
pub(crate) struct People {
    workers: usize,
    /// Connections of a user, by worker. The name is a JSON string.
    table: Mutex<HashMap<Arc<str>, Box<[u32]>>>,
}

impl People {
    pub(super) fn new(workers: usize) -> Self {
        Self { workers, table: Mutex::default() }
    }

    /// A connection of this user.
    pub(crate) fn enter(&self, user: &Arc<str>, worker: usize) {
        let mut table = self.lock();
        table.entry(Arc::clone(user)).or_insert_with(|| vec![0; self.workers].into())[worker] += 1;
    }

    /// A connection of this user is gone.
    pub(crate) fn exit(&self, user: &Arc<str>, worker: usize) {
        let mut table = self.lock();
        let Some(counts) = table.get_mut(user) else { return };
        counts[worker] -= 1;
        if counts.iter().all(|&count| count == 0) {
            table.remove(user);
        }
    }

    /// Where the user is.
    pub(super) fn workers(&self, user: &str) -> Vec<usize> {
        let table = self.lock();
        let Some(counts) = table.get(user) else { return Vec::new() };
        counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(worker, _)| worker).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Box<[u32]>>> {
        // Invariant: nothing panics while this lock is held.
        self.table.lock().expect("people lock is never poisoned")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_where_their_connections_are() {
        let people = People::new(3);
        let ada: Arc<str> = r#""ada""#.into();
        people.enter(&ada, 0);
        people.enter(&ada, 2);
        people.enter(&ada, 2);
        people.exit(&ada, 2);
        assert_eq!(people.workers(&ada), [0, 2]);
        people.exit(&ada, 0);
        people.exit(&ada, 2);
        assert!(people.workers(&ada).is_empty() && people.lock().is_empty());
    }
}
