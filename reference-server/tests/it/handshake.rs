//! R1, R2, R3: what is refused before the upgrade, and how a client proves who it is after it.

use std::time::Duration;

use reference_server::{AuthMode, Config, Secret};
use serde_json::json;

use crate::support::{
    Client, Server,
    server::{SECRET, get, token},
    until,
};

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn first_message_only() -> Config {
    Config { auth: AuthMode::FirstMessage, ..Config::default() }
}

fn auth(token: &str) -> String {
    json!({"type": "auth", "token": token}).to_string()
}

#[tokio::test]
async fn refusals_come_before_the_upgrade() {
    let server = Server::alone(Config::default()).await;
    let good = token("alice");
    let long = "x".repeat(129);
    let cases = [
        ("/ws/rooms/a%20b".to_owned(), 400),
        ("/ws/rooms/".to_owned(), 400),
        (format!("/ws/rooms/{long}"), 400),
        ("/".to_owned(), 404),
        ("/ws/elsewhere".to_owned(), 404),
        ("/ws/rooms/r?token=".to_owned(), 401),
        ("/ws/rooms/r?token=x.y.z".to_owned(), 401),
        (format!("/ws/rooms/r?token={}", Secret::new("wrong").mint("alice", u32::MAX.into())), 401),
        (format!("/ws?token={}", Secret::new(SECRET).mint("alice", 1)), 401),
        (format!("/ws?token={good}"), 426),
    ];
    for (path, status) in cases {
        let answer = server.get(&path).await;
        assert_eq!(answer.status, status, "{path}");
        if status == 401 {
            assert_eq!(answer.body, "Unauthorized");
        }
    }
    server.empty().await;
}

#[tokio::test]
async fn the_upgrade_names_the_instance_and_answers_the_key() {
    let server = Server::alone(Config::default()).await;
    let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let client = Client::over(stream, &format!("/ws?token={}", token("alice"))).await;
    assert_eq!(client.instance, "a");
}

#[tokio::test]
async fn origins_are_loopback_unless_listed() {
    let status = async |server: &Server, origin: &str| {
        let path = format!("/ws?token={}", token("alice"));
        get(server.address, &path, &format!("Origin: {origin}\r\n")).await.status
    };
    let server = Server::alone(Config::default()).await;
    assert_eq!(status(&server, "https://evil.example").await, 403);
    assert_eq!(status(&server, "http://localhost:5173").await, 426, "let in, but it is no upgrade");
    let listed = Config { allow_origin: vec!["https://app.example".into()], ..Config::default() };
    let server = Server::alone(listed).await;
    assert_eq!(status(&server, "https://app.example").await, 426);
    assert_eq!(status(&server, "http://localhost:5173").await, 403);
}

#[tokio::test]
async fn query_mode_refuses_a_missing_token() {
    let server = Server::alone(Config { auth: AuthMode::Query, ..Config::default() }).await;
    let answer = server.get("/ws/rooms/r").await;
    assert_eq!((answer.status, answer.body.as_str()), (401, "Unauthorized"));
    Client::in_room(&server, "r", "alice").await;
}

#[tokio::test]
async fn a_good_first_message_lets_in() {
    for config in [Config::default(), first_message_only()] {
        let server = Server::alone(config).await;
        let mut client = Client::open(&server, "/ws/rooms/r").await;
        client.send(&auth(&token("alice"))).await;
        client.next("auth.success").await;
        let welcome = client.next("welcome").await;
        assert_eq!((&welcome["user"], &welcome["instance"]), (&json!("alice"), &json!("a")));
        assert_eq!(client.next("joined").await["room"], "r");
    }
}

#[tokio::test]
async fn frames_behind_auth_wait() {
    let server = Server::alone(Config::default()).await;
    let mut client = Client::open(&server, "/ws/rooms/r").await;
    client.feed(&auth(&token("alice"))).await;
    for n in 0..3 {
        client.feed(&json!({"type": "message", "content": n}).to_string()).await;
    }
    client.send(r#"{"type":"ping"}"#).await;
    for expected in ["auth.success", "welcome", "joined"] {
        client.next(expected).await;
    }
    for n in 0..3 {
        assert_eq!(client.expect("message").await["content"], n);
    }
}

#[tokio::test]
async fn bad_first_messages_close() {
    let server = Server::alone(Config::default()).await;
    let required = (4001, "Authentication required".to_owned());
    for first in [r#"{"type":"message","content":1}"#, "not json", "{}", r#"{"type":"join","room":"r"}"#] {
        let mut client = Client::open(&server, "/ws/rooms/r").await;
        client.send(first).await;
        assert_eq!(client.closed().await, required, "{first}");
    }
    let mut client = Client::open(&server, "/ws").await;
    client.send_binary(b"\x00").await;
    assert_eq!(client.closed().await, required);
    for bad in ["", "x.y.z", &Secret::new(SECRET).mint("alice", 1)] {
        let mut client = Client::open(&server, "/ws/rooms/r").await;
        client.send(&auth(bad)).await;
        assert_eq!(client.closed().await, (4001, "Invalid token".to_owned()));
    }
    server.empty().await;
}

#[tokio::test]
async fn silence_instead_of_auth_closes() {
    let server = Server::alone(Config { auth_timeout: Duration::from_millis(200), ..Config::default() }).await;
    let mut client = Client::open(&server, "/ws/rooms/r").await;
    assert_eq!(client.closed().await.0, 4002);
    server.empty().await;
}

#[tokio::test]
async fn nobody_is_in_the_room_before_auth() {
    let server = Server::alone(Config::default()).await;
    let mut stranger = Client::open(&server, "/ws/rooms/r").await;
    let mut member = Client::in_room(&server, "r", "bob").await;
    member.say("1").await;
    member.expect("message").await;
    assert_eq!(server.metric("members").await, 1.0);
    stranger.send(&auth(&token("alice"))).await;
    stranger.next("auth.success").await;
    stranger.next("welcome").await;
    assert_eq!(stranger.next("joined").await["off"], 1, "what was said before is not heard");
}

#[tokio::test]
async fn connections_above_the_limit_are_refused() {
    let mut config = Config::default();
    config.limits.connections = 2;
    let server = Server::alone(config).await;
    let _members = [Client::multi(&server, "a").await, Client::multi(&server, "b").await];
    let answer = get(server.address, &format!("/ws?token={}", token("c")), UPGRADE).await;
    assert_eq!(answer.status, 503);
}

#[tokio::test]
async fn a_token_is_in_no_page_and_no_frame() {
    let server = Server::alone(Config::default()).await;
    let canary = Secret::new("wrong").mint("canary", u32::MAX.into());
    let refused = server.get(&format!("/ws?token={canary}")).await;
    let mut client = Client::open(&server, "/ws").await;
    client.send(&auth(&canary)).await;
    let (_, reason) = client.closed().await;
    let pages =
        [refused.head, refused.body, reason, server.admin("/metrics").await.body, server.admin("/readyz").await.body];
    let parts: Vec<&str> = canary.split('.').collect();
    assert!(pages.iter().all(|page| parts.iter().all(|part| !page.contains(part))));
}

#[tokio::test]
async fn whoever_comes_into_a_live_room_is_answered_in_one_write() {
    let server = Server::alone(Config::default()).await;
    // The same user: nobody is announced.
    let _first = Client::in_room(&server, "r", "ada").await;
    for writes in 1..=5 {
        // Counted when written, which the reader may be faster than.
        until("it is counted", async || server.metric("writes_total").await >= f64::from(writes)).await;
        let written = server.metric("writes_total").await;
        assert_eq!(written, f64::from(writes), "the 101, the welcome and the answer to the join");
        drop(Client::in_room(&server, "r", "ada").await);
        until("it has gone", async || server.metric("connections").await == 1.0).await;
    }
}
