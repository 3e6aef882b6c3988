//! What the broker says, brought to the workers in order: every message encoded once, joins answered where they belong;
//! how, is in `admission`.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{
    channel::{Message, Step},
    inbox::{Entrance, Replay, ToWorker},
    registry::{Entry, Registry, Table},
};
use crate::{
    broker::{Event, Events, NOTIFY, Room},
    protocol::{self, Encoded, Head},
    time,
};

/// How long after messages were thrown away every room is looked at (microseconds): the more of them, the less it helps
/// to do so at once. Rooms in which somebody goes on talking notice by themselves.
const RESYNC_PAUSE: u64 = 200_000;

impl Registry {
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
                    self.stats.rooms.resubscribes.add(u64::from(entry.channel.was_live() && !entry.pinned));
                    let steps = entry.channel.subscribed(position);
                    self.carry_out(&room, entry, steps);
                }
            }
            Event::History { room, generation, entries, position } => {
                let Some((room, entry)) = find(&mut table, &room) else { return };
                if entry.generation == generation {
                    let steps = entry.channel.history(entries, position, time::micros());
                    self.carry_out(&room, entry, steps);
                } else {
                    self.recalled(&room, entry, generation, entries, position);
                }
            }
            Event::Announcement { room, frame } => {
                let Some((room, entry)) = find(&mut table, &room) else { return };
                self.announce(&room, entry, &frame);
            }
            Event::Down => table.rooms.values_mut().for_each(|entry| {
                entry.channel.down();
                let returning = entry.recall.give_up();
                entry.waiting.extend(returning.into_iter().map(|(request, _)| request));
            }),
        }
    }

    fn carry_out(&self, room: &Room, entry: &mut Entry, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Deliver(message) => self.deliver(room, entry, &message),
                Step::Gap { before, position } => {
                    self.stats.rooms.gaps.add(1);
                    let gap = protocol::gap(public(room), before, position);
                    self.fan_out(room, entry, &Encoded::new(gap, entry.streams > 0, position), false);
                    for (request, from) in entry.recall.give_up() {
                        if self.shown(room, entry, &request, &[]) {
                            continue;
                        }
                        self.settle(room, request, Entrance::Lost { from, position });
                    }
                }
                Step::Settle(position) => {
                    for request in std::mem::take(&mut entry.waiting) {
                        self.admit(room, entry, request, position);
                    }
                }
                Step::Ask(after) => self.broker.history(room, entry.generation, after),
                Step::Repeat => self.stats.rooms.repeats.add(1),
            }
        }
    }

    /// Encodes a message once for everybody here.
    fn deliver(&self, room: &Room, entry: &mut Entry, message: &Message) {
        let Message { position, tail, received, replayed } = message;
        let (kind, tsub, tout) = (kind_of(room), *received, time::micros());
        let head = Head { kind, position: *position, via: &self.instance, tsub, tout, replayed: *replayed };
        let Some(frame) = head.encode(tail) else { return self.stats.broker.foreign.add(1) };
        self.stats.rooms.fanouts.add(1);
        self.stats.rooms.replayed.add(u64::from(*replayed));
        let what = Encoded::new(frame, entry.streams > 0, *position);
        match protocol::addressee(tail) {
            Some(user) if kind == "notify" => self.notify(user, &what),
            _ => self.fan_out(room, entry, &what, true),
        }
        if let Some(position) = position.filter(|_| !entry.recall.is_idle()) {
            entry.recall.delivered(position, tail);
            for (request, from) in entry.recall.reached(position) {
                self.settle(room, request, Entrance::Recovered { from, replay: Replay::default() });
            }
        }
    }

    fn fan_out(&self, room: &Room, entry: &Entry, what: &Encoded, message: bool) {
        let interested = self.inboxes.iter().zip(&entry.members).filter(|(_, members)| **members > 0);
        for (inbox, _) in interested {
            let (room, bytes) = (Arc::clone(room), what.frame.len());
            inbox.push(ToWorker::Deliver { room, what: what.clone(), message }, bytes);
        }
    }

    /// Tells the others in a room that somebody has come or gone.
    fn announce(&self, room: &Room, entry: &Entry, frame: &Bytes) {
        let (Ok(frame), Some(user)) = (Utf8Bytes::try_from(frame.clone()), protocol::subject(frame)) else {
            return self.stats.broker.foreign.add(1);
        };
        let what = Encoded::new(frame, entry.streams > 0, entry.channel.last());
        let interested = self.inboxes.iter().zip(&entry.members).filter(|(_, members)| **members > 0);
        for (inbox, _) in interested {
            let (room, what, user, bytes) = (Arc::clone(room), what.clone(), Arc::clone(&user), what.frame.len());
            inbox.push(ToWorker::Announce { room, what, user }, bytes);
        }
    }

    /// Tells the workers with a connection of this user.
    fn notify(&self, user: &str, what: &Encoded) {
        for worker in self.people.workers(user) {
            let (user, bytes) = (Arc::from(user), what.frame.len());
            self.inboxes[worker].push(ToWorker::Notify { user, what: what.clone() }, bytes);
        }
    }
}

/// The name clients know a room by.
pub(crate) fn public(room: &Room) -> Option<&str> {
    (&**room != NOTIFY).then_some(&**room)
}

/// What messages of a room are called on the wire.
pub(super) fn kind_of(room: &Room) -> &'static str {
    if &**room == NOTIFY { "notify" } else { "message" }
}

fn find<'a>(table: &'a mut Table, room: &Room) -> Option<(Room, &'a mut Entry)> {
    let room = Arc::clone(table.rooms.get_key_value(room)?.0);
    let entry = table.rooms.get_mut(&room)?;
    Some((room, entry))
}
