//! Socket.IO's way in by polling, and its recovery of lost connections, as the real client does both.

use super::{ann, dialect, heard, meaning, messages, transcript};
use crate::dialect::{Act, Cursor, Dialect, Intent, Omen, Recovering, Sign, find};
use crate::wire::{Frame, Method, Opening};
use std::sync::Arc;

const POLLING: &str = "socketio-v5-polling";
const RECOVERY: &str = "socketio-v5-recovery";

/// The dialect of the recording by polling.
fn polling() -> Arc<dyn Dialect> {
    let with = serde_json::json!({"namespace": "/chat,", "way": "polling"});
    find("socketio-v5", with.as_object().unwrap()).unwrap()
}

/// The query of connection number `connection`, without the client's own counter.
fn query(connection: usize) -> Vec<(String, String)> {
    let text = transcript(POLLING);
    let line = text.split("\n== ").nth(connection + 1).unwrap().lines().next().unwrap().to_owned();
    let query = line.split_once('?').unwrap().1;
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap());
    pairs.filter(|(name, _)| *name != "t").map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Its pairs in order of their names: that is nobody's business.
fn sorted(opening: &Opening) -> Vec<(String, String)> {
    let mut query = opening.query.clone();
    query.sort();
    query
}

fn said(connection: usize, side: char) -> Vec<Frame> {
    messages(POLLING, connection, side)
}

#[test]
fn polling_first_goes_the_way_of_the_real_client() {
    let dialect = polling();
    let approach = dialect.approach().unwrap();
    let socket = dialect.opening(&ann("T"));
    let mut carried = Vec::new();
    let of = |carried: &Vec<(String, String)>| sorted(&approach.of_request(Method::Get, &socket, carried));
    let [open, post, upgrade, answer, release] = [0, 1, 2, 3, 4];
    let with = |number: usize| {
        let mut query = query(number);
        query.sort();
        query
    };

    assert_eq!(of(&carried), with(open));
    let [welcome] = &said(open, '<')[..] else { panic!("one welcome") };
    assert_eq!(approach.omen(welcome, &Sign::Welcome), Omen::Met);
    approach.carry(welcome, &mut carried);

    assert_eq!(of(&carried), with(post));
    let kind = ("Content-Type".to_owned(), "text/plain;charset=UTF-8".to_owned());
    assert!(approach.of_request(Method::Post, &socket, &carried).headers.contains(&kind));
    let greeting = &said(post, '>')[0];
    let token = std::str::from_utf8(greeting.bytes()).unwrap().split('"').nth(3).unwrap().to_owned();
    assert_eq!(dialect.encode(&Intent::Auth { identity: &ann(&token) }).as_ref(), Some(greeting));
    assert_eq!(approach.omen(&said(post, '<')[0], &Sign::Text("ok".to_owned())), Omen::Met);

    assert_eq!(of(&carried), with(answer));
    let accepted = &said(answer, '<')[0];
    assert_eq!(approach.omen(accepted, &Sign::Authenticated), Omen::Met);
    approach.carry(accepted, &mut carried);
    assert_eq!(carried.len(), 1, "the socket's own sid is another");

    assert_eq!(sorted(&approach.of_socket(&socket, &carried)), with(upgrade));
    assert_eq!(of(&carried), with(release));
    let (probes, released) = (said(upgrade, '>'), said(release, '<'));
    let acts = [
        Act::Ask(Sign::Welcome),
        Act::Greet(Sign::Text("ok".to_owned())),
        Act::Ask(Sign::Authenticated),
        Act::Say(String::from_utf8(probes[0].bytes().to_vec()).unwrap()),
        Act::Hear(String::from_utf8(said(upgrade, '<')[0].bytes().to_vec()).unwrap()),
        Act::Ask(Sign::Text(String::from_utf8(released[0].bytes().to_vec()).unwrap())),
        Act::Say(String::from_utf8(probes[1].bytes().to_vec()).unwrap()),
    ];
    assert_eq!(approach.steps(), acts);
    assert!(dialect.opening(&ann("T")).query.contains(&("transport".to_owned(), "websocket".to_owned())));
}

#[test]
fn several_messages_of_one_poll_are_taken_apart_and_a_refusal_is_one() {
    let dialect = polling();
    let approach = dialect.approach().unwrap();
    let frames = approach.messages(&"42/chat,[\"a\"]\u{1e}44/chat,{\"message\":\"no\"}".into());
    assert_eq!(frames, [Frame::text("42/chat,[\"a\"]"), Frame::text("44/chat,{\"message\":\"no\"}")]);
    assert_eq!(approach.omen(&frames[0], &Sign::Authenticated), Omen::Other);
    assert_eq!(approach.omen(&frames[1], &Sign::Authenticated), Omen::Refused("no".to_owned()));
    assert!(approach.has_strayed(r#"answered 400: "{\"code\":1,\"message\":\"Session ID unknown\"}""#));
    assert!(dialect_by_default().approach().is_none(), "by WebSocket alone");
}

fn dialect_by_default() -> Arc<dyn Dialect> {
    dialect("socketio-v5")
}

#[test]
fn a_way_that_there_is_not_is_refused_with_those_that_there_are() {
    let with = serde_json::json!({"way": "pigeon"});
    let refused = find("socketio-v5", with.as_object().unwrap()).unwrap_err().to_string();
    assert_eq!(refused, r#"parameter "way": must be one of websocket, polling"#);
}

#[test]
fn a_lost_connection_is_gone_on_with_as_the_real_client_does() {
    let first = Recovering::from(&dialect_by_default(), Cursor::default());
    let greeting = |dialect: &Arc<dyn Dialect>, said: &Frame| {
        let token = std::str::from_utf8(said.bytes()).unwrap().rsplit('"').nth(1).unwrap().to_owned();
        dialect.encode(&Intent::Auth { identity: &ann(&token) }).unwrap()
    };
    let [said, again] = [0, 2].map(|connection| messages(RECOVERY, connection, '>')[0].clone());
    assert_eq!(greeting(&first, &said), said);
    for frame in messages(RECOVERY, 0, '<') {
        first.decode(&frame, &mut |event| assert_ne!(meaning(&event), "replay"));
    }
    let cursor = first.cursor().unwrap();
    assert_eq!((cursor.session.as_str(), cursor.last.as_str()), ("_cGzWzhXvUiOCciFAAAB", "Q8DQBk7"));

    let second = Recovering::from(&dialect_by_default(), cursor);
    assert_eq!(greeting(&second, &again), again);
    let mut events = Vec::new();
    for frame in messages(RECOVERY, 2, '<') {
        second.decode(&frame, &mut |event| events.push(meaning(&event)));
    }
    assert_eq!(events, ["welcome -", "replay", "authorized"]);
    assert_eq!(second.cursor().unwrap().last, "Q8DQBm5");
    assert_eq!(
        heard("socketio-v5", RECOVERY, 2),
        ["welcome -", "delivery", "authorized"],
        "by itself it knows nothing"
    );
}

#[test]
fn a_server_that_does_not_know_the_session_begins_a_new_one() {
    let old = Cursor { session: "p1".to_owned(), last: "o7".to_owned() };
    let dialect = Recovering::from(&dialect_by_default(), old);
    let anonymous = crate::dialect::Identity { auth: crate::dialect::AuthStyle::None, ..ann("") };
    let greeting = dialect.encode(&Intent::Auth { identity: &anonymous }).unwrap();
    assert_eq!(greeting, Frame::text(r#"40{"pid":"p1","offset":"o7"}"#));
    let hear = |text: &str| dialect.decode(&Frame::text(text.to_owned()), &mut |_| {});
    hear(r#"40{"sid":"s","pid":"p2"}"#);
    assert_eq!(dialect.cursor().unwrap(), Cursor { session: "p2".to_owned(), last: String::new() });
    for (text, last) in [
        (r#"42["message",{"text":"a"},"o1"]"#, "o1"),
        (r#"42["message",{"text":"a"}]"#, "o1"),
        (r#"42["message"]"#, "o1"),
        (r#"43["ok","o9"]"#, "o1"),
        (r#"42["message","x","say \"o2\""]"#, "o1"),
        (r#"42["message", "o3" ]"#, "o3"),
    ] {
        hear(text);
        assert_eq!(dialect.cursor().unwrap().last, last, "{text}");
    }
    hear(r#"40{"sid":"s"}"#);
    hear(r#"42["message",{"text":"a"},"o4"]"#);
    assert_eq!(dialect.cursor().unwrap(), Cursor::default(), "a server that keeps nothing");
}

#[test]
fn an_application_that_takes_no_acknowledgement_is_joined_as_its_own_client_does() {
    const JOINS: &str = "once/socketio-v5-joins";
    let made = |with: serde_json::Value| find("socketio-v5", with.as_object().unwrap()).unwrap();
    let heard = |dialect: &Arc<dyn Dialect>, connection| {
        let mut events = Vec::new();
        for frame in messages(JOINS, connection, '<') {
            dialect.decode(&frame, &mut |event| events.push(meaning(&event)));
        }
        events
    };
    let enters = |dialect: &Arc<dyn Dialect>| dialect.encode(&super::join(1)).unwrap();
    let event = made(serde_json::json!({ "join_answer": "event", "joined_room": "/1" }));
    assert!(messages(JOINS, 0, '>').contains(&enters(&event)));
    // Everybody in the room is told who comes.
    let expected = ["welcome -", "authorized", "joined None", "joined None", "delivery"];
    assert_eq!(heard(&event, 0), expected);
    let data = r#"{"room":"{{room}}"}"#;
    let with = serde_json::json!({
        "join_answer": "nothing", "namespace": "/quiet,", "join_event": "enter", "join_data": data,
    });
    let nothing = made(with);
    assert!(messages(JOINS, 2, '>').contains(&enters(&nothing)));
    assert_eq!(heard(&nothing, 2), ["welcome -", "authorized", "delivery"]);
}
