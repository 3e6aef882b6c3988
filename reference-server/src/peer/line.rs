//! Whom to wake, and how a connection is cut by somebody who does not own it.

use std::{
    cell::RefCell,
    sync::Arc,
    task::{Context, Waker},
};

use crate::{auth::User, faults::Cut};

/// The task to wake, if one has said so.
#[derive(Debug, Default)]
pub(super) struct Bell(RefCell<Option<Waker>>);

impl Bell {
    /// Remembers whom to wake.
    pub(super) fn register(&self, context: &Context<'_>) {
        let mut waker = self.0.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
    }

    pub(super) fn ring(&self) {
        if let Some(waker) = &*self.0.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// A connection that is written to by somebody who does not look at its peers while writing.
#[derive(Debug, Default)]
pub(crate) struct Line {
    bell: Bell,
    severed: RefCell<Option<Severed>>,
}

/// Why a line is cut.
#[derive(Debug)]
pub(crate) enum Severed {
    /// Whoever is behind it has fallen too far behind.
    Slow,
    /// It is a black hole whose time is over: the books forget it, the client learns nothing.
    Lost,
    /// An admin wants it, and is to be told when it is done.
    Asked(Arc<User>, Cut),
}

impl Line {
    /// Whether to give the connection up; otherwise wakes `context` when it is to be.
    pub(crate) fn is_cut(&self, context: &Context<'_>) -> bool {
        self.bell.register(context);
        self.severed.borrow().is_some()
    }

    /// Why it was cut, if it was.
    pub(crate) fn take_severed(&self) -> Option<Severed> {
        self.severed.borrow_mut().take()
    }

    /// Cuts it, unless it is cut already.
    pub(super) fn cut(&self, why: Severed) {
        self.severed.borrow_mut().get_or_insert(why);
        self.bell.ring();
    }
}
