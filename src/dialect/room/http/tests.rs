//! Requests and answers of the room protocol over HTTP, as `reference-server/PROTOCOL.md` has them.

use super::*;
use crate::dialect::AuthStyle;
use crate::observe::ClientId;
use crate::wire::Response;

fn identity(auth: AuthStyle) -> Identity {
    Identity { client: ClientId(0), user: "ada".to_owned(), token: Some("T".to_owned()), auth }
}

fn position() -> Position {
    Position { offset: 7, epoch: "k3f9".into() }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn events(status: u16, body: &'static str) -> Vec<String> {
    let response = Response { status, body: Bytes::from_static(body.as_bytes()), retry_after: None };
    let mut events = Vec::new();
    answered(&Answer { reference: 3, outcome: Ok(response) }, &mut |event| events.push(format!("{event:?}")));
    events
}

#[test]
fn a_stream_goes_on_where_it_was() {
    let fresh = stream(&identity(AuthStyle::FirstMessage), Some("team:7"), None);
    assert_eq!(
        (fresh.path.as_str(), fresh.headers),
        ("/api/rooms/team%3A7/events", vec![pair("Authorization", "Bearer T")])
    );
    let back = stream(&identity(AuthStyle::QueryToken), Some("a b"), Some(&position()));
    assert_eq!(back.path, "/api/rooms/a%20b/events");
    let own = stream(&identity(AuthStyle::Header), None, None);
    assert_eq!(own.path, "/api/events");
    assert_eq!((back.query, back.headers), (vec![pair("token", "T")], vec![pair("Last-Event-ID", "k3f9:7")]));
}

#[test]
fn what_is_asked() {
    let (who, room, at) = (identity(AuthStyle::Cookie), "lobby", position());
    let ask = |intent: &Intent<'_>| call(&who, intent).unwrap();
    let joins = ask(&Intent::Join { room, position: None, reference: 1 });
    assert_eq!((joins.opening.path.as_str(), joins.opening.query, joins.body), ("/api/rooms/lobby/poll", vec![], None));
    assert_eq!(joins.opening.headers, vec![pair("Cookie", "token=T")]);
    let resumes = ask(&Intent::Join { room, position: Some(&at), reference: 2 });
    assert_eq!(resumes.opening.query, vec![pair("pos", "k3f9:7"), pair("timeout", "0")], "it is not kept waiting");
    let polls = ask(&Intent::Poll { room, position: &at, reference: 3 });
    assert_eq!((polls.opening.query, polls.reference), (vec![pair("pos", "k3f9:7")], 3));
    let says = ask(&Intent::Publish { room, text: "say \"hi\"", reference: 4 });
    assert_eq!(says.opening.path, "/api/rooms/lobby/messages");
    assert_eq!(says.body.as_deref(), Some(&br#"{"content":"say \"hi\""}"#[..]));
    let tells = ask(&Intent::Notify { user: "bob", text: "hi", reference: 5 });
    assert_eq!(tells.opening.path, "/api/users/bob/notify");
    let looks = ask(&Intent::Ask { message: "presence", room, reference: 6 });
    assert_eq!((looks.opening.path.as_str(), looks.body, looks.reference), ("/api/rooms/lobby/presence", None, 6));
    assert_eq!(looks.opening.headers, vec![pair("Cookie", "token=T")]);
    assert!(call(&who, &Intent::Ask { message: "history", room, reference: 7 }).is_none());
    assert!(call(&who, &Intent::Leave { room, reference: 5 }).is_none());
}

#[test]
fn what_answers_mean() {
    let empty = events(200, r#"{"room":"lobby","pos":"k3:f9:8","instance":"a","events":[]}"#);
    assert_eq!(
        empty,
        [r#"Polled { reference: 3, position: Position { offset: 8, epoch: "k3:f9" }, instance: Some("a") }"#]
    );
    let two = events(
        200,
        r#"{"room":"r","pos":"k:9","instance":"a","events":[{"type":"message","off":8,"ep":"k","via":"a","tsub":3,"tout":4,"room":"r","id":"m","from":"ada","org":"a","timestamp":"t","tin":1,"tpub":2,"content":1},{"type":"gap","room":"r","off":9,"ep":"k","after":8,"after_ep":"k"}]}"#,
    );
    assert_eq!(two.len(), 3, "{two:?}");
    assert!(two[1].contains("offset: Some(8)") && two[2].starts_with("Gap"), "{two:?}");
    assert_eq!(events(200, r#"{"off":1,"ep":"k3f9","id":"m-1"}"#), ["Acked { reference: 3 }"]);
    let refused = events(503, r#"{"type":"error","code":"unavailable","message":"…","retryable":true}"#);
    assert_eq!(refused, [r#"Refused { reference: Some(3), code: "unavailable", unconfirmed: false }"#]);
    assert_eq!(events(504, "gateway"), [r#"Refused { reference: Some(3), code: "refused", unconfirmed: true }"#]);
    assert_eq!(events(200, r#"{"room":"r","pos":"nowhere","events":[]}"#), ["Unknown"]);
}

#[test]
fn headers_introduce_the_server() {
    let headers =
        [pair("x-wsbench-instance", "b"), pair("x-wsbench-clock", "c1"), pair("x-wsbench-ping-interval-ms", "500")];
    let mut heard = Vec::new();
    introduce(&headers, &mut |event| heard.push(format!("{event:?}")));
    let interval = "Some(500ms)";
    let welcome = format!(
        r#"Welcome {{ instance: Some("b"), clock: Some("c1"), ping_interval: {interval}, ping_timeout: {interval} }}"#
    );
    assert_eq!(heard, [welcome]);
}

#[test]
fn who_is_there_is_an_answer_like_any_other() {
    let roster = r#"{"room":"lobby","users":1,"connections":1,"complete":true,"members":[{"user":"ada"}]}"#;
    assert_eq!(events(200, roster), ["Acked { reference: 3 }"]);
}
