//! The same clients for every server: they connect, join, talk and listen, and know when what they hear was said.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::kinds::Kind;

/// Clients that connect at the same time.
const AT_ONCE: usize = 64;
/// Digits of the time in a content.
const DIGITS: usize = 12;

/// Connected clients, and what they have heard.
pub(crate) struct Crowd {
    kind: Kind,
    rooms: usize,
    begin: Instant,
    say: Vec<mpsc::Sender<String>>,
    /// Microseconds from saying to hearing.
    heard: Rc<RefCell<Vec<u32>>>,
}

type Socket = WebSocketStream<TcpStream>;

impl Crowd {
    /// Connects `count` clients, in turn to each of `bases`, in `rooms` rooms; all have joined when it returns.
    pub(crate) async fn gather(kind: Kind, bases: &[String], count: usize, rooms: usize, tokens: &[String]) -> Self {
        let heard = Rc::default();
        let mut crowd = Self { kind, rooms, begin: Instant::now(), say: Vec::with_capacity(count), heard };
        let gate = Rc::new(Semaphore::new(AT_ONCE));
        let mut joining = tokio::task::JoinSet::new();
        for n in 0..count {
            let (room, token, gate) = (n % rooms, tokens[n].clone(), Rc::clone(&gate));
            let base = bases[n / rooms % bases.len()].clone();
            joining.spawn_local(async move {
                let _place = gate.acquire().await.expect("the gate stays open");
                (n, join(kind, &base, room, &token).await)
            });
        }
        let mut sockets: Vec<Option<Socket>> = (0..count).map(|_| None).collect();
        while let Some(joined) = joining.join_next().await {
            let (n, socket) = joined.expect("a client joins");
            sockets[n] = Some(socket);
        }
        for socket in sockets.into_iter().flatten() {
            let (say, said) = mpsc::channel(64);
            crowd.say.push(say);
            tokio::task::spawn_local(live(kind, socket, said, crowd.begin, Rc::clone(&crowd.heard)));
        }
        crowd
    }

    /// Has the clients in turn say `count` messages of `size` bytes, one every `pause`, and waits until they have
    /// arrived or two seconds have passed. How many copies were due, and how long each that came was under way.
    pub(crate) async fn talk(&self, count: usize, size: usize, pause: Duration) -> (usize, Vec<u32>) {
        self.heard.borrow_mut().clear();
        let begin = tokio::time::Instant::now();
        let members = self.say.len() / self.rooms;
        for n in 0..count {
            tokio::time::sleep_until(begin + pause * n as u32).await;
            let talker = n * 7 % self.say.len();
            let now = self.begin.elapsed().as_micros();
            let content = format!("T{now:0DIGITS$}{}", "x".repeat(size - DIGITS - 1));
            let message = self.kind.message(talker % self.rooms, &content);
            self.say[talker].send(message).await.expect("the client lives");
        }
        let due = count * members;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(2);
        while self.heard.borrow().len() < due && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        (due, self.heard.take())
    }
}

async fn join(kind: Kind, base: &str, room: usize, token: &str) -> Socket {
    let address = base.strip_prefix("ws://").expect("plain");
    let stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket can be told to hurry");
    let small = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    let handshake = client_async_with_config(kind.url(base, room, token), stream, Some(small));
    let (mut socket, _) = handshake.await.expect("the upgrade succeeds");
    while kind.greets() {
        let Some(Ok(frame)) = socket.next().await else { panic!("a client of {} was closed", kind.name()) };
        let Message::Text(text) = frame else { continue };
        let Some(answers) = kind.greet(&text, room, token) else { break };
        for answer in answers {
            socket.send(Message::text(answer)).await.expect("the server reads");
        }
    }
    socket
}

/// Talks and listens until nobody has anything to say through it any more.
async fn live(
    kind: Kind,
    mut socket: Socket,
    mut said: mpsc::Receiver<String>,
    begin: Instant,
    heard: Rc<RefCell<Vec<u32>>>,
) {
    loop {
        tokio::select! {
            frame = socket.next() => {
                let Some(Ok(frame)) = frame else { return };
                let Message::Text(text) = frame else { continue };
                if let Some(answer) = kind.answer(&text) {
                    if socket.send(Message::text(answer)).await.is_err() { return }
                } else if let Some(at) = memchr::memmem::find(text.as_bytes(), kind.before_content()) {
                    let digits = &text[at + kind.before_content().len()..][..DIGITS];
                    let then: u128 = digits.parse().expect("a time");
                    heard.borrow_mut().push((begin.elapsed().as_micros() - then) as u32);
                }
            }
            message = said.recv() => {
                let Some(message) = message else { return };
                if socket.send(Message::text(message)).await.is_err() { return }
            }
        }
    }
}
