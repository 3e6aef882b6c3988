//! R11, R13, R14: streams of events. Same envelopes, a position on every event, back exactly where it broke off.

use std::time::{Duration, SystemTime};

use reference_server::{
    Config, Secret,
    config::{History, Outbound},
};
use serde_json::{Value, json};

use crate::support::{
    Client, Server, brokers,
    http::{Events, bearer, offset, request},
    server::{SECRET, token},
    talk, until,
};

#[tokio::test]
async fn a_personal_stream_begins_with_connected() {
    for (broker, _redis) in brokers().await {
        let (a, _b) = Server::pair(broker, Config::default()).await;
        let token = token("ada");
        let ways = [
            ("/api/events".to_owned(), format!("Authorization: Bearer {token}\r\n")),
            ("/api/events".to_owned(), format!("Cookie: theme=dark; token={token}\r\n")),
            (format!("/api/events?token={token}"), String::new()),
        ];
        for (path, headers) in ways {
            let mut events = Events::open(a.address, &path, &headers).await;
            assert!(events.head.starts_with("http/1.1 200"), "{}", events.head);
            assert!(events.head.contains("content-type: text/event-stream"));
            assert!(events.head.contains("cache-control: no-cache"));
            let connected = events.event().await.unwrap();
            assert_eq!(connected.data.as_ref().unwrap()["type"], "connected");
            assert!(connected.data.unwrap()["timestamp"].as_str().unwrap().ends_with('Z'));
            assert_eq!((offset(&connected.id.unwrap()), connected.retry), (0, Some(2_000)));
        }
        for bad in ["/api/events", "/api/events?token=", "/api/events?token=nonsense"] {
            let answer = request(a.address, "GET", bad, "", "").await;
            assert_eq!((answer.status, answer.body.as_str()), (401, "Unauthorized"), "{bad}");
        }
        a.empty().await;
    }
}

#[tokio::test]
async fn a_room_is_seen_as_over_a_socket() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, Config::default()).await;
        let mut alice = Client::in_room(&a, "r", "alice").await;
        alice.say("0").await;
        alice.expect("message").await;
        let (mut view, joined) = Events::of_room(&b, "r", "bob").await;
        assert_eq!((joined.data.as_ref().unwrap()["off"].as_u64(), joined.retry), (Some(1), Some(2_000)));
        let ep = joined.data.unwrap()["ep"].as_str().unwrap().to_owned();
        assert_eq!(joined.id.unwrap(), format!("{ep}:1"));
        let mut bob = Client::in_room(&b, "r", "bob").await;
        for content in ["{\"two\":\n1,\r\n\"lines\" : 2}", "\"x\"", "null"] {
            alice.say(content).await;
            let (event, frame) = (view.next("message").await, bob.expect("message").await);
            assert_eq!(event.data.unwrap(), frame, "the same envelope");
            assert_eq!(event.id.unwrap(), format!("{ep}:{}", frame["off"]));
        }
        assert_eq!(b.metric("members").await, 2.0);
        drop((view, bob, alice));
        a.empty().await;
        b.empty().await;
    }
}

#[tokio::test]
async fn exactly_what_was_missed_whichever_instance_and_whatever_is_said_meanwhile() {
    for (broker, _redis) in brokers().await {
        // The talker does not wait for the viewer: nothing may be forgotten before it is fetched.
        let history = History::Kept { length: 1_000_000, ttl: Duration::from_secs(300), except: Vec::new() };
        let mut config = Config { history, ..Config::default() };
        (config.limits.frames_per_second, config.limits.frames_burst) = (100_000, 100_000);
        let (a, b) = Server::pair(broker, config).await;
        let (stop, talker) = talk(&a, "r").await;
        let (mut view, joined) = Events::of_room(&b, "r", "bob").await;
        let mut last = joined.id.unwrap();
        for round in 0..40 {
            for _ in 0..5 {
                let message = view.next("message").await;
                let id = message.id.unwrap();
                assert_eq!(offset(&id), offset(&last) + 1, "round {round}");
                last = id;
            }
            drop(view);
            let server = if round % 2 == 0 { &a } else { &b };
            let back;
            (view, back) = Events::back(server, "r", "bob", &last).await;
            assert_eq!(back.id.as_deref(), Some(last.as_str()), "round {round}");
        }
        stop.send(()).unwrap();
        talker.await.unwrap();
        drop(view);
        a.empty().await;
        b.empty().await;
    }
}

#[tokio::test]
async fn the_query_says_where_to_go_on_for_those_who_cannot_set_headers() {
    let server = Server::alone(Config::default()).await;
    let mut alice = Client::in_room(&server, "r", "alice").await;
    for n in 1..=3 {
        alice.say(&n.to_string()).await;
    }
    let ep = alice.join("r").await["ep"].as_str().unwrap().to_owned();
    let path = format!("/api/rooms/r/events?last_event_id={ep}:1");
    let mut view = Events::open(server.address, &path, &bearer("bob")).await;
    view.next("joined").await;
    for off in 2..=3 {
        let data = view.next("message").await.data.unwrap();
        assert_eq!((&data["off"], &data["rp"]), (&json!(off), &json!(1)));
    }
    let headers = format!("{}Last-Event-ID: {ep}:2\r\n", bearer("bob"));
    let mut view = Events::open(server.address, &path, &headers).await;
    view.next("joined").await;
    assert_eq!(view.next("message").await.data.unwrap()["off"], 3, "the header is the newer one");
}

#[tokio::test]
async fn what_cannot_be_replayed_whole_is_a_gap() {
    for (broker, _redis) in brokers().await {
        let mut config = Config::default();
        (config.limits.frames_per_second, config.limits.frames_burst) = (100_000, 100_000);
        let (a, b) = Server::pair(broker, config).await;
        let mut alice = Client::in_room(&a, "r", "alice").await;
        for n in 1..=600 {
            alice.say(&n.to_string()).await;
            alice.expect("message").await;
        }
        let ep = alice.join("r").await["ep"].as_str().unwrap().to_owned();
        for unknown in [format!("{ep}:1"), "zzzzzzzz:5".to_owned(), format!("{ep}:9999"), "17".to_owned()] {
            let (mut view, joined) = Events::back(&b, "r", "bob", &unknown).await;
            assert_eq!(joined.id.unwrap(), format!("{ep}:600"));
            let gap = view.next("gap").await;
            assert_eq!((gap.id.unwrap(), &gap.data.unwrap()["off"]), (format!("{ep}:600"), &json!(600)));
        }
        let (mut view, _) = Events::back(&b, "r", "bob", "17").await;
        view.next("gap").await;
        alice.say("1").await;
        assert_eq!(view.next("message").await.data.unwrap()["rp"], Value::Null);
    }
}

#[tokio::test]
async fn silence_is_filled_with_comments() {
    let config = Config { ping_interval: Duration::from_millis(100), ..Config::default() };
    let server = Server::alone(config).await;
    let (mut view, _) = Events::of_room(&server, "r", "bob").await;
    for _ in 0..3 {
        let beat = view.block().await.unwrap();
        assert!(beat.comment && beat.data.is_none() && beat.id.is_none(), "{beat:?}");
    }
}

#[tokio::test]
async fn a_slow_reader_is_cut_and_nobody_else_notices() {
    let mut config = Config {
        outbound: Outbound { frames: 64, bytes: 256 * 1024, age: Duration::from_secs(10) },
        ..Config::default()
    };
    (config.limits.frames_per_second, config.limits.frames_burst) = (100_000, 100_000);
    let server = Server::alone(config).await;
    let (mut slow, joined) = Events::of_room(&server, "r", "slow").await;
    let (mut quick, _) = Events::of_room(&server, "r", "quick").await;
    let mut alice = Client::in_room(&server, "r", "alice").await;
    let large = format!("\"{}\"", "x".repeat(32_000));
    let mut said = 0;
    while server.metric("slow_consumers_total").await == 0.0 {
        alice.say(&large).await;
        said += 1;
        alice.expect("message").await;
        assert_eq!(offset(&quick.next("message").await.id.unwrap()), said);
        assert!(said < 2_000, "the queue is bounded");
    }
    until("only two are left", async || server.metric("connections").await == 2.0).await;
    let mut last = joined.id.unwrap();
    while let Some(event) = slow.event().await {
        last = event.id.unwrap();
    }
    assert!(offset(&last) < said, "what waited is lost, and can be asked for");
    let (mut back, _) = Events::back(&server, "r", "slow", &last).await;
    for off in offset(&last) + 1..=said {
        assert_eq!(offset(&back.next("message").await.id.unwrap()), off);
    }
}

#[tokio::test]
async fn pages_of_named_origins_may_read_with_credentials_and_others_may_not() {
    let config = Config { allow_origin: vec!["https://app.example".into()], ..Config::default() };
    let server = Server::alone(config).await;
    let cookie = format!("Cookie: token={}\r\n", token("ada"));
    let headers = format!("{cookie}Origin: https://app.example\r\n");
    let events = Events::open(server.address, "/api/rooms/r/events", &headers).await;
    assert!(events.head.starts_with("http/1.1 200"));
    for line in
        ["access-control-allow-origin: https://app.example", "access-control-allow-credentials: true", "vary: origin"]
    {
        assert!(events.head.contains(line), "{line} in {}", events.head);
    }
    let foreign = format!("{cookie}Origin: https://evil.example\r\n");
    let refused = request(server.address, "GET", "/api/events", &foreign, "").await;
    assert_eq!((refused.status, refused.head.contains("allow-origin")), (403, false));
    let headers = "Origin: https://app.example\r\nAccess-Control-Request-Headers: authorization\r\n";
    let preflight = request(server.address, "OPTIONS", "/api/rooms/r/messages", headers, "").await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.head.contains("access-control-allow-headers: authorization"), "{}", preflight.head);
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let server = Server::alone(Config::default()).await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let short = format!("Authorization: Bearer {}\r\n", Secret::new(SECRET).mint("bob", now + 4));
    let mut view = Events::open(server.address, "/api/rooms/r/events", &short).await;
    view.next("joined").await;
    view.ended().await;
    let again = request(server.address, "GET", "/api/rooms/r/events", &short, "").await;
    assert_eq!(again.status, 401);
    server.empty().await;
}

#[tokio::test]
async fn a_draining_instance_says_when_to_come_back_and_ends_its_streams() {
    let mut config = Config::default();
    config.drain.window = Duration::from_millis(300);
    let server = Server::alone(config).await;
    let (mut view, joined) = Events::of_room(&server, "r", "bob").await;
    let mut own = Events::of_user(&server, "bob").await;
    server.shut_down();
    let drain = view.next("drain").await;
    assert!(drain.retry.unwrap() <= 2_000);
    assert_eq!(drain.id, joined.id, "the position stays");
    view.ended().await;
    assert!(own.next("drain").await.retry.is_some());
    own.ended().await;
    server.finished().await;
}
