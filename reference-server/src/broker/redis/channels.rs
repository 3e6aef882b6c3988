//! Which channels are wanted and which are subscribed: one state per channel, so that an UNSUBSCRIBE racing a new
//! SUBSCRIBE cannot leave a room deaf. Pure; the supervisor carries out what it says, one batch at a time.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::super::Room;

/// Most channels in one command.
pub(super) const BATCH: usize = 512;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Channels {
    channels: HashMap<Room, Channel>,
    /// Channels that may need work, each at most once.
    due: VecDeque<Room>,
}

#[derive(Debug, Default)]
struct Channel {
    /// Generation of the wish.
    wanted: Option<u64>,
    /// Generation that has been answered since the link came up.
    answered: Option<u64>,
    subscribed: bool,
    queued: bool,
}

/// One command to carry out, with the generation each room was wanted with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Work {
    Subscribe(Vec<(Room, u64)>),
    Unsubscribe(Vec<Room>),
}

impl Channel {
    fn needs_subscribe(&self) -> bool {
        self.wanted.is_some() && self.wanted != self.answered
    }

    fn needs_unsubscribe(&self) -> bool {
        self.wanted.is_none() && self.subscribed
    }
}

impl Channels {
    /// Wants a room.
    pub(super) fn want(&mut self, room: &Room, generation: u64) {
        self.channels.entry(Arc::clone(room)).or_default().wanted = Some(generation);
        self.queue(room);
    }

    /// Wants a room no longer.
    pub(super) fn unwant(&mut self, room: &Room) {
        if let Some(channel) = self.channels.get_mut(room) {
            channel.wanted = None;
            channel.answered = None;
            self.queue(room);
        }
    }

    /// A new link: nothing is subscribed on it.
    pub(super) fn relink(&mut self) {
        self.channels.retain(|_, channel| {
            *channel = Channel { wanted: channel.wanted, ..Channel::default() };
            channel.wanted.is_some()
        });
        self.due = self.channels.keys().cloned().collect();
        self.channels.values_mut().for_each(|channel| channel.queued = true);
    }

    /// Answers every wish again.
    pub(super) fn resync(&mut self) {
        let rooms: Vec<_> = self.channels.keys().cloned().collect();
        for room in rooms {
            if let Some(channel) = self.channels.get_mut(&room) {
                channel.answered = None;
                self.queue(&room);
            }
        }
    }

    /// The next command, if anything is due: as many rooms as fit that need the same.
    pub(super) fn next(&mut self) -> Option<Work> {
        let (mut subscribe, mut unsubscribe) = (Vec::new(), Vec::new());
        while subscribe.len() < BATCH && unsubscribe.len() < BATCH {
            let Some(room) = self.due.pop_front() else { break };
            // Invariant: rooms stay in the table while they are queued.
            let channel = self.channels.get_mut(&room).expect("a queued room is in the table");
            channel.queued = false;
            match channel.wanted {
                Some(generation) if channel.needs_subscribe() => subscribe.push((room, generation)),
                None if channel.needs_unsubscribe() => unsubscribe.push(room),
                None => drop(self.channels.remove(&room)),
                Some(_) => {}
            }
        }
        if !unsubscribe.is_empty() {
            // Newcomers first; those who are to go can wait for the next command.
            if !subscribe.is_empty() {
                unsubscribe.iter().for_each(|room| self.queue(room));
                return Some(Work::Subscribe(subscribe));
            }
            return Some(Work::Unsubscribe(unsubscribe));
        }
        (!subscribe.is_empty()).then_some(Work::Subscribe(subscribe))
    }

    /// Every room of the command is acknowledged. Says which answers still match a wish.
    pub(super) fn subscribed(&mut self, rooms: &[(Room, u64)]) -> Vec<bool> {
        let current = |(room, generation): &(Room, u64)| {
            let Some(channel) = self.channels.get_mut(room) else { return false };
            channel.subscribed = true;
            let current = channel.wanted == Some(*generation);
            if current {
                channel.answered = channel.wanted;
            }
            current
        };
        let current: Vec<bool> = rooms.iter().map(current).collect();
        rooms.iter().for_each(|(room, _)| self.queue(room));
        current
    }

    /// Every room of the command is acknowledged.
    pub(super) fn unsubscribed(&mut self, rooms: &[Room]) {
        for room in rooms {
            if let Some(channel) = self.channels.get_mut(room) {
                channel.subscribed = false;
                channel.answered = None;
                self.queue(room);
            }
        }
    }

    /// How many rooms are wanted.
    #[cfg(test)]
    fn wanted(&self) -> usize {
        self.channels.values().filter(|channel| channel.wanted.is_some()).count()
    }

    fn queue(&mut self, room: &Room) {
        if let Some(channel) = self.channels.get_mut(room)
            && !channel.queued
        {
            channel.queued = true;
            self.due.push_back(Arc::clone(room));
        }
    }
}

#[cfg(test)]
mod tests;
