//! A thread that owns connections: accepts them, runs one task for each, and does what the rooms tell it.

mod alarm;
mod ends;
mod faulty;
mod members;
mod people;
mod presence;

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    rc::Rc,
    sync::Arc,
};

use tokio::{net::TcpListener, sync::Notify};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;

use self::faulty::Faulty;
pub(crate) use self::members::Wish;
use crate::{
    broker::Room,
    endpoint,
    peer::{Line, Peer, PeerId},
    protocol::Transport,
    room::{Inbox, ToWorker},
    shared::Shared,
    stats::WorkerStats,
    time,
};

/// Deliveries after which the fan-out lets connections write.
const FAN_OUT_SLICE: usize = 4_096;

/// See the module.
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) shared: Arc<Shared>,
    pub(crate) stats: Arc<WorkerStats>,
    slots: RefCell<Slots>,
    rooms: RefCell<HashMap<Room, Vec<Rc<Peer>>>>,
    /// Connections that are told when their user is notified.
    people: RefCell<HashMap<Arc<str>, Vec<Rc<Peer>>>>,
    joins: Cell<u64>,
    messages: Cell<u64>,
    draining: CancellationToken,
    /// Told when the last connection has gone.
    empty: Notify,
    faulty: Option<Faulty>,
    /// Held once by each connection that is being refused.
    pub(crate) refusals: Rc<()>,
}

#[derive(Default)]
struct Slots {
    peers: Vec<(u32, Option<Rc<Peer>>)>,
    free: Vec<u32>,
    used: usize,
}

impl Worker {
    pub(crate) fn new(index: usize, shared: Arc<Shared>) -> Rc<Self> {
        let stats = Arc::clone(&shared.stats.workers[index]);
        let (slots, rooms, people, joins, messages, draining, empty) = Default::default();
        let faulty = shared.faults.clone().map(Faulty::new);
        Rc::new(Self {
            index,
            shared,
            stats,
            slots,
            rooms,
            people,
            joins,
            messages,
            draining,
            empty,
            faulty,
            refusals: Rc::default(),
        })
    }

    /// Runs until the instance drains and every connection has gone, or `abort`.
    pub(crate) async fn run(self: Rc<Self>, listener: TcpListener, inbox: Arc<Inbox>, abort: CancellationToken) {
        let drained = async {
            self.draining.cancelled().await;
            while self.slots.borrow().used > 0 {
                self.empty.notified().await;
            }
        };
        tokio::select! {
            () = self.work(&inbox) => {}
            () = self.misbehave() => {}
            () = Rc::clone(&self).accept(listener) => {}
            () = drained => {}
            () = abort.cancelled() => {}
        }
    }

    /// Takes connections until the instance drains, and stays.
    async fn accept(self: Rc<Self>, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.draining.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => endpoint::serve(&self, stream),
                // Out of descriptors or a peer gone before it was accepted: neither is helped by trying at once.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
        drop(listener);
        std::future::pending().await
    }

    /// Does what the inbox says, for ever.
    async fn work(&self, inbox: &Inbox) {
        let mut batch = VecDeque::new();
        let mut delivered = 0;
        loop {
            inbox.take(&mut batch).await;
            self.stalled().await;
            let now = time::micros();
            while let Some(message) = batch.pop_front() {
                match message {
                    ToWorker::Deliver { room, what, message } => delivered += self.fan_out(&room, &what, message, now),
                    ToWorker::Joined { peer, room, join, entrance } => self.joined(peer, &room, join, &entrance, now),
                    ToWorker::Announce { room, what, user } => delivered += self.announce(&room, &what, &user, now),
                    ToWorker::Notify { user, what } => delivered += self.notify(&user, &what, now),
                    ToWorker::Remembered { peer, room, join, frame } => self.remembered(peer, &room, join, frame, now),
                    ToWorker::Standing { peer, position } => self.standing(peer, position, now),
                    ToWorker::Reply { peer, frame } => self.reply(peer, frame, now),
                    ToWorker::Drain => self.drain(now),
                    // Nobody asks any more when the answer comes too late.
                    ToWorker::List(answer) => drop(answer.send(self.users())),
                    ToWorker::Cut { peer, cut } => self.cut(peer, cut),
                }
                if delivered >= FAN_OUT_SLICE {
                    delivered = 0;
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// A new connection.
    pub(crate) fn enter(&self, transport: Transport, line: Option<Rc<Line>>) -> Rc<Peer> {
        let mut slots = self.slots.borrow_mut();
        let slot = slots.free.pop().unwrap_or_else(|| {
            slots.peers.push((0, None));
            (slots.peers.len() - 1) as u32
        });
        let (generation, entry) = &mut slots.peers[slot as usize];
        *generation += 1;
        let number = (self.index as u64) << 48 | self.joins.replace(self.joins.get() + 1);
        let peer = Rc::new(Peer::new(PeerId { slot, generation: *generation }, number, transport, line));
        *entry = Some(Rc::clone(&peer));
        slots.used += 1;
        if self.draining.is_cancelled() {
            peer.drain_at.set(time::micros());
        }
        peer
    }

    /// A connection has gone: out of its rooms and out of the books. Harmless when repeated.
    pub(crate) fn exit(&self, peer: &Rc<Peer>) {
        let mut slots = self.slots.borrow_mut();
        if slots.peers[peer.id.slot as usize].1.take_if(|known| known.id == peer.id).is_none() {
            return;
        }
        slots.free.push(peer.id.slot);
        slots.used -= 1;
        drop(slots);
        self.leave_all(peer);
        self.unlist_user(peer);
        self.empty.notify_one();
    }

    /// Out of every room, without a word. Harmless when repeated.
    pub(crate) fn leave_all(&self, peer: &Rc<Peer>) {
        for membership in peer.take_memberships() {
            self.unlist(peer, membership);
        }
    }

    /// An id no other message has: a JSON string.
    pub(crate) fn message_id(&self) -> String {
        self.messages.set(self.messages.get() + 1);
        let Shared { name, nonce, .. } = &*self.shared;
        format!(r#""{name}{nonce}-{}-{}""#, self.index, self.messages.get())
    }

    /// Waits until the instance goes away.
    pub(crate) async fn drains(&self) {
        self.draining.cancelled().await;
    }

    fn reply(&self, id: PeerId, frame: Utf8Bytes, now: u64) {
        if let Some(peer) = self.peer(id) {
            peer.send(frame, false, now, &self.shared.config.outbound);
        }
    }

    fn peer(&self, id: PeerId) -> Option<Rc<Peer>> {
        let slots = self.slots.borrow();
        slots.peers.get(id.slot as usize)?.1.as_ref().filter(|peer| peer.id == id).cloned()
    }
}
