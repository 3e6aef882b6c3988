//! What is under way between a scripted peer and its clients, in the order in which it arrives.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::{CloseReason, Conn, ConnectError, Frame, Item, Opening, Outbox, Peer, Say};
use crate::time::Timestamp;

/// Frames under way to one client before it counts as a slow consumer and is closed with 4202.
const UNDER_WAY: usize = 1 << 16;

/// The peer and everything under way. Locked for each step: this is a simulation, not a hot path.
pub(super) struct Hub {
    pub(super) peer: Box<dyn Peer>,
    pub(super) lines: BTreeMap<Conn, Line>,
    opened: u32,
    sequence: u64,
}

/// The way to one client.
#[derive(Default)]
pub(super) struct Line {
    under_way: BTreeMap<(Timestamp, u64), Item>,
    /// Who waits for the next arrival.
    pub(super) waker: Option<Waker>,
    heard: Timestamp,
    keep_alive: Option<Duration>,
    silent_from: Option<Timestamp>,
    /// The peer knows that the client has gone.
    pub(super) left: bool,
}

/// The hub; a panic elsewhere does not matter here.
pub(super) fn lock(hub: &Mutex<Hub>) -> MutexGuard<'_, Hub> {
    hub.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// Nobody is connected yet.
    pub(super) fn new(peer: Box<dyn Peer>) -> Self {
        Self { peer, lines: BTreeMap::new(), opened: 0, sequence: 0 }
    }

    /// A client connects; how long that takes.
    pub(super) fn open(
        &mut self,
        url: usize,
        opening: &Opening,
        now: Timestamp,
    ) -> Result<(Conn, Duration), ConnectError> {
        let conn = Conn(self.opened);
        self.opened += 1;
        let mut outbox = Outbox::default();
        let takes = self.peer.opened(conn, url, opening, now, &mut outbox)?;
        self.lines.insert(conn, Line { heard: now, ..Line::default() });
        self.dispatch(outbox);
        Ok((conn, takes))
    }

    /// The client's frames reach the peer.
    pub(super) fn hear(&mut self, conn: Conn, frames: &mut Vec<Frame>, now: Timestamp) {
        let mut outbox = Outbox::default();
        for frame in frames.drain(..) {
            self.peer.frame(conn, frame, now, &mut outbox);
        }
        self.dispatch(outbox);
    }

    /// Tells the peer, once, that the client closes (and is owed an answer) or has vanished.
    pub(super) fn leave(&mut self, conn: Conn, now: Timestamp, answer: Option<CloseReason>) {
        let Some(line) = self.lines.get_mut(&conn) else { return };
        if std::mem::replace(&mut line.left, true) {
            return;
        }
        let mut outbox = Outbox::default();
        self.peer.closed(conn, now, &mut outbox);
        if let Some(reason) = answer {
            outbox.close(conn, now, reason);
        }
        self.dispatch(outbox);
    }

    fn dispatch(&mut self, outbox: Outbox) {
        for (conn, say) in outbox.entries {
            let Some(line) = self.lines.get_mut(&conn) else { continue };
            match say {
                Say::KeepAlive(every) => line.keep_alive = Some(every),
                Say::Silence(at) => line.silent_from = Some(at),
                Say::Arrive(at, item) => {
                    let full = line.under_way.len() >= UNDER_WAY;
                    let slow = || Item::End(CloseReason::Code(4202, "slow consumer".to_owned()));
                    line.under_way.insert((at, self.sequence), if full { slow() } else { item });
                    self.sequence += 1;
                }
            }
            if let Some(waker) = line.waker.take() {
                waker.wake();
            }
        }
    }
}

impl Line {
    /// What has arrived by `now`, or when the next thing will.
    pub(super) fn next(&mut self, now: Timestamp) -> Result<(Timestamp, Item), Option<Timestamp>> {
        let Some(first) = self.under_way.first_entry() else { return Err(None) };
        let at = first.key().0;
        if self.silent_from.is_some_and(|from| at >= from) {
            return Err(None);
        }
        if at > now {
            return Err(Some(at));
        }
        self.heard = self.heard.max(at);
        Ok((at, first.remove()))
    }

    /// When the client last heard something, pings included.
    pub(super) fn last_heard(&self, now: Timestamp) -> Timestamp {
        let until = self.silent_from.map_or(now, |from| from.min(now));
        let Some(every) = self.keep_alive.filter(|every| !every.is_zero()) else { return self.heard };
        let quiet = crate::time::nanos(until.since(self.heard));
        self.heard + Duration::from_nanos(quiet - quiet % crate::time::nanos(every))
    }
}
