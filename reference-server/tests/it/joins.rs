//! Joining and leaving under way: nothing missed after `joined`, nobody ever deaf.

use std::time::Duration;

use reference_server::{BrokerChoice, Config};

use crate::support::{Client, Redis, Server, server::memory, soon, talk, until};

fn quick() -> Config {
    let mut config = Config { linger: Duration::ZERO, ..Config::default() };
    (config.limits.frames_per_second, config.limits.frames_burst) = (100_000, 100_000);
    config
}

async fn positions_are_contiguous(broker: BrokerChoice) {
    let (a, b) = Server::pair(broker, quick()).await;
    let (stop, talker) = talk(&a, "r").await;
    for round in 0..60 {
        // Every other join finds the room unsubscribed on its instance.
        let mut client = Client::multi(&b, &round.to_string()).await;
        let joined = client.join("r").await;
        let position = joined["off"].as_u64().unwrap();
        for next in position + 1..=position + 5 {
            let message = client.next("message").await;
            assert_eq!((&message["off"], &message["ep"]), (&next.into(), &joined["ep"]), "round {round}");
        }
        client.leave().await;
    }
    stop.send(()).unwrap();
    talker.await.unwrap();
    assert_eq!(b.metric("gaps_total").await, 0.0);
}

#[tokio::test]
async fn nothing_is_missed_after_joined_over_memory() {
    positions_are_contiguous(BrokerChoice::Memory(memory())).await;
}

#[tokio::test]
async fn nothing_is_missed_after_joined_over_redis() {
    let redis = Redis::start().await;
    positions_are_contiguous(BrokerChoice::Redis(redis.url())).await;
}

#[tokio::test]
async fn leaving_and_coming_back_never_leaves_a_room_deaf() {
    let redis = Redis::start().await;
    let (a, b) = Server::pair(BrokerChoice::Redis(redis.url()), quick()).await;
    let mut talker = Client::in_room(&a, "r", "talker").await;
    let mut client = Client::multi(&b, "alice").await;
    for round in 0..200 {
        client.send(r#"{"type":"join","room":"r"}"#).await;
        if round % 3 == 0 {
            client.send(r#"{"type":"leave","room":"r"}"#).await;
            client.send(r#"{"type":"join","room":"r","ref":"again"}"#).await;
            // The first join may have been answered, too.
            while client.expect("joined").await["ref"] != "again" {}
        } else {
            client.expect("joined").await;
        }
        talker.say(&round.to_string()).await;
        assert_eq!(client.expect("message").await["content"], round);
        client.send(r#"{"type":"leave","room":"r"}"#).await;
        client.expect("left").await;
    }
    client.leave().await;
    talker.leave().await;
    b.empty().await;
    until("nobody is subscribed", async || redis.subscribers("r").await == 0).await;
}

#[tokio::test]
async fn a_thousand_rooms_at_once() {
    let redis = Redis::start().await;
    let mut config = quick();
    config.limits.rooms_per_connection = 1_000;
    let (a, b) = Server::pair(BrokerChoice::Redis(redis.url()), config).await;
    let mut alice = Client::multi(&a, "alice").await;
    let mut bob = Client::multi(&b, "bob").await;
    for client in [&mut alice, &mut bob] {
        for room in 0..1_000 {
            client.feed(&format!(r#"{{"type":"join","room":"r{room}"}}"#)).await;
        }
        client.quiet_after(1_000, "joined").await;
    }
    for room in [0, 511, 512, 999] {
        alice.send(&format!(r#"{{"type":"message","room":"r{room}","content":{room}}}"#)).await;
        assert_eq!(bob.next("message").await["content"], room);
    }
    alice.leave().await;
    bob.leave().await;
    soon("all rooms are given up", async {
        a.empty().await;
        b.empty().await;
    })
    .await;
}
