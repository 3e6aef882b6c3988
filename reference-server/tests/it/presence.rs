//! R5, R6, R9: who comes and goes is told once per user across all instances, and who is there is known exactly.

use std::time::{Duration, Instant};

use reference_server::{Announce, BrokerChoice, Config};
use serde_json::{Value, json};

use crate::support::{
    Client, Redis, Server, brokers,
    child::Child,
    http::{Events, bearer, poll, request},
    server::token,
    until,
};

/// A listener to announcements.
async fn observer(server: &Server, room: &str, user: &str) -> Client {
    let mut client = Client::in_room(server, room, user).await;
    client.announcements = true;
    client
}

/// `ann` on one instance and `ben` on the other, both told of nothing but what is still to come.
async fn observers(a: &Server, b: &Server) -> (Client, Client) {
    let mut on_a = observer(a, "r", "ann").await;
    // Otherwise the second may still hear of the first.
    until("ann is known", async || users(a, "r").await.0 == 1).await;
    let on_b = observer(b, "r", "ben").await;
    assert_eq!(told(&mut on_a).await, "ben joined");
    (on_a, on_b)
}

/// The next announcement as `user kind`.
async fn told(client: &mut Client) -> String {
    let frame = client.frame().await;
    let kind = frame["type"].as_str().unwrap().strip_prefix("user.").unwrap_or_else(|| panic!("{frame}")).to_owned();
    assert!(frame["timestamp"].as_str().unwrap().ends_with('Z') && frame["room"].is_string(), "{frame}");
    format!("{} {kind}", frame["userId"].as_str().unwrap())
}

async fn roster(server: &Server, room: &str) -> Value {
    let path = format!("/api/rooms/{room}/presence");
    let answer = request(server.address, "GET", &path, &bearer("observer"), "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

async fn users(server: &Server, room: &str) -> (u64, u64) {
    let roster = roster(server, room).await;
    (roster["users"].as_u64().unwrap(), roster["connections"].as_u64().unwrap())
}

#[tokio::test]
async fn a_user_comes_and_goes_once_for_all_tabs_and_instances() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, Config::default()).await;
        let (mut on_a, mut on_b) = observers(&a, &b).await;
        let tabs = [Client::in_room(&a, "r", "carl").await, Client::in_room(&b, "r", "carl").await];
        let (view, _) = Events::of_room(&b, "r", "carl").await;
        for observer in [&mut on_a, &mut on_b] {
            assert_eq!(told(observer).await, "carl joined");
        }
        until("all are known", async || users(&a, "r").await == (3, 5)).await;
        let [first, mut second] = tabs;
        // Who came before may be announced to a newcomer still, but nobody to themselves.
        second.announcements = true;
        second.send(r#"{"type":"ping"}"#).await;
        loop {
            let frame = second.frame().await;
            if frame["type"] == "pong" {
                break;
            }
            assert_ne!(frame["userId"], "carl", "{frame}");
        }
        first.leave().await;
        drop(view);
        until("one is left", async || users(&b, "r").await == (3, 3)).await;
        second.leave().await;
        for observer in [&mut on_a, &mut on_b] {
            assert_eq!(told(observer).await, "carl left");
        }
        let mut multi = Client::multi(&a, "carl").await;
        multi.join("r").await;
        assert_eq!(told(&mut on_b).await, "carl joined");
        multi.send(r#"{"type":"leave","room":"r"}"#).await;
        multi.expect("left").await;
        assert_eq!(told(&mut on_b).await, "carl left", "leaving is going, too");
        on_b.quiet().await;
    }
}

#[tokio::test]
async fn streams_hear_who_comes_and_goes_and_keep_their_position() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, Config::default()).await;
        let (mut view, joined) = Events::of_room(&a, "r", "ann").await;
        let ben = Client::in_room(&b, "r", "ben").await;
        let event = view.event().await.unwrap();
        assert_eq!((&event.data.as_ref().unwrap()["type"], &event.id), (&json!("user.joined"), &joined.id));
        ben.leave().await;
        assert_eq!(view.event().await.unwrap().data.unwrap()["type"], "user.left");
    }
}

#[tokio::test]
async fn large_rooms_are_counted_and_not_announced() {
    for (broker, _redis) in brokers().await {
        let config = Config { announce: Announce::Max(3), ..Config::default() };
        let (a, b) = Server::pair(broker, config).await;
        let mut first = Client::multi(&a, "0").await;
        first.announcements = true;
        first.join("r").await;
        let mut others = Vec::new();
        for n in 1..6 {
            let mut client = Client::open(&b, &format!("/ws?token={}", token(&n.to_string()))).await;
            assert_eq!(client.expect("welcome").await["announce_max"], 3);
            client.join("r").await;
            others.push(client);
            until("everybody is counted", async || users(&a, "r").await.0 == n + 1).await;
        }
        for n in [1, 2] {
            assert_eq!(told(&mut first).await, format!("{n} joined"));
        }
        first.quiet().await;
        for (gone, client) in others.into_iter().rev().enumerate() {
            client.leave().await;
            until("nobody is counted twice", async || users(&a, "r").await.0 == 5 - gone as u64).await;
        }
        assert_eq!([told(&mut first).await, told(&mut first).await], ["2 left", "1 left"]);
    }
}

#[tokio::test]
async fn off_is_nowhere_and_all_is_everywhere() {
    for (announce, expected) in [(Announce::Off, json!(0)), (Announce::All, Value::Null)] {
        let server = Server::alone(Config { announce, ..Config::default() }).await;
        let mut first = Client::open(&server, &format!("/ws/rooms/r?token={}", token("0"))).await;
        assert_eq!(first.expect("welcome").await["announce_max"], expected);
        first.expect("joined").await;
        first.announcements = true;
        let _second = Client::in_room(&server, "r", "1").await;
        until("both are there", async || users(&server, "r").await == (2, 2)).await;
        if announce == Announce::All {
            assert_eq!(told(&mut first).await, "1 joined");
        }
        first.quiet().await;
    }
}

#[tokio::test]
async fn everybody_sees_the_same_with_metadata() {
    for (broker, _redis) in brokers().await {
        let config = Config { ping_interval: Duration::from_millis(100), ..Config::default() };
        let (a, b) = Server::pair(broker, config).await;
        let mut ann = Client::in_room(&a, "r", "a\"nn").await;
        let (_view, _) = Events::of_room(&b, "r", "ben").await;
        until("both are there", async || users(&a, "r").await == (2, 2)).await;
        let sorted = |roster: Value| {
            let mut members = roster["members"].as_array().unwrap().clone();
            members.sort_by_key(|member| member["instance"].to_string());
            members
        };
        let members = sorted(roster(&b, "r").await);
        let described = |member: &Value| {
            let field = |name: &str| member[name].as_str().unwrap().to_owned();
            assert!(field("connectedAt") <= field("lastSeen") && field("lastSeen").ends_with('Z'), "{member}");
            [field("user"), field("room"), field("instance"), field("transport")]
        };
        assert_eq!(described(&members[0]), ["a\"nn", "r", "a", "websocket"]);
        assert_eq!(described(&members[1]), ["ben", "r", "b", "sse"]);
        ann.send(r#"{"type":"presence","room":"r","ref":9}"#).await;
        let frame = ann.expect("presence").await;
        assert_eq!((&frame["ref"], &frame["users"], &frame["complete"]), (&json!(9), &json!(2), &json!(true)));
        let since = members[0]["lastSeen"].as_str().unwrap().to_owned();
        let seen = async || sorted(roster(&b, "r").await)[0]["lastSeen"].as_str().unwrap().to_owned();
        // The client answers pings while it reads.
        let later = until("it is seen again", async || seen().await > since);
        tokio::select! {
            () = later => {}
            _ = ann.expect("never") => unreachable!(),
        }
        let refused = request(a.address, "GET", "/api/rooms/r/presence", "", "").await;
        assert_eq!(refused.status, 401);
    }
}

#[tokio::test]
async fn who_polls_is_there_between_two_polls_and_gone_when_it_stops() {
    for (broker, _redis) in brokers().await {
        let config = Config {
            poll_lease: Duration::from_millis(2_500),
            presence_ttl: Duration::from_millis(800),
            ..Config::default()
        };
        let (a, b) = Server::pair(broker, config).await;
        let mut ann = observer(&a, "r", "ann").await;
        let (_, mut answer) = poll(&b, "ben", "/api/rooms/r/poll").await;
        assert_eq!(told(&mut ann).await, "ben joined");
        for round in 0..6 {
            let path = format!("/api/rooms/r/poll?pos={}&timeout=150ms", answer["pos"].as_str().unwrap());
            answer = poll(if round % 2 == 0 { &a } else { &b }, "ben", &path).await.1;
            assert!(users(&a, "r").await.0 == 2, "round {round}");
        }
        ann.quiet().await;
        assert_eq!(told(&mut ann).await, "ben left");
        until("nobody else", async || users(&b, "r").await == (1, 1)).await;
    }
}

#[tokio::test]
async fn the_members_of_a_killed_instance_are_gone_once() {
    members_of_the_killed(Duration::from_secs(3)).await;
}

/// How long the members of a killed instance are thought to be there, the others having been told to give them `ttl`.
pub(crate) async fn members_of_the_killed(ttl: Duration) -> Duration {
    let redis = Redis::start().await;
    let milliseconds = ttl.as_millis().to_string();
    let arguments = ["--instance", "x", "--presence-ttl-ms", &milliseconds];
    let config = Config { presence_ttl: ttl, ..Config::default() };
    let (a, b) = Server::pair(BrokerChoice::Redis(redis.url()), config).await;
    let mut doomed = Child::joined(&redis, &arguments);
    let (mut on_a, mut on_b) = observers(&a, &b).await;
    let mut victims = Vec::new();
    for user in ["u0", "u1", "u2", "twin"] {
        victims.push(Client::in_room_at(doomed.address, "r", user).await);
        assert_eq!(
            [told(&mut on_a).await, told(&mut on_b).await],
            [format!("{user} joined"), format!("{user} joined")]
        );
    }
    let _twin = Client::in_room(&a, "r", "twin").await;
    until("everybody is there", async || users(&a, "r").await == (6, 7)).await;
    doomed.kill();
    let killed = Instant::now();
    for observer in [&mut on_a, &mut on_b] {
        let mut gone = [told(observer).await, told(observer).await, told(observer).await];
        gone.sort();
        assert_eq!(gone, ["u0 left", "u1 left", "u2 left"]);
    }
    let gone = killed.elapsed();
    assert_eq!(users(&b, "r").await, (3, 3));
    // Its own return under the same name changes nothing.
    let _again = Child::joined(&redis, &arguments);
    on_a.quiet().await;
    on_b.quiet().await;
    gone
}

#[tokio::test]
async fn a_drain_is_not_a_storm() {
    for (broker, _redis) in brokers().await {
        let mut config = Config { presence_ttl: Duration::from_millis(800), ..Config::default() };
        (config.drain.window, config.drain.retry_max) = (Duration::from_millis(300), Duration::from_millis(4_000));
        let (a, b) = Server::pair(broker, config).await;
        let mut ann = observer(&b, "r", "ann").await;
        let mut clients = Vec::new();
        for n in 0..10 {
            clients.push(Client::in_room(&a, "r", &n.to_string()).await);
            assert_eq!(told(&mut ann).await, format!("{n} joined"));
        }
        a.shut_down();
        let mut back = Vec::new();
        for (n, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.closed().await.0, 1012);
            if n != 3 {
                back.push(Client::in_room(&b, "r", &n.to_string()).await);
            }
        }
        until("those who came back are counted once", async || users(&b, "r").await == (11, 11)).await;
        ann.quiet().await;
        a.finished().await;
        assert_eq!(told(&mut ann).await, "3 left", "who does not come back has gone");
        until("exactly", async || users(&b, "r").await == (10, 10)).await;
        ann.quiet().await;
    }
}

#[tokio::test]
async fn a_redis_that_stops_or_forgets_makes_nobody_leave() {
    let mut redis = Redis::start().await;
    let config = Config { presence_ttl: Duration::from_millis(1_600), ..Config::default() };
    let (a, b) = Server::pair(BrokerChoice::Redis(redis.url()), config).await;
    let (mut ann, ben) = (observer(&a, "r", "ann").await, Client::in_room(&b, "r", "ben").await);
    assert_eq!(told(&mut ann).await, "ben joined");
    redis.pause();
    until("the silence is noticed", async || {
        a.admin("/readyz").await.status == 503 && b.admin("/readyz").await.status == 503
    })
    .await;
    redis.resume();
    let ready = async || a.admin("/readyz").await.status == 200 && b.admin("/readyz").await.status == 200;
    until("both are back", ready).await;
    redis.kill();
    until("the loss is noticed", async || a.admin("/readyz").await.status == 503).await;
    redis.restart().await;
    until("both are back", ready).await;
    until("both are told again", async || users(&a, "r").await == (2, 2)).await;
    loop {
        // The position is lost, and nobody has gone.
        ann.send(r#"{"type":"ping"}"#).await;
        match ann.frame().await {
            frame if frame["type"] == "pong" => break,
            frame => assert_eq!(frame["type"], "gap", "{frame}"),
        }
    }
    ben.leave().await;
    loop {
        let frame = ann.frame().await;
        if frame["type"] == "user.left" {
            assert_eq!(frame["userId"], "ben");
            break;
        }
        assert!(frame["type"] == "gap" || frame["type"] == "pong", "{frame}");
    }
}

#[tokio::test]
async fn no_ghosts_after_any_kind_of_end() {
    use rand::{RngExt, SeedableRng, rngs::SmallRng};
    let redis = Redis::start().await;
    let (a, b) = Server::pair(BrokerChoice::Redis(redis.url()), Config::default()).await;
    let mut rng = SmallRng::seed_from_u64(7);
    for _ in 0..60 {
        let server = if rng.random() { &a } else { &b };
        let user = rng.random_range(0..5).to_string();
        match rng.random_range(0..5) {
            0 => drop(Client::in_room(server, "r", &user).await),
            1 => Client::in_room(server, "r", &user).await.leave().await,
            2 => drop(Events::of_room(server, "r", &user).await),
            3 => {
                let mut client = Client::multi(server, &user).await;
                for _ in 0..3 {
                    client.send(r#"{"type":"join","room":"r"}"#).await;
                    client.send(r#"{"type":"leave","room":"r"}"#).await;
                }
                client.quiet_after(3, "left").await;
            }
            _ => {
                let mut client = Client::in_room(server, "r", &user).await;
                client.send(r#"{"type":"leave","room":"r"}"#).await;
                client.leave().await;
            }
        }
    }
    until("nobody is there", async || users(&a, "r").await == (0, 0)).await;
    a.empty().await;
    b.empty().await;
    let mut keys = redis::cmd("KEYS");
    keys.arg("wsb:{r}:[pu]");
    let left: Vec<String> = keys.query_async(&mut redis.connection().await).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_client_that_dies_silently_has_left() {
    let config = Config {
        ping_interval: Duration::from_millis(100),
        ping_timeout: Duration::from_millis(2_000),
        ..Config::default()
    };
    let server = Server::alone(config).await;
    let mut ann = observer(&server, "r", "ann").await;
    let _silent = Client::in_room(&server, "r", "ben").await;
    assert_eq!(told(&mut ann).await, "ben joined");
    assert_eq!(told(&mut ann).await, "ben left");
}
