//! Streams and polls that are cut because an admin wants it. What becomes of sockets is in `faults`.

use std::time::Duration;

use reference_server::Config;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::support::{
    Client, Server,
    http::{Events, bearer, poll, request},
    soon, until,
};

async fn mutant() -> Server {
    Server::alone(Config { faults: true, ..Config::default() }).await
}

/// Has the connections of a user cut; the answer.
async fn cut(server: &Server, user: &str, how: &str) -> Value {
    let answer = server.post("/admin/disconnect", &json!({"users": [user], "how": how})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

/// How an answer in chunks ended, as its client sees it.
async fn end(stream: &mut BufReader<TcpStream>) -> String {
    let mut rest = Vec::new();
    loop {
        match soon("an end", stream.read_buf(&mut rest)).await {
            // The connection may serve another request.
            Ok(_) if rest.ends_with(b"0\r\n\r\n") => return "complete".into(),
            Ok(0) => return "fin".into(),
            Ok(_) => {}
            Err(error) => return error.kind().to_string(),
        }
    }
}

/// A poll on its way, not answered yet.
async fn held_poll(server: &Server, user: &str) -> BufReader<TcpStream> {
    let before = server.metric("members").await;
    let (_, first) = poll(server, user, "/api/rooms/r/poll").await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let path = format!("/api/rooms/r/poll?timeout=60&pos={}", first["pos"].as_str().unwrap());
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: test\r\n{}\r\n", bearer(user)).as_bytes()).await.unwrap();
    until("it is held", async || server.metric("members").await == before + 1.0).await;
    BufReader::new(stream)
}

#[tokio::test]
async fn streams_are_cut_as_it_is_asked_for() {
    for (how, seen) in [("fin", "fin"), ("rst", "connection reset"), ("close:1012", "complete")] {
        let server = mutant().await;
        let (mut other, _) = Events::of_room(&server, "r", "other").await;
        for path in ["/api/rooms/r/events", "/api/events"] {
            let mut victim = Events::open(server.address, path, &bearer("victim")).await;
            victim.event().await.unwrap();
            let before = monotonic();
            let answer = cut(&server, "victim", how).await;
            assert_eq!(
                (&answer["chosen"], &answer["cut"][0]["user"]),
                (&json!(1), &json!("victim")),
                "{how}: {answer}"
            );
            let at = answer["cut"][0]["at_us"].as_u64().unwrap();
            assert!((before..=monotonic()).contains(&at), "{answer}");
            assert_eq!(end(&mut victim.stream).await, seen, "{how} {path}");
            until("the victim has gone", async || server.metric("connections").await == 1.0).await;
        }
        let log = server.admin("/admin/truth").await.body;
        assert_eq!(log.matches(&format!(r#""how":"{how}""#)).count(), 2, "{log}");
        let said = request(server.address, "POST", "/api/rooms/r/messages", &bearer("x"), r#"{"content":1}"#).await;
        assert_eq!(said.status, 200);
        other.next("message").await;
        drop(other);
        server.empty().await;
    }
}

fn monotonic() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1_000
}

#[tokio::test]
async fn polls_are_cut_or_answered() {
    for (how, seen) in [("fin", "fin"), ("rst", "connection reset")] {
        let server = mutant().await;
        let mut held = held_poll(&server, "victim").await;
        assert_eq!(cut(&server, "victim", how).await["cut"][0]["user"], "victim");
        assert_eq!(end(&mut held).await, seen);
        server.empty().await;
    }
    let server = mutant().await;
    let mut held = held_poll(&server, "victim").await;
    assert_eq!(cut(&server, "victim", "close:4000").await["cut"][0]["user"], "victim");
    let mut answer = vec![0; 1_024];
    let read = soon("an answer", held.read(&mut answer)).await.unwrap();
    let answer = String::from_utf8(answer[..read].to_vec()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#""events":[]}"#), "{answer}");
    server.empty().await;
}

#[tokio::test]
async fn a_black_hole_is_silent_and_forgotten() {
    let (ping_interval, ping_timeout) = (Duration::from_millis(100), Duration::from_millis(700));
    let server = Server::alone(Config { faults: true, ping_interval, ping_timeout, ..Config::default() }).await;
    let (mut view, _) = Events::of_room(&server, "r", "victim").await;
    let mut held = held_poll(&server, "other").await;
    for user in ["victim", "other"] {
        assert_eq!(cut(&server, user, "blackhole").await["cut"][0]["user"], user);
    }
    assert_eq!(server.metric("connections").await, 2.0, "they are thought to live");
    let mut talker = Client::in_room(&server, "r", "talker").await;
    talker.say("1").await;
    talker.expect("message").await;
    talker.leave().await;
    server.empty().await;
    // What came before the cut is all there is: no heartbeat, no message, no end.
    let heard = async |stream: &mut BufReader<TcpStream>| {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_millis(100), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_err(), "{ended:?}");
        String::from_utf8(rest).unwrap()
    };
    for stream in [&mut view.stream, &mut held] {
        let rest = heard(stream).await;
        assert!(!rest.contains("message") && !rest.contains("HTTP"), "{rest}");
    }
}

#[tokio::test]
async fn a_share_is_one_of_sockets_streams_and_polls() {
    let server = mutant().await;
    let mut everybody: (Vec<Client>, Vec<Events>) = Default::default();
    for n in 0..6 {
        everybody.0.push(Client::in_room(&server, "other", &format!("socket{n}")).await);
        everybody.1.push(Events::of_room(&server, "other", &format!("stream{n}")).await.0);
    }
    let answer = server.post("/admin/disconnect", &json!({"seed": 1, "share": 0.5, "how": "rst"})).await;
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(answer["cut"].as_array().unwrap().len(), 6, "{answer}");
    for kind in ["socket", "stream"] {
        assert!(answer.to_string().contains(kind), "{answer}");
    }
    until("half are left", async || server.metric("connections").await == 6.0).await;
}
