//! By what copies are recognised: the three kinds, and what each of them needs.

use serde_json::{Value, json};
use std::sync::Arc;

use crate::dialect::{Dialect, Event, Intent, Marking, find};
use crate::wire::{Answer, Frame, Response};

fn correlating() -> Value {
    json!({
        "publish": r#"{"id":{{ref}},"say":"{{text}}"}"#, "marker": "correlate",
        "reply": { "ref": "/id", "id": "/result/mid" }, "deliver": { "when": { "/kind": "said" }, "id": "/mid" },
    })
}

fn with(mut base: Value, pointer: &str, value: Value) -> Value {
    let (table, key) = pointer.rsplit_once('/').unwrap();
    base.pointer_mut(table).unwrap()[key] = value;
    base
}

fn without(mut base: Value, pointer: &str) -> Value {
    let (table, key) = pointer.rsplit_once('/').unwrap();
    base.pointer_mut(table).unwrap().as_object_mut().unwrap().remove(key).unwrap();
    base
}

fn made(with: &Value) -> Result<Arc<dyn Dialect>, String> {
    find("json", with.as_object().unwrap()).map_err(|error| error.to_string())
}

/// What a join brings because it was missed, told by ids that stand there.
fn missed(id: Option<&str>) -> Value {
    let mut joined = json!({ "when": { "/kind": "joined" }, "offset": "/at", "missed": "/missed" });
    joined.as_object_mut().unwrap().extend(id.map(|id| ("missed_id".to_owned(), json!(id))));
    joined
}

fn heard(dialect: &Arc<dyn Dialect>, frame: &Frame) -> Vec<String> {
    let mut events = Vec::new();
    dialect.decode(frame, &mut |event| {
        events.push(match event {
            Event::Delivery(delivery) => {
                let replayed = if delivery.replayed { "Replay" } else { "Delivery" };
                format!("{replayed} {}", String::from_utf8_lossy(delivery.body))
            }
            event => format!("{event:?}"),
        });
    });
    events
}

#[test]
fn the_kind_is_what_the_file_says_and_a_field_of_its_own_speaks_for_itself() {
    let of = |with: Value| made(&with).unwrap().marking();
    assert_eq!(of(json!({ "publish": r#"{"t":"{{text}}"}"# })), Marking::Text);
    assert_eq!(of(json!({ "publish": r#"{"t":"{{text}}"}"#, "marker": "text" })), Marking::Text);
    assert_eq!(of(json!({ "publish": r#"{"id":"{{marker}}","t":"{{text}}"}"# })), Marking::Field);
    assert_eq!(of(json!({ "publish": r#"{"id":"{{marker}}"}"#, "marker": "field" })), Marking::Field);
    assert_eq!(of(correlating()), Marking::Correlate);
    assert_eq!(of(with(correlating(), "/publish", json!(r#"{"id":{{ref}},"say":"hello"}"#))), Marking::Correlate);
}

#[test]
fn ids_are_read_from_acknowledgements_and_copies_as_texts_and_as_numbers() {
    let dialect = made(&correlating()).unwrap();
    let heard = |text: &str| heard(&dialect, &Frame::text(text.to_owned()));
    let named = [r#"Named { reference: 2, id: "a1" }"#, "Acked { reference: 2 }"];
    assert_eq!(heard(r#"{"id":2,"result":{"mid":"a1"}}"#), named);
    assert_eq!(heard(r#"{"id":2,"result":{"mid":17}}"#)[0], r#"Named { reference: 2, id: "17" }"#);
    assert_eq!(heard(r#"{"id":2,"result":{}}"#), ["Acked { reference: 2 }"]);
    assert_eq!(heard(r#"{"kind":"said","mid":"a1","say":"***"}"#), ["Delivery a1"]);
    assert_eq!(heard(r#"{"kind":"said","mid":17}"#), ["Delivery 17"]);
    assert_eq!(heard(r#"{"kind":"said","text":"nobody could tell of what"}"#), ["Unknown"]);
}

#[test]
fn a_request_that_publishes_is_answered_with_the_id() {
    let with = json!({
        "stream": { "path": "/{{room}}" }, "marker": "correlate", "deliver": { "when": { "has": "/mid" }, "id": "/mid" },
        "publish_by": { "path": "/{{room}}", "body": r#"{"text":"{{text}}"}"#, "id": "/id" },
    });
    let dialect = made(&with).unwrap();
    let answer = |status, body: &'static str| {
        let response = Response { status, body: body.into(), retry_after: None };
        Frame::Answer(Box::new(Answer { reference: 3, outcome: Ok(response) }))
    };
    let named = [r#"Named { reference: 3, id: "a1" }"#, "Acked { reference: 3 }"];
    assert_eq!(heard(&dialect, &answer(201, r#"{"id":"a1"}"#)), named);
    assert_eq!(heard(&dialect, &answer(201, "{}")), ["Acked { reference: 3 }"]);
    let refused = heard(&dialect, &answer(403, r#"{"id":"a1"}"#));
    assert!(refused.len() == 1 && refused[0].starts_with("Refused"), "{refused:?}");
}

#[test]
fn what_a_kind_needs_and_what_it_cannot_have_is_told() {
    let text = || json!({ "publish": r#"{"t":"{{text}}","id":{{ref}}}"#, "reply": { "ref": "/id" } });
    for (with, key, words) in [
        (with(text(), "/marker", json!("id")), "marker", "must be one of text, field, correlate"),
        (with(text(), "/marker", json!("field")), "marker", "names no {{marker}}"),
        (json!({ "publish": r#"{"t":"{{marker}}"}"#, "marker": "text" }), "marker", "write \"field\""),
        (with(text(), "/reply/id", json!("/mid")), "reply.id", "only where `marker = \"correlate\"`"),
        (without(correlating(), "/reply/id"), "reply.id", "is missing"),
        (without(correlating(), "/deliver/id"), "deliver.id", "is missing"),
        (without(correlating(), "/deliver/when"), "deliver.when", "is missing"),
        (with(correlating(), "/publish", json!(r#"{"say":"{{text}}"}"#)), "marker", "`publish` needs {{ref}}"),
        (with(correlating(), "/deliver/offset", json!("/o")), "deliver.offset", "known too late"),
        (with(correlating(), "/deliver/offset", json!("/o")), "deliver.offset", "needs `deliver.room`"),
        (with(correlating(), "/joined", missed(None)), "joined.missed", "needs `joined.missed_id`"),
        (
            with(correlating(), "/joined", json!({ "when": { "/a": 1 }, "missed_id": "/mid" })),
            "joined.missed_id",
            "not given",
        ),
        (with(text(), "/joined", missed(Some("/mid"))), "joined.missed_id", "only where `marker = \"correlate\"`"),
    ] {
        let problem = made(&with).map(|_| ()).unwrap_err();
        assert!(problem.contains(&format!("\"{key}\"")) && problem.contains(words), "{problem}, not of {key}: {words}");
    }
}

#[test]
fn what_is_said_need_not_hold_the_text() {
    let dialect = made(&with(correlating(), "/publish", json!(r#"{"id":{{ref}}}"#))).unwrap();
    let said = dialect.encode(&Intent::Publish { room: "r", text: "wsb1abc", reference: 5 });
    assert_eq!(said, Some(Frame::text(r#"{"id":5}"#)));
}

#[test]
fn where_a_copy_stands_is_told_before_anybody_knows_what_it_is_a_copy_of() {
    let placed = with(with(correlating(), "/deliver/offset", json!("/at")), "/deliver/room", json!("/room"));
    let dialect = made(&with(placed, "/joined", missed(Some("/mid")))).unwrap();
    let heard = |text: &str| heard(&dialect, &Frame::text(text.to_owned()));
    let place = r#"HeardUpTo { room: "r1", offset: 7 }"#;
    assert_eq!(heard(r#"{"kind":"said","mid":"a1","room":"r1","at":7}"#), [place, "Delivery a1"]);
    assert_eq!(heard(r#"{"kind":"said","mid":"a1","at":7}"#), ["Delivery a1"]);
    let joined = heard(r#"{"kind":"joined","id":3,"at":9,"missed":[{"mid":"a2"},{"mid":18},{"text":"?"}]}"#);
    assert!(joined[0].starts_with("Joined { reference: Some(3)"), "{joined:?}");
    assert_eq!(joined[1..], ["Replay a2", "Replay 18", "Unknown"]);
}
