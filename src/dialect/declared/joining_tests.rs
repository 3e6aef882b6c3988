//! What says that a join is done: an answer to it, a message of its own, or nothing.

use serde_json::{Value, json};
use std::sync::Arc;

use crate::dialect::{Dialect, Event, Intent, find};
use crate::wire::Frame;

fn made(name: &str, with: &Value) -> Result<Arc<dyn Dialect>, String> {
    find(name, with.as_object().unwrap()).map_err(|error| error.to_string())
}

fn heard(dialect: &Arc<dyn Dialect>, frame: &str) -> Vec<String> {
    let mut events = Vec::new();
    dialect.decode(&Frame::text(frame.to_owned()), &mut |event| {
        events.push(match event {
            Event::Joined { reference, room, .. } => format!("joined {reference:?} {room:?}"),
            Event::Delivery(_) => "delivery".to_owned(),
            event => format!("{event:?}"),
        });
    });
    events
}

fn join(dialect: &Arc<dyn Dialect>) -> String {
    let frame = dialect.encode(&Intent::Join { room: "r\"1", position: None, reference: 7 }).unwrap();
    String::from_utf8(frame.bytes().to_vec()).unwrap()
}

#[test]
fn socketio_joins_as_its_client_does_without_a_callback() {
    let nothing = made("socketio-v5", &json!({ "join_answer": "nothing" })).unwrap();
    assert_eq!(join(&nothing), r#"42["join","r\"1"]"#);
    assert!(!nothing.habits().acknowledges_joins && nothing.habits().acknowledges_messages);
    let event = json!({ "join_answer": "event", "namespace": "/a,", "join_event": "enter", "join_data": r#"{"to":"{{room}}"}"# });
    let event = made("socketio-v5", &event).unwrap();
    assert_eq!(join(&event), r#"42/a,["enter",{"to":"r\"1"}]"#);
    assert!(event.habits().acknowledges_joins && event.habits().tells_joins);
    let asked = made("socketio-v5", &json!({})).unwrap();
    assert_eq!(join(&asked), r#"427["join","r\"1"]"#);
    assert!(asked.habits().acknowledges_joins && !asked.habits().tells_joins);
}

#[test]
fn an_event_of_a_socketio_application_says_that_a_join_is_done() {
    let somewhere = made("socketio-v5", &json!({ "join_answer": "event" })).unwrap();
    assert_eq!(heard(&somewhere, r#"42["joined"]"#), ["joined None None"]);
    assert_eq!(heard(&somewhere, r#"42["joined",{"room":"r1"}]"#), ["joined None None"]);
    let with = json!({ "join_answer": "event", "joined_event": "entered", "joined_room": "/1/room", "way": "polling" });
    let named = made("socketio-v5", &with).unwrap();
    assert_eq!(heard(&named, r#"42["entered",{"room":"r1","users":2}]"#), [r#"joined None Some("r1")"#]);
    assert_eq!(heard(&named, r#"42["joined","r1"]"#), ["Unknown"]);
    assert_eq!(heard(&named, r#"42["message",{"text":"t"}]"#), ["delivery"]);
    assert!(named.approach().is_some(), "both choices hold at once");
}

#[test]
fn what_would_change_nothing_is_refused_with_what_it_needs() {
    for (with, words) in [
        (json!({ "joined_event": "entered" }), r#""joined_event": is looked at only with `join_answer = "event"`"#),
        (json!({ "joined_room": "/1", "join_answer": "nothing" }), r#""joined_room": is looked at only with"#),
        (json!({ "join_answer": "none" }), r#""join_answer": must be one of acknowledgement, event, nothing"#),
    ] {
        let refused = made("socketio-v5", &with).map(drop).unwrap_err();
        assert!(refused.contains(words), "{refused}");
    }
}

#[test]
fn a_file_of_ones_own_goes_over_what_is_chosen_below_it_and_may_choose_itself() {
    let text = r#"
extends = "socketio-v5"
join = '42["come","{{room}}"]'
[parameters]
loud = { default = "no" }
[choices.loud.yes]
publish = '42{{ref}}["shout","{{text}}"]'
[choices.way.straight]
leave = '42["go"]'
"#;
    let read = |with: Value| crate::dialect::read(text, with.as_object().unwrap()).map_err(|error| error.to_string());
    let dialect = read(json!({ "join_answer": "nothing", "loud": "yes", "way": "straight" })).unwrap();
    assert_eq!(join(&dialect), r#"42["come","r\"1"]"#);
    assert!(!dialect.habits().acknowledges_joins);
    let said = |intent: &Intent<'_>| String::from_utf8(dialect.encode(intent).unwrap().bytes().to_vec()).unwrap();
    assert_eq!(said(&Intent::Publish { room: "r", text: "t", reference: 2 }), r#"422["shout","t"]"#);
    assert_eq!(said(&Intent::Leave { room: "r", reference: 3 }), r#"42["go"]"#);
    let refused = read(json!({ "way": "by foot" })).map(drop).unwrap_err();
    assert!(refused.contains("must be one of websocket, polling, straight"), "{refused}");
}

fn json_backend(more: Value) -> Arc<dyn Dialect> {
    let mut with = json!({ "publish": r#"{"id":{{ref}},"text":"{{text}}"}"#, "reply": { "ref": "/id" } });
    with.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    made("json", &with).unwrap()
}

#[test]
fn a_json_backend_may_need_no_join_or_say_nothing_to_one() {
    let implicit = json_backend(json!({}));
    assert!(implicit.encode(&Intent::Join { room: "r", position: None, reference: 1 }).is_none());
    assert!(!implicit.habits().acknowledges_joins);
    let silent = json_backend(json!({ "join": r#"{"join":"{{room}}"}"# }));
    assert!(!silent.habits().acknowledges_joins && silent.habits().acknowledges_messages);
    let numbered = json!({ "join": r#"{"id":{{ref}},"join":"{{room}}"}"#, "acknowledges_joins": false });
    assert!(!json_backend(numbered).habits().acknowledges_joins);
}

#[test]
fn a_json_backend_may_say_in_a_message_of_its_own_that_a_join_is_done() {
    let join = json!({
        "join": r#"{"id":{{ref}},"join":"{{room}}"}"#, "joined": { "when": { "/event": "joined" }, "room": "/room" },
    });
    let told = json_backend(join);
    assert!(told.habits().acknowledges_joins && told.habits().tells_joins);
    assert_eq!(heard(&told, r#"{"id":1,"ok":true}"#), ["Acked { reference: 1 }"]);
    assert_eq!(heard(&told, r#"{"event":"joined","room":"r1"}"#), [r#"joined None Some("r1")"#]);
    let advice = told.advice().unwrap();
    assert!(advice.contains("`acknowledges_joins = false`") && advice.contains("`joined`"), "{advice}");
}
