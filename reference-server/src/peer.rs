//! A connection as the rest of its worker sees it: what waits to be written to it, the rooms it is in, and how to wake
//! its owner. Lives on one thread; no locks.

mod line;
mod memberships;
mod outbox;

use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
    sync::Arc,
    task::Context,
};

use tokio_tungstenite::tungstenite::Utf8Bytes;

use self::{
    line::Bell,
    outbox::{Outbox, Pushed},
};
pub(crate) use self::{
    line::{Line, Severed},
    memberships::{Joining, Membership},
    outbox::Outgoing,
};
use crate::{
    auth::User,
    config::Outbound,
    faults::{Cut, How},
    history::Position,
    protocol::{self, Medium, Transport},
    time::{self, Rfc3339},
};

/// Names a connection of one worker; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PeerId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// See the module.
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    /// No other connection of the instance has it.
    pub(crate) number: u64,
    pub(crate) medium: Medium,
    pub(crate) transport: Transport,
    /// Who it is; empty until that is proved.
    pub(crate) user: OnceCell<Arc<User>>,
    pub(crate) connected_at: Rfc3339,
    /// When it was last heard of, as far as others have to know.
    pub(crate) last_seen: Cell<Rfc3339>,
    /// Listed among the connections of its user.
    pub(crate) listed: Cell<bool>,
    /// What carries it, if that has to be cut from outside when it falls behind.
    line: Option<Rc<Line>>,
    outbox: RefCell<Outbox>,
    /// The last event with a position, for streams.
    last: RefCell<Utf8Bytes>,
    bell: Bell,
    signal: Cell<bool>,
    memberships: RefCell<Vec<Membership>>,
    /// When this connection is to be closed because the instance goes away; 0 if it does not.
    pub(crate) drain_at: Cell<u64>,
    cut: Cell<Option<Box<Cut>>>,
    /// Its end has begun: nothing is to be done to it any more.
    pub(crate) ending: Cell<bool>,
}

impl Peer {
    pub(crate) fn new(id: PeerId, number: u64, transport: Transport, line: Option<Rc<Line>>) -> Self {
        let now = time::timestamp();
        Self {
            id,
            number,
            medium: transport.medium(),
            transport,
            user: OnceCell::new(),
            connected_at: now,
            last_seen: Cell::new(now),
            listed: Cell::new(false),
            line,
            outbox: RefCell::default(),
            last: RefCell::default(),
            bell: Bell::default(),
            signal: Cell::new(false),
            memberships: RefCell::default(),
            drain_at: Cell::new(0),
            cut: Cell::default(),
            ending: Cell::new(false),
        }
    }

    /// Who this is, once that is known.
    pub(crate) fn user(&self) -> Option<Arc<User>> {
        self.user.get().cloned()
    }

    /// Has the owner cut the connection, or, if that is somebody who cannot, whoever has the line.
    pub(crate) fn cut(&self, cut: Cut) {
        match (&self.line, self.user(), cut.how) {
            (Some(line), Some(user), How::Fin | How::Rst) => line.cut(Severed::Asked(user, cut)),
            _ => {
                self.cut.set(Some(Box::new(cut)));
                self.signal();
            }
        }
    }

    /// A black hole's time is over.
    pub(crate) fn lose(&self) {
        if let Some(line) = &self.line {
            line.cut(Severed::Lost);
        }
    }

    /// How the connection is to be cut, if it is.
    pub(crate) fn take_cut(&self) -> Option<Box<Cut>> {
        self.cut.take()
    }

    /// Lets a frame wait, and wakes the owner. A connection that has fallen too far behind loses everything that waits
    /// and is marked slow instead.
    pub(crate) fn send(&self, frame: Utf8Bytes, delivery: bool, now: u64, bound: &Outbound) {
        if self.medium == Medium::Events && frame.starts_with("id: ") {
            *self.last.borrow_mut() = frame.clone();
        }
        let pushed = self.outbox.borrow_mut().push(frame, delivery, now, bound);
        match pushed {
            Pushed::First => self.bell.ring(),
            Pushed::Behind | Pushed::Ignored => {}
            Pushed::Overflow => {
                if let Some(line) = &self.line {
                    line.cut(Severed::Slow);
                }
                self.signal();
            }
        }
    }

    /// Lets a message from the history wait, in the connection's medium.
    pub(crate) fn send_missed(&self, frame: Utf8Bytes, now: u64) {
        if self.medium == Medium::Events {
            *self.last.borrow_mut() = frame.clone();
        }
        self.outbox.borrow_mut().push_missed(frame, now);
        self.bell.ring();
    }

    /// Where a stream stands when everything that waits has been written.
    pub(crate) fn place(&self) -> Option<Position> {
        protocol::parts(&self.last.borrow()).0
    }

    /// The next frame to write.
    pub(crate) fn next(&self) -> Option<Outgoing> {
        self.outbox.borrow_mut().pop()
    }

    /// Whether anything waits to be written.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.outbox.borrow().is_empty()
    }

    /// Whether it has fallen too far behind.
    pub(crate) fn is_slow(&self) -> bool {
        self.outbox.borrow().is_slow()
    }

    /// Tells the owner that something other than frames has changed.
    pub(crate) fn signal(&self) {
        self.signal.set(true);
        self.bell.ring();
    }

    /// Whether something has changed since the last call.
    pub(crate) fn take_signal(&self) -> bool {
        self.signal.replace(false)
    }

    /// Remembers whom to wake.
    pub(crate) fn register(&self, context: &Context<'_>) {
        self.bell.register(context);
    }
}
