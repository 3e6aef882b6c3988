//! The server's frames as they are told to people.

use serde_json::Value;

use crate::dialect::{News, Reading};
use crate::wire::Frame;

/// What a frame tells: one thing, or all that the answer to a poll brings.
pub(super) fn readings(frame: &Frame) -> Vec<Reading> {
    let Ok(value) = serde_json::from_slice::<Value>(frame.bytes()) else { return Vec::new() };
    match value.get("events").and_then(Value::as_array) {
        Some(events) => events.iter().filter_map(reading).collect(),
        None => reading(&value).into_iter().collect(),
    }
}

fn reading(value: &Value) -> Option<Reading> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let (news, from, said) = match value.get("type")?.as_str()? {
        "message" | "notify" => (News::Message, text("from"), value.get("content").map(content)),
        "user.joined" => (News::Arrival, text("userId"), None),
        "user.left" => (News::Departure, text("userId"), None),
        "error" => (News::Refusal, None, text("message")),
        _ => (News::Other, None, None),
    };
    let (origin, instance) = (text("org"), text("via").or_else(|| text("instance")));
    Some(Reading { news, room: text("room"), from, text: said, origin, instance, id: text("id") })
}

/// A text as it is, anything else as JSON.
fn content(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(bytes: &[u8]) -> Option<Reading> {
        readings(&Frame::Binary(bytes.to_vec().into())).into_iter().next()
    }

    #[test]
    fn a_message_tells_who_said_what_where() {
        let frame = br#"{"type":"message","off":1,"ep":"k","via":"b","tsub":3,"tout":4,"room":"lobby","id":"m","from":"ada","org":"a","timestamp":"t","tin":1,"tpub":2,"content":"early \"bird\""}"#;
        let told = reading(frame).unwrap();
        assert_eq!(told.news, News::Message);
        assert_eq!((told.room.as_deref(), told.from.as_deref()), (Some("lobby"), Some("ada")));
        assert_eq!(told.text.as_deref(), Some("early \"bird\""));
        assert_eq!((told.origin.as_deref(), told.instance.as_deref()), (Some("a"), Some("b")));
        let json = reading(br#"{"type":"message","content":{"text":  "hello"}}"#).unwrap();
        assert_eq!(json.text.as_deref(), Some(r#"{"text":"hello"}"#));
    }

    #[test]
    fn comings_goings_and_refusals_are_told_and_noise_is_not() {
        let came = reading(br#"{"type":"user.joined","room":"lobby","userId":"bob"}"#).unwrap();
        assert_eq!((came.news, came.from.as_deref()), (News::Arrival, Some("bob")));
        let refused = reading(br#"{"type":"error","code":"not_joined","message":"join the room first"}"#).unwrap();
        assert_eq!((refused.news, refused.text.as_deref()), (News::Refusal, Some("join the room first")));
        let poll = br#"{"pos":"k:2","events":[{"type":"message","content":1},{"type":"user.left","userId":"bob"}]}"#;
        let all = readings(&Frame::Binary(poll.to_vec().into()));
        assert_eq!(all.iter().map(|told| told.news).collect::<Vec<_>>(), [News::Message, News::Departure]);
        assert_eq!(reading(b"hello"), None);
        assert_eq!(reading(b"[1]"), None);
    }
}
