//! A token that ends while its connection lives.

use std::time::{Duration, SystemTime};

use reference_server::{Config, Secret};
use serde_json::json;

use crate::support::{Client, Server, server::SECRET};

/// Seconds that a short-lived token is good for: enough to come in with on a busy machine.
const LIFE: u64 = 4;

fn unix_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn token(user: &str, seconds: u64) -> String {
    Secret::new(SECRET).mint(user, unix_now() + seconds)
}

#[tokio::test]
async fn a_connection_ends_with_its_token() {
    ends_with_its_token().await;
}

/// How many seconds a connection outlives its token.
pub(crate) async fn ends_with_its_token() -> u64 {
    let server = Server::alone(Config::default()).await;
    let expiry = unix_now() + LIFE;
    let mut by_query = Client::open(&server, &format!("/ws/rooms/r?token={}", token("alice", LIFE))).await;
    let mut by_message = Client::open(&server, "/ws/rooms/r").await;
    by_message.send(&json!({"type": "auth", "token": token("bob", LIFE)}).to_string()).await;
    let mut longer = Client::open(&server, &format!("/ws/rooms/r?token={}", token("carol", 60))).await;
    for client in [&mut by_query, &mut by_message, &mut longer] {
        client.expect("joined").await;
    }
    for client in [&mut by_query, &mut by_message] {
        assert_eq!(client.closed().await, (4204, "token expired".to_owned()));
    }
    let ended = unix_now();
    assert!(ended >= expiry, "{} s early", expiry - ended);
    longer.quiet().await;
    drop((by_query, by_message));
    longer.leave().await;
    server.empty().await;
    ended - expiry
}

#[tokio::test]
async fn a_new_token_in_time_keeps_the_connection() {
    let server = Server::alone(Config::default()).await;
    let mut client = Client::open(&server, &format!("/ws/rooms/r?token={}", token("alice", LIFE))).await;
    client.expect("joined").await;
    client.send(&json!({"type": "auth", "token": token("alice", 60)}).to_string()).await;
    client.next("auth.success").await;
    let first = tokio::time::timeout(Duration::from_millis(LIFE * 1_000 + 500), client.text()).await;
    assert!(first.is_err(), "{first:?}");
    client.quiet().await;
    client.send(&json!({"type": "auth", "token": token("mallory", 60)}).to_string()).await;
    assert_eq!(client.closed().await.0, 4001, "another user's token is none");
}
