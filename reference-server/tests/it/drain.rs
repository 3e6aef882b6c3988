//! How an instance goes away.

use std::time::{Duration, Instant};

use reference_server::{Config, config::Drain};
use tokio::net::TcpStream;

use crate::support::{Client, Server, until};

fn quick() -> Config {
    let drain = Drain {
        window: Duration::from_millis(500),
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
        assert_eq!(client.next("drain").await["within_ms"], 500);
        (client.closed().await, start.elapsed())
    });
    closed.extend(futures_util::future::join_all(closes).await);
    for ((code, reason), _) in &closed {
        assert_eq!((*code, reason.as_str()), (1012, r#"{"retry_min_ms":10,"retry_max_ms":20}"#));
    }
    let moments: Vec<Duration> = closed.iter().map(|(_, at)| *at).collect();
    let spread = *moments.iter().max().unwrap() - *moments.iter().min().unwrap();
    assert!(spread > Duration::from_millis(150), "all closed within {spread:?}");
    assert!(!moments.is_sorted(), "closed in the order in which they came");
    server.finished().await;
}

#[tokio::test]
async fn a_draining_instance_is_not_ready_and_takes_nobody() {
    let server = Server::alone(quick()).await;
    let mut client = Client::in_room(&server, "r", "alice").await;
    server.shut_down();
    client.expect("drain").await;
    let ready = server.admin("/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (503, "draining\n"));
    until("nothing listens", async || TcpStream::connect(server.address).await.is_err()).await;
    client.say("1").await;
    client.expect("message").await;
    assert_eq!(client.closed().await.0, 1012);
    server.finished().await;
}

#[tokio::test]
async fn a_client_that_does_not_go_is_cut_at_the_deadline() {
    let server = Server::alone(quick()).await;
    let _deaf = Client::in_room(&server, "r", "alice").await;
    let start = Instant::now();
    server.shut_down();
    server.finished().await;
    assert!(start.elapsed() < Duration::from_millis(2_000), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_empty_instance_goes_at_once() {
    let server = Server::alone(Config::default()).await;
    let start = Instant::now();
    server.shut_down();
    server.finished().await;
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}
