//! How much each user may publish over HTTP: a bucket per user, on however many connections the requests come. Who has
//! been quiet for long enough to have a full one is forgotten.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use super::{RateLimit, Verdict};

/// Users that are remembered before it is worth looking for those who can be forgotten.
const FEW: usize = 1_024;

/// See the module.
#[derive(Debug)]
pub(crate) struct Quotas {
    per_second: u32,
    burst: u32,
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    buckets: HashMap<Arc<str>, RateLimit>,
    /// Look for the forgettable when there are so many.
    sweep_at: usize,
}

impl Quotas {
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let table = Table { buckets: HashMap::new(), sweep_at: FEW };
        Self { per_second, burst, table: Mutex::new(table) }
    }

    /// Whether a user may publish at `now` (microseconds).
    pub(crate) fn allow(&self, user: &Arc<str>, now: u64) -> bool {
        // Invariant: nothing panics while this lock is held.
        let mut table = self.table.lock().expect("quotas lock is never poisoned");
        if table.buckets.len() >= table.sweep_at {
            table.buckets.retain(|_, bucket| !bucket.is_full(now));
            table.sweep_at = FEW.max(2 * table.buckets.len());
        }
        let fresh = || RateLimit::new(now, self.per_second, self.burst);
        table.buckets.entry(Arc::clone(user)).or_insert_with(fresh).frame(now) == Verdict::Accept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_s_flood_is_nobody_else_s_matter() {
        let quotas = Quotas::new(10, 20);
        let (ada, bob) = ("ada".into(), "bob".into());
        let allowed = |user: &Arc<str>, now, count| (0..count).filter(|_| quotas.allow(user, now)).count();
        assert_eq!(allowed(&ada, 0, 1_000), 20);
        assert_eq!(allowed(&bob, 0, 5), 5);
        assert_eq!(allowed(&ada, 1_000_000, 1_000), 10);
    }

    #[test]
    fn the_quiet_are_forgotten_and_the_busy_are_not() {
        let quotas = Quotas::new(1, 2);
        let users = |from: usize, count, now| (from..from + count).all(|n| quotas.allow(&n.to_string().into(), now));
        assert!(users(0, FEW, 0));
        let busy: Arc<str> = "0".into();
        assert!(quotas.allow(&busy, 3_000_000) && quotas.allow(&busy, 3_000_000) && !quotas.allow(&busy, 3_000_000));
        assert!(users(FEW, 1, 3_000_000));
        assert_eq!(quotas.table.lock().unwrap().buckets.len(), 2);
        assert!(!quotas.allow(&busy, 3_000_000), "its bucket is empty still");
    }
}
