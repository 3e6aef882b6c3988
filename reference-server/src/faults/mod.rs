//! Misbehaviour on request: what an admin wants to go wrong, and the log of what really did. Off unless
//! [`Config::faults`](crate::Config::faults); nothing here runs for an instance without it.
//!
//! Seeded: the same plan does the same to the same copies (room, offset, user) of every run. What is done to copies
//! happens in [`worker`](crate::worker), what is done to connections in [`session`](crate::session), and to streams and polls
//! in [`endpoint`](crate::endpoint).

mod cut;
mod dice;
mod plan;
mod truth;

use std::sync::{
    Arc, RwLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

pub(crate) use self::{
    cut::{Cut, Done, How, Order},
    plan::{Fate, Plan},
    truth::{Deed, Said, Truth},
};

/// What is to go wrong in an instance, and what has.
#[derive(Debug)]
pub(crate) struct Faults {
    plan: RwLock<Arc<Plan>>,
    active: AtomicBool,
    stalled_until: AtomicU64,
    pub(crate) truth: Truth,
}

impl Faults {
    pub(crate) fn new(instance: &Arc<str>) -> Self {
        let (plan, active, stalled_until) = Default::default();
        Self { plan, active, stalled_until, truth: Truth::new(Arc::clone(instance)) }
    }

    /// Replaces the plan.
    pub(crate) fn set(&self, plan: Plan) {
        let active = !plan.is_idle();
        // Invariant: nothing panics while this lock is held.
        *self.plan.write().expect("plan lock is never poisoned") = Arc::new(plan);
        self.active.store(active, Ordering::Release);
    }

    /// What is to be done to copies.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        // Invariant: nothing panics while this lock is held.
        Arc::clone(&self.plan.read().expect("plan lock is never poisoned"))
    }

    /// Whether anything is to be done to copies.
    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// Holds the fan-out until `until` (microseconds).
    pub(crate) fn stall(&self, until: u64) {
        self.stalled_until.store(until, Ordering::Release);
    }

    /// Until when the fan-out is held.
    pub(crate) fn stalled_until(&self) -> u64 {
        self.stalled_until.load(Ordering::Acquire)
    }
}
