//! A scripted peer: the whole engine without a network, in virtual time.
//!
//! A [`Peer`] is a server's logic as plain callbacks. What it says is put into an [`Outbox`] with the moment at which
//! it arrives; [`Received::at`] is exactly that moment, however coarse the runtime's timer is. [`room::RoomScript`] is
//! a peer that speaks the bundled server's protocol and misbehaves where it is told to.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use self::hub::{Hub, lock};
use super::{CloseReason, ConnectError, Connected, Connecting, Connection, Frame, Received, Traffic, Transport};
use crate::observe::{TransportKind, Word};
use crate::time::{Clock, Timestamp};
use crate::wire::Opening;

mod hub;
pub mod mutation;
pub mod room;
pub mod truth;

/// A connection, numbered in the order of opening.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Conn(pub u32);

/// A server's logic. Callbacks are made one at a time, in the order in which things happen.
pub trait Peer: Send {
    /// A client connects to URL number `url`. Returns how long the connect takes.
    ///
    /// # Errors
    /// The refusal the client is to see.
    fn opened(
        &mut self,
        conn: Conn,
        url: usize,
        opening: &Opening,
        now: Timestamp,
        outbox: &mut Outbox,
    ) -> Result<Duration, ConnectError>;

    /// A frame of the client arrives.
    fn frame(&mut self, conn: Conn, frame: Frame, now: Timestamp, outbox: &mut Outbox);

    /// The client closes or vanishes. A closing client is answered at `now`, unless a close is put into the outbox.
    fn closed(&mut self, conn: Conn, now: Timestamp, outbox: &mut Outbox);

    /// Whether the client's bytes are taken; if not, its queue is full.
    fn takes(&self, _conn: Conn) -> bool {
        true
    }
}

/// What a peer says, and when it arrives.
#[derive(Debug, Default)]
pub struct Outbox {
    entries: Vec<(Conn, Say)>,
}

#[derive(Debug)]
enum Say {
    Arrive(Timestamp, Item),
    KeepAlive(Duration),
    Silence(Timestamp),
}

#[derive(Debug)]
enum Item {
    Frame(Frame),
    End(CloseReason),
}

impl Outbox {
    /// `frame` arrives at `conn` at `at`. Frames of the same moment arrive in the order of these calls.
    pub fn send(&mut self, conn: Conn, at: Timestamp, frame: Frame) {
        self.entries.push((conn, Say::Arrive(at, Item::Frame(frame))));
    }

    /// `conn` ends at `at`; what would arrive later does not.
    pub fn close(&mut self, conn: Conn, at: Timestamp, reason: CloseReason) {
        self.entries.push((conn, Say::Arrive(at, Item::End(reason))));
    }

    /// From now on `conn` hears a ping every `every`, as far as liveness is concerned.
    pub fn keep_alive(&mut self, conn: Conn, every: Duration) {
        self.entries.push((conn, Say::KeepAlive(every)));
    }

    /// From `at` on nothing more arrives at `conn`, though it stays open.
    pub fn silence(&mut self, conn: Conn, at: Timestamp) {
        self.entries.push((conn, Say::Silence(at)));
    }
}

/// Connections to `peer`, which answers for all URLs.
pub fn scripted(peer: impl Peer + 'static) -> Arc<dyn Transport> {
    Arc::new(Script(Arc::new(Mutex::new(Hub::new(Box::new(peer))))))
}

struct Script(Arc<Mutex<Hub>>);

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

impl Transport for Script {
    fn kind(&self) -> TransportKind {
        TransportKind::WebSocket
    }

    fn connect(&self, url: usize, opening: &Opening, clock: &Clock) -> Connecting {
        let (hub, opening, clock) = (self.0.clone(), opening.clone(), clock.clone());
        Box::pin(async move {
            let opened = clock.now();
            let (conn, takes) = lock(&hub).open(url, &opening, opened)?;
            // Made before the wait, so that a client which gives up while connecting is noticed.
            let scripted = Scripted {
                hub,
                conn,
                clock: clock.clone(),
                timer: None,
                queue: Vec::new(),
                passed: Traffic::default(),
                ended: None,
            };
            if !takes.is_zero() {
                clock.sleep_until(opened + takes).await;
            }
            let stages = vec![(Word::UPGRADE, takes)];
            Ok(Connected { connection: Connection::Scripted(Box::new(scripted)), stages, headers: Vec::new() })
        })
    }
}

/// A timer and the moment it is set to.
type Timer = (Timestamp, Pin<Box<dyn Future<Output = ()> + Send>>);

/// An open connection to a scripted peer.
pub struct Scripted {
    hub: Arc<Mutex<Hub>>,
    conn: Conn,
    clock: Clock,
    timer: Option<Timer>,
    queue: Vec<Frame>,
    passed: Traffic,
    ended: Option<CloseReason>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("conn", &self.conn).field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Scripted {
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, CloseReason>> {
        if let Some(reason) = &self.ended {
            return Poll::Ready(Err(reason.clone()));
        }
        loop {
            let due = match self.take() {
                Ok((at, Item::Frame(frame))) => {
                    self.passed.read += frame.bytes().len() as u64;
                    self.passed.reads += 1;
                    return Poll::Ready(Ok(Received { frame, at }));
                }
                Ok((_, Item::End(reason))) => {
                    self.ended = Some(reason.clone());
                    lock(&self.hub).leave(self.conn, self.clock.now(), None);
                    return Poll::Ready(Err(reason));
                }
                Err(due) => due,
            };
            if let Some(line) = lock(&self.hub).lines.get_mut(&self.conn) {
                line.waker = Some(cx.waker().clone());
            }
            let Some(due) = due else { return Poll::Pending };
            if self.timer.as_ref().is_none_or(|(at, _)| *at != due) {
                let clock = self.clock.clone();
                self.timer = Some((due, Box::pin(async move { clock.sleep_until(due).await })));
            }
            let Some((_, timer)) = &mut self.timer else { return Poll::Pending };
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
        }
    }

    fn take(&mut self) -> Result<(Timestamp, Item), Option<Timestamp>> {
        let now = self.clock.now();
        lock(&self.hub).lines.get_mut(&self.conn).map_or(Err(None), |line| line.next(now))
    }

    pub(super) fn start_send(&mut self, frame: Frame) -> Result<bool, CloseReason> {
        if let Some(reason) = &self.ended {
            return Err(reason.clone());
        }
        let hub = lock(&self.hub);
        let closing = hub.lines.get(&self.conn).is_none_or(|line| line.left);
        if closing || !hub.peer.takes(self.conn) {
            return Ok(false);
        }
        self.passed.written += frame.bytes().len() as u64;
        self.passed.writes += 1;
        self.queue.push(frame);
        Ok(true)
    }

    pub(super) fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        if let Some(reason) = &self.ended {
            return Poll::Ready(Err(reason.clone()));
        }
        if !self.queue.is_empty() {
            lock(&self.hub).hear(self.conn, &mut self.queue, self.clock.now());
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn start_close(&mut self, code: u16) {
        let now = self.clock.now();
        let mut hub = lock(&self.hub);
        if !self.queue.is_empty() {
            hub.hear(self.conn, &mut self.queue, now);
        }
        hub.leave(self.conn, now, Some(CloseReason::Code(code, String::new())));
    }

    pub(super) fn take_little(&self) {}

    pub(super) fn last_heard(&self) -> Timestamp {
        let now = self.clock.now();
        lock(&self.hub).lines.get(&self.conn).map_or(now, |line| line.last_heard(now))
    }

    /// Every frame is a read or a write of its own.
    pub(super) fn take_traffic(&mut self) -> Traffic {
        std::mem::take(&mut self.passed)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        let mut hub = lock(&self.hub);
        hub.leave(self.conn, self.clock.now(), None);
        hub.lines.remove(&self.conn);
    }
}

#[cfg(test)]
mod tests;
