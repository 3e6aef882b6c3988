//! The table of rooms: who is in them, and how long they are listened to.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

use super::{
    channel::Channel,
    inbox::{Inbox, JoinRequest, ToWorker},
    people::People,
    recall::Recall,
};
use crate::{
    broker::{Broker, NOTIFY, Publication, PublishError, Room},
    history::Position,
    protocol::{Code, Medium},
    stats::Stats,
    time,
};

/// See the module.
pub(crate) struct Registry {
    table: Mutex<Table>,
    /// Who has a connection here.
    pub(crate) people: People,
    pub(super) broker: Arc<dyn Broker>,
    pub(super) inboxes: Vec<Arc<Inbox>>,
    pub(super) stats: Arc<Stats>,
    pub(super) instance: Arc<str>,
    numbers: AtomicU64,
    linger: u64,
    max_rooms: usize,
    lingers: Notify,
}

#[derive(Default)]
pub(super) struct Table {
    pub(super) rooms: HashMap<Room, Entry>,
    /// Rooms that were left by their last member, in the order of their end; each at most once.
    lingering: VecDeque<(u64, Room)>,
}

pub(super) struct Entry {
    pub(super) generation: u64,
    pub(super) channel: Channel,
    /// Members and joins in flight, by worker.
    pub(super) members: Vec<u32>,
    /// How many of them are streams.
    pub(super) streams: u32,
    pub(super) waiting: Vec<JoinRequest>,
    pub(super) recall: Recall,
    /// Listened to whether there are members or not.
    pub(super) pinned: bool,
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
        let (table, people, numbers, lingers) = (Mutex::default(), People::new(inboxes.len()), 0.into(), Notify::new());
        Self { table, people, broker, inboxes, stats, instance, numbers, linger, max_rooms, lingers }
    }

    /// Listens to the notifications, for ever.
    pub(crate) fn listen(&self) {
        let mut table = self.lock();
        let room = self.open(&mut table, NOTIFY);
        if let Some(entry) = table.rooms.get_mut(&room) {
            entry.pinned = true;
        }
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
        if !entry.pinned && entry.members.iter().all(|&count| count == 0) {
            self.stats.rooms.rooms.add(1);
        }
        entry.members[request.worker] += 1;
        entry.streams += u32::from(request.medium == Medium::Events);
        entry.until = None;
        match entry.channel.live() {
            Some(position) => self.admit(&room, entry, request, position),
            None => entry.waiting.push(request),
        }
        Ok(room)
    }

    /// Takes a connection out of a room it has joined or is joining.
    pub(crate) fn leave(&self, room: &Room, request: &JoinRequest) {
        let mut table = self.lock();
        let Some(entry) = table.rooms.get_mut(room) else { return };
        entry.waiting.retain(|waiting| (waiting.peer, waiting.join) != (request.peer, request.join));
        entry.recall.forget(request);
        entry.members[request.worker] -= 1;
        entry.streams -= u32::from(request.medium == Medium::Events);
        if entry.pinned || entry.members.iter().any(|&count| count > 0) {
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

    /// Tells a member where its room stands, in order with the messages.
    pub(crate) fn stand(&self, room: &str, request: &JoinRequest) {
        let table = self.lock();
        if let Some(entry) = table.rooms.get(room) {
            self.tell(request.worker, ToWorker::Standing { peer: request.peer, position: entry.channel.last() });
        }
    }

    /// Where a worker finds what it is told.
    pub(crate) fn inbox(&self, worker: usize) -> Arc<Inbox> {
        Arc::clone(&self.inboxes[worker])
    }

    /// Hands a message to the broker.
    pub(crate) fn publish(&self, publication: Publication) {
        self.broker.publish(publication);
    }

    /// Counts a publication that came to nothing.
    pub(crate) fn failed(&self, error: PublishError) {
        self.stats.rooms.publish_errors.add(1);
        self.stats.rooms.unconfirmed.add(u64::from(error == PublishError::Unconfirmed));
    }

    /// Tells a worker something about one of its connections.
    pub(crate) fn tell(&self, worker: usize, message: ToWorker) {
        self.inboxes[worker].push(message, 0);
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
        let entry = Entry {
            generation: self.number(),
            channel: Channel::default(),
            members: vec![0; self.inboxes.len()],
            streams: 0,
            waiting: Vec::new(),
            recall: Recall::default(),
            pinned: false,
            until: None,
            lingers: false,
        };
        self.broker.subscribe(&room, entry.generation);
        table.rooms.insert(Arc::clone(&room), entry);
        room
    }

    /// A number for a wish or a question; never used twice.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Table> {
        // Invariant: nothing panics while this lock is held.
        self.table.lock().expect("room table lock is never poisoned")
    }
}
