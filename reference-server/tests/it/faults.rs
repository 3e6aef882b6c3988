//! Misbehaviour on request: what clients see is what the truth log says, copy by copy.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use reference_server::Config;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message, error::ProtocolError};

use crate::support::{Client, Server, soon, until};

/// Messages said in a test.
const SAID: u64 = 400;

async fn mutant() -> Server {
    let mut config = Config { faults: true, ..Config::default() };
    (config.limits.frames_per_second, config.limits.frames_burst) = (100_000, 100_000);
    Server::alone(config).await
}

/// The lines of the truth log about this deed.
async fn truth(server: &Server, what: &str) -> Vec<Value> {
    let log = server.admin("/admin/truth").await;
    let lines = log.body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["what"] == what).collect()
}

/// Offsets by user: `[(user, off)]` counted.
type Copies = BTreeMap<(String, u64), i64>;

fn copies(deeds: &[Value]) -> Copies {
    let mut copies = Copies::new();
    for deed in deeds {
        let key = (deed["user"].as_str().unwrap().to_owned(), deed["off"].as_u64().unwrap());
        *copies.entry(key).or_default() += 1;
    }
    copies
}

/// Everything of a room that reaches a client, up to the answer to a ping sent behind the last message.
async fn hear(client: &mut Client) -> Vec<Value> {
    client.send(r#"{"type":"ping"}"#).await;
    let mut heard = Vec::new();
    loop {
        let frame = client.frame().await;
        match frame["type"].as_str() {
            Some("message") => heard.push(frame),
            Some("pong") => return heard,
            _ => {}
        }
    }
}

/// Says [`SAID`] messages under a plan, in room `r` with members `u0`, `u1`, `u2`; what each of them hears.
async fn say_under(server: &Server, plan: Value, talker: &mut Client, members: &mut [Client]) -> Vec<Vec<Value>> {
    assert_eq!(server.post("/admin/faults", &plan).await.status, 200);
    for n in 0..SAID {
        talker.say(&format!("\"m{n}\"")).await;
    }
    talker.send(r#"{"type":"message","content":"last","ref":1}"#).await;
    talker.expect("ack").await;
    until("all are fanned out", async || server.metric("fanouts_total").await as u64 > SAID).await;
    let mut heard = Vec::new();
    for member in members {
        heard.push(hear(member).await);
    }
    heard
}

async fn three(server: &Server) -> (Client, Vec<Client>) {
    let mut members = Vec::new();
    for n in 0..3 {
        members.push(Client::in_room(server, "r", &format!("u{n}")).await);
    }
    (Client::in_room(server, "r", "talker").await, members)
}

/// How often each copy was heard, less one: `-1` missing, `1` heard twice.
fn difference(heard: &[Vec<Value>]) -> Copies {
    let mut copies = Copies::new();
    for (n, frames) in heard.iter().enumerate() {
        for off in 1..=SAID + 1 {
            let count = frames.iter().filter(|frame| frame["off"] == off).count() as i64;
            if count != 1 {
                copies.insert((format!("u{n}"), off), count - 1);
            }
        }
    }
    copies
}

/// The truth about others than the talker, who is not listened to.
fn of_members(mut deeds: Vec<Value>) -> Vec<Value> {
    deeds.retain(|deed| deed["user"] != "talker");
    deeds
}

#[tokio::test]
async fn what_is_dropped_is_missing_and_nothing_else() {
    let mut runs = Vec::new();
    for seed in [5, 5, 6] {
        let server = mutant().await;
        let (mut talker, mut members) = three(&server).await;
        let heard = say_under(&server, json!({"seed": seed, "drop": 0.05}), &mut talker, &mut members).await;
        let dropped = of_members(truth(&server, "drop").await);
        assert!((30..=95).contains(&dropped.len()), "{} of 1203", dropped.len());
        assert!(
            dropped[0]["content"].as_str().unwrap().starts_with('m') && dropped[0]["room"] == "r",
            "{}",
            dropped[0]
        );
        let missing: Copies = copies(&dropped).into_iter().map(|(key, count)| (key, -count)).collect();
        assert_eq!(difference(&heard), missing);
        runs.push(missing);
    }
    assert_eq!(runs[0], runs[1], "the same seed drops the same copies");
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn what_is_duplicated_comes_twice_and_nothing_else() {
    let server = mutant().await;
    let (mut talker, mut members) = three(&server).await;
    let heard = say_under(&server, json!({"duplicate": 0.05}), &mut talker, &mut members).await;
    let duplicated = copies(&of_members(truth(&server, "duplicate").await));
    assert!(!duplicated.is_empty());
    assert_eq!(difference(&heard), duplicated);
}

#[tokio::test]
async fn what_is_swapped_comes_behind_its_successor() {
    let server = mutant().await;
    let (mut talker, mut members) = three(&server).await;
    let heard = say_under(&server, json!({"swap": 0.05}), &mut talker, &mut members).await;
    assert_eq!(difference(&heard), Copies::new(), "nothing is lost, nothing comes twice");
    let mut backwards = Copies::new();
    for (n, frames) in heard.iter().enumerate() {
        let mut highest = 0;
        for off in frames.iter().map(|frame| frame["off"].as_u64().unwrap()) {
            if off < highest {
                backwards.insert((format!("u{n}"), off), 1);
            }
            highest = highest.max(off);
        }
    }
    let swapped = of_members(truth(&server, "swap").await);
    assert!(!swapped.is_empty() && swapped.iter().all(|deed| deed["behind"].is_string()));
    assert_eq!(backwards, copies(&swapped));
}

#[tokio::test]
async fn what_is_misrouted_reaches_somebody_outside_too() {
    let server = mutant().await;
    let mut outsider = Client::in_room(&server, "elsewhere", "outsider").await;
    let (mut talker, mut members) = three(&server).await;
    let heard = say_under(&server, json!({"misroute": 0.02}), &mut talker, &mut members).await;
    assert_eq!(difference(&heard), Copies::new(), "those inside have everything once");
    let strays = hear(&mut outsider).await;
    let misrouted = truth(&server, "misroute").await;
    assert!(!strays.is_empty() && strays.iter().all(|frame| frame["room"] == "r"));
    let ids = |frames: &[Value]| frames.iter().map(|frame| frame["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&strays), ids(&misrouted));
    assert!(misrouted.iter().all(|deed| deed["user"] == "outsider"));
}

#[tokio::test]
async fn an_early_message_comes_before_the_answer_to_the_join() {
    let server = mutant().await;
    let mut talker = Client::in_room(&server, "r", "talker").await;
    server.post("/admin/faults", &json!({"early": 1})).await;
    let mut early = Client::multi(&server, "early").await;
    early.send(r#"{"type":"join","room":"r"}"#).await;
    until("the join is done", async || server.metric("members").await == 2.0).await;
    talker.say("1").await;
    let message = early.next("message").await;
    early.next("joined").await;
    let deeds = truth(&server, "early").await;
    assert_eq!((deeds.len(), &deeds[0]["id"]), (1, &message["id"]));
    let mut patient = Client::in_room(&server, "silent", "p").await;
    patient.quiet().await;
}

#[tokio::test]
async fn a_delay_is_kept_for_some_and_nobody_is_overtaken() {
    let server = mutant().await;
    let (mut talker, mut members) = three(&server).await;
    members.push(Client::in_room(&server, "r", "u3").await);
    server.post("/admin/faults", &json!({"seed": 1, "delay": {"ms": 30, "share": 0.5}})).await;
    for n in 1..=20 {
        talker.say(&n.to_string()).await;
        if n == 15 {
            // What comes after the end of the delay must not overtake what waits.
            until("15 are fanned out", async || server.metric("fanouts_total").await == 15.0).await;
            server.post("/admin/faults", &json!({})).await;
        }
    }
    for member in &mut members {
        for off in 1..=20 {
            assert_eq!(member.next("message").await["off"], off);
        }
    }
    let delayed = of_members(truth(&server, "delay").await);
    let users: std::collections::BTreeSet<&str> = delayed.iter().map(|deed| deed["user"].as_str().unwrap()).collect();
    assert!((1..=3).contains(&users.len()), "{users:?}");
    let by = |deed: &Value| deed["by_us"].as_u64().unwrap();
    assert!(delayed.iter().filter(|deed| deed["off"].as_u64() <= Some(15)).all(|deed| by(deed) >= 30_000));
}

#[tokio::test]
async fn a_stall_holds_the_fan_out_and_loses_nothing() {
    let server = mutant().await;
    let mut client = Client::in_room(&server, "r", "alice").await;
    let begin = Instant::now();
    assert_eq!(server.post("/admin/stall", &json!({"ms": 300})).await.status, 200);
    for n in 1..=10 {
        client.say(&n.to_string()).await;
    }
    for n in 1..=10 {
        assert_eq!(client.next("message").await["content"], n);
    }
    assert!(begin.elapsed() >= Duration::from_millis(299), "{:?}", begin.elapsed());
    assert_eq!(truth(&server, "stall").await[0]["by_us"], 300_000);
}

/// How a connection ended, as its client sees it.
async fn end(client: &mut Client) -> String {
    soon("an end", async {
        loop {
            match client.socket.next().await {
                Some(Ok(Message::Close(frame))) => return format!("close:{}", u16::from(frame.unwrap().code)),
                Some(Ok(_)) => {}
                Some(Err(Error::Io(error))) => return error.kind().to_string(),
                Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) | None => return "fin".into(),
                other => panic!("{other:?}"),
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_share_is_cut_as_it_is_asked_for() {
    for (how, seen) in [("fin", "fin"), ("rst", "connection reset"), ("close:1012", "close:1012")] {
        let server = mutant().await;
        let mut clients = Vec::new();
        for n in 0..10 {
            clients.push(Client::in_room(&server, "r", &format!("u{n}")).await);
        }
        let answer = server.post("/admin/disconnect", &json!({"seed": 3, "share": 0.3, "how": how})).await;
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        let cut: Vec<&str> = answer["cut"].as_array().unwrap().iter().map(|c| c["user"].as_str().unwrap()).collect();
        assert_eq!((cut.len(), &answer["chosen"]), (3, &json!(3)), "{answer}");
        assert!(answer["cut"][0]["at_us"].as_u64() > Some(0));
        assert_eq!(truth(&server, "cut").await.iter().filter(|deed| deed["how"] == how).count(), 3);
        for (n, client) in clients.iter_mut().enumerate() {
            if cut.contains(&format!("u{n}").as_str()) {
                assert_eq!(end(client).await, seen, "{how}");
            } else {
                client.quiet().await;
            }
        }
        until("they have left", async || server.metric("members").await == 7.0).await;
        drop(clients);
        server.empty().await;
    }
}

#[tokio::test]
async fn a_black_hole_says_nothing_and_dies_of_its_silence() {
    let (ping_interval, ping_timeout) = (Duration::from_millis(300), Duration::from_secs(3));
    let config = Config { faults: true, ping_interval, ping_timeout, ..Config::default() };
    let server = Server::alone(config).await;
    let mut victim = Client::in_room(&server, "r", "victim").await;
    let order = json!({"users": ["victim", "nobody"], "how": "blackhole"});
    let answer: Value = serde_json::from_str(&server.post("/admin/disconnect", &order).await.body).unwrap();
    assert_eq!(answer["cut"][0]["user"], "victim", "{answer}");
    victim.send(r#"{"type":"ping"}"#).await;
    until("it is dead", async || server.metric("connections").await == 0.0).await;
    assert_eq!(server.metric("members").await, 0.0);
    let silence = tokio::time::timeout(Duration::from_millis(50), async {
        loop {
            match victim.socket.next().await {
                Some(Ok(Message::Ping(_))) => {} // sent before the cut
                other => break other,
            }
        }
    });
    assert!(silence.await.is_err(), "neither a frame nor an end");
}

#[tokio::test]
async fn nothing_is_offered_unless_it_was_asked_for() {
    let server = Server::alone(Config::default()).await;
    for path in ["/admin/faults", "/admin/truth", "/conformance/echo"] {
        assert_eq!(server.admin(path).await.status, 404, "{path}");
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
    assert_eq!(server.post("/admin/disconnect", &json!({"share": 1, "how": "rst"})).await.status, 404);
    let server = mutant().await;
    assert_eq!(server.get("/admin/truth").await.status, 404, "only on the admin listener");
    for (path, body) in [
        ("/admin/faults", json!({"drop": 2})),
        ("/admin/faults", json!({"dorp": 0.1})),
        ("/admin/disconnect", json!({"how": "rst"})),
        ("/admin/stall", json!({"ms": -1})),
    ] {
        let answer = server.post(path, &body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.body.len() > 10, "says what is wrong: {}", answer.body);
    }
}
