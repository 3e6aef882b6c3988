//! R15: long polls by position, from any instance, losing nothing.

use std::time::{Duration, Instant};

use reference_server::{Config, config::History};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::support::{
    Client, Server, brokers,
    http::{bearer, poll, request},
    talk, until,
};

fn contents(answer: &Value) -> Vec<Value> {
    answer["events"].as_array().unwrap().iter().map(|event| event["content"].clone()).collect()
}

fn next_poll(answer: &Value, timeout: &str) -> String {
    format!("/api/rooms/r/poll?pos={}&timeout={timeout}", answer["pos"].as_str().unwrap())
}

#[tokio::test]
async fn without_a_position_it_answers_at_once() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, Config::default()).await;
        let mut alice = Client::in_room(&a, "r", "alice").await;
        alice.say("0").await;
        alice.expect("message").await;
        let (status, first) = poll(&b, "bob", "/api/rooms/r/poll?timeout=20").await;
        assert_eq!((status, &first["events"], &first["instance"]), (200, &json!([]), &json!("b")));
        assert!(first["pos"].as_str().unwrap().ends_with(":1"));
    }
}

#[tokio::test]
async fn data_ends_the_wait_and_so_does_the_timeout() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, Config::default()).await;
        let mut alice = Client::in_room(&a, "r", "alice").await;
        let (_, first) = poll(&b, "bob", "/api/rooms/r/poll").await;
        let start = Instant::now();
        let (status, empty) = poll(&b, "bob", &next_poll(&first, "0.3")).await;
        assert!(start.elapsed() >= Duration::from_millis(300));
        assert_eq!((status, &empty["events"], &empty["pos"]), (200, &json!([]), &first["pos"]));
        let path = next_poll(&first, "9");
        let held = poll(&b, "bob", &path);
        let said = async {
            until("the poll is held", async || b.metric("members").await == 1.0).await;
            alice.say("1").await;
        };
        let ((_, batch), ()) = tokio::join!(held, said);
        assert_eq!(contents(&batch), [1]);
        assert_eq!((&batch["events"][0]["type"], &batch["events"][0]["via"]), (&json!("message"), &json!("b")));
        b.empty().await;
    }
}

#[tokio::test]
async fn what_comes_while_a_poll_waits_is_live_and_what_was_there_before_is_replayed() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, Config::default()).await;
        let mut alice = Client::in_room(&a, "r", "alice").await;
        let (_, first) = poll(&b, "bob", "/api/rooms/r/poll").await;
        let mut last = first;
        for round in 0..20 {
            // Sometimes the instance listens already, sometimes it begins to with the poll.
            let server = if round % 2 == 0 { &a } else { &b };
            let path = next_poll(&last, "9");
            let held = poll(server, "bob", &path);
            let said = async {
                let members = if round % 2 == 0 { 2.0 } else { 1.0 };
                until("the poll is held", async || server.metric("members").await == members).await;
                alice.say("1").await;
            };
            let ((_, live), ()) = tokio::join!(held, said);
            assert_eq!((contents(&live), &live["events"][0]["rp"]), (vec![json!(1)], &Value::Null), "round {round}");
            alice.expect("message").await;
            alice.say("2").await;
            alice.expect("message").await;
            // To the talker's own instance: it has seen what the talker has heard.
            let (_, before) = poll(&a, "bob", &next_poll(&live, "9")).await;
            assert_eq!((contents(&before), &before["events"][0]["rp"]), (vec![json!(2)], &json!(1)), "round {round}");
            last = before;
        }
    }
}

#[tokio::test]
async fn nothing_is_lost_between_polls_on_changing_instances() {
    for (broker, _redis) in brokers().await {
        let mut config = Config::default();
        (config.limits.frames_per_second, config.limits.frames_burst) = (100_000, 100_000);
        let (a, b) = Server::pair(broker, config).await;
        let (stop, talker) = talk(&a, "r").await;
        let (_, mut answer) = poll(&a, "bob", "/api/rooms/r/poll").await;
        let start: u64 = answer["pos"].as_str().unwrap().split_once(':').unwrap().1.parse().unwrap();
        let mut last = start;
        for round in 0..60 {
            let server = if round % 2 == 0 { &b } else { &a };
            answer = poll(server, "bob", &next_poll(&answer, "5")).await.1;
            for event in answer["events"].as_array().unwrap() {
                last += 1;
                assert_eq!((&event["type"], &event["off"]), (&json!("message"), &json!(last)), "round {round}");
            }
        }
        assert!(last > start);
        stop.send(()).unwrap();
        talker.await.unwrap();
    }
}

#[tokio::test]
async fn an_unknown_position_is_a_gap_and_a_new_position() {
    let server = Server::alone(Config::default()).await;
    let mut alice = Client::in_room(&server, "r", "alice").await;
    alice.say("1").await;
    alice.expect("message").await;
    for bad in ["forgotten:5", "nonsense"] {
        let (status, answer) = poll(&server, "bob", &format!("/api/rooms/r/poll?pos={bad}&timeout=9")).await;
        assert_eq!((status, &answer["events"][0]["type"]), (200, &json!("gap")), "{answer}");
        assert!(answer["pos"].as_str().unwrap().ends_with(":1"));
    }
}

#[tokio::test]
async fn a_client_that_goes_while_it_waits_is_gone() {
    let server = Server::alone(Config::default()).await;
    let (_, first) = poll(&server, "bob", "/api/rooms/r/poll").await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("GET {} HTTP/1.1\r\nHost: test\r\n{}\r\n", next_poll(&first, "60"), bearer("bob"));
    stream.write_all(head.as_bytes()).await.unwrap();
    until("it is held", async || server.metric("connections").await == 1.0).await;
    drop(stream);
    server.empty().await;
}

#[tokio::test]
async fn rooms_without_history_cannot_be_polled() {
    let server = Server::start(
        "a",
        reference_server::BrokerChoice::Memory(reference_server::MemoryBroker::new(History::Off)),
        Config::default(),
    )
    .await;
    let answer = request(server.address, "GET", "/api/rooms/r/poll", &bearer("bob"), "").await;
    assert_eq!(answer.status, 501);
    let bad = request(server.address, "GET", "/api/rooms/r/poll?timeout=x", &bearer("bob"), "").await;
    assert_eq!(bad.status, 501);
}

#[tokio::test]
async fn a_draining_instance_lets_polls_go_with_their_position() {
    let server = Server::alone(Config::default()).await;
    let (_, first) = poll(&server, "bob", "/api/rooms/r/poll").await;
    let path = next_poll(&first, "30");
    let held = poll(&server, "bob", &path);
    let go = async {
        until("it is held", async || server.metric("members").await == 1.0).await;
        server.shut_down();
    };
    let ((status, answer), ()) = tokio::join!(held, go);
    assert_eq!((status, &answer["events"], &answer["pos"]), (200, &json!([]), &first["pos"]));
    server.finished().await;
}
