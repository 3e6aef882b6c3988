//! Transcripts of the room protocol: what a session means, what the server sees, and the other way round.

use crate::dialect::{AuthStyle, Delivery, Dialect, Event, Identity, Intent, Parameters, Position, Stamps, find};
use crate::observe::{ClientId, TransportKind};
use crate::wire::{Frame, Opening};
use proptest::prelude::{any, prop_assert_eq, proptest};
use std::sync::Arc;

fn room() -> Arc<dyn Dialect> {
    find("room", &Parameters::new()).unwrap()
}

fn said(intent: &Intent<'_>) -> String {
    let frame = room().encode(intent).unwrap();
    String::from_utf8(frame.bytes().to_vec()).unwrap()
}

fn identity(auth: AuthStyle) -> Identity {
    Identity { client: ClientId(0), user: "u1".to_owned(), token: Some("to.k_en".to_owned()), auth }
}

/// The only event in `text`, shown.
fn heard(text: &str) -> String {
    let mut events = Vec::new();
    room().decode(&Frame::text(text.to_owned()), &mut |event| events.push(format!("{event:?}")));
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

fn delivery(text: &str) -> Delivery<'static> {
    let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
    let frame: &'static Frame = Box::leak(Box::new(Frame::text(text)));
    let mut found = None;
    room().decode(frame, &mut |event| {
        let Event::Delivery(delivery) = event else { panic!("{event:?}") };
        let body: &'static [u8] = Box::leak(delivery.body.to_vec().into_boxed_slice());
        found = Some(Delivery { body, ..delivery });
    });
    found.unwrap()
}

const MESSAGE: &str = r#"{"type":"message","off":42,"ep":"k3f9","via":"b","tsub":12,"tout":13,"room":"r1","id":"x-1","from":"u7","org":"a","timestamp":"2026-01-01T00:00:00.000Z","tin":10,"tpub":11,"content":"wsb1AAA hello"}"#;
const STAMPS: Stamps = Stamps { ingress: 10, published: 11, subscribed: 12, fanned_out: 13 };

#[test]
fn what_a_client_says() {
    let identity = identity(AuthStyle::FirstMessage);
    let position = Position { offset: 7, epoch: "k3".into() };
    let transcript = [
        said(&Intent::Auth { identity: &identity }),
        said(&Intent::Join { room: "r1", position: None, reference: 1 }),
        said(&Intent::Join { room: "r1", position: Some(&position), reference: 2 }),
        said(&Intent::Leave { room: "r1", reference: 3 }),
        said(&Intent::Publish { room: "r1", text: "say \"hi\"\n", reference: 40 }),
        said(&Intent::Ask { message: "history", room: "r1", reference: 41 }),
        said(&Intent::Ask { message: "presence", room: "r1", reference: 42 }),
        said(&Intent::Ask { message: "ping", room: "r1", reference: 43 }),
    ];
    let expected = [
        r#"{"type":"auth","token":"to.k_en"}"#,
        r#"{"type":"join","room":"r1","ref":1}"#,
        r#"{"type":"join","room":"r1","ref":2,"off":7,"ep":"k3"}"#,
        r#"{"type":"leave","room":"r1","ref":3}"#,
        r#"{"type":"message","room":"r1","ref":40,"content":"say \"hi\"\n"}"#,
        r#"{"type":"history","room":"r1","ref":41}"#,
        r#"{"type":"presence","room":"r1","ref":42}"#,
        r#"{"type":"ping","ref":43}"#,
    ];
    assert_eq!(transcript, expected);
}

#[test]
fn whatever_can_be_asked_has_a_frame_or_a_call() {
    let (room, identity) = (room(), identity(AuthStyle::Header));
    let names = |kind| room.questions(kind).into_iter().map(|question| question.name).collect::<Vec<_>>();
    assert_eq!(names(TransportKind::WebSocket), ["history", "presence", "ping"]);
    for message in names(TransportKind::WebSocket) {
        assert!(room.encode(&Intent::Ask { message: &message, room: "r1", reference: 1 }).is_some(), "{message}");
        let called = room.call(&identity, &Intent::Ask { message: &message, room: "r1", reference: 1 }, 0).is_some();
        for kind in [TransportKind::Sse, TransportKind::EventsourceClient, TransportKind::LongPoll] {
            assert_eq!(called, names(kind).contains(&message), "{message}");
        }
    }
    assert!(room.encode(&Intent::Ask { message: "dance", room: "r1", reference: 1 }).is_none());
}

#[test]
fn the_token_is_shown_as_asked_and_never_printed() {
    let opening = |auth| room().opening(&identity(auth));
    let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let plain = Opening { path: "/ws".to_owned(), ..Opening::default() };
    assert_eq!(opening(AuthStyle::None), plain);
    assert_eq!(opening(AuthStyle::FirstMessage), plain);
    assert_eq!(opening(AuthStyle::QueryToken).query, pair("token", "to.k_en"));
    assert_eq!(opening(AuthStyle::Header).headers, pair("Authorization", "Bearer to.k_en"));
    assert_eq!(opening(AuthStyle::Cookie).headers, pair("Cookie", "token=to.k_en"));
    assert!(room().encode(&Intent::Auth { identity: &identity(AuthStyle::QueryToken) }).is_none());
    assert!(!format!("{:?}", opening(AuthStyle::Header)).contains("to.k_en"));
}

#[test]
fn a_message_is_a_delivery_with_stamps() {
    let heard = delivery(MESSAGE);
    assert_eq!(
        heard,
        Delivery { body: br#""wsb1AAA hello"}"#, stamps: Some(STAMPS), offset: Some(42), replayed: false }
    );
    assert!(delivery(&MESSAGE.replace(r#""tsub""#, r#""rp":1,"tsub""#)).replayed);
    assert!(delivery(&MESSAGE.replace(r#","room""#, r#","rp":1,"room""#)).replayed);
}

#[test]
fn without_history_there_is_no_offset() {
    for head in ["", r#""off":null,"ep":null,"#] {
        let heard = delivery(&MESSAGE.replace(r#""off":42,"ep":"k3f9","#, head));
        assert_eq!((heard.offset, heard.stamps), (None, Some(STAMPS)));
        assert!(heard.body.starts_with(b"\"wsb1"), "read by the scan");
    }
}

#[test]
fn the_largest_number_is_read_and_a_larger_one_is_none() {
    let with = |number: &str| delivery(&MESSAGE.replace(r#""off":42"#, &format!(r#""off":{number}"#))).offset;
    assert_eq!(with("9999999999999999999"), Some(9_999_999_999_999_999_999));
    assert_eq!(with("18446744073709551615"), Some(u64::MAX));
    assert_eq!(with("18446744073709551616"), None);
}

#[test]
fn a_message_written_otherwise_means_the_same() {
    for other in [
        MESSAGE.replace("{\"type\":\"message\",", "{ \"type\": \"message\", "),
        MESSAGE.replace(r#""from":"u7""#, r#""from":"u\"7""#),
        MESSAGE.replace(r#""from":"u7""#, r#""from":"u7","extra":{"content":[1]}"#),
        MESSAGE.replace(r#""via":"b","#, "").replace(r#""org":"a""#, r#""via":"b","org":"a""#),
    ] {
        let heard = delivery(&other);
        assert_eq!((heard.stamps, heard.offset, heard.replayed), (Some(STAMPS), Some(42), false), "{other}");
        assert!(String::from_utf8_lossy(heard.body).contains("wsb1AAA hello"));
    }
}

#[test]
fn what_a_client_hears() {
    let transcript = [
        (r#"{"type":"auth.success"}"#, "AuthAccepted"),
        (
            r#"{"type":"welcome","instance":"a","clock":"boot","ping_interval_ms":30000,"ping_timeout_ms":60000}"#,
            r#"Welcome { instance: Some("a"), clock: Some("boot"), ping_interval: Some(30s), ping_timeout: Some(60s) }"#,
        ),
        (
            r#"{"type":"joined","room":"r1","off":41,"ep":"k3f9","ref":7,"instance":"a"}"#,
            r#"Joined { reference: Some(7), room: Some("r1"), position: Some(Position { offset: 41, epoch: "k3f9" }), instance: Some("a") }"#,
        ),
        (
            r#"{"type":"joined","room":"r1","off":null,"ep":null,"ref":7,"instance":"a"}"#,
            r#"Joined { reference: Some(7), room: Some("r1"), position: None, instance: Some("a") }"#,
        ),
        (r#"{"type":"left","room":"r1","ref":8}"#, "Reply { reference: Some(8) }"),
        (
            r#"{"type":"history","room":"r1","off":9,"ep":"k4","ref":11,"messages":[{"type":"message","content":"wsb1AAA"}]}"#,
            "Reply { reference: Some(11) }",
        ),
        (
            r#"{"type":"history","room":"r1","off":null,"ep":null,"ref":12,"messages":[]}"#,
            "Reply { reference: Some(12) }",
        ),
        (r#"{"type":"history","off":9,"ep":"k4","messages":[],"ref":13}"#, "Reply { reference: Some(13) }"),
        (r#"{"type":"history","room":"r1","off":9,"ep":"k4","messages":[]}"#, "Reply { reference: None }"),
        (
            r#"{"type":"presence","room":"r1","ref":14,"users":1,"members":[{"ref":2}]}"#,
            "Reply { reference: Some(14) }",
        ),
        (r#"{"type":"presence","room":"r1","users":1,"members":[{"ref":2}]}"#, "Reply { reference: None }"),
        (r#"{"type":"pong","ref":15,"t":12.5,"tin":1,"tout":2}"#, "Reply { reference: Some(15) }"),
        (r#"{"type":"pong","t":12.5,"tin":1,"tout":2}"#, "Heartbeat { answer: None }"),
        (
            r#"{"type":"ack","ref":18446744073709551615,"room":"r1","off":42,"id":"x"}"#,
            "Acked { reference: 18446744073709551615 }",
        ),
        (r#"{"type": "ack", "room":"r1", "ref": 9}"#, "Acked { reference: 9 }"),
        (
            r#"{"type":"error","code":"unavailable","message":"no broker","ref":9,"retryable":true}"#,
            r#"Refused { reference: Some(9), code: "unavailable", unconfirmed: false }"#,
        ),
        (
            r#"{"type":"error","code":"unconfirmed","message":"?","ref":10}"#,
            r#"Refused { reference: Some(10), code: "unconfirmed", unconfirmed: true }"#,
        ),
        (
            r#"{"type":"error","code":"malformed"}"#,
            r#"Refused { reference: None, code: "malformed", unconfirmed: false }"#,
        ),
        (r#"{"type":"user.joined","userId":"u2","timestamp":"…"}"#, "Presence"),
        (r#"{"type":"user.left","userId":"u2","timestamp":"…"}"#, "Presence"),
        (r#"{"type":"gap","room":"r1","off":9,"ep":"k4","after":null,"after_ep":null}"#, r#"Gap { room: Some("r1") }"#),
        (r#"{"type":"drain","within_ms":9,"retry_min_ms":100,"retry_max_ms":5000}"#, "Drain { min: 100ms, max: 5s }"),
        (r#"{"type":"pong","t":1}"#, "Heartbeat { answer: None }"),
        (r#"{"type":"telepathy"}"#, "Unknown"),
        ("<html>", "Unknown"),
        ("", "Unknown"),
    ];
    for (frame, meaning) in transcript {
        assert_eq!(heard(frame), meaning, "{frame}");
    }
}

#[test]
fn it_takes_no_parameters() {
    let parameters = Parameters::from_iter([("join".to_owned(), serde_json::Value::Null)]);
    let error = find("room", &parameters).unwrap_err();
    assert_eq!(error.to_string(), r#"parameter "join": the dialect "room" takes no parameters"#);
}

proptest! {
    #[test]
    fn a_publication_is_json_of_exactly_its_capacity(room in any::<String>(), text in any::<String>(), reference in any::<u64>()) {
        let frame = super::publish(&room, &text, reference);
        prop_assert_eq!(frame.capacity(), frame.len());
        let value: serde_json::Value = serde_json::from_str(&frame).unwrap();
        prop_assert_eq!(value, serde_json::json!({"type": "message", "room": room, "ref": reference, "content": text}));
    }

    #[test]
    fn nothing_makes_it_stumble(noise in any::<Vec<u8>>(), at in 0..MESSAGE.len()) {
        let mut text = MESSAGE.as_bytes()[..at].to_vec();
        text.extend(noise);
        let mut events = 0;
        room().decode(&Frame::Binary(text.into()), &mut |_| events += 1);
        prop_assert_eq!(events, 1);
    }
}
