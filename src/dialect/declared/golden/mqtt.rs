//! MQTT 3.1.1 as mqtt.js 5 and mosquitto 2.0.11 spoke it over a WebSocket, packet by packet in hexadecimal digits: a recording of
//! text could not hold it.

use super::{ann, dialect, meaning};
use crate::dialect::{AuthStyle, Dialect, Identity, Intent, find};
use crate::wire::Frame;
use std::sync::Arc;

/// The bytes that `digits` write.
fn packet(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| *byte != b' ').collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn heard(dialect: &Arc<dyn Dialect>, digits: &str) -> Vec<String> {
    let mut events = Vec::new();
    dialect.decode(&Frame::Binary(packet(digits).into()), &mut |event| events.push(meaning(&event)));
    events
}

fn said(dialect: &Arc<dyn Dialect>, intent: &Intent<'_>) -> Vec<u8> {
    match dialect.encode(intent).unwrap() {
        Frame::Binary(bytes) => bytes.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn acknowledged() -> Arc<dyn Dialect> {
    find("mqtt-ws", serde_json::json!({ "qos": "1" }).as_object().unwrap()).unwrap()
}

#[test]
fn a_client_says_what_mqtt_js_says() {
    let (plain, acknowledged) = (dialect("mqtt-ws"), acknowledged());
    let nobody = Identity { auth: AuthStyle::None, token: None, ..ann("") };
    assert_eq!(said(&plain, &Intent::Auth { identity: &nobody }), packet("10 0f 0004 4d515454 04 02 003c 0003 616e6e"));
    let bob = Identity { user: "bob".to_owned(), ..ann("a.b.c") };
    let connect = packet("10 1b 0004 4d515454 04 c2 003c 0003 626f62 0003 626f62 0005 612e622e63");
    assert_eq!(said(&plain, &Intent::Auth { identity: &bob }), connect);
    let room = "rooms/1";
    let join = Intent::Join { room, position: None, reference: 0x8f6c };
    assert_eq!(said(&plain, &join), packet("82 0c 8f6c 0007 726f6f6d732f31 00"));
    let leave = Intent::Leave { room, reference: 0x1f5 };
    assert_eq!(said(&plain, &leave), packet("a2 0b 01f5 0007 726f6f6d732f31"));
    let publish = Intent::Publish { room, text: "hello \"you\" \\ and 😀", reference: 2 };
    let digits = "30 1f 0007 726f6f6d732f31 68656c6c6f2022796f7522205c20616e6420f09f9880";
    assert_eq!(said(&plain, &publish), packet(digits));
    // The length of a longer one takes two bytes.
    let text = "x".repeat(200);
    let publish = Intent::Publish { room, text: &text, reference: 0x8f6d };
    let digits = format!("32 d301 0007 726f6f6d732f31 8f6d {}", "78".repeat(200));
    assert_eq!(said(&acknowledged, &publish), packet(&digits));
    assert_eq!(said(&plain, &Intent::Heartbeat { reference: 9 }), packet("c0 00"));
}

#[test]
fn a_client_hears_what_mosquitto_says() {
    let plain = dialect("mqtt-ws");
    let heard_by = |digits: &str| heard(&plain, digits);
    assert_eq!(heard_by("20020000"), ["authorized"]);
    assert_eq!(heard_by("20020005"), ["unauthorized: 5"]);
    assert_eq!(heard_by("90038f6c00"), ["joined Some(36716)"]);
    assert_eq!(heard_by("9003000180"), ["refused Some(1) 128"]);
    let copy = "301f0007726f6f6d732f3168656c6c6f2022796f7522205c20616e6420f09f9880";
    assert_eq!(heard_by(copy), ["delivery"]);
    assert_eq!((heard_by("d000"), heard_by("b00201f5")), (vec![], vec![]));
    assert_eq!(heard_by("e000"), ["Unknown"]);
    assert_eq!(heard(&acknowledged(), "40028f6d"), ["acked 36717"]);
    assert!(acknowledged().habits().acknowledges_messages && !plain.habits().acknowledges_messages);
}

#[test]
fn a_frame_may_hold_several_packets() {
    let copy = "301f0007726f6f6d732f3168656c6c6f2022796f7522205c20616e6420f09f9880";
    let heard = |digits: &str| heard(&acknowledged(), digits);
    assert_eq!(heard(&format!("40028f6d{copy}d000{copy}")), ["acked 36717", "delivery", "delivery"]);
    assert_eq!(heard(&format!("{copy}e0ff")), ["delivery", "Unknown"], "less than its length says");
}
