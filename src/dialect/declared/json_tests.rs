//! A home-made backend described by parameters: transcripts, and every way to describe it wrongly.

use crate::dialect::{AuthStyle, Dialect, Habits, Identity, Intent, Parameters, find};
use crate::observe::{ClientId, TransportKind};
use crate::wire::Frame;
use serde_json::{Value, json};
use std::sync::Arc;

/// The example of the documentation.
fn rpc() -> Value {
    json!({
        "join": r#"{"id":{{ref}},"method":"room.join","params":{"room":"{{room}}"}}"#,
        "publish": r#"{"id":{{ref}},"method":"room.say","params":{"room":"{{room}}","text":"{{text}}"}}"#,
        "reply": {"ref": "/id", "error": "/error"},
        "deliver": {"when": {"/method": "room.message"}, "room": "/params/room"},
    })
}

fn with(mut base: Value, key: &str, value: Value) -> Value {
    base[key] = value;
    base
}

fn dialect(parameters: Value) -> Arc<dyn Dialect> {
    let Value::Object(parameters) = parameters else { panic!("no table") };
    find("json", &parameters).unwrap()
}

fn refusal(parameters: Value) -> String {
    let Value::Object(parameters) = parameters else { panic!("no table") };
    find("json", &parameters).unwrap_err().to_string()
}

fn said(dialect: &Arc<dyn Dialect>, intent: &Intent<'_>) -> String {
    let frame = dialect.encode(intent).unwrap();
    String::from_utf8(frame.bytes().to_vec()).unwrap()
}

fn heard(dialect: &Arc<dyn Dialect>, frame: &str) -> String {
    let mut events = Vec::new();
    dialect.decode(&Frame::text(frame.to_owned()), &mut |event| {
        events.push(match event {
            crate::dialect::Event::Delivery(delivery) => format!("Delivery {}", String::from_utf8_lossy(delivery.body)),
            event => format!("{event:?}"),
        });
    });
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

fn identity(auth: AuthStyle) -> Identity {
    Identity { client: ClientId(0), user: "ann \"a\"".to_owned(), token: Some("k".to_owned()), auth }
}

#[test]
fn an_rpc_backend_is_spoken_to() {
    let rpc = dialect(rpc());
    let join = Intent::Join { room: "r1", position: None, reference: 1 };
    assert_eq!(said(&rpc, &join), r#"{"id":1,"method":"room.join","params":{"room":"r1"}}"#);
    let publish = Intent::Publish { room: "r1", text: "say \"hi\"", reference: 12 };
    assert_eq!(said(&rpc, &publish), r#"{"id":12,"method":"room.say","params":{"room":"r1","text":"say \"hi\""}}"#);
    assert!(rpc.encode(&Intent::Leave { room: "r1", reference: 2 }).is_none());
    assert!(rpc.encode(&Intent::Auth { identity: &identity(AuthStyle::FirstMessage) }).is_none());
    let habits = Habits {
        sender_hears_itself: true,
        acknowledges_joins: true,
        tells_joins: false,
        acknowledges_messages: true,
        acknowledges_auth: false,
        welcomes: false,
        answers_welcome: false,
        heartbeat: None,
    };
    assert_eq!(rpc.habits(), habits);
}

#[test]
fn an_rpc_backend_is_understood() {
    let rpc = dialect(rpc());
    let copy = r#"{"method":"room.message","params":{"room":"r1","from":"u","text":"wsb1abc"}}"#;
    for (frame, meaning) in [
        (copy, format!("Delivery {copy}").as_str()),
        (r#"{ "id": 1, "result": {} }"#, "Acked { reference: 1 }"),
        // A reply that repeats the text is no copy.
        (r#"{"id":2,"result":{"text":"wsb1abc","method":"room.message"}}"#, "Acked { reference: 2 }"),
        (r#"{"id":"3","error":null}"#, "Acked { reference: 3 }"),
        (r#"{"id":4,"error":"full"}"#, r#"Refused { reference: Some(4), code: "full", unconfirmed: false }"#),
        (r#"{"error":{"code":7}}"#, r#"Refused { reference: None, code: "{\"code\":7}", unconfirmed: false }"#),
        (r#"{"method":"room.typing","params":{}}"#, "Unknown"),
        (r#"{"text":"wsb1 but of no known kind"}"#, "Unknown"),
        ("not json", "Unknown"),
        ("", "Unknown"),
    ] {
        assert_eq!(heard(&rpc, frame), meaning, "{frame}");
    }
}

#[test]
fn a_backend_with_everything() {
    let all = dialect(json!({
        "publish": r#"["say",{{room}},{{text}}]"#,
        "join": r#"["join","{{room}}"]"#,
        "leave": r#"["leave","{{room}}"]"#,
        "auth": r#"{"login":{{user}},"token":"{{token}}","id":{{ref}}}"#,
        "reply": {"ref": "/id", "error": "/err", "code": "/err/code"},
        "deliver": {"when": {"/0": ["msg", "shout"]}},
        "joined": {"when": {"/0": "in"}, "room": "/1", "instance": "/2/node", "ref": "/3"},
        "welcome": {"when": {"/0": "hello"}, "instance": "/1"},
        "authenticated": {"when": {"/ok": true}},
        "error": {"when": {"/0": "oops"}, "code": "/1", "ref": "/2"},
        "unconfirmed": ["maybe"],
        "heartbeat": {"when": {"/0": "ping"}, "answer": r#"["pong"]"#},
        "presence": {"when": {"/0": "came"}},
        "sender_hears_itself": false,
        "acknowledges_messages": false,
    }));
    assert_eq!(said(&all, &Intent::Publish { room: "r\\1", text: "a\nb", reference: 9 }), r#"["say","r\\1","a\nb"]"#);
    assert_eq!(said(&all, &Intent::Leave { room: "r", reference: 9 }), r#"["leave","r"]"#);
    let auth = said(&all, &Intent::Auth { identity: &identity(AuthStyle::FirstMessage) });
    assert_eq!(auth, r#"{"login":"ann \"a\"","token":"k","id":0}"#);
    assert!(all.encode(&Intent::Auth { identity: &identity(AuthStyle::Header) }).is_none());
    for (frame, meaning) in [
        (
            r#"["hello","node-1"]"#,
            r#"Welcome { instance: Some("node-1"), clock: None, ping_interval: None, ping_timeout: None }"#,
        ),
        (r#"{"ok":true}"#, "AuthAccepted"),
        (r#"{"id":0}"#, "AuthAccepted"),
        (r#"{"id":0,"err":{"code":"expired"}}"#, r#"AuthRefused("expired")"#),
        (
            r#"["in","r1",{"node":"b"}]"#,
            r#"Joined { reference: None, room: Some("r1"), position: None, instance: Some("b") }"#,
        ),
        (r#"["in","r1",{},5]"#, r#"Joined { reference: Some(5), room: Some("r1"), position: None, instance: None }"#),
        (r#"["shout","x"]"#, r#"Delivery ["shout","x"]"#),
        (r#"["ping"]"#, r#"Heartbeat { answer: Some(Text(Utf8Bytes(b"[\"pong\"]"))) }"#),
        (r#"["came","u"]"#, "Presence"),
        (r#"["oops","maybe",3]"#, r#"Refused { reference: Some(3), code: "maybe", unconfirmed: true }"#),
        (r#"["oops"]"#, r#"Refused { reference: None, code: "error", unconfirmed: false }"#),
        (r#"{"ok":false}"#, "Unknown"),
    ] {
        assert_eq!(heard(&all, frame), meaning, "{frame}");
    }
    let habits = Habits {
        sender_hears_itself: false,
        acknowledges_joins: true,
        tells_joins: true,
        acknowledges_messages: false,
        acknowledges_auth: true,
        welcomes: true,
        answers_welcome: false,
        heartbeat: None,
    };
    assert_eq!(all.habits(), habits);
}

#[test]
fn the_smallest_backend_needs_one_line() {
    let chat = dialect(json!({"publish": r#"{"say":"{{text}}"}"#}));
    assert_eq!(heard(&chat, r#"{"u":"x","say":"wsb1abc"}"#), r#"Delivery {"u":"x","say":"wsb1abc"}"#);
    assert_eq!(heard(&chat, r#"{"u":"x","say":"hello"}"#), "Unknown");
    assert!(chat.encode(&Intent::Join { room: "r", position: None, reference: 1 }).is_none());
    let habits = chat.habits();
    assert!(!habits.acknowledges_joins && !habits.acknowledges_messages && habits.sender_hears_itself);
}

#[test]
fn the_opening_is_filled_in_per_user() {
    let parameters = json!({
        "publish": r#"{"say":"{{text}}"}"#, "path": "chat/{{user}}", "query": {"u": "{{user}}"},
        "headers": {"X-Token": "t {{token}}"}, "subprotocols": ["v1", "v2"],
    });
    let opening = dialect(parameters).opening(&identity(AuthStyle::QueryToken));
    assert_eq!(opening.path, "/chat/ann \"a\"");
    // The token is shown in a header already.
    assert_eq!(opening.query, [("u".to_owned(), "ann \"a\"".to_owned())]);
    assert_eq!(opening.headers, [("X-Token".to_owned(), "t k".to_owned())]);
    assert_eq!(opening.subprotocols, ["v1", "v2"]);
    let opening = dialect(json!({"publish": r#"{"say":"{{text}}"}"#})).opening(&identity(AuthStyle::QueryToken));
    assert_eq!(opening.query, [("token".to_owned(), "k".to_owned())]);
}

#[test]
fn what_is_asked_by_name_is_answered_by_reference() {
    let messages = json!({
        "members": r#"{"id":{{ref}},"method":"room.members","params":{"room":"{{room}}"}}"#,
        "time": r#"{"id":{{ref}},"method":"time"}"#,
    });
    let rpc = dialect(with(rpc(), "messages", messages));
    let ask = |message| Intent::Ask { message, room: "r \"1\"", reference: 9 };
    assert_eq!(said(&rpc, &ask("members")), r#"{"id":9,"method":"room.members","params":{"room":"r \"1\""}}"#);
    assert_eq!(said(&rpc, &ask("time")), r#"{"id":9,"method":"time"}"#);
    assert!(rpc.encode(&ask("date")).is_none());
    assert_eq!(heard(&rpc, r#"{"id":9,"result":["wsb1abc"]}"#), "Acked { reference: 9 }");
    let mut questions = rpc.questions(TransportKind::WebSocket);
    questions.sort_by(|a, b| a.name.cmp(&b.name));
    let questions: Vec<_> = questions.iter().map(|q| (q.name.as_str(), q.names_room)).collect();
    assert_eq!(questions, [("members", true), ("time", false)]);
    assert_eq!(rpc.questions(TransportKind::Sse), []);
}

#[test]
fn every_wrong_description_is_told() {
    let say = |text: &str| json!({"publish": text});
    for (parameters, problem) in [
        (
            json!({}),
            r#"parameter "publish": is missing; it is what a client says to publish, such as '{"text":"{{text}}"}'"#,
        ),
        (say(r#"{"say":"hi"}"#), r#"parameter "publish": has no {{text}}: no copy could be recognised"#),
        (
            say(r#"{"say":"{{texd}}"}"#),
            r#"parameter "publish": {{texd}} is no placeholder; there are: {{text}} {{marker}} {{room}} {{ref}}; did you mean {{text}}?"#,
        ),
        (
            say(r#"{"say":"{{token}}"}"#),
            r#"parameter "publish": {{token}} cannot be used here; there are: {{text}} {{marker}} {{room}} {{ref}}"#,
        ),
        (say(r#"{"say":"{{text"}"#), r#"parameter "publish": has "{{" without "}}""#),
        (
            say(r#"{"say":{{text}}"#),
            r#"parameter "publish": is not JSON once it is filled in (EOF while parsing an object at line 1 column 10): {"say":"t""#,
        ),
        (json!({"publish": 5}), r#"parameter "publish": must be a string: JSON with placeholders"#),
        (with(rpc(), "publsh", json!("x")), r#"parameter "publsh": is not known; did you mean "publish"?"#),
        (
            with(rpc(), "reply", json!({"reff": "/id"})),
            r#"parameter "reply.reff": is not known; did you mean "reply.ref"?"#,
        ),
        (
            with(rpc(), "welcome", json!({"qqq": 1})),
            r#"parameter "welcome.qqq": is not known; there are: welcome.when, welcome.instance"#,
        ),
        (with(rpc(), "reply", json!("/id")), r#"parameter "reply": must be a table"#),
        (
            with(rpc(), "reply", json!({"ref": "id"})),
            r#"parameter "reply.ref": "id" is not a JSON Pointer; it starts with "/", as in "/id""#,
        ),
        (
            with(rpc(), "deliver", json!({"when": {"method": "x"}})),
            r#"parameter "deliver.when": "method" is not a JSON Pointer; it starts with "/", as in "/method""#,
        ),
        (
            with(rpc(), "deliver", json!({"when": {"/method": {"x": 1}}})),
            r#"parameter "deliver.when": "/method" must be compared with plain values"#,
        ),
        (
            with(rpc(), "deliver", json!({"when": {}})),
            r#"parameter "deliver.when": is missing; it must be a table such as { "/type" = "message" }"#,
        ),
        (
            with(rpc(), "welcome", json!({"instance": "/node"})),
            r#"parameter "welcome.when": is missing; it must be a table such as { "/type" = "message" }"#,
        ),
        (with(rpc(), "sender_hears_itself", json!("no")), r#"parameter "sender_hears_itself": must be true or false"#),
        (with(rpc(), "query", json!({"a": 1})), r#"parameter "query": must be a table of strings"#),
        (
            with(rpc(), "query", json!({"a": "{{room}}"})),
            r#"parameter "query.a": {{room}} cannot be used here; there are: {{user}} {{token}}"#,
        ),
        (with(rpc(), "messages", json!({"who": 1})), r#"parameter "messages": must be a table of strings"#),
        (
            with(rpc(), "messages", json!({"who": "{}"})),
            r#"parameter "messages.who": has no {{ref}}: no answer could be recognised"#,
        ),
        (
            with(rpc(), "messages", json!({"who": r#"{"id":{{ref}},"text":"{{text}}"}"#})),
            r#"parameter "messages.who": {{text}} cannot be used here; there are: {{room}} {{ref}}"#,
        ),
        (
            with(say(r#"{"say":"{{text}}"}"#), "messages", json!({"who": r#"{"id":{{ref}}}"#})),
            r#"parameter "messages": are recognised by their answers: `reply.ref` must say where"#,
        ),
        (
            with(rpc(), "heartbeat", json!({"every": "30s", "when": {"/p": 1}})),
            r#"parameter "heartbeat.say": is missing; it is what a client says `every` so often"#,
        ),
        (
            with(rpc(), "heartbeat", json!({"say": "{}"})),
            r#"parameter "heartbeat.every": is missing; it says how often `say` is said"#,
        ),
        (
            with(rpc(), "heartbeat", json!({"say": "{}", "every": "500ms"})),
            r#"parameter "heartbeat.every": must be at least 1s"#,
        ),
        (
            with(rpc(), "heartbeat", json!({"say": "{}", "every": "30s", "answer": "{}"})),
            r#"parameter "heartbeat.when": is missing; it must be a table such as { "/type" = "message" }"#,
        ),
        (with(rpc(), "subprotocols", json!("v1")), r#"parameter "subprotocols": must be a list of strings"#),
    ] {
        assert_eq!(refusal(parameters.clone()), problem, "{parameters}");
    }
}

#[test]
fn an_unknown_dialect_names_those_there_are() {
    let error = find("socketio", &Parameters::new()).unwrap_err().to_string();
    assert_eq!(
        error,
        r#"no dialect is called "socketio"; there are: room, json, raw, socketio-v5, graphql-transport-ws, actioncable-v1, nats, mqtt-ws, hono-article, phoenix-v2, centrifugo-v5, signalr-json, pusher-v7, mercure, sse"#
    );
}

#[test]
fn a_token_is_said_first_where_there_is_a_message_for_it() {
    let usual = |name| find(name, &Parameters::new()).unwrap().usual_auth();
    assert_eq!([usual("centrifugo-v5"), usual("nats"), usual("room")], [AuthStyle::FirstMessage; 3]);
    assert_eq!([usual("actioncable-v1"), usual("raw")], [AuthStyle::Header; 2]);
}
