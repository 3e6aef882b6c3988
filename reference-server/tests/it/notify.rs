//! R12: a notification reaches every socket and stream of its user, on every instance, and nobody else.

use reference_server::{BrokerChoice, Config};
use serde_json::json;

use crate::support::{
    Client, Redis, Server, brokers,
    http::{Events, bearer, offset, post},
};

#[tokio::test]
async fn every_socket_and_stream_of_the_user_everywhere() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, Config::default()).await;
        let mut sockets =
            [Client::multi(&a, "ada").await, Client::multi(&b, "ada").await, Client::in_room(&b, "r", "ada").await];
        let mut streams =
            [Events::of_user(&a, "ada").await, Events::of_user(&a, "ada").await, Events::of_user(&b, "ada").await];
        let (mut view, joined) = Events::of_room(&b, "r", "ada").await;
        let mut others = (Client::multi(&a, "bob").await, Events::of_user(&b, "bob").await);
        for n in 1..=3 {
            let server = if n == 2 { &b } else { &a };
            let (status, told) =
                post(server, "backend", "/api/users/ada/notify", &json!({"content": n}).to_string()).await;
            assert_eq!((status, &told["off"]), (200, &json!(n)));
            for socket in &mut sockets {
                let notified = socket.next("notify").await;
                assert_eq!((&notified["user"], &notified["from"]), (&json!("ada"), &json!("backend")));
                assert_eq!((&notified["content"], &notified["id"]), (&json!(n), &told["id"]));
            }
            for stream in &mut streams {
                let event = stream.next("notify").await;
                assert_eq!(event.data.unwrap()["content"], n);
                assert_eq!(offset(&event.id.unwrap()), n);
            }
            assert_eq!(view.next("notify").await.id, joined.id, "a room's stream keeps its position");
        }
        others.0.quiet().await;
        post(&a, "backend", "/api/users/bob/notify", "\"whole body\"").await;
        assert_eq!(others.1.next("notify").await.data.unwrap()["content"], "whole body");
        drop((sockets, streams, view, others));
        a.empty().await;
        b.empty().await;
    }
}

#[tokio::test]
async fn one_channel_for_all_users() {
    let redis = Redis::start().await;
    let (a, _b) = Server::pair(BrokerChoice::Redis(redis.url()), Config::default()).await;
    let mut clients = Vec::new();
    for n in 0..30 {
        clients.push(Client::multi(&a, &format!("user-{n}")).await);
    }
    let mut command = redis::cmd("PUBSUB");
    command.arg("CHANNELS").arg("room:*");
    let channels: Vec<String> = command.query_async(&mut redis.connection().await).await.unwrap();
    assert_eq!(channels, ["room:!notify"]);
}

#[tokio::test]
async fn a_stream_that_comes_back_gets_what_was_for_it() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, Config::default()).await;
        let mut stream = Events::of_user(&a, "ada").await;
        post(&a, "backend", "/api/users/ada/notify", "1").await;
        let last = stream.next("notify").await.id.unwrap();
        drop(stream);
        for (user, content) in [("bob", "2"), ("ada", "3"), ("bob", "4"), ("ada", "5")] {
            post(&b, "backend", &format!("/api/users/{user}/notify"), content).await;
        }
        let headers = format!("{}Last-Event-ID: {last}\r\n", bearer("ada"));
        let mut stream = Events::open(b.address, "/api/events", &headers).await;
        assert_eq!(stream.next("connected").await.id.as_deref(), Some(last.as_str()));
        for content in [3, 5] {
            let data = stream.next("notify").await.data.unwrap();
            assert_eq!((&data["content"], &data["rp"]), (&json!(content), &json!(1)));
        }
        post(&a, "backend", "/api/users/ada/notify", "6").await;
        assert_eq!(stream.next("notify").await.data.unwrap()["content"], 6);
        let headers = format!("{}Last-Event-ID: forgotten:1\r\n", bearer("ada"));
        let mut stream = Events::open(b.address, "/api/events", &headers).await;
        stream.next("connected").await;
        let gap = stream.next("gap").await.data.unwrap();
        assert_eq!((gap.get("room"), &gap["off"]), (None, &json!(6)));
    }
}

#[tokio::test]
async fn what_is_for_others_moves_the_position_too() {
    let config = Config { ping_interval: std::time::Duration::from_millis(100), ..Config::default() };
    let server = Server::alone(config).await;
    let mut stream = Events::of_user(&server, "ada").await;
    for _ in 0..5 {
        post(&server, "backend", "/api/users/bob/notify", "1").await;
    }
    loop {
        let beat = stream.block().await.unwrap();
        assert!(beat.data.is_none() && beat.comment, "{beat:?}");
        if offset(&beat.id.unwrap()) == 5 {
            return;
        }
    }
}
