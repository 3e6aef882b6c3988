//! Messages that are published by name, in place of the plain one.

use serde_json::{Value, json};

use crate::dialect::{Intent, find};
use crate::observe::TransportKind;
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
    let by_request = json!({
        "publish_by": { "path": "/", "body": r#"{"text":"{{text}}"}"# }, "publish_as": { "typing": r#"{"t":"{{text}}"}"# },
    });
    assert!(refused(by_request).contains(r#""publish_as.typing": is said on a socket"#));
}
