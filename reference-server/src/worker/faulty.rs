//! The fan-out of an instance that misbehaves: what happens to each copy, and the log of it. Everything that waits is
//! bounded, and let go after [`PATIENCE`] at the latest.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    rc::Rc,
    sync::Arc,
};

use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{Worker, alarm::Alarm};
use crate::{
    broker::Room,
    faults::{Deed, Fate, Faults, Plan, Said},
    peer::{Joining, Peer, PeerId},
    protocol::{self, Encoded},
    time,
};

/// How long a copy waits for the one it is to be sent behind, and a join's answer for the message it is to come after
/// (microseconds).
const PATIENCE: u64 = 1_000_000;
/// Copies that may wait; what comes then is not made to wait.
const WAITING: usize = 65_536;

/// See the module.
pub(super) struct Faulty {
    pub(super) faults: Arc<Faults>,
    state: RefCell<State>,
    /// Something waits.
    busy: Cell<bool>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// To be sent behind the next copy of the same talker in the room.
    swaps: HashMap<(PeerId, Room, Box<str>), Held>,
    /// Answers to joins, to be sent behind the first message.
    answers: HashMap<(PeerId, Room), Answer>,
    /// By due time, in order of arrival.
    delayed: BTreeMap<(u64, u64), Delayed>,
    /// When a connection's last delayed copy is due: none may overtake another.
    last_due: HashMap<PeerId, u64>,
    number: u64,
}

struct Held {
    copy: Copy,
    until: u64,
}

struct Answer {
    frame: Utf8Bytes,
    until: u64,
}

struct Delayed {
    peer: PeerId,
    copy: Copy,
    since: u64,
}

/// A message on its way to one connection.
#[derive(Clone)]
struct Copy {
    room: Room,
    what: Encoded,
    said: Arc<Said>,
}

impl Copy {
    /// As this connection is spoken to.
    fn over(&self, peer: &Peer) -> Utf8Bytes {
        self.what.over(peer.medium).unwrap_or_else(|| protocol::event(peer.place(), None, &self.what.frame))
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.swaps.is_empty() && self.answers.is_empty() && self.delayed.is_empty()
    }

    /// When the first of what waits has to go.
    fn next(&self) -> u64 {
        let swaps = self.swaps.values().map(|held| held.until);
        let answers = self.answers.values().map(|answer| answer.until);
        let delayed = self.delayed.first_key_value().map(|((due, _), _)| *due);
        swaps.chain(answers).chain(delayed).min().unwrap_or(u64::MAX)
    }
}

impl Faulty {
    pub(super) fn new(faults: Arc<Faults>) -> Self {
        Self { faults, state: RefCell::default(), busy: Cell::new(false), changed: Notify::new() }
    }

    /// Whether copies have to come this way.
    pub(super) fn is_active(&self) -> bool {
        self.busy.get() || self.faults.is_active()
    }

    fn record(&self, what: &'static str, peer: &Peer, copy: &Copy) {
        self.log(Deed { what, user: peer.user(), message: Some(Arc::clone(&copy.said)), ..Deed::default() });
    }

    fn log(&self, deed: Deed) {
        self.faults.truth.record(Deed { at: time::micros(), ..deed });
    }

    /// Remembers that something waits.
    fn waits(&self) {
        self.busy.set(true);
        self.changed.notify_one();
    }
}

fn name(peer: &Peer) -> String {
    peer.user().map(|user| user.json.to_string()).unwrap_or_default()
}

fn is_member(peer: &Peer, room: &str) -> bool {
    peer.membership(room, |m| matches!(m.state, Joining::Member { .. })) == Some(true)
}

impl Worker {
    /// Holds everything for a time, if that is wanted.
    pub(super) async fn stalled(&self) {
        let Some(faulty) = &self.faulty else { return };
        loop {
            let until = faulty.faults.stalled_until();
            if until <= time::micros() {
                return;
            }
            tokio::time::sleep_until(time::deadline(until)).await;
        }
    }

    /// Lets go what waits when its time has come, for ever.
    pub(super) async fn misbehave(&self) {
        let (Some(faulty), Ok(alarm)) = (&self.faulty, Alarm::new()) else { return std::future::pending().await };
        loop {
            let next = faulty.state.borrow().next();
            tokio::select! {
                woken = alarm.until(next) => if woken.is_err() { return std::future::pending().await },
                () = faulty.changed.notified() => {}
            }
            self.let_go(faulty, time::micros());
        }
    }

    /// The fan-out of a message, copy by copy.
    pub(super) fn fan_out_faulty(&self, faulty: &Faulty, room: &Room, what: &Encoded) -> usize {
        let rooms = self.rooms.borrow();
        let (Some(members), Some(said)) = (rooms.get(room), Said::parse(&what.frame)) else { return 0 };
        let plan = faulty.faults.plan();
        let copy = Copy { room: Arc::clone(room), what: what.clone(), said };
        for peer in members {
            self.copy(faulty, &plan, peer, &copy);
        }
        members.len()
    }

    fn copy(&self, faulty: &Faulty, plan: &Plan, peer: &Rc<Peer>, copy: &Copy) {
        let user = name(peer);
        let talker = (peer.id, Arc::clone(&copy.room), copy.said.from().into());
        let mut fate = plan.fate(&copy.room, copy.said.key(), &user);
        if fate == Fate::Swap && faulty.state.borrow().swaps.contains_key(&talker) {
            fate = Fate::Deliver; // it releases the one that waits
        }
        match fate {
            Fate::Drop => return faulty.record("drop", peer, copy),
            Fate::Swap => {
                let held = Held { copy: copy.clone(), until: time::micros() + PATIENCE };
                faulty.state.borrow_mut().swaps.insert(talker, held);
                return faulty.waits();
            }
            Fate::Duplicate => {
                faulty.record("duplicate", peer, copy);
                self.hand_over(faulty, plan, peer, copy);
            }
            Fate::Misroute => self.stray(faulty, plan, &user, copy),
            Fate::Deliver => {}
        }
        self.hand_over(faulty, plan, peer, copy);
        let held = faulty.state.borrow_mut().swaps.remove(&talker);
        if let Some(Held { copy: held, .. }) = held {
            let (message, behind) = (Some(Arc::clone(&held.said)), Some(Arc::clone(&copy.said)));
            faulty.log(Deed { what: "swap", user: peer.user(), message, behind, ..Deed::default() });
            self.hand_over(faulty, plan, peer, &held);
        }
        let answer = faulty.state.borrow_mut().answers.remove(&(peer.id, Arc::clone(&copy.room)));
        if let Some(Answer { frame, .. }) = answer {
            faulty.record("early", peer, copy);
            peer.send(frame, false, time::micros(), &self.shared.config.outbound);
        }
    }

    /// Sends a copy at once or after the delay.
    fn hand_over(&self, faulty: &Faulty, plan: &Plan, peer: &Peer, copy: &Copy) {
        let now = time::micros();
        let mut state = faulty.state.borrow_mut();
        let waiting = state.last_due.get(&peer.id).copied();
        let delay = plan.delay(&name(peer));
        if delay.is_none() && waiting.is_none() || state.delayed.len() >= WAITING {
            drop(state);
            return peer.send(copy.over(peer), true, now, &self.shared.config.outbound);
        }
        let due = (now + delay.unwrap_or(0)).max(waiting.unwrap_or(0));
        state.number += 1;
        let key = (due, state.number);
        state.delayed.insert(key, Delayed { peer: peer.id, copy: copy.clone(), since: now });
        state.last_due.insert(peer.id, due);
        drop(state);
        faulty.waits();
    }

    /// Gives a copy to somebody who is not in its room, if there is anybody.
    fn stray(&self, faulty: &Faulty, plan: &Plan, user: &str, copy: &Copy) {
        let slots = self.slots.borrow();
        let count = slots.peers.len();
        let first = (plan.stray(&copy.room, copy.said.key(), user) % count.max(1) as u64) as usize;
        let outside = |peer: &&Rc<Peer>| {
            peer.user().is_some() && !peer.ending.get() && peer.membership(&copy.room, |_| ()).is_none()
        };
        let mut others = (0..count).filter_map(|n| slots.peers[(first + n) % count].1.as_ref());
        if let Some(other) = others.find(outside) {
            faulty.record("misroute", other, copy);
            other.send(copy.over(other), true, time::micros(), &self.shared.config.outbound);
        }
    }

    /// Tells a connection that its join is done, or lets the first message overtake that.
    pub(super) fn answer_join(&self, peer: &Rc<Peer>, room: &Room, frame: Utf8Bytes, now: u64) {
        let faulty = self.faulty.as_ref().filter(|faulty| faulty.is_active());
        match faulty {
            Some(faulty) if faulty.faults.plan().is_early(room, &name(peer)) => {
                let answer = Answer { frame, until: now + PATIENCE };
                faulty.state.borrow_mut().answers.insert((peer.id, Arc::clone(room)), answer);
                faulty.waits();
            }
            _ => peer.send(frame, false, now, &self.shared.config.outbound),
        }
    }

    /// Sends everything whose time has come, to those who are still there.
    fn let_go(&self, faulty: &Faulty, now: u64) {
        let mut state = faulty.state.borrow_mut();
        let outbound = &self.shared.config.outbound;
        while let Some(first) = state.delayed.first_entry().filter(|entry| entry.key().0 <= now) {
            let Delayed { peer: id, copy, since } = first.remove();
            if let Some(peer) = self.peer(id).filter(|peer| is_member(peer, &copy.room)) {
                let (by, message) = (Some(time::micros() - since), Some(Arc::clone(&copy.said)));
                faulty.log(Deed { what: "delay", user: peer.user(), message, by, ..Deed::default() });
                peer.send(copy.over(&peer), true, time::micros(), outbound);
            }
        }
        state.last_due.retain(|_, due| *due > now);
        for ((id, room, _), held) in state.swaps.extract_if(|_, held| held.until <= now) {
            if let Some(peer) = self.peer(id).filter(|peer| is_member(peer, &room)) {
                faulty.record("swap_in_vain", &peer, &held.copy);
                peer.send(held.copy.over(&peer), true, now, outbound);
            }
        }
        for ((id, room), answer) in state.answers.extract_if(|_, answer| answer.until <= now) {
            if let Some(peer) = self.peer(id).filter(|peer| is_member(peer, &room)) {
                peer.send(answer.frame, false, now, outbound);
            }
        }
        faulty.busy.set(!state.is_empty());
    }
}
