//! Coming back over WebSocket: exactly what was missed, then live; or a gap, never a part.

use std::time::Duration;

use reference_server::{BrokerChoice, Config, MemoryBroker, config::History};
use serde_json::{Value, json};

use crate::support::{Client, Redis, Server, brokers, server::token, talk};

/// A config under which clients may talk as fast as they can.
fn quick() -> Config {
    let mut config = Config { linger: Duration::ZERO, ..Config::default() };
    (config.limits.frames_per_second, config.limits.frames_burst) = (100_000, 100_000);
    config
}

fn resume(room: &str, off: u64, ep: &Value) -> String {
    json!({"type": "join", "room": room, "off": off, "ep": ep, "ref": "back"}).to_string()
}

/// Says `count` things and hears them.
async fn chat(client: &mut Client, count: usize) {
    for n in 0..count {
        client.say(&n.to_string()).await;
        client.expect("message").await;
    }
}

#[tokio::test]
async fn exactly_the_missing_then_live_from_any_instance() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, quick()).await;
        let mut alice = Client::in_room(&a, "r", "alice").await;
        chat(&mut alice, 10).await;
        let mut bob = Client::multi(&b, "bob").await;
        let position = bob.join("r").await;
        assert_eq!(position["off"], 10);
        for from in [4, 9, 10] {
            let mut carol = Client::multi(&b, "carol").await;
            carol.send(&resume("r", from, &position["ep"])).await;
            let joined = carol.next("joined").await;
            assert_eq!(
                (&joined["off"], &joined["ep"], &joined["ref"]),
                (&json!(from), &position["ep"], &json!("back"))
            );
            for off in from + 1..=10 {
                let missed = carol.next("message").await;
                assert_eq!((&missed["off"], &missed["rp"], &missed["via"]), (&json!(off), &json!(1), &json!("b")));
                assert_eq!(missed["content"], off - 1);
            }
            carol.quiet().await;
        }
        let mut carol = Client::multi(&a, "carol").await;
        carol.send(&resume("r", 8, &position["ep"])).await;
        carol.next("joined").await;
        alice.say(r#""live""#).await;
        let heard = [carol.next("message").await, carol.next("message").await, carol.next("message").await];
        assert_eq!(heard.each_ref().map(|m| m["off"].as_u64().unwrap()), [9, 10, 11]);
        assert_eq!((&heard[2]["content"], &heard[2]["rp"]), (&json!("live"), &Value::Null));
    }
}

#[tokio::test]
async fn coming_back_in_the_middle_of_talk_loses_and_repeats_nothing() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, quick()).await;
        let (stop, talker) = talk(&a, "r").await;
        let mut client = Client::multi(&b, "0").await;
        let joined = client.join("r").await;
        let (mut last, ep) = (joined["off"].as_u64().unwrap(), joined["ep"].clone());
        for round in 1..60 {
            drop(client);
            let (user, server) = (round.to_string(), if round % 2 == 0 { &a } else { &b });
            client = Client::multi(server, &user).await;
            client.send(&resume("r", last, &ep)).await;
            assert_eq!(client.next("joined").await["off"], last, "round {round}");
            for _ in 0..8 {
                let message = client.next("message").await;
                last += 1;
                assert_eq!((&message["off"], &message["ep"]), (&json!(last), &ep), "round {round}");
            }
        }
        stop.send(()).unwrap();
        talker.await.unwrap();
        assert_eq!(a.metric("resume_gaps_total").await + b.metric("resume_gaps_total").await, 0.0);
    }
}

#[tokio::test]
async fn what_is_forgotten_or_never_was_is_a_gap_and_nothing_else() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, quick()).await;
        let mut alice = Client::in_room(&a, "r", "alice").await;
        chat(&mut alice, 600).await;
        let ep = alice.join("r").await["ep"].clone();
        for (off, epoch) in [(1, ep.clone()), (5, json!("zzzzzzzz")), (700, ep.clone())] {
            let mut bob = Client::multi(&b, "bob").await;
            bob.send(&resume("r", off, &epoch)).await;
            let joined = bob.next("joined").await;
            assert_eq!((&joined["off"], &joined["ep"]), (&json!(600), &ep));
            let gap = bob.next("gap").await;
            let told = json!({"type": "gap", "room": "r", "off": 600, "ep": ep, "after": off, "after_ep": epoch});
            assert_eq!(gap, told);
            bob.quiet().await;
        }
    }
}

#[tokio::test]
async fn the_path_and_a_second_join_can_resume_too() {
    let server = Server::alone(quick()).await;
    let mut alice = Client::in_room(&server, "r", "alice").await;
    chat(&mut alice, 3).await;
    let ep = alice.join("r").await["ep"].as_str().unwrap().to_owned();
    let mut bob = Client::open(&server, &format!("/ws/rooms/r?off=1&ep={ep}&token={}", token("bob"))).await;
    assert_eq!(bob.expect("joined").await["off"], 1);
    assert_eq!([bob.next("message").await["off"].clone(), bob.next("message").await["off"].clone()], [2, 3]);
    bob.send(&resume("r", 2, &json!(ep))).await;
    assert_eq!(bob.next("joined").await["off"], 2);
    assert_eq!(bob.next("message").await["off"], 3);
    bob.quiet().await;
    assert_eq!(server.metric("members").await, 2.0);
    for bad in [r#"{"type":"join","room":"r","off":1}"#, r#"{"type":"join","room":"r","off":1,"ep":"NO"}"#] {
        bob.send(bad).await;
        assert_eq!(bob.next("error").await["code"], "malformed");
    }
    drop((alice, bob));
    server.empty().await;
}

#[tokio::test]
async fn a_position_ahead_of_the_instance_waits_for_it() {
    let redis = Redis::start().await;
    let (a, b) = Server::pair(BrokerChoice::Redis(redis.url()), quick()).await;
    let (mut alice, mut bob) = (Client::in_room(&a, "r", "alice").await, Client::in_room(&b, "r", "bob").await);
    for _ in 0..50 {
        alice.say("1").await;
        let heard = alice.expect("message").await;
        let mut carol = Client::multi(&b, "carol").await;
        carol.send(&resume("r", heard["off"].as_u64().unwrap(), &heard["ep"])).await;
        assert_eq!(carol.next("joined").await["off"], heard["off"]);
        carol.quiet().await;
    }
    bob.quiet_after(50, "message").await;
}

#[tokio::test]
async fn rooms_without_history_say_so_and_are_a_gap() {
    let History::Kept { length, ttl, .. } = History::default() else { panic!("the default keeps history") };
    let history = History::Kept { length, ttl, except: vec!["cursor.".into()] };
    let redis = Redis::start().await;
    let config = Config { history: history.clone(), ..quick() };
    for broker in [BrokerChoice::Memory(MemoryBroker::new(history)), BrokerChoice::Redis(redis.url())] {
        let (a, b) = Server::pair(broker, config.clone()).await;
        let mut alice = Client::in_room(&a, "cursor.1", "alice").await;
        let mut bob = Client::multi(&b, "bob").await;
        bob.send(&resume("cursor.1", 5, &json!("k3f9"))).await;
        assert_eq!(bob.next("joined").await["off"], Value::Null);
        assert_eq!(bob.next("gap").await["after"], 5);
        alice.say("1").await;
        let message = bob.next("message").await;
        assert_eq!((&message["off"], &message["ep"]), (&Value::Null, &Value::Null));
        assert_eq!(bob.join("other").await["off"], 0, "other rooms remember");
    }
}

#[tokio::test]
async fn members_look_back_at_the_last_messages() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, quick()).await;
        let mut alice = Client::in_room(&a, "r", "alice").await;
        chat(&mut alice, 600).await;
        let mut bob = Client::in_room(&b, "r", "bob").await;
        for (ask, expected) in [(r#""last":3"#, 3), (r#""ref":1"#, 50), (r#""last":0"#, 0)] {
            bob.send(&format!(r#"{{"type":"history",{ask}}}"#)).await;
            let history = bob.next("history").await;
            let offsets =
                history["messages"].as_array().unwrap().iter().map(|message| message["off"].as_u64().unwrap());
            assert!(offsets.eq(601 - expected..=600), "{ask}");
        }
        bob.send(r#"{"type":"history","last":100000}"#).await;
        let history = bob.next("history").await;
        let offsets: Vec<_> =
            history["messages"].as_array().unwrap().iter().map(|m| m["off"].as_u64().unwrap()).collect();
        assert!(offsets.len() >= 256 && offsets.last() == Some(&600), "{} remembered", offsets.len());
        assert!(offsets.windows(2).all(|pair| pair[0] + 1 == pair[1]));
        bob.quiet().await;
    }
}
