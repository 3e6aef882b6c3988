//! Publishing by requests, streams, saved values and markers in fields of their own, as a dialect file describes them.

use serde_json::{Value, json};
use std::sync::Arc;

use super::golden::{ann, join};
use crate::dialect::{AuthStyle, Dialect, Event, Identity, Intent, find};
use crate::observe::TransportKind;
use crate::wire::{Answer, Frame, MARKER_LEN, Method, Requests, Response};

fn made(with: &Value) -> Result<Arc<dyn Dialect>, String> {
    find("json", with.as_object().unwrap()).map_err(|error| error.to_string())
}

fn nobody() -> Identity {
    Identity { token: None, auth: AuthStyle::None, ..ann("") }
}

fn publish(text: &str) -> Intent<'_> {
    Intent::Publish { room: "a b/c", text, reference: 3 }
}

/// A text with a marker in front.
fn marked(rest: &str) -> String {
    format!("wsb1{}{rest}", "m".repeat(MARKER_LEN - 4))
}

#[test]
fn a_request_publishes_what_a_message_would() {
    let by = json!({"method": "PUT", "path": "/rooms/{{room}}", "query": {"from": "{{user}}"}, "body": "[{{text}}]"});
    let dialect = made(&json!({"publish_by": by, "join": "{{room}}"})).unwrap();
    assert_eq!((dialect.requests(), dialect.habits().acknowledges_messages), (Requests::Target, true));
    assert!(dialect.encode(&publish("x")).is_none());
    let call = dialect.call(&ann("k"), &publish("say \"x\""), 0).unwrap();
    assert_eq!((call.method, call.opening.path.as_str(), call.reference), (Method::Put, "/rooms/a%20b%2Fc", 3));
    assert_eq!(call.body.as_deref(), Some(&br#"["say \"x\""]"#[..]));
    // A token that is a first message elsewhere stands in a header here.
    let shown =
        |name: &str| call.opening.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!((call.opening.query[0].1.as_str(), shown("Authorization")), ("ann", Some("Bearer k")));
    let elsewhere = json!({"url": "https://api.example.com", "body": "[{{text}}]"});
    let dialect = made(&json!({"publish_by": elsewhere})).unwrap();
    assert_eq!(dialect.requests(), Requests::To("https://api.example.com".parse().unwrap()));
    let call = dialect.call(&ann("k"), &publish("x"), 0).unwrap();
    assert_eq!(call.opening.headers, [], "another server is not shown the user's token");
}

#[test]
fn text_that_is_no_json_is_posted_as_it_is() {
    let by = json!({"body": "{{room}}: {{text}}", "headers": {"content-type": "text/plain"}});
    let dialect = made(&json!({"publish_by": by})).unwrap();
    let call = dialect.call(&nobody(), &publish("say \"x\""), 0).unwrap();
    assert_eq!(call.body.as_deref(), Some(&b"a b/c: say \"x\""[..]));
}

#[test]
fn a_no_may_come_with_a_status_of_success() {
    let dialect = made(&json!({"publish_by": {"body": "[{{text}}]", "error": "/error"}})).unwrap();
    let meaning = |status, body: &'static str| {
        let response = Response { status, retry_after: None, body: body.into() };
        let mut told = String::new();
        dialect.decode(&Frame::Answer(Box::new(Answer { reference: 7, outcome: Ok(response) })), &mut |event| {
            told = format!("{event:?}");
        });
        told
    };
    assert_eq!(meaning(200, r#"{"error":null}"#), "Acked { reference: 7 }");
    assert_eq!(
        meaning(200, r#"{"error":"no","code":401}"#),
        r#"Refused { reference: Some(7), code: "no", unconfirmed: false }"#
    );
    assert_eq!(
        meaning(429, r#"{"error":"no"}"#),
        r#"Refused { reference: Some(7), code: "rate_limited", unconfirmed: false }"#
    );
}

#[test]
fn a_marker_may_have_a_field_of_its_own() {
    let dialect = made(&json!({"publish": r#"{"id":"{{marker}}","text":"{{text}}"}"#})).unwrap();
    let said = |text: &str| String::from_utf8(dialect.encode(&publish(text)).unwrap().bytes().to_vec()).unwrap();
    assert_eq!(said(&marked(" hello")), format!(r#"{{"id":"{}","text":"hello"}}"#, marked("")));
    assert_eq!(
        said("somebody typed this, with no marker at all"),
        r#"{"id":"","text":"somebody typed this, with no marker at all"}"#
    );
    made(&json!({"publish": r#"{"id":"{{marker}}"}"#})).unwrap();
}

#[test]
fn what_a_server_gave_is_given_back() {
    let dialect = made(&json!({
        "publish": r#"{"say":"{{text}}","as":"{{saved.me}}"}"#,
        "join": r#"{"join":"{{room}}","proof":"{{hmac_sha256:k:{{saved.me}}}}","at":{{saved.node}}}"#,
        "welcome": {"when": {"/hello": true}},
        "save": {"me": "/inner/0/id", "node": "/node"},
    }))
    .unwrap();
    let mut saved = Vec::new();
    dialect.decode(&Frame::text(r#"{"hello":true,"inner":"[{\"id\":\"u\\\"1\"}]","node":7}"#), &mut |event| {
        if let Event::Saved { place, value } = event {
            saved.push((place, value.to_owned()));
        }
    });
    assert_eq!(saved, [(0, "u\"1".to_owned()), (1, "7".to_owned())]);
    let knowing = saved.iter().fold(dialect, |dialect, (place, value)| dialect.keeping(*place, value).unwrap());
    let said = |intent: &Intent<'_>| String::from_utf8(knowing.encode(intent).unwrap().bytes().to_vec()).unwrap();
    assert_eq!(said(&publish("x")), r#"{"say":"x","as":"u\"1"}"#);
    let joining: Value = serde_json::from_str(&said(&join(1))).unwrap();
    assert_eq!((joining["at"].as_str(), joining["proof"].as_str().map(str::len)), (Some("7"), Some(64)));
}

#[test]
fn a_stream_is_a_rooms_and_there_is_no_socket() {
    let dialect = made(&json!({"stream": {"path": "/r/{{room}}"}, "publish_by": {"body": "[{{text}}]"}})).unwrap();
    let kinds = TransportKind::ALL.into_iter().filter(|kind| dialect.speaks(*kind));
    assert_eq!(kinds.collect::<Vec<_>>(), [TransportKind::Sse, TransportKind::EventsourceClient]);
    assert_eq!(dialect.stream(&nobody(), Some("a b"), None).unwrap().path, "/r/a%20b");
    assert!(!dialect.habits().acknowledges_joins);
}

#[test]
fn every_wrong_description_of_requests_is_told() {
    let by = |by: Value| json!({"publish_by": by});
    for (with, problem) in [
        (by(json!({})), r#"parameter "publish_by": has no {{text}} in its `body`, `form` or `query`"#),
        (by(json!({"body": "[{{text}}]", "form": {"a": "b"}})), r#"parameter "publish_by.form": excludes `body`"#),
        (
            by(json!({"body": "[{{text}}]", "method": "GET"})),
            r#"parameter "publish_by.method": must be one of POST, PUT"#,
        ),
        (
            by(json!({"body": "[{{text}}]", "url": "api"})),
            r#"parameter "publish_by.url": is not a URL (relative URL without a base); write it as https://host:port"#,
        ),
        (
            by(json!({"body": "[{{text}}]", "url": "ws://x"})),
            r#"parameter "publish_by.url": is none of http:// and https://"#,
        ),
        (
            by(json!({"body": "[{{text}}]", "query": {"a": "{{sha1:{{body}}}}"}})),
            r#"parameter "publish_by.query.a": {{sha1:…}} is no digest; there are: {{hmac_sha256:KEY:TEXT}} {{md5:TEXT}}"#,
        ),
        (
            by(json!({"body": "[{{text}}]", "query": {"a": "{{hmac_sha256:{{body}}}}"}})),
            r#"parameter "publish_by.query.a": {{hmac_sha256:…}} is written {{hmac_sha256:KEY:TEXT}}"#,
        ),
        (
            by(json!({"body": r#"["{{text}}","{{saved.id}}"]"#})),
            r#"parameter "publish_by.body": {{saved.id}} is no placeholder; there are: {{text}} {{marker}} {{room}} {{ref}} {{user}} {{token}}"#,
        ),
        (
            json!({"publish": "[{{text}}]", "publish_by": {"body": "[{{text}}]"}}),
            r#"parameter "publish": excludes `publish_by`: both say how to publish"#,
        ),
        (
            json!({"join": "[]", "stream": {"path": "/"}, "publish_by": {"body": "[{{text}}]"}}),
            r#"parameter "join": is said on a socket, and `stream` says that there is none"#,
        ),
        (
            json!({"publish": "[{{text}}]", "save": {"id": "id"}}),
            r#"parameter "save.id": "id" is not a JSON Pointer; it starts with "/", as in "/id""#,
        ),
        (
            json!({"publish": "[{{text}}]", "save": {"id": 1}}),
            r#"parameter "save": must be a table of JSON Pointers such as { id = "/data/id" }"#,
        ),
        (
            json!({"publish": "[{{text}}]", "join": "[{{saved.nme}}]", "save": {"name": "/n"}}),
            r#"parameter "join": {{saved.nme}} is no placeholder; there are: {{room}} {{ref}} {{saved.name}}; did you mean {{saved.name}}?"#,
        ),
    ] {
        assert_eq!(made(&with).unwrap_err(), problem, "{with}");
    }
}
