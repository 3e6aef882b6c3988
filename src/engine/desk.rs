//! What a worker's clients share: the books, the way to the server, and who is who. One thread's own.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::Setup;
use super::books::Books;
use super::walk::Share;
use crate::dialect::Identity;
use crate::observe::{ClientId, GroupId, RoomId, TransportKind};
use crate::scenario::Scenario;
use crate::scenario::plan::{Life, Start};
use crate::session::{Dialer, Pass, Place};
use crate::time::{Clock, Timestamp};

/// One worker's desk. Never shared between threads: its cells are borrowed for a moment at a time, never across a wait.
pub(super) struct Desk {
    pub(super) scenario: Arc<Scenario>,
    pub(super) dialer: Dialer,
    pub(super) clock: Clock,
    pub(super) urls: usize,
    pub(super) books: RefCell<Books>,
    /// Clients in all their rooms right now.
    pub(super) ready: Cell<u64>,
    /// Per group: clients asked for, and those that have been in all their rooms at least once.
    pub(super) groups: RefCell<Vec<(u64, u64)>>,
    /// Who has to be looked at for silence.
    pub(super) silences: Watch,
    /// Who has to be looked at for a sign of life that is owed.
    pub(super) heartbeats: Watch,
    /// Who has to be looked at for requests that nobody has answered.
    pub(super) overdue: Watch,
    /// The run is ending: nobody says or asks anything any more.
    pub(super) silent: Cell<bool>,
    secret: Option<Arc<[u8]>>,
    room_names: Vec<Arc<str>>,
    /// The names of the mailboxes' owners; mailboxes are numbered after the rooms.
    addressees: Vec<String>,
    /// Clients of ramps that have not joined or failed yet.
    undecided: RefCell<FxHashSet<ClientId>>,
}

impl Desk {
    pub(super) fn new(setup: &Setup, share: Share) -> Self {
        let scenario = Arc::clone(&setup.scenario);
        let undecided = setup.plan.lives().iter().filter(|life| share.owns(life.client) && is_ramp(life));
        Self {
            dialer: setup.dialer.clone(),
            clock: setup.dialer.clock.clone(),
            urls: setup.urls.max(1),
            books: RefCell::new(Books::new(setup, share)),
            ready: Cell::new(0),
            groups: RefCell::new(vec![(0, 0); scenario.groups.len()]),
            silences: Watch::default(),
            heartbeats: Watch::default(),
            overdue: Watch::default(),
            silent: Cell::new(false),
            secret: setup.secret.clone(),
            room_names: scenario.rooms.iter().map(|name| Arc::from(name.as_str())).collect(),
            addressees: setup.plan.owners().map(|life| scenario.users.name(life.user)).collect(),
            undecided: RefCell::new(undecided.map(|life| life.client).collect()),
            scenario,
        }
    }

    /// The rooms of a life, to be joined live.
    pub(super) fn places(&self, life: &Life) -> Vec<Place> {
        if life.rooms.is_empty() && life.mailbox.is_some() && life.transport != TransportKind::WebSocket {
            return vec![Place::mailbox(None)];
        }
        let room = |room: &RoomId| Place::new(Arc::clone(&self.room_names[room.0 as usize]), None);
        life.rooms.iter().map(room).collect()
    }

    /// Who a life speaks for.
    pub(super) fn identity(&self, life: &Life) -> Arc<Identity> {
        let (user, token) = self.scenario.users.user(life.user, self.secret.as_deref());
        Arc::new(Identity { client: life.client, user, token, auth: self.scenario[life.group].auth })
    }

    /// With what a life begins.
    pub(super) fn pass(&self, life: &Life) -> Pass {
        Pass::new(self.scenario.login_of(life.user))
    }

    /// The name of the user whose mailbox `room` is, if it is one.
    pub(super) fn addressee(&self, room: RoomId) -> Option<&str> {
        self.addressees.get((room.0 as usize).checked_sub(self.room_names.len())?).map(String::as_str)
    }

    /// A client as errors name it.
    pub(super) fn name_of(&self, client: ClientId, group: GroupId) -> String {
        format!("{} #{}", self.scenario[group].name, client.0)
    }

    /// A client has joined, or never will: it holds up t0 no longer.
    pub(super) fn decided(&self, client: ClientId) {
        self.undecided.borrow_mut().remove(&client);
    }

    /// How many clients hold up t0.
    pub(super) fn undecided(&self) -> u64 {
        self.undecided.borrow().len() as u64
    }
}

/// When which client has to be looked at, at the latest. One timer, the worker's tick, for all of them.
#[derive(Default)]
pub(super) struct Watch(RefCell<BinaryHeap<Reverse<(Timestamp, ClientId)>>>);

impl Watch {
    /// `client` has to be looked at after `at`.
    pub(super) fn add(&self, at: Timestamp, client: ClientId) {
        self.0.borrow_mut().push(Reverse((at, client)));
    }

    /// A client that has to be looked at by `now`, and no longer is down for it.
    pub(super) fn next(&self, now: Timestamp) -> Option<ClientId> {
        let mut watched = self.0.borrow_mut();
        watched.peek().filter(|Reverse((at, _))| *at < now)?;
        watched.pop().map(|Reverse((_, client))| client)
    }
}

/// Whether a life begins on the ramp, before t0.
pub(super) fn is_ramp(life: &Life) -> bool {
    matches!(life.start, Start::BeforeT0(_))
}
