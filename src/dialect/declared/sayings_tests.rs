//! Messages that are published by name, in place of the plain one.

use serde_json::{Value, json};

use crate::dialect::{AuthStyle, Identity, Intent, find};
use crate::observe::{ClientId, TransportKind};
use crate::wire::Frame;

fn with(publish_as: Value) -> Value {
    json!({
        "publish": r#"{"id":{{ref}},"say":"{{text}}"}"#, "reply": { "ref": "/id" }, "publish_as": publish_as,
    })
}

const TEXT: &str = "wsb1abcdefghijklmnopqrstuvwxyz0123456789 hello";

#[test]
fn they_carry_the_text_or_the_marker_and_are_acknowledged_where_they_have_a_reference() {
    let publish_as = json!({ "shout": r#"{"id":{{ref}},"shout":"{{text}}"}"#, "typing": r#"{"types":"{{marker}}"}"# });
    let dialect = find("json", with(publish_as).as_object().unwrap()).unwrap();
    let mut sayings = dialect.sayings(TransportKind::WebSocket);
    sayings.sort_by(|a, b| a.name.cmp(&b.name));
    let sayings: Vec<_> = sayings.iter().map(|saying| (&*saying.name, saying.acknowledged)).collect();
    assert_eq!(sayings, [("shout", true), ("typing", false)]);
    assert_eq!(dialect.sayings(TransportKind::Sse), []);
    assert_eq!(dialect.questions(TransportKind::WebSocket), [], "nobody asks them");
    let said = |message| dialect.encode(&Intent::PublishAs { message, room: "r", text: TEXT, reference: 4 });
    assert_eq!(said("shout"), Some(Frame::text(format!(r#"{{"id":4,"shout":"{TEXT}"}}"#))));
    assert_eq!(said("typing"), Some(Frame::text(format!(r#"{{"types":"{}"}}"#, &TEXT[..40]))));
    assert_eq!(said("whisper"), None);
}

#[test]
fn a_copy_of_them_must_be_recognisable() {
    let refused = |parameters: Value| find("json", parameters.as_object().unwrap()).unwrap_err().to_string();
    let typing = || json!({ "typing": r#"{"types":1}"# });
    assert_eq!(
        refused(with(typing())),
        r#"parameter "publish_as.typing": has no {{text}} and no {{marker}}: no copy could be recognised"#
    );
    let mut ids = with(typing());
    ids["marker"] = json!("correlate");
    assert!(refused(ids).contains(r#""publish_as.typing": has no {{ref}}"#));
    let by_stream = json!({
        "publish_by": { "path": "/", "body": r#"{"text":"{{text}}"}"# }, "publish_as": { "typing": r#"{"t":"{{text}}"}"# },
        "stream": { "path": "/" },
    });
    assert!(refused(by_stream).contains(r#""publish_as.typing": is said on a socket"#));
}

/// Publishes by requests, and by name by requests and on the socket.
fn both(named: &str) -> Value {
    json!({
        "publish_by": {
            "path": "/{{room}}", "body": r#"{"text":"{{text}}"}"#, "headers": { "X-Sum": "{{md5:{{body}}}}" },
            "as": { "typing": named },
        },
        "publish_as": { "shout": r#"{"shout":"{{text}}"}"# },
    })
}

#[test]
fn some_may_be_requests_and_some_be_said_on_the_socket() {
    let dialect = find("json", both(r#"{"types":"{{marker}}"}"#).as_object().unwrap()).unwrap();
    let sayings = dialect.sayings(TransportKind::WebSocket);
    let sayings: Vec<_> = sayings.iter().map(|saying| (&*saying.name, saying.acknowledged)).collect();
    assert_eq!(sayings, [("shout", false), ("typing", true)]);
    let identity = Identity { client: ClientId(0), user: "u".to_owned(), token: None, auth: AuthStyle::None };
    let called = |intent: &Intent<'_>| dialect.call(&identity, intent, 0);
    let said = |message| Intent::PublishAs { message, room: "r", text: TEXT, reference: 4 };
    let typing = called(&said("typing")).unwrap();
    let body = format!(r#"{{"types":"{}"}}"#, &TEXT[..40]);
    assert_eq!((typing.reference, typing.body.as_deref()), (4, Some(body.as_bytes())));
    let plain = called(&Intent::Publish { room: "r", text: TEXT, reference: 5 }).unwrap();
    assert_eq!(plain.body.unwrap(), format!(r#"{{"text":"{TEXT}"}}"#));
    assert_ne!(typing.opening.headers, plain.opening.headers, "each is signed by its own body");
    assert_eq!(called(&said("shout")), None);
    assert_eq!(dialect.encode(&said("shout")), Some(Frame::text(format!(r#"{{"shout":"{TEXT}"}}"#))));
    assert_eq!(dialect.encode(&said("typing")), None);
}

#[test]
fn what_is_published_by_name_by_a_request_is_checked_as_the_plain_one() {
    let refused = |with: Value| find("json", with.as_object().unwrap()).unwrap_err().to_string();
    let nameless = refused(both(r#"{"types":1}"#));
    assert!(nameless.contains(r#""publish_by.as.typing": has no {{text}} and no {{marker}}"#), "{nameless}");
    let broken = refused(both(r#"{"types":"{{marker}}""#));
    assert!(broken.contains(r#""publish_by.as.typing": is not JSON"#), "{broken}");
    let mut twice = both(r#"{"types":"{{marker}}"}"#);
    twice["publish_by"]["as"]["shout"] = json!(r#"{"s":"{{text}}"}"#);
    assert!(refused(twice).contains(r#""publish_as.shout": stands under `publish_by.as` too"#));
    let mut form = both(r#"{"types":"{{marker}}"}"#);
    form["publish_by"].as_object_mut().unwrap().remove("body");
    form["publish_by"]["form"] = json!({ "text": "{{text}}" });
    assert!(refused(form).contains(r#""publish_by.as": are bodies"#));
}
