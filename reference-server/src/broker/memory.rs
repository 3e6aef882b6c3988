//! Joins instances that live in one process. Same promises as Redis, no hop to measure.

mod log;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::watch;

use self::log::Log;
use super::{
    Arrival, Broker, Event, Events, Health, Presence, Publication, Room,
    book::{self, Book, Notice},
    presence::{self, Member, PresenceOptions, RosterReceipt},
};
use crate::{config::History, history::Position, time};

/// What the instances of one process share. Give each its [`view`](Self::view).
pub struct MemoryBroker {
    history: History,
    shared: Mutex<Shared>,
    health: watch::Sender<Health>,
}

#[derive(Default)]
struct Shared {
    rooms: HashMap<Room, Log>,
    book: Book,
    next_instance: usize,
    swept: u64,
}

/// One instance's view of a [`MemoryBroker`].
struct View {
    broker: Arc<MemoryBroker>,
    instance: usize,
    events: Arc<Events>,
    presence: PresenceOptions,
    wanted: Mutex<HashMap<Room, u64>>,
}

impl MemoryBroker {
    /// A broker without rooms.
    pub fn new(history: History) -> Arc<Self> {
        let health = watch::Sender::new(Health::Up);
        Arc::new(Self { history, shared: Mutex::default(), health })
    }

    /// What one instance sees of it; its events go to `events`.
    pub fn view(self: &Arc<Self>, events: Arc<Events>, presence: PresenceOptions) -> Arc<dyn Broker> {
        let mut shared = self.lock();
        shared.next_instance += 1;
        let instance = shared.next_instance;
        drop(shared);
        Arc::new(View { broker: Arc::clone(self), instance, events, presence, wanted: Mutex::default() })
    }

    /// How many instances want a room.
    pub fn subscribers(&self, room: &str) -> usize {
        self.lock().rooms.get(room).map_or(0, |log| log.subscribers.len())
    }

    /// Whether rooms remember.
    pub(crate) fn mode(&self) -> &History {
        &self.history
    }

    fn keeps(&self, room: &str) -> bool {
        self.history.keeps(room)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // Invariant: nothing panics while this lock is held.
        self.shared.lock().expect("memory broker lock is never poisoned")
    }

    /// Forgets rooms nobody has wanted or used for the history's time to live; at most once a second.
    fn sweep(&self, shared: &mut Shared, now: u64) {
        let History::Kept { ttl, .. } = self.history else { return };
        if now < shared.swept + 1_000_000 {
            return;
        }
        shared.swept = now;
        let ttl = time::as_micros(ttl);
        shared.rooms.retain(|_, log| !log.subscribers.is_empty() || now < log.used + ttl);
    }
}

impl fmt::Debug for MemoryBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBroker").field("history", &self.history).finish_non_exhaustive()
    }
}

impl Shared {
    fn log(&mut self, room: &Room) -> &mut Log {
        self.rooms.entry(Arc::clone(room)).or_default()
    }

    /// Tells the instances that listen to a room who has come or gone.
    fn tell(&self, notices: impl IntoIterator<Item = Notice>) {
        for Notice { step, room, user } in notices {
            let frame = Bytes::from(presence::announcement(step, &room, &user, time::timestamp()));
            for (_, events) in self.rooms.get(&room).iter().flat_map(|log| &log.subscribers) {
                events.announcement(Arc::clone(&room), frame.clone());
            }
        }
    }
}

impl Broker for View {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn publish(&self, publication: Publication) {
        let Publication { room, tail, dedupe, receipt } = publication;
        let received = time::micros();
        let mut shared = self.broker.lock();
        let log = shared.log(&room);
        let position = match self.broker.history {
            History::Kept { length, ttl, .. } if self.broker.keeps(&room) => {
                match log.repeated(dedupe, ttl, received) {
                    Some(offset) => {
                        let position = Position { offset, ..log.position };
                        drop(shared);
                        return receipt.settle(Ok(Some(position)));
                    }
                    None => Some(log.append(&tail, length, received)),
                }
            }
            _ => None,
        };
        for (_, events) in &log.subscribers {
            events.message(Arrival { room: Arc::clone(&room), position, tail: tail.clone(), received });
        }
        self.broker.sweep(&mut shared, received);
        drop(shared);
        receipt.settle(Ok(position));
    }

    fn subscribe(&self, room: &Room, generation: u64) {
        self.wanted().insert(Arc::clone(room), generation);
        let mut shared = self.broker.lock();
        let log = shared.log(room);
        if !log.subscribers.iter().any(|(instance, _)| *instance == self.instance) {
            log.subscribers.push((self.instance, Arc::clone(&self.events)));
        }
        let position = self.broker.keeps(room).then_some(log.position);
        // Under the lock, so that no message after the position can come before it.
        self.events.answer(Event::Subscribed { room: Arc::clone(room), generation, position });
    }

    fn unsubscribe(&self, room: &Room) {
        self.wanted().remove(room);
        let mut shared = self.broker.lock();
        let now = time::micros();
        if let Some(log) = shared.rooms.get_mut(room) {
            log.subscribers.retain(|(instance, _)| *instance != self.instance);
            if log.subscribers.is_empty() && !self.broker.keeps(room) {
                shared.rooms.remove(room);
            }
        }
        self.broker.sweep(&mut shared, now);
    }

    fn history(&self, room: &Room, generation: u64, after: Position) {
        let mut shared = self.broker.lock();
        let log = shared.log(room);
        let known = log.position.epoch == after.epoch;
        let entries = log.entries.iter().filter(|entry| !known || entry.offset > after.offset).cloned().collect();
        let position = log.position;
        self.events.answer(Event::History { room: Arc::clone(room), generation, entries, position });
    }

    fn resync(&self) {
        let wanted: Vec<_> = self.wanted().iter().map(|(room, generation)| (Arc::clone(room), *generation)).collect();
        wanted.iter().for_each(|(room, generation)| self.subscribe(room, *generation));
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.broker.health.subscribe()
    }
}

impl Presence for View {
    fn enter(&self, room: &Room, number: u64, member: Member) {
        let mut shared = self.broker.lock();
        let notice = shared.book.enter(room, self.instance, number, member, &self.presence);
        shared.tell(notice);
    }

    fn exit(&self, room: &Room, number: u64) {
        let mut shared = self.broker.lock();
        let notice = shared.book.exit(room, self.instance, number, &self.presence);
        shared.tell(notice);
    }

    fn lease(&self, room: &Room, member: Member, time: Duration) {
        let mut shared = self.broker.lock();
        let until = book::after(time::micros(), time);
        let notice = shared.book.lease(room, member, until, &self.presence);
        shared.tell(notice);
    }

    fn roster(&self, room: &Room, receipt: RosterReceipt) {
        let roster = self.broker.lock().book.roster(room);
        receipt(Ok(roster));
    }

    fn renew(&self) {
        let mut shared = self.broker.lock();
        let notices = shared.book.reap(time::micros(), &self.presence);
        shared.tell(notices);
    }

    fn part(&self, grace: Duration) {
        self.broker.lock().book.part(self.instance, book::after(time::micros(), grace));
    }
}

impl View {
    fn wanted(&self) -> MutexGuard<'_, HashMap<Room, u64>> {
        // Invariant: nothing panics while this lock is held.
        self.wanted.lock().expect("wanted lock is never poisoned")
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let mut shared = self.broker.lock();
        for log in shared.rooms.values_mut() {
            log.subscribers.retain(|(instance, _)| *instance != self.instance);
        }
        shared.book.part(self.instance, book::given_up(time::micros(), &self.presence));
    }
}
