//! The schedule of the whole population: who connects when, enters which rooms and leaves when ([`Life`]), and who says
//! what to which room when ([`Publication`]), and who asks what ([`Inquiry`]). A pure function of scenario and seed: every worker makes or walks the same
//! plan, however many there are.

use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::Scenario;
use crate::observe::{ClientId, GroupId, PublishId, RoomId, TransportKind};

mod inquiries;
mod life;
mod lives;
mod payload;
mod population;
mod publications;
mod rooms;
mod seed;
mod stream;
mod talkers;
mod transports;
mod urls;

pub use inquiries::{Inquiries, Inquiry};
pub use life::{Life, Publication, Start};
pub use payload::Payload;
pub(super) use population::RAMP_PER_SECOND;
pub use publications::Publications;
pub(super) use rooms::apportion;
pub(super) use stream::LARGEST_PAYLOAD;

use talkers::Talkers;

/// The schedule of a whole run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Plan {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    seed: u64,
    published: Duration,
    /// Those of the scenario; mailboxes are numbered after them.
    rooms: usize,
    /// Whose each mailbox is.
    owners: Vec<ClientId>,
    lives: Vec<Life>,
    publishes: Vec<super::Publish>,
    talkers: Vec<Talkers>,
    requests: Vec<super::Request>,
    /// By request: who may ask.
    askers: Vec<Talkers>,
}

impl Plan {
    /// The schedule of `scenario`, over as many URLs as it names.
    pub fn new(scenario: &Scenario) -> Self {
        Self::over_urls(scenario, scenario.target.urls())
    }

    /// The schedule of `scenario` over `urls` URLs; for targets whose addresses are only known once resolved.
    pub fn over_urls(scenario: &Scenario, urls: usize) -> Self {
        let mut lives = lives::plan(scenario, urls.max(1));
        let owners = mailboxes(scenario, &mut lives);
        let publishes = scenario.publishes.clone();
        let talkers = publishes.iter().map(|publish| Talkers::of(publish, &lives)).collect();
        let requests = scenario.requests.clone();
        let asks = |life: &Life, request: &super::Request| {
            life.group == request.from && !(request.names_room && life.rooms.is_empty())
        };
        let among = |request| Talkers::among(lives.iter().filter(|life| asks(life, request)));
        let askers = requests.iter().map(among).collect();
        let (seed, published, rooms) = (scenario.seed, scenario.times.published(), scenario.rooms.len());
        Self { inner: Arc::new(Inner { seed, published, rooms, owners, lives, publishes, talkers, requests, askers }) }
    }

    /// Every life of the run, ordered by start; [`ClientId`] counts in it.
    pub fn lives(&self) -> &[Life] {
        &self.inner.lives
    }

    /// The life of `client`.
    pub fn life(&self, client: ClientId) -> &Life {
        &self.inner.lives[client.0 as usize]
    }

    /// The same number for the same plan, in every process of this program: whoever walks it for himself can tell that
    /// it is the others'.
    pub fn digest(&self) -> u64 {
        let mut hasher = rustc_hash::FxHasher::default();
        (self.inner.seed, self.inner.published, self.inner.rooms, &self.inner.lives).hash(&mut hasher);
        hasher.finish()
    }

    /// Whether whoever says a publication of this entry is owed a copy of it.
    pub fn echoes(&self, publish: PublishId) -> bool {
        self.inner.publishes.get(usize::from(publish.0)).is_none_or(|publish| publish.echo)
    }

    /// How many rooms there are, mailboxes included.
    pub fn rooms(&self) -> usize {
        self.inner.rooms + self.inner.owners.len()
    }

    /// Whose the mailboxes are, in the order of their numbers, which follow those of the rooms.
    pub fn owners(&self) -> impl Iterator<Item = &Life> + '_ {
        self.inner.owners.iter().map(|owner| self.life(*owner))
    }

    /// What `client` connects by; a client nobody planned, by WebSocket.
    pub fn transport(&self, client: ClientId) -> TransportKind {
        self.inner.lives.get(client.0 as usize).map_or(TransportKind::WebSocket, |life| life.transport)
    }

    /// Whether anybody connects by `kind`.
    pub fn uses(&self, kind: TransportKind) -> bool {
        self.inner.lives.iter().any(|life| life.transport == kind)
    }

    /// A seeded share of the clients that `fit`, at least one of them if there are any: the same whoever asks.
    pub fn pick(&self, percent: f64, seed: u64, fit: impl Fn(&Life) -> bool) -> Vec<ClientId> {
        let mut clients: Vec<ClientId> = self.lives().iter().filter(|life| fit(life)).map(|life| life.client).collect();
        let picked = (clients.len() as f64 * percent / 100.0).round().max(1.0) as usize;
        clients.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        clients.truncate(picked);
        clients
    }

    /// The clients of `group`, or of all groups, whose connections the fault proxy impairs all along.
    pub fn share(&self, percent: f64, group: Option<GroupId>, seed: u64) -> Vec<ClientId> {
        self.pick(percent, seed ^ 0x0be7_4ee7, |life| group.is_none_or(|group| life.group == group))
    }

    /// How long the ramp is: the last planned start before t0.
    pub fn ramp(&self) -> Duration {
        let starts = self.inner.lives.iter().map_while(|life| match life.start {
            Start::BeforeT0(at) => Some(at),
            Start::AfterT0(_) => None,
        });
        starts.last().unwrap_or_default()
    }

    /// Until when something is published, counted from t0: warm-up and measured phase.
    pub fn published(&self) -> Duration {
        self.inner.published
    }

    /// Everything that is to be said, in the order of due times. Each call starts at the beginning.
    pub fn publications(&self) -> Publications {
        Publications::new(Arc::clone(&self.inner))
    }

    /// Every request that is made at a pace, in the order of due times. Each call starts at the beginning.
    pub fn inquiries(&self) -> Inquiries {
        Inquiries::new(Arc::clone(&self.inner))
    }

    /// How many members each room has at `at`, counted from t0; [`RoomId`] counts in it.
    pub fn members_at(&self, at: Duration) -> Vec<u32> {
        let mut members = vec![0; self.inner.rooms];
        for life in self.inner.lives.iter().filter(|life| life.covers(at)) {
            for room in &*life.rooms {
                members[room.0 as usize] += 1;
            }
        }
        members
    }

    /// The most clients there are at one time.
    pub fn peak(&self) -> u32 {
        let lives = self.inner.lives.iter();
        // Who leaves makes room for who comes at the same moment.
        let mut changes: Vec<(Duration, i64)> = lives.clone().map(|life| (life.start.after_t0(), 1)).collect();
        changes.extend(lives.filter_map(|life| Some((life.leave?, -1))));
        changes.sort_unstable();
        let (mut now, mut peak) = (0i64, 0i64);
        for (_, change) in changes {
            now += change;
            peak = peak.max(now);
        }
        peak as u32
    }

    /// What is to be expected at `at`, counted from t0.
    pub fn expected_at(&self, at: Duration) -> Expected {
        let members = self.members_at(at);
        let (mut publications, mut deliveries) = (0.0, 0.0);
        for (publish, talkers) in self.inner.publishes.iter().zip(&self.inner.talkers) {
            let rate = talkers.rate(publish, &self.inner.lives, at);
            let present = talkers.clients().iter().map(|client| self.life(*client)).filter(|life| life.covers(at));
            let own = u32::from(!publish.echo);
            let audience = |room: RoomId| f64::from(members[room.0 as usize].saturating_sub(own));
            let audiences = present.map(|life| match publish.to {
                super::To::Room(room) => audience(room),
                super::To::UserOf(_) => 1.0,
                super::To::BySize => {
                    let sizes = life.rooms.iter().map(|room| f64::from(members[room.0 as usize]));
                    let weighted: f64 =
                        life.rooms.iter().zip(sizes.clone()).map(|(room, size)| size * audience(*room)).sum();
                    weighted / sizes.sum::<f64>().max(1.0)
                }
                super::To::Rooms => {
                    let total: f64 = life.rooms.iter().map(|room| audience(*room)).sum();
                    total / life.rooms.len().max(1) as f64
                }
            });
            let (count, total) = audiences.fold((0.0, 0.0), |(count, total), one| (count + 1.0, total + one));
            if count > 0.0 {
                publications += rate;
                deliveries += rate * total / count;
            }
        }
        Expected { publications, deliveries }
    }
}

/// Gives a mailbox to every life somebody may notify; whose they are.
fn mailboxes(scenario: &Scenario, lives: &mut [Life]) -> Vec<ClientId> {
    let notified = |life: &&mut Life| scenario.publishes.iter().any(|p| p.to == super::To::UserOf(life.group));
    let mut owners = Vec::new();
    for life in lives.iter_mut().filter(notified) {
        life.mailbox = Some(RoomId((scenario.rooms.len() + owners.len()) as u32));
        owners.push(life.client);
    }
    owners
}

/// Rates per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Publications.
    pub publications: f64,
    /// Copies of them that are due.
    pub deliveries: f64,
}

#[cfg(test)]
mod tests;
