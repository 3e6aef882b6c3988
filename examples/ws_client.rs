//! A room over a WebSocket, as a page's `useWebSocket` has it: a status (connecting, connected, disconnected), the last
//! message, a send that says nothing unless the connection is open, and a reconnect 3 s after every end that was not clean.
//!
//! ```text
//! wsbench serve --jwt-secret s &
//! cargo run --example ws_client -- ws://127.0.0.1:PORT lobby "$(wsbench token --jwt-secret s --sub ada)"
//! ```
//! Lines of standard input are said in the room; `status …`, `message …` and `unsent …` are printed.

use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use tokio::sync::{mpsc, watch};
use wsbench::backoff::Policy;
use wsbench::dialect::{self, AuthStyle, Identity, Parameters};
use wsbench::observe::{ClientId, TransportKind};
use wsbench::session::{Dialer, Ended, Happening, Pass, Place, Session};
use wsbench::time::Clock;
use wsbench::transport::{self, NetworkConfig};
use wsbench::wire::CloseReason;

/// How the connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Connecting,
    Connected,
    Disconnected,
}

/// A client that looks after its connection.
struct Client {
    dialer: Dialer,
    identity: Arc<Identity>,
    room: Arc<str>,
    status: watch::Sender<Status>,
    last_message: watch::Sender<String>,
    outgoing: mpsc::Receiver<String>,
}

impl Client {
    /// Connects, and connects again as long as it has to; ends with the first clean close.
    async fn run(mut self) {
        let (policy, mut rng) = (Policy::Browser, rand_chacha::ChaCha8Rng::seed_from_u64(0));
        for attempt in 0.. {
            self.status.send_replace(Status::Connecting);
            let rooms = vec![Place::new(Arc::clone(&self.room), None)];
            let (kind, pass) = (TransportKind::WebSocket, &mut Pass::default());
            let ended = match self.dialer.dial(kind, 0, &self.identity, rooms, pass).await {
                Ok((session, _)) => Some(self.converse(session).await),
                Err(error) => {
                    eprintln!("{error}");
                    None
                }
            };
            self.status.send_replace(Status::Disconnected);
            if matches!(ended, Some(Ended::Closed(CloseReason::Code(1000 | 1001, _)))) {
                return;
            }
            let Some(delay) = policy.delay(attempt, Duration::ZERO, &mut rng) else { return };
            self.dialer.clock.sleep_until(self.dialer.clock.now() + delay).await;
        }
    }

    /// Talks until the connection has ended.
    async fn converse(&mut self, mut session: Session) -> Ended {
        loop {
            let (status, last_message) = (&self.status, &self.last_message);
            let mut tell = |happening: Happening<'_>| match happening {
                Happening::Ready => drop(status.send_replace(Status::Connected)),
                Happening::Delivery(delivery, _) => {
                    last_message.send_replace(String::from_utf8_lossy(delivery.body).into_owned());
                }
                _ => {}
            };
            tokio::select! {
                ended = poll_fn(|cx| session.poll(cx, usize::MAX, &mut tell)) => return ended,
                line = self.outgoing.recv() => match line {
                    Some(line) => if let Err(why) = session.publish(0, &line, 0) {
                        println!("unsent {}: {line}", why.name());
                    },
                    None => session.leave(),
                },
            }
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [_, url, room, token] =
        <[String; 4]>::try_from(std::env::args().collect::<Vec<_>>()).map_err(|_| "usage: ws_client URL ROOM TOKEN")?;
    let identity =
        Identity { client: ClientId(0), user: String::new(), token: Some(token), auth: AuthStyle::FirstMessage };
    let dialer = Dialer {
        transports: vec![transport::of(TransportKind::WebSocket, vec![url.parse()?], NetworkConfig::default())?],
        dialect: dialect::find("room", &Parameters::new())?,
        clock: Clock::real(),
        machine: None,
        instances: Vec::new(),
        instance_rules: Arc::default(),
        join_timeout: Duration::from_secs(10),
        login: None,
        exchanges: None,
    };
    let (status, mut statuses) = watch::channel(Status::Disconnected);
    let (last_message, mut messages) = watch::channel(String::new());
    let (say, outgoing) = mpsc::channel(16);
    let client = Client { dialer, identity: Arc::new(identity), room: room.into(), status, last_message, outgoing };
    // A thread of its own, since nothing could interrupt it; the end of the input closes the connection.
    std::thread::spawn(move || {
        std::io::stdin().lines().map_while(Result::ok).try_for_each(|line| say.blocking_send(line))
    });
    let mut running = Box::pin(client.run());
    loop {
        tokio::select! {
            biased;
            Ok(()) = statuses.changed() => println!("status {:?}", *statuses.borrow_and_update()),
            Ok(()) = messages.changed() => println!("message {}", *messages.borrow_and_update()),
            () = &mut running => {
                println!("status {:?}", *statuses.borrow());
                return Ok(());
            }
        }
    }
}
