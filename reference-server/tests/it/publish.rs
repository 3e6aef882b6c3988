//! R16: publications over HTTP, the same envelope, answered with their position.

use reference_server::{BrokerChoice, Config};
use serde_json::{Value, json};

use crate::support::{
    Client, Redis, Server, brokers,
    http::{bearer, post, request},
    until,
};

#[tokio::test]
async fn the_same_envelope_on_every_instance() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, Config::default()).await;
        let mut alice = Client::in_room(&a, "r", "alice").await;
        let mut bob = Client::in_room(&b, "r", "bob").await;
        let (status, first) = post(&a, "backend", "/api/rooms/r/messages", r#"{"content":{"a" :  1}}"#).await;
        assert_eq!((status, &first["off"]), (200, &json!(1)), "{first}");
        for (client, via) in [(&mut alice, "a"), (&mut bob, "b")] {
            let text = client.text().await;
            assert!(text.starts_with(r#"{"type":"message","off":1,"ep":""#), "{text}");
            assert!(text.ends_with(r#","content":{"a" :  1}}"#) && text.contains(r#""from":"backend","org":"a""#));
            let message: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((&message["id"], &message["ep"], &message["via"]), (&first["id"], &first["ep"], &json!(via)));
        }
        bob.say("2").await;
        let (over_socket, over_http) = (bob.expect("message").await, first);
        assert_eq!((&over_socket["off"], &over_socket["ep"]), (&json!(2), &over_http["ep"]));
    }
}

#[tokio::test]
async fn the_same_id_is_one_message_wherever_it_is_sent() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, Config::default()).await;
        let mut bob = Client::in_room(&b, "r", "bob").await;
        let body = r#"{"content":1,"id":"order-7"}"#;
        let (_, first) = post(&a, "backend", "/api/rooms/r/messages", body).await;
        assert_eq!((&first["off"], &first["id"]), (&json!(1), &json!("order-7")));
        assert_eq!(post(&b, "backend", "/api/rooms/r/messages", body).await, (200, first.clone()));
        let mut backend = Client::in_room(&b, "r", "backend").await;
        backend.send(r#"{"type":"message","content":1,"id":"order-7","ref":1}"#).await;
        assert_eq!(backend.expect("ack").await["off"], 1, "over a socket too");
        assert_eq!(post(&a, "other", "/api/rooms/r/messages", body).await.1["off"], 2, "another user's id");
        assert_eq!([bob.next("message").await["off"].clone(), bob.next("message").await["off"].clone()], [1, 2]);
        bob.quiet().await;
    }
}

#[tokio::test]
async fn refusals_say_why() {
    let config = Config { allow_origin: vec!["https://app.example".into()], ..Config::default() };
    let server = Server::alone(config).await;
    let path = "/api/rooms/r/messages";
    let large = format!(r#"{{"content":"{}"}}"#, "x".repeat(65_536));
    let cases = [
        ("POST", path, r#"{"content":1"#, 400),
        ("POST", path, r#"{"type":"join"}"#, 400),
        ("POST", path, r#"{"contents":1}"#, 400),
        ("POST", path, &large, 413),
        ("POST", "/api/rooms/a%20b/messages", r#"{"content":1}"#, 400),
        ("GET", path, "", 405),
        ("POST", "/api/rooms/r/nothing", "", 404),
        ("POST", "/api/users//notify", "1", 400),
    ];
    for (method, path, body, status) in cases {
        let answer = request(server.address, method, path, &bearer("alice"), body).await;
        assert_eq!(answer.status, status, "{method} {path}");
    }
    let good = r#"{"content":1}"#;
    for headers in ["", "Authorization: Bearer nonsense\r\n", "Authorization: Basic eA==\r\n"] {
        let answer = request(server.address, "POST", path, headers, good).await;
        assert_eq!((answer.status, answer.body.as_str()), (401, "Unauthorized"));
    }
    let foreign = format!("{}Origin: https://evil.example\r\n", bearer("alice"));
    let answer = request(server.address, "POST", path, &foreign, good).await;
    assert_eq!((answer.status, answer.head.contains("access-control")), (403, false));
    let exact = format!(r#"{{"content":"{}"}}"#, "x".repeat(65_536 - 14));
    assert_eq!(post(&server, "alice", path, &exact).await.0, 200, "the limit is inclusive");
    assert_eq!(server.metric("requests_refused_total").await, 12.0);
}

#[tokio::test]
async fn a_dead_broker_is_a_503_and_a_retry_is_safe() {
    let mut redis = Redis::start().await;
    let server = Server::start("a", BrokerChoice::Redis(redis.url()), Config::default()).await;
    redis.kill();
    until("the loss is noticed", async || server.admin("/readyz").await.status == 503).await;
    let body = r#"{"content":1,"id":"x"}"#;
    let answer = request(server.address, "POST", "/api/rooms/r/messages", &bearer("alice"), body).await;
    assert_eq!(answer.status, 503);
    assert!(answer.head.contains("retry-after: 1") && answer.body.contains(r#""code":"unavailable""#), "{answer:?}");
    redis.restart().await;
    until("it is taken", async || post(&server, "alice", "/api/rooms/r/messages", body).await.0 == 200).await;
    assert_eq!(post(&server, "alice", "/api/rooms/r/messages", body).await.1["off"], 1);
}

#[tokio::test]
async fn a_flood_of_one_user_is_refused_and_nobody_else_notices() {
    let mut config = Config::default();
    (config.limits.frames_per_second, config.limits.frames_burst) = (1, 20);
    let server = Server::alone(config).await;
    let mut listener = Client::in_room(&server, "r", "listener").await;
    let paths = ["/api/rooms/r/messages", "/api/users/nobody/notify"];
    let begin = std::time::Instant::now();
    let mut taken = 0;
    for n in 0..60 {
        let answer = request(server.address, "POST", paths[n % 2], &bearer("flood"), r#"{"content":1}"#).await;
        match answer.status {
            200 => taken += 1,
            429 => {
                assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
                assert!(
                    answer.body.contains(r#""code":"rate_limited""#) && answer.body.contains(r#""retryable":true"#)
                );
            }
            _ => panic!("{answer:?}"),
        }
        assert!(n >= 20 || answer.status == 200, "the burst is taken");
    }
    let allowed = 21 + begin.elapsed().as_secs();
    assert!((20..=allowed).contains(&taken), "{taken} of {allowed}");
    assert_eq!(server.metric("rate_limited_total").await, 60.0 - taken as f64);
    assert_eq!(post(&server, "other", paths[0], r#"{"content":"other's"}"#).await.0, 200);
    while listener.next("message").await["content"] != "other's" {}
    until("a second gives one more", async || post(&server, "flood", paths[0], r#"{"content":1}"#).await.0 == 200)
        .await;
}
