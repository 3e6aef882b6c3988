//! A token that ends while its connection lives.

use std::time::{Duration, SystemTime};

use reference_server::{Config, Secret};
use serde_json::json;

use crate::support::{Client, Server, server::SECRET};

fn unix_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn token(user: &str, seconds: u64) -> String {
    Secret::new(SECRET).mint(user, unix_now() + seconds)
}

#[tokio::test]
async fn a_connection_ends_with_its_token() {
    let server = Server::alone(Config::default()).await;
    let mut by_query = Client::open(&server, &format!("/ws/rooms/r?token={}", token("alice", 2))).await;
    let mut by_message = Client::open(&server, "/ws/rooms/r").await;
    by_message.send(&json!({"type": "auth", "token": token("bob", 2)}).to_string()).await;
    let mut longer = Client::open(&server, &format!("/ws/rooms/r?token={}", token("carol", 60))).await;
    for client in [&mut by_query, &mut by_message, &mut longer] {
        client.expect("joined").await;
    }
    let expiry = unix_now();
    for client in [&mut by_query, &mut by_message] {
        assert_eq!(client.closed().await, (4204, "token expired".to_owned()));
    }
    assert!(unix_now() - expiry <= 3);
    longer.quiet().await;
    drop((by_query, by_message));
    longer.leave().await;
    server.empty().await;
}

#[tokio::test]
async fn a_new_token_in_time_keeps_the_connection() {
    let server = Server::alone(Config::default()).await;
    let mut client = Client::open(&server, &format!("/ws/rooms/r?token={}", token("alice", 2))).await;
    client.expect("joined").await;
    client.send(&json!({"type": "auth", "token": token("alice", 60)}).to_string()).await;
    client.next("auth.success").await;
    let first = tokio::time::timeout(Duration::from_millis(2_500), client.text()).await;
    assert!(first.is_err(), "{first:?}");
    client.quiet().await;
    client.send(&json!({"type": "auth", "token": token("mallory", 60)}).to_string()).await;
    assert_eq!(client.closed().await.0, 4001, "another user's token is none");
}
