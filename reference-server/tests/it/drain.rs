//! How an instance goes away.

use std::time::{Duration, Instant};

use futures_util::SinkExt;
use reference_server::{Config, config::Drain};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, Server, brokers, until};

fn quick() -> Config {
    let drain = Drain {
        window: Duration::from_millis(2_000),
        close_grace: Duration::from_millis(300),
        retry_min: Duration::from_millis(10),
        retry_max: Duration::from_millis(20),
    };
    Config { drain, ..Config::default() }
}

#[tokio::test]
async fn a_drain_hints_then_closes_spread_over_the_window() {
    let server = Server::alone(quick()).await;
    let mut clients = Vec::new();
    for n in 0..20 {
        clients.push(Client::in_room(&server, "r", &n.to_string()).await);
    }
    assert_eq!(server.admin("/readyz").await.status, 200);
    let start = Instant::now();
    server.shut_down();
    let mut closed = Vec::new();
    let closes = clients.into_iter().map(async |mut client| {
        assert_eq!(client.next("drain").await["within_ms"], 2_000);
        (client.closed().await, start.elapsed())
    });
    closed.extend(futures_util::future::join_all(closes).await);
    for ((code, reason), _) in &closed {
        assert_eq!((*code, reason.as_str()), (1012, r#"{"retry_min_ms":10,"retry_max_ms":20}"#));
    }
    let moments: Vec<Duration> = closed.iter().map(|(_, at)| *at).collect();
    let spread = *moments.iter().max().unwrap() - *moments.iter().min().unwrap();
    assert!(spread > Duration::from_millis(600), "all closed within {spread:?}");
    assert!(!moments.is_sorted(), "closed in the order in which they came");
    server.finished().await;
}

#[tokio::test]
async fn a_draining_instance_is_not_ready_and_takes_nobody() {
    let server = Server::alone(quick()).await;
    let mut clients = Vec::new();
    for n in 0..30 {
        clients.push(Client::in_room(&server, "r", &n.to_string()).await);
    }
    server.shut_down();
    for client in &mut clients {
        client.expect("drain").await;
    }
    let ready = server.admin("/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (503, "draining\n"));
    until("nothing listens", async || TcpStream::connect(server.address).await.is_err()).await;
    // Some are closed by now; all are served until they are.
    let mut served = 0;
    for (n, mut client) in clients.into_iter().enumerate() {
        let name = n.to_string();
        let said = format!(r#"{{"type":"message","content":"{name}"}}"#);
        let _closed_already = client.socket.send(Message::text(said)).await;
        while let Some(frame) = client.try_frame().await {
            served += usize::from(frame["content"] == name.as_str());
        }
    }
    assert!(served > 0, "nobody was served any more");
    server.finished().await;
}

#[tokio::test]
async fn what_is_said_before_the_close_is_heard_of_reaches_everybody() {
    for (broker, _redis) in brokers().await {
        let window = Drain { window: Duration::from_millis(20), ..Drain::default() };
        let going = Server::start("a", broker.clone(), Config { drain: window, ..Config::default() }).await;
        let stays = Server::start("b", broker, Config::default()).await;
        let mut listener = Client::in_room(&stays, "r", "bob").await;
        let mut talkers = Vec::new();
        for n in 0..5 {
            talkers.push(Client::in_room(&going, "r", &n.to_string()).await);
        }
        going.shut_down();
        // Nobody reads: the close is in every socket, and unheard.
        tokio::time::sleep(Duration::from_millis(200)).await;
        for (n, talker) in talkers.iter_mut().enumerate() {
            talker.say(&n.to_string()).await;
        }
        for talker in &mut talkers {
            assert_eq!(talker.closed().await.0, 1012);
        }
        let mut heard = Vec::new();
        while heard.len() < talkers.len() {
            heard.push(listener.next("message").await["content"].as_u64().unwrap());
        }
        heard.sort_unstable();
        assert_eq!(heard, [0, 1, 2, 3, 4]);
        going.finished().await;
    }
}

#[tokio::test]
async fn a_client_that_does_not_go_is_cut_at_the_deadline() {
    cut_at_the_deadline().await;
}

/// How long an instance takes to go with a client that does not.
pub(crate) async fn cut_at_the_deadline() -> Duration {
    let server = Server::alone(quick()).await;
    let _deaf = Client::in_room(&server, "r", "alice").await;
    let start = Instant::now();
    server.shut_down();
    server.finished().await;
    start.elapsed()
}

#[tokio::test]
async fn an_empty_instance_goes() {
    empty_goes().await;
}

/// How long an instance without clients takes to go.
pub(crate) async fn empty_goes() -> Duration {
    let server = Server::alone(Config::default()).await;
    let start = Instant::now();
    server.shut_down();
    server.finished().await;
    start.elapsed()
}
