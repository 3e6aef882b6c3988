//! One who does not read among 500: its queue is bounded, it is told why it goes, and the others do not notice.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Child, Client, server::token, soon, until};

const BYSTANDERS: usize = 499;

async fn come(user: &str, stream: TcpStream) -> Client {
    let mut client = Client::over(stream, &format!("/ws/rooms/r?token={}", token(user))).await;
    client.expect("joined").await;
    client
}

async fn connect(child: &Child) -> TcpStream {
    TcpStream::connect(child.address).await.unwrap()
}

/// Somebody who takes next to nothing from the network and never reads.
async fn sloth(child: &Child) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    come("sloth", socket.connect(child.address).await.unwrap()).await
}

/// Reads for ever; hands up when messages arrived.
fn listen(mut client: Client, heard: mpsc::Sender<Instant>) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Some(Ok(message)) = client.socket.next().await {
            if matches!(&message, Message::Text(text) if text.starts_with(r#"{"type":"message""#)) {
                heard.send(Instant::now()).await.unwrap();
            }
        }
    })
}

struct Room {
    child: Child,
    talker: Client,
    heard: mpsc::Receiver<Instant>,
    listeners: Vec<JoinHandle<()>>,
}

impl Room {
    async fn full() -> Self {
        let child = Child::start(&["--frames-per-second", "100000"]);
        let (told, heard) = mpsc::channel(100_000);
        let mut listeners = Vec::new();
        for n in 0..BYSTANDERS {
            let client = come(&format!("u{n}"), connect(&child).await).await;
            listeners.push(listen(client, told.clone()));
        }
        let talker = come("talker", connect(&child).await).await;
        Self { child, talker, heard, listeners }
    }

    /// Says something and waits until all bystanders have it; how long each of them waited.
    async fn say(&mut self, content: &str) -> Vec<Duration> {
        let said = Instant::now();
        self.talker.say(content).await;
        self.talker.expect("message").await;
        let mut waited = Vec::with_capacity(BYSTANDERS);
        while waited.len() < BYSTANDERS {
            waited.push(soon("everybody has it", self.heard.recv()).await.unwrap() - said);
        }
        waited
    }
}

#[tokio::test]
async fn one_who_does_not_read_among_500_costs_little_and_goes() {
    let mut room = Room::full().await;
    let before = room.child.resident();
    let mut sloth = sloth(&room.child).await;
    let content = format!("\"{}\"", "x".repeat(32 * 1024));
    let mut most = before;
    let mut said = 0;
    while room.child.metric("slow_consumers_total").await == 0.0 {
        assert!(said < 300, "{said} messages of 32 KiB wait for a client that does not read");
        room.say(&content).await;
        said += 1;
        most = most.max(room.child.resident());
    }
    // 1 MiB may wait in the queue and a little in the kernel; less than that never does.
    assert!(said >= 32, "closed after {said} messages");
    assert!(most - before <= 64 * 1024, "{} KiB more at the worst", most - before);
    let (code, reason) = sloth.closed().await;
    assert_eq!((code, reason.as_str()), (4202, "slow consumer"));
    room.say("1").await;
    room.listeners.iter().for_each(JoinHandle::abort);
    drop((sloth, room.talker));
    room.child.empty().await;
}

/// The p99 of the bystanders' waits with and without the slow one, in pairs of blocks in turn. By hand:
/// `cargo test --release -p reference-server --test it -- --ignored --nocapture the_others_do_not_wait`.
#[tokio::test]
#[ignore = "by hand, in a release build, on a quiet machine"]
async fn the_others_do_not_wait_for_the_slow_one() {
    const PAIRS: usize = 20;
    let mut room = Room::full().await;
    // Enough in each block for the slow one to be closed in it.
    let content = format!("\"{}\"", "x".repeat(16_000));
    let p99 = |mut waits: Vec<Duration>| {
        waits.sort();
        waits[waits.len() * 99 / 100].as_secs_f64() * 1e3
    };
    let mut ratios = Vec::new();
    for pair in 0..PAIRS {
        let mut both = [0.0; 2];
        for half in 0..2 {
            let with = (pair + half) % 2;
            let slow = if with == 1 { Some(sloth(&room.child).await) } else { None };
            let mut waits = Vec::new();
            for _ in 0..80 {
                waits.extend(room.say(&content).await);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            both[with] = p99(waits);
            drop(slow);
            until("the slow one has gone", async || room.child.metric("members").await == 500.0).await;
        }
        ratios.push(both[1] / both[0]);
        println!("p99 without {:.2} ms, with {:.2} ms", both[0], both[1]);
    }
    assert_eq!(room.child.metric("slow_consumers_total").await, PAIRS as f64, "one was closed in every pair");
    ratios.sort_by(f64::total_cmp);
    let median = (ratios[PAIRS / 2 - 1] + ratios[PAIRS / 2]) / 2.0;
    println!("p99 with / without, median of {PAIRS} pairs: {median:.3}");
    assert!(median < 1.2, "{median}");
}
