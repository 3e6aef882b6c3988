//! A thread that owns connections: accepts them, runs one task for each, and fans messages out to them.

mod alarm;
mod faulty;

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
use crate::{
    auth::User,
    broker::Room,
    drain, endpoint,
    faults::Cut,
    history::Position,
    peer::{Joining, Membership, Peer, PeerId},
    protocol::{self, Code},
    room::{Inbox, JoinRequest, ToWorker},
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
    joins: Cell<u64>,
    messages: Cell<u64>,
    draining: CancellationToken,
    /// Told when the last connection has gone.
    empty: Notify,
    faulty: Option<Faulty>,
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
        let (slots, rooms, joins, messages, draining, empty) = Default::default();
        let faulty = shared.faults.clone().map(Faulty::new);
        Rc::new(Self { index, shared, stats, slots, rooms, joins, messages, draining, empty, faulty })
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
                    ToWorker::Deliver { room, frame, message } => {
                        delivered += self.fan_out(&room, &frame, message, now)
                    }
                    ToWorker::Joined { peer, room, join, position } => self.joined(peer, &room, join, position, now),
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

    fn fan_out(&self, room: &Room, frame: &Utf8Bytes, message: bool, now: u64) -> usize {
        if let Some(faulty) = self.faulty.as_ref().filter(|faulty| message && faulty.is_active()) {
            return self.fan_out_faulty(faulty, room, frame);
        }
        let rooms = self.rooms.borrow();
        let Some(members) = rooms.get(room) else { return 0 };
        for peer in members {
            peer.send(frame.clone(), message, now, &self.shared.config.outbound);
        }
        members.len()
    }

    fn reply(&self, id: PeerId, frame: Utf8Bytes, now: u64) {
        if let Some(peer) = self.peer(id) {
            peer.send(frame, false, now, &self.shared.config.outbound);
        }
    }

    /// A join is done, unless the connection has gone or changed its mind.
    fn joined(&self, id: PeerId, room: &Room, join: u64, position: Option<Position>, now: u64) {
        let Some(peer) = self.peer(id) else { return };
        let mut rooms = self.rooms.borrow_mut();
        let members = rooms.entry(Arc::clone(room)).or_default();
        let answer = peer.membership(room, |membership| {
            if membership.join != join {
                return None;
            }
            let state = std::mem::replace(&mut membership.state, Joining::Member { index: members.len() });
            let Joining::Waiting { reference, .. } = state else { return None };
            Some(protocol::joined(room, position, reference.as_deref(), &self.shared.name))
        });
        if let Some(Some(frame)) = answer {
            members.push(Rc::clone(&peer));
            self.stats.members.add(1);
            self.answer_join(&peer, room, frame, now);
            peer.signal();
        }
        if members.is_empty() {
            rooms.remove(room);
        }
    }

    /// A new connection.
    pub(crate) fn enter(&self) -> Rc<Peer> {
        let mut slots = self.slots.borrow_mut();
        let slot = slots.free.pop().unwrap_or_else(|| {
            slots.peers.push((0, None));
            (slots.peers.len() - 1) as u32
        });
        let (generation, entry) = &mut slots.peers[slot as usize];
        *generation += 1;
        let peer = Rc::new(Peer::new(PeerId { slot, generation: *generation }));
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
        self.empty.notify_one();
    }

    /// Out of every room, without a word. Harmless when repeated.
    pub(crate) fn leave_all(&self, peer: &Rc<Peer>) {
        for membership in peer.take_memberships() {
            self.unlist(peer, membership);
        }
    }

    /// A number no other message of this worker has.
    pub(crate) fn number_message(&self) -> u64 {
        self.messages.set(self.messages.get() + 1);
        self.messages.get()
    }

    /// Begins a join; what comes of it reaches the connection as a frame.
    pub(crate) fn join(&self, peer: &Rc<Peer>, name: &str, reference: Option<&str>, now: u64) -> Result<(), Code> {
        let known = peer.membership(name, |m| (m.room.clone(), matches!(m.state, Joining::Member { .. })));
        match known {
            Some((_, false)) => return Ok(()),
            Some((room, true)) => {
                let position = self.shared.registry.position(&room).ok_or(Code::Unavailable)?;
                let frame = protocol::joined(name, position, reference, &self.shared.name);
                peer.send(frame, false, now, &self.shared.config.outbound);
                return Ok(());
            }
            None => {}
        }
        if peer.membership_count() >= self.shared.config.limits.rooms_per_connection {
            return Err(Code::Limit);
        }
        let join = self.joins.get() + 1;
        self.joins.set(join);
        let room = self.shared.registry.join(name, JoinRequest { worker: self.index, peer: peer.id, join })?;
        let until = now + time::as_micros(self.shared.config.join_timeout);
        let state = Joining::Waiting { until, reference: reference.map(Box::from) };
        peer.add_membership(Membership { room, join, state });
        Ok(())
    }

    /// Ends a membership or a join; whether there was one. Gives back the `ref` of a join that was still waiting.
    pub(crate) fn leave(&self, peer: &Rc<Peer>, name: &str) -> Option<Option<Box<str>>> {
        peer.remove_membership(name).map(|membership| self.unlist(peer, membership))
    }

    fn unlist(&self, peer: &Rc<Peer>, membership: Membership) -> Option<Box<str>> {
        let Membership { room, join, state } = membership;
        let reference = match state {
            Joining::Waiting { reference, .. } => reference,
            Joining::Member { index } => {
                self.remove_member(&room, index);
                None
            }
        };
        self.shared.registry.leave(&room, JoinRequest { worker: self.index, peer: peer.id, join });
        reference
    }

    fn remove_member(&self, room: &Room, index: usize) {
        let mut rooms = self.rooms.borrow_mut();
        let Some(members) = rooms.get_mut(room) else { return };
        members.swap_remove(index);
        self.stats.members.add(-1);
        if let Some(moved) = members.get(index) {
            moved.membership(room, |membership| membership.state = Joining::Member { index });
        }
        if members.is_empty() {
            rooms.remove(room);
        }
    }

    /// Everybody who has proved who they are.
    fn users(&self) -> Vec<(Arc<User>, PeerId)> {
        let slots = self.slots.borrow();
        slots
            .peers
            .iter()
            .filter_map(|(_, peer)| peer.as_ref())
            .filter_map(|peer| Some((peer.user()?, peer.id)))
            .collect()
    }

    fn cut(&self, id: PeerId, cut: Cut) {
        if let Some(peer) = self.peer(id) {
            peer.cut(cut);
        }
    }

    fn peer(&self, id: PeerId) -> Option<Rc<Peer>> {
        let slots = self.slots.borrow();
        slots.peers.get(id.slot as usize)?.1.as_ref().filter(|peer| peer.id == id).cloned()
    }

    /// Gives every connection its moment to be closed.
    fn drain(&self, now: u64) {
        self.draining.cancel();
        let config = &self.shared.config.drain;
        for peer in self.slots.borrow().peers.iter().filter_map(|(_, peer)| peer.as_ref()) {
            peer.send(drain::hint(config), false, now, &self.shared.config.outbound);
            peer.drain_at.set(drain::moment(config, now, &mut rand::rng()));
            peer.signal();
        }
    }
}
