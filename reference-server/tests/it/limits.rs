//! Sizes, rates, slow consumers: a refusal is a code, never a hang, and hits nobody else.

use reference_server::{Config, config::Outbound};
use tokio::net::TcpSocket;

use crate::support::{Client, Server, server::token, until};

fn message_of(bytes: usize) -> String {
    let frame = r#"{"type":"message","content":""}"#;
    frame.replace(r#""""#, &format!(r#""{}""#, "x".repeat(bytes - frame.len())))
}

#[tokio::test]
async fn a_message_may_have_64_kib_and_not_a_byte_more() {
    let server = Server::alone(Config::default()).await;
    let mut bystander = Client::in_room(&server, "r", "bob").await;
    let mut client = Client::in_room(&server, "r", "alice").await;
    client.send(&message_of(64 * 1024)).await;
    client.expect("message").await;
    client.send(&message_of(64 * 1024 + 1)).await;
    assert_eq!(client.closed().await.0, 1009);
    bystander.expect("message").await;
    bystander.quiet().await;
}

#[tokio::test]
async fn frames_above_the_rate_are_refused_then_the_connection_is() {
    let mut config = Config::default();
    (config.limits.frames_per_second, config.limits.frames_burst) = (1, 20);
    let server = Server::alone(config).await;
    let mut client = Client::in_room(&server, "r", "alice").await;
    for _ in 0..20 {
        client.feed(r#"{"type":"ping"}"#).await;
    }
    client.send(r#"{"type":"ping","ref":"one too many"}"#).await;
    for _ in 0..20 {
        client.next("pong").await;
    }
    let error = client.next("error").await;
    assert_eq!((&error["code"], &error["ref"]), (&"rate_limited".into(), &"one too many".into()));
    assert_eq!(error["retryable"], true);
    for _ in 0..20 {
        client.feed(r#"{"type":"ping"}"#).await;
    }
    client.send("{}").await;
    assert_eq!(client.closed().await.0, 4102);
    server.empty().await;
}

#[tokio::test]
async fn a_slow_consumer_is_closed_and_nobody_else_notices() {
    let mut config = Config { outbound: Outbound { frames: 200, ..Outbound::default() }, ..Config::default() };
    (config.limits.frames_per_second, config.limits.frames_burst) = (100_000, 100_000);
    let server = Server::alone(config).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    let mut slow = Client::over(stream, &format!("/ws/rooms/r?token={}", token("slow"))).await;
    slow.expect("joined").await;
    let mut talker = Client::in_room(&server, "r", "talker").await;
    let mut bystander = Client::in_room(&server, "r", "bystander").await;
    let content = format!("\"{}\"", "x".repeat(4_000));
    let mut said = 0;
    while server.metric("slow_consumers_total").await == 0.0 {
        assert!(said < 5_000, "{said} messages of 4 kB wait for a client that does not read");
        for _ in 0..20 {
            talker.say(&content).await;
            talker.expect("message").await;
            said += 1;
            assert_eq!(bystander.next("message").await["off"], said);
        }
    }
    assert_eq!(slow.closed().await.0, 4202);
    talker.say("1").await;
    bystander.next("message").await;
    drop(slow);
    until("the slow one has gone", async || server.metric("members").await == 2.0).await;
}

#[tokio::test]
async fn a_slow_consumer_that_never_reads_is_cut() {
    let mut config = Config { outbound: Outbound { frames: 50, ..Outbound::default() }, ..Config::default() };
    (config.limits.frames_per_second, config.limits.frames_burst) = (100_000, 100_000);
    config.drain.close_grace = std::time::Duration::from_millis(100);
    let server = Server::alone(config).await;
    let mut slow = Client::in_room(&server, "r", "slow").await;
    let mut talker = Client::in_room(&server, "r", "talker").await;
    let content = format!("\"{}\"", "x".repeat(60_000));
    while server.metric("slow_consumers_total").await == 0.0 {
        talker.say(&content).await;
        talker.expect("message").await;
    }
    until("the slow one is cut", async || server.metric("connections").await == 1.0).await;
    slow.feed("{}").await;
}
