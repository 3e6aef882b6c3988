//! A connection as the rest of its worker sees it: what waits to be written to it, the rooms it is in, and how to wake
//! its owner. Lives on one thread; no locks.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
    task::{Context, Waker},
};

use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    auth::User,
    broker::Room,
    config::Outbound,
    faults::Cut,
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
    waker: RefCell<Option<Waker>>,
    signal: Cell<bool>,
    memberships: RefCell<Vec<Membership>>,
    /// When this connection is to be closed because the instance goes away; 0 if it does not.
    pub(crate) drain_at: Cell<u64>,
    cut: Cell<Option<Box<Cut>>>,
    /// Its end has begun: nothing is to be done to it any more.
    pub(crate) ending: Cell<bool>,
}

/// A room a connection is in or wants to be in.
#[derive(Debug)]
pub(crate) struct Membership {
    pub(crate) room: Room,
    /// Tells the answer to this join from answers to an earlier one.
    pub(crate) join: u64,
    pub(crate) state: Joining,
    /// Has asked for the last messages and has no answer yet.
    pub(crate) looks: bool,
}

/// How far a join is.
#[derive(Debug)]
pub(crate) enum Joining {
    /// Asked; the time until which to wait, and the client's `ref`.
    Waiting { until: u64, reference: Option<Box<str>> },
    /// Done: the place in the worker's list of the room's members.
    Member { index: usize },
}

/// What waits to be written.
#[derive(Debug, Default)]
struct Outbox {
    frames: VecDeque<Outgoing>,
    /// Those of them that count against the bound.
    counted: usize,
    bytes: usize,
    slow: bool,
}

/// A connection that is written to by somebody who does not look at its peers while writing.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waker: RefCell<Option<Waker>>,
    cut: Cell<bool>,
}

impl Line {
    /// Whether to give the connection up; otherwise wakes `context` when it is to be.
    pub(crate) fn is_cut(&self, context: &Context<'_>) -> bool {
        remember(&self.waker, context);
        self.cut.get()
    }

    fn cut(&self) {
        self.cut.set(true);
        wake(&self.waker);
    }
}

/// A frame that waits.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) frame: Utf8Bytes,
    /// Counts as a delivery when written.
    pub(crate) delivery: bool,
    /// Counts against the bound of what may wait.
    counted: bool,
    since: u64,
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
            waker: RefCell::default(),
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

    /// Has the owner cut the connection.
    pub(crate) fn cut(&self, cut: Cut) {
        self.cut.set(Some(Box::new(cut)));
        self.signal();
    }

    /// How the connection is to be cut, if it is.
    pub(crate) fn take_cut(&self) -> Option<Box<Cut>> {
        self.cut.take()
    }

    /// Lets a frame wait, and wakes the owner. A connection that has fallen too far behind loses everything that waits
    /// and is marked slow instead.
    pub(crate) fn send(&self, frame: Utf8Bytes, delivery: bool, now: u64, bound: &Outbound) {
        let mut outbox = self.outbox.borrow_mut();
        if outbox.slow {
            return;
        }
        let late = outbox.frames.front().is_some_and(|front| now > front.since + time::as_micros(bound.age));
        if late || outbox.counted >= bound.frames || outbox.bytes + frame.len() > bound.bytes {
            *outbox = Outbox { slow: true, ..Outbox::default() };
            drop(outbox);
            if let Some(line) = &self.line {
                line.cut();
            }
            return self.signal();
        }
        if self.medium == Medium::Events && frame.starts_with("id: ") {
            *self.last.borrow_mut() = frame.clone();
        }
        (outbox.bytes, outbox.counted) = (outbox.bytes + frame.len(), outbox.counted + 1);
        outbox.frames.push_back(Outgoing { frame, delivery, counted: true, since: now });
        let first = outbox.frames.len() == 1;
        drop(outbox);
        if first {
            wake(&self.waker);
        }
    }

    /// Where a stream stands when everything that waits has been written.
    pub(crate) fn place(&self) -> Option<Position> {
        protocol::parts(&self.last.borrow()).0
    }

    /// Lets messages from the history wait, which are bounded by its length and shared by all who have missed them.
    pub(crate) fn send_missed(&self, frame: Utf8Bytes, now: u64) {
        let mut outbox = self.outbox.borrow_mut();
        if !outbox.slow {
            if self.medium == Medium::Events {
                *self.last.borrow_mut() = frame.clone();
            }
            outbox.frames.push_back(Outgoing { frame, delivery: true, counted: false, since: now });
            drop(outbox);
            wake(&self.waker);
        }
    }

    /// The next frame to write.
    pub(crate) fn next(&self) -> Option<Outgoing> {
        let mut outbox = self.outbox.borrow_mut();
        let next = outbox.frames.pop_front();
        match &next {
            Some(Outgoing { frame, counted: true, .. }) => {
                outbox.bytes -= frame.len();
                outbox.counted -= 1;
            }
            Some(_) => {}
            None if outbox.frames.capacity() > 64 => outbox.frames.shrink_to(4),
            None => {}
        }
        next
    }

    /// Whether anything waits to be written.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.outbox.borrow().frames.is_empty()
    }

    /// Whether it has fallen too far behind.
    pub(crate) fn is_slow(&self) -> bool {
        self.outbox.borrow().slow
    }

    /// Tells the owner that something other than frames has changed.
    pub(crate) fn signal(&self) {
        self.signal.set(true);
        wake(&self.waker);
    }

    /// Whether something has changed since the last call.
    pub(crate) fn take_signal(&self) -> bool {
        self.signal.replace(false)
    }

    /// Remembers whom to wake.
    pub(crate) fn register(&self, context: &Context<'_>) {
        remember(&self.waker, context);
    }

    /// Works on a membership, if there is one of this room.
    pub(crate) fn membership<T>(&self, room: &str, work: impl FnOnce(&mut Membership) -> T) -> Option<T> {
        self.memberships.borrow_mut().iter_mut().find(|membership| &*membership.room == room).map(work)
    }

    pub(crate) fn add_membership(&self, membership: Membership) {
        self.memberships.borrow_mut().push(membership);
    }

    pub(crate) fn remove_membership(&self, room: &str) -> Option<Membership> {
        let mut memberships = self.memberships.borrow_mut();
        let at = memberships.iter().position(|membership| &*membership.room == room)?;
        Some(memberships.swap_remove(at))
    }

    /// The rooms it is in.
    pub(crate) fn rooms(&self) -> Vec<Room> {
        let member = |m: &&Membership| matches!(m.state, Joining::Member { .. });
        self.memberships.borrow().iter().filter(member).map(|membership| Arc::clone(&membership.room)).collect()
    }

    /// Takes all of them.
    pub(crate) fn take_memberships(&self) -> Vec<Membership> {
        std::mem::take(&mut self.memberships.borrow_mut())
    }

    pub(crate) fn membership_count(&self) -> usize {
        self.memberships.borrow().len()
    }

    /// The earliest time a waiting join has to be answered by.
    pub(crate) fn next_join_deadline(&self) -> Option<u64> {
        let until = |membership: &Membership| match membership.state {
            Joining::Waiting { until, .. } => Some(until),
            Joining::Member { .. } => None,
        };
        self.memberships.borrow().iter().filter_map(until).min()
    }

    /// A room whose join should have been answered by now.
    pub(crate) fn overdue(&self, now: u64) -> Option<Room> {
        let overdue = |m: &&Membership| matches!(m.state, Joining::Waiting { until, .. } if until <= now);
        self.memberships.borrow().iter().find(overdue).map(|membership| membership.room.clone())
    }
}

fn remember(waker: &RefCell<Option<Waker>>, context: &Context<'_>) {
    let mut waker = waker.borrow_mut();
    if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
        *waker = Some(context.waker().clone());
    }
}

fn wake(waker: &RefCell<Option<Waker>>) {
    if let Some(waker) = &*waker.borrow() {
        waker.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> Peer {
        Peer::new(PeerId { slot: 0, generation: 0 }, 0, Transport::WebSocket, None)
    }

    #[test]
    fn each_bound_makes_a_connection_slow_and_frees_what_waits() {
        let bound = Outbound { frames: 3, bytes: 100, age: std::time::Duration::from_secs(1) };
        let check = |frames: &[(usize, u64)], slow| {
            let peer = peer();
            for &(length, now) in frames {
                peer.send("x".repeat(length).into(), true, now, &bound);
            }
            assert_eq!(peer.is_slow(), slow, "{frames:?}");
            assert_eq!(peer.next().is_none(), slow);
        };
        check(&[(1, 0), (1, 0), (1, 0)], false);
        check(&[(1, 0), (1, 0), (1, 0), (1, 0)], true);
        check(&[(50, 0), (50, 0)], false);
        check(&[(50, 0), (51, 0)], true);
        check(&[(1, 0), (1, 1_000_000)], false);
        check(&[(1, 0), (1, 1_000_001)], true);
    }

    #[test]
    fn writing_makes_room_again() {
        let bound = Outbound { frames: 2, bytes: 100, age: std::time::Duration::from_secs(1) };
        let peer = peer();
        for n in 0..10 {
            peer.send("x".repeat(60).into(), true, n, &bound);
            assert!(peer.next().is_some());
        }
        assert!(!peer.is_slow());
    }

    #[test]
    fn what_was_missed_does_not_count_against_the_bound() {
        let bound = Outbound { frames: 2, bytes: 100, age: std::time::Duration::from_secs(1) };
        let peer = peer();
        (0..50).for_each(|_| peer.send_missed("x".repeat(60).into(), 0));
        peer.send("x".into(), true, 0, &bound);
        peer.send("x".into(), true, 0, &bound);
        assert!(!peer.is_slow());
        (0..52).for_each(|_| assert!(peer.next().is_some()));
        assert!(peer.next().is_none());
        (0..3).for_each(|_| peer.send("x".into(), true, 0, &bound));
        assert!(peer.is_slow(), "what has been written is not counted any more");
    }
}
