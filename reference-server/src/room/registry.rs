//! The table of rooms, and the order in which everything about a room reaches the workers.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::sync::{Notify, oneshot};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::channel::{Channel, Message, Step};
use crate::{
    auth::User,
    broker::{Broker, Event, Events, Publication, Room},
    faults::Cut,
    history::Position,
    peer::PeerId,
    protocol::{self, Code, Head},
    queue::Queue,
    stats::Stats,
    time,
};

/// How long after messages were thrown away every room is looked at (microseconds): the more of them, the less it helps
/// to do so at once. Rooms in which somebody goes on talking notice by themselves.
const RESYNC_PAUSE: u64 = 200_000;

/// What a worker is told, in the order in which it is to act.
#[derive(Debug)]
pub(crate) enum ToWorker {
    /// A frame for every local member of a room; `message` if it counts as a delivery.
    Deliver { room: Room, frame: Utf8Bytes, message: bool },
    /// A join is done: everything after `position` will be delivered.
    Joined { peer: PeerId, room: Room, join: u64, position: Option<Position> },
    /// A frame for one connection.
    Reply { peer: PeerId, frame: Utf8Bytes },
    /// The instance goes away.
    Drain,
    /// Who is there?
    List(oneshot::Sender<Vec<(Arc<User>, PeerId)>>),
    /// Cut a connection.
    Cut { peer: PeerId, cut: Cut },
}

/// Where a worker finds what it is told.
pub(crate) type Inbox = Queue<ToWorker>;

/// A connection that wants to be in a room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JoinRequest {
    pub(crate) worker: usize,
    pub(crate) peer: PeerId,
    /// Comes back with the answer.
    pub(crate) join: u64,
}

/// See the module.
pub(crate) struct Registry {
    table: Mutex<Table>,
    broker: Arc<dyn Broker>,
    inboxes: Vec<Arc<Inbox>>,
    stats: Arc<Stats>,
    instance: Arc<str>,
    linger: u64,
    max_rooms: usize,
    lingers: Notify,
}

#[derive(Default)]
struct Table {
    rooms: HashMap<Room, Entry>,
    generation: u64,
    /// Rooms that were left by their last member, in the order of their end; each at most once.
    lingering: VecDeque<(u64, Room)>,
}

struct Entry {
    generation: u64,
    channel: Channel,
    /// Members and joins in flight, by worker.
    members: Vec<u32>,
    waiting: Vec<JoinRequest>,
    /// When to give the room up, while it has no members.
    until: Option<u64>,
    lingers: bool,
}

impl Registry {
    pub(crate) fn new(
        instance: Arc<str>,
        config: &crate::config::Config,
        broker: Arc<dyn Broker>,
        inboxes: Vec<Arc<Inbox>>,
        stats: Arc<Stats>,
    ) -> Self {
        let (linger, max_rooms) = (time::as_micros(config.linger), config.limits.rooms);
        let (table, lingers) = (Mutex::default(), Notify::new());
        Self { table, broker, inboxes, stats, instance, linger, max_rooms, lingers }
    }

    /// Adds a connection to a room. The answer comes through the worker's inbox, in order with the messages.
    pub(crate) fn join(&self, name: &str, request: JoinRequest) -> Result<Room, Code> {
        let mut table = self.lock();
        let room = match table.rooms.get_key_value(name) {
            Some((room, _)) => Arc::clone(room),
            None if table.rooms.len() >= self.max_rooms => return Err(Code::Limit),
            None => self.open(&mut table, name),
        };
        // Invariant: the room was found or opened just above.
        let entry = table.rooms.get_mut(&room).expect("the room is in the table");
        if entry.members.iter().all(|&count| count == 0) {
            self.stats.rooms.rooms.add(1);
        }
        entry.members[request.worker] += 1;
        entry.until = None;
        match entry.channel.live() {
            Some(position) => self.settle(&room, request, position),
            None => entry.waiting.push(request),
        }
        Ok(room)
    }

    /// Takes a connection out of a room it has joined or is joining.
    pub(crate) fn leave(&self, room: &Room, request: JoinRequest) {
        let mut table = self.lock();
        let Some(entry) = table.rooms.get_mut(room) else { return };
        entry.waiting.retain(|waiting| (waiting.peer, waiting.join) != (request.peer, request.join));
        entry.members[request.worker] -= 1;
        if entry.members.iter().any(|&count| count > 0) {
            return;
        }
        self.stats.rooms.rooms.add(-1);
        let until = time::micros() + self.linger;
        entry.until = Some(until);
        if !std::mem::replace(&mut entry.lingers, true) {
            table.lingering.push_back((until, Arc::clone(room)));
            self.lingers.notify_one();
        }
    }

    /// Where a room stands, if it is known right now.
    pub(crate) fn position(&self, room: &Room) -> Option<Option<Position>> {
        self.lock().rooms.get(room).and_then(|entry| entry.channel.live())
    }

    /// Where a worker finds what it is told.
    pub(crate) fn inbox(&self, worker: usize) -> Arc<Inbox> {
        Arc::clone(&self.inboxes[worker])
    }

    /// Hands a message to the broker.
    pub(crate) fn publish(&self, publication: Publication) {
        self.broker.publish(publication);
    }

    /// Tells a worker something about one of its connections.
    pub(crate) fn tell(&self, worker: usize, message: ToWorker) {
        self.inboxes[worker].push(message, 0);
    }

    /// Brings what the broker says to the workers, for ever. Waits for workers that are behind, so that what cannot be
    /// worked off yet stays where it is bounded.
    pub(crate) async fn pump(&self, events: &Events) {
        let mut batch = VecDeque::new();
        let mut resync_at = u64::MAX;
        loop {
            if resync_at == u64::MAX {
                events.take(&mut batch).await;
            } else {
                // Either way there is something to do now.
                let _in_time = tokio::time::timeout_at(time::deadline(resync_at), events.take(&mut batch)).await;
            }
            for event in batch.drain(..) {
                self.handle(event);
                for inbox in &self.inboxes {
                    inbox.room().await;
                }
            }
            let now = time::micros();
            if events.take_overflow() {
                self.stats.rooms.overflows.add(1);
                resync_at = resync_at.min(now + RESYNC_PAUSE);
            }
            if now >= resync_at {
                resync_at = u64::MAX;
                self.broker.resync();
            }
        }
    }

    /// Gives up rooms whose time is over, for ever.
    pub(crate) async fn sweep(&self) {
        loop {
            let next = self.give_up(time::micros());
            match next {
                Some(until) => tokio::time::sleep_until(time::deadline(until)).await,
                None => self.lingers.notified().await,
            }
        }
    }

    /// Gives up rooms whose time is over by `now`; when the next one's is.
    fn give_up(&self, now: u64) -> Option<u64> {
        let mut table = self.lock();
        loop {
            let until = table.lingering.front()?.0;
            if until > now {
                return Some(until);
            }
            let (_, room) = table.lingering.pop_front()?;
            let Some(entry) = table.rooms.get_mut(&room) else { continue };
            match entry.until {
                Some(until) if until <= now => {
                    table.rooms.remove(&room);
                    self.broker.unsubscribe(&room);
                }
                Some(until) => table.lingering.push_back((until, room)),
                None => entry.lingers = false,
            }
        }
    }

    fn open(&self, table: &mut Table, name: &str) -> Room {
        let room = Room::from(name);
        table.generation += 1;
        let entry = Entry {
            generation: table.generation,
            channel: Channel::default(),
            members: vec![0; self.inboxes.len()],
            waiting: Vec::new(),
            until: None,
            lingers: false,
        };
        self.broker.subscribe(&room, entry.generation);
        table.rooms.insert(Arc::clone(&room), entry);
        room
    }

    fn handle(&self, event: Event) {
        let mut table = self.lock();
        match event {
            Event::Message(arrival) => {
                // A room given up a moment ago may still be heard.
                let Some((room, entry)) = find(&mut table, &arrival.room) else { return };
                let steps = entry.channel.message(Message::from(arrival));
                self.carry_out(&room, entry, steps);
            }
            Event::Subscribed { room, generation, position } => {
                let Some((room, entry)) = find(&mut table, &room) else { return };
                if entry.generation == generation {
                    self.stats.rooms.resubscribes.add(u64::from(entry.channel.was_live()));
                    let steps = entry.channel.subscribed(position);
                    self.carry_out(&room, entry, steps);
                }
            }
            Event::History { room, generation, entries, position } => {
                let Some((room, entry)) = find(&mut table, &room) else { return };
                if entry.generation == generation {
                    let steps = entry.channel.history(entries, position, time::micros());
                    self.carry_out(&room, entry, steps);
                }
            }
            Event::Down => table.rooms.values_mut().for_each(|entry| entry.channel.down()),
        }
    }

    fn carry_out(&self, room: &Room, entry: &mut Entry, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Deliver(message) => self.deliver(room, entry, &message),
                Step::Gap { before, position } => {
                    self.stats.rooms.gaps.add(1);
                    self.fan_out(room, entry, &protocol::gap(room, before, position), false);
                }
                Step::Settle(position) => {
                    for request in std::mem::take(&mut entry.waiting) {
                        self.settle(room, request, position);
                    }
                }
                Step::Ask(after) => self.broker.history(room, entry.generation, after),
                Step::Repeat => self.stats.rooms.repeats.add(1),
            }
        }
    }

    /// Encodes a message once for everybody here.
    fn deliver(&self, room: &Room, entry: &Entry, message: &Message) {
        let Message { position, tail, received, replayed } = message;
        let (position, tsub, tout, replayed) = (*position, *received, time::micros(), *replayed);
        let head = Head { position, via: &self.instance, tsub, tout, replayed };
        match head.encode(tail) {
            Some(frame) => {
                self.stats.rooms.fanouts.add(1);
                self.stats.rooms.replayed.add(u64::from(replayed));
                self.fan_out(room, entry, &frame, true);
            }
            None => self.stats.broker.foreign.add(1),
        }
    }

    fn fan_out(&self, room: &Room, entry: &Entry, frame: &Utf8Bytes, message: bool) {
        let interested = self.inboxes.iter().zip(&entry.members).filter(|(_, members)| **members > 0);
        for (inbox, _) in interested {
            let room = Arc::clone(room);
            inbox.push(ToWorker::Deliver { room, frame: frame.clone(), message }, frame.len());
        }
    }

    fn settle(&self, room: &Room, request: JoinRequest, position: Option<Position>) {
        let JoinRequest { worker, peer, join } = request;
        self.tell(worker, ToWorker::Joined { peer, room: Arc::clone(room), join, position });
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Invariant: nothing panics while this lock is held.
        self.table.lock().expect("room table lock is never poisoned")
    }
}

fn find<'a>(table: &'a mut Table, room: &Room) -> Option<(Room, &'a mut Entry)> {
    let room = Arc::clone(table.rooms.get_key_value(room)?.0);
    let entry = table.rooms.get_mut(&room)?;
    Some((room, entry))
}
