//! R10: pings, and what happens to those who do not answer.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use reference_server::Config;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, Server, soon, until};

fn quick() -> Config {
    let (ping_interval, ping_timeout) = (Duration::from_millis(100), Duration::from_millis(300));
    Config { ping_interval, ping_timeout, ..Config::default() }
}

#[tokio::test]
async fn welcome_announces_the_heartbeat() {
    let server = Server::alone(quick()).await;
    let mut client = Client::open(&server, &format!("/ws?token={}", crate::support::server::token("alice"))).await;
    let welcome = client.next("welcome").await;
    assert_eq!((&welcome["ping_interval_ms"], &welcome["ping_timeout_ms"]), (&100.into(), &300.into()));
    assert_eq!(welcome["max_message"], 65_536);
    assert_eq!(welcome["clock"].as_str().map(str::len), Some(36), "a boot id: {welcome}");
}

#[tokio::test]
async fn a_client_that_answers_pings_stays() {
    let took = answer_pings(30, Duration::from_secs(1)).await;
    assert!(took >= Duration::from_millis(29 * 100), "30 pings in {took:?}");
}

/// Answers so many pings, one every 100 ms, of a server that thinks who is silent for `timeout` dead; how long it took.
pub(crate) async fn answer_pings(count: usize, timeout: Duration) -> Duration {
    let server = Server::alone(Config { ping_timeout: timeout, ..quick() }).await;
    let start = Instant::now();
    let mut client = Client::in_room(&server, "r", "alice").await;
    for _ in 0..count {
        // Reading answers.
        while !matches!(soon("a ping", client.socket.next()).await, Some(Ok(Message::Ping(_)))) {}
    }
    let took = start.elapsed();
    client.quiet().await;
    took
}

#[tokio::test]
async fn a_dead_peer_leaves_its_rooms() {
    let noticed = dead_peer().await;
    assert!(noticed >= Duration::from_millis(200), "{noticed:?}");
}

/// How long a peer that does not answer is thought to live.
pub(crate) async fn dead_peer() -> Duration {
    let server = Server::alone(quick()).await;
    let mut client = Client::in_room(&server, "r", "alice").await;
    let start = Instant::now();
    until("the dead one is noticed", async || server.metric("members").await == 0.0).await;
    let noticed = start.elapsed();
    assert_eq!(client.closed().await.0, 4201);
    assert_eq!(server.metric("pong_timeouts_total").await, 1.0);
    server.empty().await;
    noticed
}

#[tokio::test]
async fn an_application_ping_gives_both_stamps() {
    let server = Server::alone(Config::default()).await;
    let mut client = Client::in_room(&server, "r", "alice").await;
    client.send(r#"{"type":"ping","t":12.5,"ref":"x"}"#).await;
    let pong = client.next("pong").await;
    assert_eq!((&pong["t"], &pong["ref"]), (&12.5.into(), &"x".into()));
    assert!(pong["tin"].as_u64().unwrap() <= pong["tout"].as_u64().unwrap(), "{pong}");
}

#[tokio::test]
async fn a_reset_is_noticed_at_once() {
    let server = Server::alone(Config::default()).await;
    let client = Client::in_room(&server, "r", "alice").await;
    let stream = client.socket.into_inner();
    stream.set_zero_linger().unwrap();
    drop(stream);
    soon("the reset is noticed", server.empty()).await;
}
