//! Whom to wake, and how a connection is cut by somebody who does not own it.

use std::{
    cell::{Cell, RefCell},
    task::{Context, Waker},
};

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
    cut: Cell<bool>,
}

impl Line {
    /// Whether to give the connection up; otherwise wakes `context` when it is to be.
    pub(crate) fn is_cut(&self, context: &Context<'_>) -> bool {
        self.bell.register(context);
        self.cut.get()
    }

    pub(super) fn cut(&self) {
        self.cut.set(true);
        self.bell.ring();
    }
}
