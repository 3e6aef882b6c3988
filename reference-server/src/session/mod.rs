//! One connection's life: prove who it is, join, talk, and end with the right code.

mod act;
mod cut;
pub(crate) mod echo;
mod enter;
mod parting;

use std::{rc::Rc, sync::Arc, time::Duration};

use bytes::Bytes;
use rand::RngExt;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use self::parting::Parting;
use crate::{
    auth::User,
    broker::Room,
    drain,
    faults::How,
    heartbeat::{Beat, Heartbeat},
    history::Position,
    metered::Metered,
    peer::Peer,
    protocol::{self, Code, Inbound, Transport},
    rate::{RateLimit, Verdict},
    socket::{End, Happening, Socket},
    time,
    worker::Worker,
};

/// Who comes, and where to, as far as the handshake tells.
pub(crate) struct Visitor {
    /// `None`: has to be proved by the first message.
    pub(crate) user: Option<Arc<User>>,
    /// The room in the path: joined at once, and meant by frames that name none.
    pub(crate) home: Option<String>,
    /// Where in that room the client goes on.
    pub(crate) from: Option<Position>,
}

/// See the module.
struct Session {
    worker: Rc<Worker>,
    peer: Rc<Peer>,
    socket: Socket,
    user: Option<Arc<User>>,
    home: Option<String>,
    from: Option<Position>,
    heartbeat: Heartbeat,
    rate: RateLimit,
    auth_until: u64,
    /// When the token is no longer good.
    expires: u64,
    /// A message for a room whose join is not done; nothing is read while it is held.
    held: Option<Utf8Bytes>,
}

/// How a connection is ended by this side.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    /// With this close code and reason.
    Close(u16, String),
    /// Without a word; see [`cut`].
    Cut(How),
}

type Flow = std::ops::ControlFlow<Option<Ending>>;

fn close(code: u16, reason: &str) -> Flow {
    Flow::Break(Some(Ending::Close(code, reason.to_owned())))
}

/// Takes the connection out of the books whatever ends its task.
struct Entered(Rc<Worker>, Rc<Peer>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.exit(&self.1);
        self.0.stats.connections.add(-1);
    }
}

/// Runs a connection to its end. The connection has been counted in the gauge by the caller.
pub(crate) async fn run(worker: Rc<Worker>, stream: Metered, read_already: Bytes, visitor: Visitor) {
    let peer = worker.enter(Transport::WebSocket, None);
    let _entered = Entered(Rc::clone(&worker), Rc::clone(&peer));
    let config = &worker.shared.config;
    let (stats, message) = (Arc::clone(&worker.stats), config.limits.message);
    let socket = Socket::new(stream, read_already, Rc::clone(&peer), stats, message).await;
    let now = time::micros();
    let (interval, timeout) = (time::as_micros(config.ping_interval), time::as_micros(config.ping_timeout));
    let session = Session {
        heartbeat: Heartbeat::new(now, interval, timeout, &mut rand::rng()),
        rate: RateLimit::new(now, config.limits.frames_per_second, config.limits.frames_burst),
        auth_until: now + time::as_micros(config.auth_timeout),
        expires: u64::MAX,
        user: None,
        home: visitor.home,
        from: visitor.from,
        held: None,
        worker: Rc::clone(&worker),
        peer,
        socket,
    };
    session.live(visitor.user).await;
}

impl Session {
    async fn live(mut self, user: Option<Arc<User>>) {
        let mut flow = user.map_or(Flow::Continue(()), |user| self.enter(user));
        // The answer to a join of a room that is live may be written with the welcome.
        tokio::task::yield_now().await;
        while flow.is_continue() {
            self.set_timer();
            flow = match self.socket.next().await {
                Happening::Text(text) => self.frame(text),
                Happening::Binary(_) => self.binary(),
                Happening::Control => self.control(),
                Happening::Signal => self.signal(),
                Happening::Timer => self.timer(),
                Happening::Ended(End::Gone) => Flow::Break(None),
                Happening::Ended(End::Fault(code, reason)) => close(code, reason),
            };
        }
        self.peer.ending.set(true);
        let rooms = self.peer.rooms();
        self.worker.leave_all(&self.peer);
        let grace = time::as_micros(self.worker.shared.config.drain.close_grace);
        match flow {
            Flow::Break(Some(Ending::Close(drain::CODE, reason))) => self.send_home(rooms, &reason, grace).await,
            Flow::Break(Some(Ending::Close(code, reason))) => self.socket.close(code, &reason, grace, |_, _| {}).await,
            Flow::Break(Some(Ending::Cut(how))) => self.socket.cut(how, grace).await,
            _ => {}
        }
    }

    /// Closes the connection because the instance goes away; what the client says before it knows is passed on.
    async fn send_home(self, rooms: Vec<Room>, reason: &str, grace: u64) {
        let Self { worker, socket, user, home, rate, .. } = self;
        let Some(user) = user else { return socket.close(drain::CODE, reason, grace, |_, _| {}).await };
        let mut parting = Parting { worker, user, home, rooms, rate, receipts: Vec::new() };
        socket.close(drain::CODE, reason, grace, |text, read| parting.hear(&text, read)).await;
        // The broker settles every receipt in its own time, which is bounded like the time of all others.
        parting.passed_on().await;
    }

    /// Pings and pongs cost work, too, and are counted like other frames; there is no frame that could refuse them.
    fn control(&mut self) -> Flow {
        match self.rate.frame(self.socket.last_read()) {
            Verdict::Accept => {}
            Verdict::Refuse => self.worker.stats.rate_limited.add(1),
            Verdict::Close => return close(4102, "rate limited"),
        }
        Flow::Continue(())
    }

    fn binary(&mut self) -> Flow {
        if self.user.is_none() {
            return close(4001, "Authentication required");
        }
        self.error(Code::Malformed, None);
        self.control()
    }

    fn frame(&mut self, text: Utf8Bytes) -> Flow {
        match self.rate.frame(self.socket.last_read()) {
            Verdict::Accept => {}
            Verdict::Refuse => {
                self.worker.stats.rate_limited.add(1);
                let inbound = Inbound::parse(&text).ok();
                self.error(Code::RateLimited, inbound.and_then(|inbound| inbound.reference()));
                return Flow::Continue(());
            }
            Verdict::Close => return close(4102, "rate limited"),
        }
        match self.user.clone() {
            Some(user) => self.act(text, &user),
            None => self.authenticate(&text),
        }
    }

    /// Something has changed about the peer.
    fn signal(&mut self) -> Flow {
        if self.peer.is_slow() {
            self.worker.stats.slow_consumers.add(1);
            return close(4202, "slow consumer");
        }
        if let Some(cut) = self.peer.take_cut() {
            return self.cut(*cut);
        }
        self.release()
    }

    /// Tries a held message again.
    fn release(&mut self) -> Flow {
        let (Some(text), Some(user)) = (self.held.take(), self.user.clone()) else { return Flow::Continue(()) };
        self.socket.set_reading(true);
        self.act(text, &user)
    }

    fn timer(&mut self) -> Flow {
        let now = time::micros();
        let drain_at = self.peer.drain_at.get();
        if drain_at != 0 && now >= drain_at {
            return close(drain::CODE, &drain::reason(&self.worker.shared.config.drain));
        }
        if now >= self.auth_until {
            return close(4002, "Authentication timeout");
        }
        if now >= self.expires {
            return close(4204, "token expired");
        }
        while let Some(room) = self.peer.overdue(now) {
            let reference = self.worker.leave(&self.peer, &room).flatten();
            self.error(Code::Unavailable, reference.as_deref());
        }
        // While nothing is read, silence is not the client's.
        let last_read = if self.held.is_some() { now } else { self.socket.last_read() };
        match self.heartbeat.beat(now, last_read) {
            Beat::Rest => {}
            Beat::Ping => {
                self.socket.ping();
                self.worker.seen(&self.peer, Duration::from_micros(now.saturating_sub(last_read)));
            }
            Beat::Dead => {
                self.worker.stats.pong_timeouts.add(1);
                return close(4201, "pong timeout");
            }
        }
        self.release()
    }

    fn set_timer(&mut self) {
        let drain_at = match self.peer.drain_at.get() {
            0 => u64::MAX,
            at => at,
        };
        let join = self.peer.next_join_deadline().unwrap_or(u64::MAX);
        let beat = self.heartbeat.next(self.socket.last_read());
        self.socket.wake_at(drain_at.min(join).min(beat).min(self.auth_until).min(self.expires));
    }

    fn error(&self, code: Code, reference: Option<&str>) {
        self.worker.stats.errors_sent.add(1);
        self.send(protocol::error(code, reference));
    }

    fn send(&self, frame: Utf8Bytes) {
        self.peer.send(frame, false, time::micros(), &self.worker.shared.config.outbound);
    }
}

/// A short random word that tells this start of an instance from others.
pub(crate) fn nonce() -> String {
    let mut rng = rand::rng();
    (0..6).map(|_| char::from(b"0123456789abcdefghjkmnpqrstvwxyz"[rng.random_range(0..32)])).collect()
}
