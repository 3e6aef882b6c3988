//! R4, R7, R8: rooms, chat, fan-out.

use reference_server::{BrokerChoice, Config};
use serde_json::json;

use crate::support::{Client, Redis, Server, brokers, until};

#[tokio::test]
async fn chat_crosses_instances() {
    for (broker, redis) in brokers().await {
        let (a, b) = Server::pair(broker, Config::default()).await;
        let mut alice = Client::in_room(&a, "r1", "alice").await;
        let mut bob = Client::in_room(&b, "r1", "bob").await;
        assert_eq!((alice.instance.as_str(), bob.instance.as_str()), ("a", "b"));
        for n in 1..=3 {
            alice.say(&format!(r#"{{"n": {n},  "odd":"\u00e4"}}"#)).await;
            for (client, via) in [(&mut alice, "a"), (&mut bob, "b")] {
                let text = client.text().await;
                assert!(text.starts_with(&format!(r#"{{"type":"message","off":{n},"ep":""#)), "{text}");
                assert!(text.contains(&format!(r#","content":{{"n": {n},  "odd":"\u00e4"}}}}"#)), "{text}");
                assert!(text.contains(&format!(r#","via":"{via}","tsub":"#)), "{text}");
                assert!(text.contains(r#","from":"alice","org":"a","timestamp":""#), "{text}");
            }
        }
        alice.leave().await;
        bob.leave().await;
        a.empty().await;
        b.empty().await;
        if let Some(redis) = redis {
            until("nobody is subscribed", async || redis.subscribers("r1").await == 0).await;
        }
    }
}

#[tokio::test]
async fn stamps_are_in_order() {
    let redis = Redis::start().await;
    let (a, b) = Server::pair(BrokerChoice::Redis(redis.url()), Config::default()).await;
    let mut alice = Client::in_room(&a, "r", "alice").await;
    let mut bob = Client::in_room(&b, "r", "bob").await;
    alice.say("1").await;
    let message = bob.expect("message").await;
    let stamps: Vec<u64> = ["tin", "tpub", "tsub", "tout"].iter().map(|key| message[key].as_u64().unwrap()).collect();
    assert!(stamps.is_sorted(), "{stamps:?}");
    assert!(stamps[3] - stamps[0] < 5_000_000, "microseconds: {stamps:?}");
}

#[tokio::test]
async fn subscribers_are_the_instances_with_members() {
    subscribers().await;
}

/// How long a room without members is still subscribed.
pub(crate) async fn subscribers() -> std::time::Duration {
    let redis = Redis::start().await;
    let (a, b) = Server::pair(BrokerChoice::Redis(redis.url()), Config::default()).await;
    assert_eq!(redis.subscribers("r").await, 0);
    let first = Client::in_room(&a, "r", "alice").await;
    let second = Client::in_room(&a, "r", "bob").await;
    assert_eq!(redis.subscribers("r").await, 1);
    let third = Client::in_room(&b, "r", "carol").await;
    assert_eq!(redis.subscribers("r").await, 2);
    first.leave().await;
    third.leave().await;
    until("b has unsubscribed", async || redis.subscribers("r").await == 1).await;
    second.leave().await;
    let left = std::time::Instant::now();
    until("a has unsubscribed", async || redis.subscribers("r").await == 0).await;
    left.elapsed()
}

#[tokio::test]
async fn one_connection_in_many_rooms() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, Config::default()).await;
        let mut alice = Client::multi(&a, "alice").await;
        let mut bob = Client::in_room(&b, "two", "bob").await;
        alice.send(r#"{"type":"message","room":"one","content":1,"ref":7}"#).await;
        let error = alice.next("error").await;
        assert_eq!(
            (&error["code"], &error["ref"], &error["retryable"]),
            (&json!("not_joined"), &json!(7), &json!(false))
        );
        for room in ["one", "two"] {
            alice.send(&json!({"type": "join", "room": room, "ref": room}).to_string()).await;
            let joined = alice.next("joined").await;
            assert_eq!(
                (&joined["room"], &joined["ref"], &joined["instance"]),
                (&json!(room), &json!(room), &json!("a"))
            );
            assert!(joined["off"].is_u64() && joined["ep"].is_string(), "{joined}");
        }
        alice.send(r#"{"type":"message","room":"two","content":"hi","ref":true,"id":"mine"}"#).await;
        assert_eq!(bob.next("message").await["room"], "two");
        let mut frames = [alice.frame().await, alice.frame().await];
        frames.sort_by_key(|frame| frame["type"].to_string());
        assert_eq!(frames[0], json!({"type": "ack", "ref": true, "room": "two", "off": 1, "id": "mine"}));
        assert_eq!((&frames[1]["type"], &frames[1]["id"]), (&json!("message"), &json!("mine")));
        alice.send(r#"{"type":"leave","room":"two","ref":1}"#).await;
        assert_eq!(alice.next("left").await, json!({"type": "left", "room": "two", "ref": 1}));
        bob.say("2").await;
        bob.expect("message").await;
        alice.quiet().await;
        assert_eq!(a.metric("members").await, 1.0);
        alice.send(r#"{"type":"leave","room":"two"}"#).await;
        assert_eq!(alice.next("error").await["code"], "not_joined");
        alice.leave().await;
        a.empty().await;
    }
}

#[tokio::test]
async fn joining_twice_is_one_membership() {
    let server = Server::alone(Config::default()).await;
    let mut client = Client::in_room(&server, "r", "alice").await;
    let again = client.join("r").await;
    assert_eq!(again["off"], 0);
    client.say("1").await;
    client.next("message").await;
    client.quiet().await;
    assert_eq!(server.metric("members").await, 1.0);
}

#[tokio::test]
async fn what_is_wrong_with_a_frame_does_not_end_the_connection() {
    let server = Server::alone(Config::default()).await;
    let mut client = Client::in_room(&server, "r", "alice").await;
    let deep = format!(r#"{{"type":"message","content":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    let cases = [
        ("{", "malformed"),
        ("", "malformed"),
        ("[]", "malformed"),
        ("null", "malformed"),
        (r#"{"type":5}"#, "malformed"),
        (r#"{"type":"message"}"#, "malformed"),
        (r#"{"type":"message","content":1,"ref":[1]}"#, "malformed"),
        (r#"{"type":"message","content":1,"id":5}"#, "malformed"),
        (r#"{"type":"message","content":1} x"#, "malformed"),
        ("{}", "unknown_type"),
        (r#"{"type":"nonsense"}"#, "unknown_type"),
        (r#"{"type":"history","room":"elsewhere"}"#, "not_joined"),
        (r#"{"type":"history","last":-1}"#, "malformed"),
        (r#"{"type":"join","room":"a b"}"#, "bad_room"),
        (r#"{"type":"message","room":"elsewhere","content":1}"#, "not_joined"),
    ];
    for (frame, code) in cases {
        client.send(frame).await;
        let error = client.next("error").await;
        assert_eq!(error["code"], code, "{frame}");
        assert!(error["message"].is_string() && error["retryable"] == false, "{error}");
    }
    client.send_binary(b"{}").await;
    assert_eq!(client.next("error").await["code"], "malformed");
    client.send(&deep).await;
    assert!(client.text().await.starts_with(r#"{"type":"message""#), "depth is the recipients' business");
    client.quiet().await;
}

#[tokio::test]
async fn content_passes_byte_identical() {
    let server = Server::alone(Config::default()).await;
    let mut client = Client::in_room(&server, "r", "a\"b\\c").await;
    for content in [r#""\u00e4 é 😀""#, "1e999", "-0.0", "null", "[ 1 ,2]", r#"{"a":1,"a":2}"#, r#""\/""#] {
        client.say(content).await;
        let text = client.text().await;
        assert!(text.ends_with(&format!(r#","content":{content}}}"#)), "{text}");
        assert!(text.contains(r#","from":"a\"b\\c","org""#), "{text}");
    }
    client.send(r#"{"content":"no type"}"#).await;
    assert_eq!(client.next("message").await["content"], "no type");
}

#[tokio::test]
async fn the_same_id_is_one_message() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, Config::default()).await;
        let mut alice = Client::in_room(&a, "r", "alice").await;
        let mut bob = Client::in_room(&b, "r", "bob").await;
        let frame = |n: u32| format!(r#"{{"type":"message","content":{n},"id":"retry","ref":{n}}}"#);
        for n in 1..=2 {
            alice.send(&frame(n)).await;
            assert_eq!(alice.expect("ack").await["off"], 1);
        }
        bob.send(&frame(3)).await;
        assert_eq!(bob.expect("ack").await["off"], 2, "another user's id is another id");
        alice.say("4").await;
        let heard: Vec<_> =
            [bob.expect("message").await, bob.expect("message").await].map(|m| m["content"].clone()).into();
        assert!(heard == [json!(3), json!(4)] || heard == [json!(1), json!(3)], "{heard:?}");
    }
}

#[tokio::test]
async fn rooms_per_connection_are_limited() {
    let mut config = Config::default();
    config.limits.rooms_per_connection = 2;
    let server = Server::alone(config).await;
    let mut client = Client::multi(&server, "alice").await;
    client.join("one").await;
    client.join("two").await;
    client.send(r#"{"type":"join","room":"three","ref":3}"#).await;
    let error = client.next("error").await;
    assert_eq!((&error["code"], &error["ref"]), (&json!("limit"), &json!(3)));
    client.send(r#"{"type":"leave","room":"one"}"#).await;
    client.join("three").await;
    client.leave().await;
    server.empty().await;
}

#[tokio::test]
async fn several_workers_are_one_instance() {
    let server = Server::alone(Config { workers: 3, ..Config::default() }).await;
    let mut clients = Vec::new();
    for n in 0..24 {
        clients.push(Client::in_room(&server, "r", &n.to_string()).await);
    }
    clients[5].say("1").await;
    for client in &mut clients {
        client.expect("message").await;
    }
    for client in clients {
        client.leave().await;
    }
    server.empty().await;
}
