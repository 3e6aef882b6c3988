//! STOMP as RabbitMQ and the real client speak it, by the dialect file beside the scenario for that server.

use super::{TEXT, ann, join, meaning, messages, publish};
use crate::dialect::{Dialect, Intent, Parameters, read};
use crate::wire::Frame;
use std::sync::Arc;
use std::time::Duration;

fn stomp() -> Arc<dyn Dialect> {
    read(include_str!("../../../../scenarios/servers/dialects/stomp.toml"), &Parameters::new()).unwrap()
}

fn heard(frames: &[Frame]) -> Vec<String> {
    let (dialect, mut events) = (stomp(), Vec::new());
    frames.iter().for_each(|frame| dialect.decode(frame, &mut |event| events.push(meaning(&event))));
    events
}

/// Command, headers in any order, and body of a frame.
fn parts(frame: &Frame) -> (String, Vec<String>, String) {
    let text = String::from_utf8(frame.bytes().to_vec()).unwrap();
    let (head, body) = text.split_once("\n\n").unwrap();
    let mut lines = head.lines().map(str::to_owned);
    let command = lines.next().unwrap();
    let mut headers: Vec<String> = lines.collect();
    headers.sort_unstable();
    (command, headers, body.to_owned())
}

#[test]
fn stomp_is_heard() {
    let beats = "heartbeat, answer None";
    let mut ann = heard(&messages("stomp", 0, '<'));
    ann.retain(|event| event != beats);
    assert_eq!(ann, ["authorized", "acked 1", "delivery", "acked 2"]);
    let mut bob = heard(&messages("stomp", 1, '<'));
    assert!(bob.contains(&beats.to_owned()), "{bob:?}");
    bob.retain(|event| event != beats);
    assert_eq!(bob, ["authorized", "acked 1", "delivery", "acked 2"]);
    assert_eq!(heard(&messages("stomp", 2, '<')), ["unauthorized: refused"]);
}

#[test]
fn stomp_is_said_as_its_client_says_it() {
    let dialect = stomp();
    let recorded = messages("stomp", 0, '>');
    let said = |intent: &Intent<'_>| parts(&dialect.encode(intent).unwrap());
    let all: Vec<_> = recorded.iter().filter(|frame| frame.bytes() != b"\n").map(parts).collect();
    for intent in [join(1), publish(2)] {
        assert!(all.contains(&said(&intent)), "{:?} in {all:?}", said(&intent));
    }
    assert!(said(&publish(2)).2 == format!("{TEXT}\0"));
    let leave = said(&Intent::Leave { room: "r1", reference: 2 });
    assert!(messages("stomp", 1, '>').iter().filter(|frame| frame.bytes() != b"\n").map(parts).any(|of| of == leave));
    let beat = dialect.encode(&Intent::Heartbeat { reference: 3 }).unwrap();
    assert!(recorded.contains(&beat));
    assert_eq!(dialect.habits().heartbeat, Some(Duration::from_secs(10)));
    let (command, headers, _) = said(&Intent::Auth { identity: &ann("secret") });
    assert_eq!(command, "CONNECT");
    assert!(headers.contains(&"login:ann".to_owned()) && headers.contains(&"passcode:secret".to_owned()));
}
