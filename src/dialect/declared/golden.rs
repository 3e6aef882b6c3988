//! What real clients and servers said to each other (`tests/data/transcripts`), heard and said by the built-in dialects.

use crate::dialect::{AuthStyle, Dialect, Event, Identity, Intent, Parameters, find};
use crate::observe::ClientId;
use crate::wire::Frame;
use std::sync::Arc;
use std::time::Duration;

mod mqtt;
mod socketio;
mod stomp;

fn dialect(name: &str) -> Arc<dyn Dialect> {
    find(name, &Parameters::new()).unwrap()
}

pub(super) fn transcript(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/data/transcripts/{name}.txt", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The messages that one side (`<` or `>`) sent over connection number `connection`.
pub(super) fn messages(name: &str, connection: usize, side: char) -> Vec<Frame> {
    let text = transcript(name);
    let section = text.split("\n== ").nth(connection + 1).unwrap().to_owned();
    let said = section.lines().filter_map(|line| line.strip_prefix(side));
    let message = |line: &str| {
        let (mark, rest) = line.split_once(' ')?;
        match mark {
            "" => Some(Frame::text(rest.to_owned())),
            "j" => Some(Frame::text(serde_json::from_str::<String>(rest).unwrap())),
            "b" => Some(Frame::Binary(serde_json::from_str::<String>(rest).unwrap().into_bytes().into())),
            _ => None,
        }
    };
    said.filter_map(message).collect()
}

/// What one message means, shortly.
pub(super) fn meaning(event: &Event<'_>) -> String {
    match event {
        Event::Delivery(delivery) => {
            let offset = delivery.offset.map(|offset| format!(" at {offset}")).unwrap_or_default();
            format!("{}{offset}", if delivery.replayed { "replay" } else { "delivery" })
        }
        Event::Joined { reference, position, instance, .. } => {
            let position = position.as_ref().map(|position| format!(" {}@{}", position.offset, position.epoch));
            let instance = instance.map(|name| format!(" by {name}")).unwrap_or_default();
            format!("joined {reference:?}{}{instance}", position.unwrap_or_default())
        }
        Event::Welcome { instance, .. } => format!("welcome {}", instance.unwrap_or("-")),
        Event::Acked { reference } => format!("acked {reference}"),
        Event::Refused { reference, code, .. } => format!("refused {reference:?} {code}"),
        Event::AuthRefused(code) => format!("unauthorized: {code}"),
        Event::Heartbeat { answer } => {
            format!("heartbeat, answer {:?}", answer.as_ref().map(|frame| String::from_utf8_lossy(frame.bytes())))
        }
        Event::AuthAccepted => "authorized".to_owned(),
        other => format!("{other:?}"),
    }
}

/// What the dialect `name` makes of everything the server said over that connection of `file`.
fn heard(name: &str, file: &str, connection: usize) -> Vec<String> {
    let (dialect, mut events) = (dialect(name), Vec::new());
    for frame in messages(file, connection, '<') {
        dialect.decode(&frame, &mut |event| events.push(meaning(&event)));
    }
    events
}

/// Whether a client said over that connection exactly what the dialect says.
fn says(name: &str, file: &str, connection: usize, intent: &Intent<'_>) -> bool {
    let frame = dialect(name).encode(intent).unwrap();
    let same = |said: &Frame| match (serde_json::from_slice::<serde_json::Value>(said.bytes()), &frame) {
        (Ok(said), frame) => serde_json::from_slice::<serde_json::Value>(frame.bytes()).is_ok_and(|own| own == said),
        (Err(_), frame) => said.bytes() == frame.bytes(),
    };
    messages(file, connection, '>').iter().any(same)
}

pub(super) const TEXT: &str = "hello \"you\" \\ and 😀";

pub(super) fn join(reference: u64) -> Intent<'static> {
    Intent::Join { room: "r1", position: None, reference }
}

pub(super) fn publish(reference: u64) -> Intent<'static> {
    Intent::Publish { room: "r1", text: TEXT, reference }
}

pub(super) fn ann(token: &str) -> Identity {
    let token = Some(token.to_owned());
    Identity { client: ClientId(0), user: "ann".to_owned(), token, auth: AuthStyle::FirstMessage }
}

#[test]
fn socketio_is_heard_and_said() {
    let name = "socketio-v5";
    let expected = ["welcome -", "authorized", "acked 0", "delivery", "acked 1", "heartbeat, answer Some(\"3\")"];
    assert_eq!(heard(name, name, 0), expected);
    let expected = [
        "welcome -",
        "authorized",
        "acked 0",
        "delivery",
        "acked 1",
        "refused Some(2) not in the room",
        "heartbeat, answer Some(\"3\")",
    ];
    assert_eq!(heard(name, name, 1), expected);
    assert_eq!(heard(name, name, 2), ["welcome -", "unauthorized: Unauthorized"]);
    assert!(says(name, name, 0, &join(0)) && says(name, name, 0, &publish(1)));
    assert!(says(name, name, 1, &Intent::Leave { room: "r1", reference: 1 }));
    assert!(says(name, name, 2, &Intent::Auth { identity: &ann("a.b.c") }));
}

#[test]
fn socketio_delivers_before_it_accepts_a_recovered_connection() {
    assert_eq!(heard("socketio-v5", "socketio-v5-recovery", 2), ["welcome -", "delivery", "authorized"]);
}

#[test]
fn a_namespace_of_socketio_stands_in_every_message() {
    let with = serde_json::json!({"namespace": "/admin,"});
    let admin = find("socketio-v5", with.as_object().unwrap()).unwrap();
    assert_eq!(admin.encode(&join(12)).unwrap().bytes(), br#"42/admin,12["join","r1"]"#);
    let mut events = Vec::new();
    for frame in [r#"40/admin,{"sid":"x"}"#, r#"43/admin,12[{"ok":true}]"#, r#"42/admin,["message",{}]"#, "4312[]"] {
        admin.decode(&Frame::text(frame), &mut |event| events.push(meaning(&event)));
    }
    assert_eq!(events, ["authorized", "acked 12", "delivery", "Unknown"]);
}

#[test]
fn graphql_is_heard_and_said() {
    let name = "graphql-transport-ws";
    let text = transcript(name);
    let numbered = |frame: &Frame| String::from_utf8(frame.bytes().to_vec()).unwrap();
    // The client's own ids are not numbers; then an answer belongs to nothing this dialect has asked.
    assert_eq!(
        heard(name, name, 1),
        ["authorized", "heartbeat, answer Some(\"{\\\"type\\\":\\\"pong\\\"}\")", "delivery"]
    );
    let said = numbered(&dialect(name).encode(&publish(7)).unwrap());
    let id = text.lines().find(|line| line.contains("hello") && line.starts_with('>')).unwrap();
    let id = id.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(text.contains(&format!("> {}", said.replace("\"id\":\"7\"", &format!("\"id\":\"{id}\"")))));
    let mut events = Vec::new();
    for frame in [
        r#"{"id":"7","type":"next","payload":{"data":{"say":{"timestamp":"t"}}}}"#,
        r#"{"id":"7","type":"complete"}"#,
        r#"{"id":"8","type":"next","payload":{"data":null,"errors":[{"message":"nothing to say"}]}}"#,
        r#"{"id":"9","type":"error","payload":[{"message":"Cannot query"}]}"#,
    ] {
        dialect(name).decode(&Frame::text(frame), &mut |event| events.push(meaning(&event)));
    }
    assert_eq!(events, ["acked 7", "refused Some(8) nothing to say", "refused Some(9) Cannot query"]);
}

#[test]
fn action_cable_is_heard_and_said() {
    let name = "actioncable-v1";
    let expected = ["welcome -", "joined None", "delivery", "heartbeat, answer None"];
    assert_eq!(heard(name, name, 0), expected);
    assert_eq!(heard(name, name, 1).last().unwrap(), "refused None reject_subscription");
    assert_eq!(heard(name, name, 2), ["unauthorized: unauthorized"]);
    assert!(says(name, name, 0, &join(0)) && says(name, name, 0, &publish(1)));
    assert!(says(name, name, 1, &Intent::Leave { room: "r1", reference: 1 }));
}

#[test]
fn nats_is_heard_and_said() {
    let events = heard("nats", "nats", 1);
    assert!(events[0].starts_with("welcome "), "{events:?}");
    assert!(events.contains(&"joined None".to_owned()), "{events:?}");
    assert!(says("nats", "nats", 0, &join(1)), "{:?}", dialect("nats").encode(&join(1)));
    let publish = dialect("nats").encode(&publish(2)).unwrap();
    assert_eq!(publish.bytes(), format!("PUB room.r1 22\r\n{TEXT}\r\n").as_bytes());
    let mut events = Vec::new();
    let frame = Frame::Binary("MSG room.r1 1 9\r\nwsb1 hers\r\nPING\r\n-ERR 'no'\r\n".into());
    dialect("nats").decode(&frame, &mut |event| events.push(meaning(&event)));
    assert_eq!(events, ["delivery", "heartbeat, answer Some(\"PONG\\r\\n\")", "refused None error"]);
    // What looks like JSON behind the marker is text all the same.
    let frame = Frame::Binary("MSG room.r1 1 17\r\nwsb1 says [\"hi\"]\r\n".into());
    dialect("nats").decode(&frame, &mut |event| {
        let crate::dialect::Event::Delivery(delivery) = event else { panic!("{event:?}") };
        assert_eq!(delivery.body, b"wsb1 says [\"hi\"]");
    });
}

#[test]
fn the_articles_server_is_heard_and_said() {
    let name = "hono-article";
    assert_eq!(heard(name, name, 0), ["Presence", "delivery", "Presence"]);
    assert!(says(name, name, 0, &publish(1)));
}

#[test]
fn phoenix_is_heard_and_said() {
    let name = "phoenix-v2";
    let expected = ["acked 3", "delivery", "acked 4", "heartbeat, answer None", "refused Some(8) unmatched topic"];
    assert_eq!(heard(name, name, 0), expected);
    assert!(says(name, name, 0, &join(3)));
    assert!(says(name, name, 0, &Intent::Heartbeat { reference: 5 }));
    assert_eq!(dialect(name).habits().heartbeat, Some(Duration::from_secs(30)));
}

#[test]
fn centrifugo_is_heard_and_said_and_recovers() {
    let name = "centrifugo-v5";
    let expected = ["acked 1", "joined Some(2) 0@xyzw", "delivery at 1", "heartbeat, answer Some(\"{}\")"];
    assert_eq!(heard(name, name, 0), expected);
    assert_eq!(heard(name, name, 2), ["acked 3", "joined Some(4) 2@xyzw", "replay"]);
    assert_eq!(heard(name, name, 1).last().unwrap(), "refused Some(6) 103");
    assert!(says(name, name, 1, &publish(3)));
    let position = crate::dialect::Position { offset: 1, epoch: Arc::from("xyzw") };
    let resume = dialect(name).encode(&Intent::Join { room: "r1", position: Some(&position), reference: 4 }).unwrap();
    let expected = r#"{"id":4,"subscribe":{"channel":"r1","recover":true,"offset":1,"epoch":"xyzw"}}"#;
    assert_eq!(resume.bytes(), expected.as_bytes());
    let mut events = Vec::new();
    for frame in [
        r#"{"id":4294967295,"connect":{"client":"c"}}"#,
        r#"{"id":4294967295,"error":{"code":109,"message":"token expired"}}"#,
    ] {
        dialect(name).decode(&Frame::text(frame), &mut |event| events.push(meaning(&event)));
    }
    assert_eq!(events, ["authorized", "unauthorized: token expired"]);
}

#[test]
fn signalr_is_heard_and_said() {
    let name = "signalr-json";
    let heartbeat = "heartbeat, answer Some(\"{\\\"type\\\":6}\\u{1e}\")";
    assert_eq!(heard(name, name, 1), ["authorized", "acked 0", "delivery", "acked 1", heartbeat]);
    let no = &heard(name, name, 3)[..];
    assert!(no.last().unwrap().starts_with("refused Some(2) Failed to invoke"), "{no:?}");
}
