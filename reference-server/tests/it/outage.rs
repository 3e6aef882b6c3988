//! Redis goes away and comes back: what clients are told, and that nobody stays deaf.

use std::time::{Duration, Instant};

use reference_server::{BrokerChoice, Config};
use serde_json::json;

use crate::support::{Client, Redis, Server, until};

/// Longer than any retry budget a client library would have.
const LONG_OUTAGE: Duration = Duration::from_secs(30);

/// How long it took until an outage was noticed, and after its end until a message was delivered again.
#[derive(Debug)]
pub(crate) struct Outage {
    pub(crate) noticed: Duration,
    pub(crate) delivered: Duration,
}

async fn ready(server: &Server) -> bool {
    server.admin("/readyz").await.status == 200
}

/// Waits until both instances have been through a loss and are back.
async fn both_back(redis: &Redis, a: &Server, b: &Server, losses: f64) {
    for server in [a, b] {
        until("the loss is noticed", async || server.metric("broker_losses_total").await >= losses).await;
        until("the link is back", async || ready(server).await).await;
    }
    assert_eq!(redis.subscribers("r").await, 2);
}

/// Two instances with a member of room `r` on each.
async fn pair(redis: &Redis, config: Config) -> (Server, Server, Client, Client) {
    let (a, b) = Server::pair(BrokerChoice::Redis(redis.url()), config).await;
    let alice = Client::in_room(&a, "r", "alice").await;
    let bob = Client::in_room(&b, "r", "bob").await;
    (a, b, alice, bob)
}

#[tokio::test]
async fn a_long_outage_costs_what_it_has_to() {
    long_outage(LONG_OUTAGE).await;
}

/// Kills Redis for so long.
pub(crate) async fn long_outage(length: Duration) -> Outage {
    let mut redis = Redis::start().await;
    let (a, b, mut alice, mut bob) = pair(&redis, Config::default()).await;
    alice.say("0").await;
    alice.next("message").await;
    bob.next("message").await;
    redis.kill();
    let killed = Instant::now();
    for server in [&a, &b] {
        until("the loss is noticed", async || !ready(server).await).await;
    }
    let noticed = killed.elapsed();
    alice.send(r#"{"type":"message","content":1,"ref":5}"#).await;
    let error = alice.next("error").await;
    assert_eq!((&error["code"], &error["ref"]), (&json!("unavailable"), &json!(5)));
    assert_eq!(error["retryable"], true);
    let asked = Instant::now();
    alice.send(r#"{"type":"join","room":"new","ref":"j"}"#).await;
    let error = alice.next("error").await;
    assert_eq!((&error["code"], &error["ref"]), (&json!("unavailable"), &json!("j")));
    assert!(asked.elapsed() >= Duration::from_secs(5), "joins wait 5 s: {:?}", asked.elapsed());
    tokio::time::sleep(length.saturating_sub(killed.elapsed())).await;
    redis.restart().await;
    let answered = Instant::now();
    // Redis has forgotten everything: a new numbering, and both are told.
    assert_eq!(alice.next("gap").await["room"], "r");
    assert_eq!(bob.next("gap").await["room"], "r");
    until("messages are taken again", async || ready(&a).await).await;
    alice.say("2").await;
    assert_eq!(bob.next("message").await["content"], 2);
    let delivered = answered.elapsed();
    until("both are ready", async || ready(&b).await).await;
    alice.join("new").await;
    Outage { noticed, delivered }
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_is_a_gap_every_time() {
    let mut redis = Redis::start().await;
    let (a, b, mut alice, mut bob) = pair(&redis, Config::default()).await;
    for round in 0..6 {
        for content in 0..3 {
            alice.say(&content.to_string()).await;
            for client in [&mut alice, &mut bob] {
                assert_eq!(client.next("message").await["content"], content);
            }
        }
        redis.kill();
        redis.restart().await;
        for client in [&mut alice, &mut bob] {
            let gap = client.next("gap").await;
            assert_eq!((&gap["after"], &gap["off"]), (&json!(3), &json!(0)), "round {round}: {gap}");
        }
        both_back(&redis, &a, &b, (round + 1).into()).await;
    }
}

#[tokio::test]
async fn a_short_stop_loses_nothing() {
    short_stop().await;
}

/// Stops Redis for five seconds.
pub(crate) async fn short_stop() -> Outage {
    let redis = Redis::start().await;
    let (a, b, mut alice, mut bob) = pair(&redis, Config::default()).await;
    redis.pause();
    let paused = Instant::now();
    for server in [&a, &b] {
        until("the silence is noticed", async || !ready(server).await).await;
    }
    let noticed = paused.elapsed();
    tokio::time::sleep(Duration::from_secs(5).saturating_sub(paused.elapsed())).await;
    redis.resume();
    let resumed = Instant::now();
    for server in [&a, &b] {
        until("the link is back", async || ready(server).await).await;
    }
    alice.say("1").await;
    assert_eq!(bob.next("message").await["content"], 1);
    Outage { noticed, delivered: resumed.elapsed() }
}

#[tokio::test]
async fn what_was_written_without_an_answer_is_unconfirmed_and_may_arrive() {
    let redis = Redis::start().await;
    let (a, _b, mut alice, mut bob) = pair(&redis, Config::default()).await;
    redis.pause();
    alice.send(r#"{"type":"message","content":1,"ref":1,"id":"same"}"#).await;
    let error = alice.next("error").await;
    assert_eq!((&error["code"], &error["ref"]), (&json!("unconfirmed"), &json!(1)));
    assert_eq!(a.metric("unconfirmed_total").await, 1.0);
    redis.resume();
    until("the link is back", async || ready(&a).await).await;
    // It had reached Redis: it arrives after all, and a retry with the same id is the same message.
    alice.send(r#"{"type":"message","content":1,"ref":2,"id":"same"}"#).await;
    assert_eq!(alice.expect("ack").await["off"], 1);
    let message = bob.next("message").await;
    assert_eq!((&message["off"], &message["id"]), (&json!(1), &json!("same")));
    bob.quiet().await;
}

#[tokio::test]
async fn a_lost_subscriber_is_caught_up_with() {
    let redis = Redis::start().await;
    let (a, b, mut alice, mut bob) = pair(&redis, Config::default()).await;
    alice.say("0").await;
    bob.next("message").await;
    for round in 0..5 {
        // Redis throws out both subscribers; messages published meanwhile are only in the stream.
        let mut connection = redis.connection().await;
        let killed: i64 =
            redis::cmd("CLIENT").arg(&["KILL", "TYPE", "pubsub"]).query_async(&mut connection).await.unwrap();
        assert!(killed >= 2, "{killed} subscribers");
        let payload = format!(r#""room":"r","id":"x","from":"x","org":"x","content":{round}}}"#);
        publish_behind(&mut connection, &payload).await;
        let message = bob.next("message").await;
        assert_eq!((&message["off"], &message["content"]), (&json!(2 + round), &json!(round)));
        both_back(&redis, &a, &b, (round + 1).into()).await;
    }
    assert_eq!(b.metric("gaps_total").await, 0.0);
}

/// Adds to the room's numbering and stream what an instance would have.
async fn publish_behind(connection: &mut redis::aio::MultiplexedConnection, tail: &str) {
    let mut increment = redis::cmd("HINCRBY");
    let offset: u64 = increment.arg("wsb:{r}:m").arg("s").arg(1).query_async(connection).await.unwrap();
    let mut add = redis::cmd("XADD");
    add.arg("wsb:{r}:l").arg(format!("{offset}-0")).arg("t").arg(tail);
    add.query_async::<String>(connection).await.unwrap();
}

#[tokio::test]
async fn what_the_stream_has_forgotten_is_a_gap() {
    let redis = Redis::start().await;
    let (_a, b, mut alice, mut bob) = pair(&redis, Config::default()).await;
    alice.say("1").await;
    bob.next("message").await;
    let mut connection = redis.connection().await;
    let mut skip = redis::cmd("HINCRBY");
    skip.arg("wsb:{r}:m").arg("s").arg(500).query_async::<u64>(&mut connection).await.unwrap();
    alice.say("2").await;
    let gap = bob.next("gap").await;
    assert_eq!((&gap["room"], &gap["after"], &gap["off"]), (&json!("r"), &json!(1), &json!(501)));
    let message = bob.next("message").await;
    assert_eq!((&message["off"], &message["content"]), (&json!(502), &json!(2)));
    assert_eq!(b.metric("gaps_total").await, 1.0);
}

#[tokio::test]
async fn flushed_scripts_are_loaded_again() {
    let redis = Redis::start().await;
    let (a, _b, mut alice, mut bob) = pair(&redis, Config::default()).await;
    let mut connection = redis.connection().await;
    redis::cmd("SCRIPT").arg("FLUSH").query_async::<()>(&mut connection).await.unwrap();
    alice.send(r#"{"type":"message","content":1,"ref":1}"#).await;
    let error = alice.next("error").await;
    assert_eq!((&error["code"], &error["retryable"]), (&json!("unavailable"), &json!(true)));
    until("the link is back", async || ready(&a).await).await;
    alice.say("2").await;
    assert_eq!(bob.next("message").await["content"], 2);
}

#[tokio::test]
async fn foreign_payloads_are_counted_and_dropped() {
    let redis = Redis::start().await;
    let (_a, b, mut alice, mut bob) = pair(&redis, Config::default()).await;
    let mut connection = redis.connection().await;
    for payload in [&b"hello"[..], b"1:2", b"{}", b"9:k:\"room\":\"r\",\"x\":\"\xff\"}"] {
        redis::cmd("PUBLISH").arg("room:r").arg(payload).query_async::<u64>(&mut connection).await.unwrap();
    }
    until("they are counted", async || b.metric("broker_foreign_total").await >= 3.0).await;
    alice.say("1").await;
    assert_eq!(bob.expect("message").await["content"], 1);
}

#[tokio::test]
async fn an_unreachable_redis_is_an_error_not_a_hang() {
    let mut redis = Redis::start().await;
    redis.kill();
    let listener = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let instance = reference_server::Instance {
        name: "a".into(),
        listener: listener(),
        admin: listener(),
        config: Config { broker_start_timeout: Duration::from_millis(300), ..Config::default() },
        broker: BrokerChoice::Redis(redis.url()),
        secret: reference_server::Secret::new("s"),
    };
    let error = reference_server::run(instance, |_| {}, Default::default()).await.unwrap_err();
    assert!(matches!(&error, reference_server::Error::Broker(why) if why.contains("refused")), "{error}");
}

#[tokio::test]
async fn without_history_chat_works_and_a_loss_is_a_gap() {
    let redis = Redis::start().await;
    let config = Config { history: reference_server::config::History::Off, ..Config::default() };
    let (a, b, mut alice, mut bob) = pair(&redis, config).await;
    alice.send(r#"{"type":"message","content":1,"ref":1}"#).await;
    assert_eq!(alice.expect("ack").await["off"], json!(null));
    let message = bob.next("message").await;
    assert_eq!((&message["off"], &message["ep"]), (&json!(null), &json!(null)));
    let mut connection = redis.connection().await;
    redis::cmd("CLIENT").arg(&["KILL", "TYPE", "pubsub"]).query_async::<i64>(&mut connection).await.unwrap();
    assert_eq!(bob.next("gap").await["off"], json!(null));
    both_back(&redis, &a, &b, 1.0).await;
    alice.say("2").await;
    assert_eq!(bob.next("message").await["content"], 2);
}

#[tokio::test]
async fn ten_thousand_rooms_are_back() {
    rooms_are_back(10_000).await;
}

/// Kills Redis under a client in many rooms, waits until every room is heard again, and says how long that took.
pub(crate) async fn rooms_are_back(rooms: usize) -> Duration {
    let mut redis = Redis::start().await;
    let mut config = Config::default();
    config.limits.rooms_per_connection = 500;
    (config.limits.frames_per_second, config.limits.frames_burst) = (1_000_000, 1_000_000);
    let server = Server::start("a", BrokerChoice::Redis(redis.url()), config).await;
    let mut clients = Vec::new();
    for first in (0..rooms).step_by(500) {
        let mut client = Client::multi(&server, "alice").await;
        for room in first..first + 500 {
            client.feed(&format!(r#"{{"type":"join","room":"r{room}"}}"#)).await;
        }
        client.quiet_after(500, "joined").await;
        clients.push(client);
    }
    redis.kill();
    until("the loss is noticed", async || !ready(&server).await).await;
    redis.restart().await;
    let answered = Instant::now();
    until("the link is back", async || ready(&server).await).await;
    let took = answered.elapsed();
    assert_eq!(server.metric("resubscribes_total").await, rooms as f64);
    assert_eq!(redis.subscribers(&format!("r{}", rooms - 1)).await, 1);
    took
}
