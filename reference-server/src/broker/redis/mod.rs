//! Joins instances through Redis: a channel `room:<room>` per room, one Lua script per publication, and a supervisor of
//! our own, because the client library's automatic resubscription stays deaf after an outage longer than its retries.

mod attendant;
mod census;
mod channels;
mod desk;
mod ledger;
mod link;
mod lua;
mod publisher;
mod scripts;
mod supervisor;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{channels::Channels, desk::Desk, scripts::Scripts};
use super::{
    Broker, Events, Health, Presence, Publication, PublishError, Room,
    presence::{Member, PresenceOptions, RosterReceipt},
};
use crate::{
    config::History,
    history::{Epoch, Position},
    stats::BrokerStats,
};

/// Publications that may wait for the publisher; more are refused as unavailable.
const PUBLISH_QUEUE: usize = 8_192;

/// How to reach a Redis and how to watch over it.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// Whether rooms remember; all instances must agree.
    pub history: History,
    /// How presence is kept; all instances should agree.
    pub presence: PresenceOptions,
    /// How often a message to ourselves proves that the link works.
    pub probe_interval: Duration,
    /// How long any answer may take before the link counts as lost.
    pub answer_timeout: Duration,
    /// Shortest and longest wait between two attempts to connect; doubled each time, the upper half of it random.
    pub backoff: (Duration, Duration),
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            history: History::default(),
            presence: PresenceOptions::default(),
            probe_interval: Duration::from_secs(2),
            answer_timeout: Duration::from_secs(2),
            backoff: (Duration::from_millis(50), Duration::from_millis(400)),
        }
    }
}

/// One instance's link to Redis. Its tasks end when it is dropped.
pub struct RedisBroker {
    shared: Arc<Shared>,
    publications: mpsc::Sender<Publication>,
    _stop: DropGuard,
}

/// What the broker's handle, its supervisor and the connections' callbacks share.
struct Shared {
    client: redis::Client,
    options: RedisOptions,
    /// Names the probe channel.
    nonce: Epoch,
    scripts: Scripts,
    desk: Desk,
    channels: Mutex<Channels>,
    questions: Mutex<VecDeque<Question>>,
    work: Notify,
    events: Arc<Events>,
    health: watch::Sender<Health>,
    stats: Arc<BrokerStats>,
}

/// A question for a room's history.
#[derive(Clone, Debug)]
struct Question {
    room: Room,
    generation: u64,
    after: Position,
}

impl RedisBroker {
    /// Starts the link on the current runtime. Fails only on a URL that cannot be one; an unreachable Redis is tried for
    /// ever.
    pub fn start(
        url: &str,
        options: RedisOptions,
        events: Arc<Events>,
        stats: Arc<BrokerStats>,
    ) -> Result<Arc<Self>, String> {
        let shared = Arc::new(Shared {
            client: link::client(url)?,
            desk: Desk::new(options.presence.clone()),
            options,
            nonce: Epoch::random(),
            scripts: Scripts::new(),
            channels: Mutex::default(),
            questions: Mutex::default(),
            work: Notify::new(),
            events,
            health: watch::Sender::new(Health::Starting("not tried yet".into())),
            stats,
        });
        let (publications, queue) = mpsc::channel(PUBLISH_QUEUE);
        let stop = CancellationToken::new();
        let supervisor = supervisor::supervise(Arc::clone(&shared), queue);
        tokio::spawn(stop.clone().run_until_cancelled_owned(supervisor));
        Ok(Arc::new(Self { shared, publications, _stop: stop.drop_guard() }))
    }
}

impl fmt::Debug for RedisBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBroker").field("health", &*self.shared.health.borrow()).finish_non_exhaustive()
    }
}

impl Broker for RedisBroker {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn publish(&self, publication: Publication) {
        let refused = if *self.shared.health.borrow() == Health::Up {
            self.publications.try_send(publication).map_err(mpsc::error::TrySendError::into_inner)
        } else {
            Err(publication)
        };
        if let Err(publication) = refused {
            self.shared.stats.unavailable.add(1);
            publication.receipt.settle(Err(PublishError::Unavailable));
        }
    }

    fn subscribe(&self, room: &Room, generation: u64) {
        self.shared.channels().want(room, generation);
        self.shared.work.notify_one();
    }

    fn unsubscribe(&self, room: &Room) {
        self.shared.channels().unwant(room);
        self.shared.work.notify_one();
    }

    fn history(&self, room: &Room, generation: u64, after: Position) {
        self.shared.questions().push_back(Question { room: Arc::clone(room), generation, after });
        self.shared.work.notify_one();
    }

    fn resync(&self) {
        self.shared.channels().resync();
        self.shared.work.notify_one();
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.shared.health.subscribe()
    }
}

impl Presence for RedisBroker {
    fn enter(&self, room: &Room, number: u64, member: Member) {
        self.shared.desk.note(|ledger| ledger.enter(room, number, member));
    }

    fn exit(&self, room: &Room, number: u64) {
        self.shared.desk.note(|ledger| ledger.exit(room, number));
    }

    fn lease(&self, room: &Room, member: Member, time: Duration) {
        self.shared.desk.note(|ledger| ledger.lease(room, member, time));
    }

    fn roster(&self, room: &Room, receipt: RosterReceipt) {
        let refused = match *self.shared.health.borrow() {
            Health::Up => self.shared.desk.ask(room, receipt).err(),
            _ => Some(receipt),
        };
        if let Some(receipt) = refused {
            receipt(Err(PublishError::Unavailable));
        }
    }

    fn renew(&self) {
        self.shared.desk.renew();
    }

    fn part(&self, grace: Duration) {
        self.shared.desk.part(grace);
    }
}

impl Shared {
    /// Awaits an answer for as long as one may take.
    async fn answered<T>(&self, answer: impl Future<Output = ::redis::RedisResult<T>>) -> Result<T, String> {
        match tokio::time::timeout(self.options.answer_timeout, answer).await {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_) => Err("no answer".into()),
        }
    }

    fn channels(&self) -> MutexGuard<'_, Channels> {
        // Invariant: nothing panics while this lock is held.
        self.channels.lock().expect("channels lock is never poisoned")
    }

    fn questions(&self) -> MutexGuard<'_, VecDeque<Question>> {
        // Invariant: nothing panics while this lock is held.
        self.questions.lock().expect("questions lock is never poisoned")
    }

    fn probe_channel(&self) -> String {
        format!("wsb:probe:{}", self.nonce)
    }

    /// The link is lost, or could not be made; questions asked so far will be asked again.
    fn lost(&self, why: String) {
        self.questions().clear();
        self.desk.lost();
        let was_up = *self.health.borrow() == Health::Up;
        if was_up {
            self.health.send_replace(Health::Down(why));
            self.stats.losses.add(1);
        } else {
            self.health.send_modify(|health| match health {
                Health::Starting(last) | Health::Down(last) => *last = why,
                Health::Up => {}
            });
        }
    }
}
