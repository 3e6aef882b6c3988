//! The wire: what clients may say and every frame they are told. JSON text frames, built by hand so that the order of
//! keys is what `PROTOCOL.md` promises. Pure.

use std::{borrow::Cow, fmt::Write};

use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{history::Position, time::Rfc3339};

/// Largest `ref` and `id` a client may send, in bytes of JSON.
const REFERENCE_BYTES: usize = 128;

/// A frame from a client.
#[derive(Debug, Deserialize)]
pub(crate) struct Inbound<'a> {
    #[serde(rename = "type", borrow, default)]
    pub(crate) kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) room: Option<Cow<'a, str>>,
    /// As received, byte for byte.
    #[serde(borrow, default, deserialize_with = "raw")]
    pub(crate) content: Option<&'a RawValue>,
    #[serde(rename = "ref", borrow, default)]
    pub(crate) reference: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) token: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) t: Option<&'a RawValue>,
}

/// `null` is content like any other.
fn raw<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> Inbound<'a> {
    /// Reads a frame. Fails on what is not a JSON object of the right shape, and on a `ref` or `id` that cannot be one.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Code> {
        // An array would pass for the fields in their order.
        let object = text.trim_ascii_start().starts_with('{');
        let inbound: Self = serde_json::from_str(text).map_err(|_| Code::Malformed)?;
        let scalar = |raw: &RawValue| raw.get().len() <= REFERENCE_BYTES && !raw.get().starts_with(['{', '[']);
        let string = |raw: &RawValue| raw.get().len() <= REFERENCE_BYTES && raw.get().starts_with('"');
        let fits =
            inbound.reference.is_none_or(scalar) && inbound.id.is_none_or(string) && inbound.t.is_none_or(scalar);
        if object && fits { Ok(inbound) } else { Err(Code::Malformed) }
    }

    /// The type; a frame with content and no type is a message.
    pub(crate) fn kind(&self) -> &str {
        match &self.kind {
            Some(kind) => kind,
            None if self.content.is_some() => "message",
            None => "",
        }
    }

    /// The `ref` as JSON.
    pub(crate) fn reference(&self) -> Option<&'a str> {
        self.reference.map(RawValue::get)
    }
}

/// Whether a room may be called this.
pub(crate) fn is_room_name(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b':' | b'-');
    (1..=128).contains(&name.len()) && name.bytes().all(plain)
}

/// What can go wrong with a frame while the connection lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Malformed,
    UnknownType,
    Unsupported,
    BadRoom,
    NotJoined,
    Limit,
    RateLimited,
    Unavailable,
    Unconfirmed,
}

impl Code {
    /// Code, text, and whether the same frame may succeed later.
    fn describe(self) -> (&'static str, &'static str, bool) {
        match self {
            Self::Malformed => ("malformed", "not a JSON object of the right shape", false),
            Self::UnknownType => ("unknown_type", "no such type of frame", false),
            Self::Unsupported => ("unsupported", "not offered by this server", false),
            Self::BadRoom => ("bad_room", "a room name is 1 to 128 of A-Z a-z 0-9 _ . : -", false),
            Self::NotJoined => ("not_joined", "join the room first", false),
            Self::Limit => ("limit", "too many rooms", false),
            Self::RateLimited => ("rate_limited", "too many frames", true),
            Self::Unavailable => ("unavailable", "the broker does not answer; nothing was sent", true),
            Self::Unconfirmed => ("unconfirmed", "the broker did not confirm; it may still be delivered", true),
        }
    }
}

/// The part of a message its origin builds, which travels through the broker as it is.
pub(crate) struct Tail<'a> {
    pub(crate) room: &'a str,
    /// A JSON string.
    pub(crate) id: &'a str,
    /// A JSON string.
    pub(crate) from: &'a str,
    pub(crate) origin: &'a str,
    pub(crate) timestamp: Rfc3339,
    pub(crate) tin: u64,
    pub(crate) tpub: u64,
    /// Any JSON.
    pub(crate) content: &'a str,
}

impl Tail<'_> {
    /// Everything after the head, closing brace included.
    pub(crate) fn encode(&self) -> Bytes {
        let Self { room, id, from, origin, timestamp, tin, tpub, content } = self;
        let mut out = String::with_capacity(160 + room.len() + id.len() + from.len() + content.len());
        write_to(
            &mut out,
            format_args!(
                r#""room":"{room}","id":{id},"from":{from},"org":"{origin}","timestamp":"{timestamp}","tin":{tin},"tpub":{tpub},"content":{content}}}"#
            ),
        );
        Bytes::from(out)
    }
}

/// The part of a message the delivering instance builds.
pub(crate) struct Head<'a> {
    pub(crate) position: Option<Position>,
    pub(crate) via: &'a str,
    pub(crate) tsub: u64,
    pub(crate) tout: u64,
    /// Caught up from the history.
    pub(crate) replayed: bool,
}

impl Head<'_> {
    /// The whole frame. `None` if the tail, which may come from anywhere, is not text.
    pub(crate) fn encode(&self, tail: &[u8]) -> Option<Utf8Bytes> {
        let tail = std::str::from_utf8(tail).ok()?;
        let mut out = String::with_capacity(128 + tail.len());
        let Self { via, tsub, tout, .. } = self;
        out.push_str(r#"{"type":"message","#);
        push_position(&mut out, self.position);
        write_to(&mut out, format_args!(r#","via":"{via}","tsub":{tsub},"tout":{tout},"#));
        if self.replayed {
            out.push_str(r#""rp":1,"#);
        }
        out.push_str(tail);
        Some(out.into())
    }
}

/// What `welcome` tells a client.
pub(crate) struct Welcome<'a> {
    pub(crate) instance: &'a str,
    pub(crate) clock: &'a str,
    /// A JSON string.
    pub(crate) user: &'a str,
    pub(crate) ping_interval_ms: u128,
    pub(crate) ping_timeout_ms: u128,
    pub(crate) max_message: usize,
    pub(crate) broker: &'a str,
    pub(crate) history: bool,
}

impl Welcome<'_> {
    pub(crate) fn encode(&self) -> Utf8Bytes {
        let Self { instance, clock, user, ping_interval_ms, ping_timeout_ms, max_message, broker, history } = self;
        // No joins or leaves are announced yet, so the largest room in which they are has no members.
        format!(
            r#"{{"type":"welcome","instance":"{instance}","clock":"{clock}","user":{user},"ping_interval_ms":{ping_interval_ms},"ping_timeout_ms":{ping_timeout_ms},"announce_max":0,"max_message":{max_message},"broker":"{broker}","history":{history}}}"#
        )
        .into()
    }
}

/// `{"type":"auth.success"}`
pub(crate) const AUTH_SUCCESS: Utf8Bytes = Utf8Bytes::from_static(r#"{"type":"auth.success"}"#);

pub(crate) fn joined(room: &str, position: Option<Position>, reference: Option<&str>, instance: &str) -> Utf8Bytes {
    let mut out = format!(r#"{{"type":"joined","room":"{room}","#);
    push_position(&mut out, position);
    push_reference(&mut out, reference);
    write_to(&mut out, format_args!(r#","instance":"{instance}"}}"#));
    out.into()
}

pub(crate) fn left(room: &str, reference: Option<&str>) -> Utf8Bytes {
    let mut out = format!(r#"{{"type":"left","room":"{room}""#);
    push_reference(&mut out, reference);
    out.push('}');
    out.into()
}

pub(crate) fn ack(reference: &str, room: &str, position: Option<Position>, id: &str) -> Utf8Bytes {
    let offset = Offset(position);
    format!(r#"{{"type":"ack","ref":{reference},"room":"{room}","off":{offset},"id":{id}}}"#).into()
}

pub(crate) fn error(code: Code, reference: Option<&str>) -> Utf8Bytes {
    let (code, message, retryable) = code.describe();
    let mut out = format!(r#"{{"type":"error","code":"{code}","message":"{message}""#);
    push_reference(&mut out, reference);
    write_to(&mut out, format_args!(r#","retryable":{retryable}}}"#));
    out.into()
}

pub(crate) fn pong(reference: Option<&str>, t: Option<&str>, tin: u64, tout: u64) -> Utf8Bytes {
    let mut out = String::from(r#"{"type":"pong""#);
    push_reference(&mut out, reference);
    if let Some(t) = t {
        write_to(&mut out, format_args!(r#","t":{t}"#));
    }
    write_to(&mut out, format_args!(r#","tin":{tin},"tout":{tout}}}"#));
    out.into()
}

/// Messages are missing: the members have everything up to `before`; from `position` on they have everything again.
pub(crate) fn gap(room: &str, before: Option<Position>, position: Option<Position>) -> Utf8Bytes {
    let mut out = format!(r#"{{"type":"gap","room":"{room}","#);
    push_position(&mut out, position);
    let offset = Offset(before);
    match before {
        Some(Position { epoch, .. }) => write_to(&mut out, format_args!(r#","after":{offset},"after_ep":"{epoch}"}}"#)),
        None => out.push_str(r#","after":null,"after_ep":null}"#),
    }
    out.into()
}

pub(crate) fn drain(within_ms: u128, min_ms: u128, max_ms: u128) -> Utf8Bytes {
    format!(r#"{{"type":"drain","within_ms":{within_ms},"retry_min_ms":{min_ms},"retry_max_ms":{max_ms}}}"#).into()
}

/// The reason of a 1012 close.
pub(crate) fn drain_reason(min_ms: u128, max_ms: u128) -> String {
    format!(r#"{{"retry_min_ms":{min_ms},"retry_max_ms":{max_ms}}}"#)
}

struct Offset(Option<Position>);

impl std::fmt::Display for Offset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(position) => write!(f, "{}", position.offset),
            None => f.write_str("null"),
        }
    }
}

fn push_position(out: &mut String, position: Option<Position>) {
    match position {
        Some(Position { offset, epoch }) => write_to(out, format_args!(r#""off":{offset},"ep":"{epoch}""#)),
        None => out.push_str(r#""off":null,"ep":null"#),
    }
}

fn push_reference(out: &mut String, reference: Option<&str>) {
    if let Some(reference) = reference {
        write_to(out, format_args!(r#","ref":{reference}"#));
    }
}

fn write_to(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Invariant: writing to a String fails only if a Display implementation does, and ours do not.
    out.write_fmt(arguments).expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Epoch;

    const CODES: [Code; 9] = [
        Code::Malformed,
        Code::UnknownType,
        Code::Unsupported,
        Code::BadRoom,
        Code::NotJoined,
        Code::Limit,
        Code::RateLimited,
        Code::Unavailable,
        Code::Unconfirmed,
    ];

    #[test]
    fn every_error_code_is_documented_with_what_can_be_done() {
        let document = include_str!("../PROTOCOL.md");
        for (code, _, retryable) in CODES.map(Code::describe) {
            let row = document.lines().find(|line| line.starts_with(&format!("| `{code}` |")));
            assert!(row.is_some_and(|row| row.ends_with(&format!("| {retryable} |"))), "{code}: {row:?}");
        }
    }

    #[test]
    fn frames_are_json_whatever_goes_in() {
        let position = Some(Position { offset: 7, epoch: Epoch::parse(b"k3f9").unwrap() });
        let mut frames =
            vec![drain(1, 2, 3), pong(None, None, 1, 2), pong(Some("1"), Some("2.5"), 1, 2), left("r", None)];
        for position in [None, position] {
            for reference in [None, Some(r#""x\"y""#)] {
                frames.push(joined("r", position, reference, "a"));
                frames.push(ack(reference.unwrap_or("1"), "r", position, r#""id""#));
            }
            frames.push(gap("r", position, None));
            frames.push(gap("r", None, position));
            for replayed in [false, true] {
                let head = Head { position, via: "b", tsub: 1, tout: 2, replayed };
                frames.push(head.encode(br#""room":"r","content":null}"#).unwrap());
            }
        }
        frames.extend(CODES.map(|code| error(code, Some("null"))));
        for frame in frames {
            let value: serde_json::Value = serde_json::from_str(&frame).unwrap_or_else(|e| panic!("{e} in {frame}"));
            assert!(value["type"].is_string() && frame.starts_with(r#"{"type":""#), "{frame}");
        }
    }

    #[test]
    fn inbound_frames_keep_what_has_to_pass_as_it_is() {
        let text = r#" {"type":"mess\u0061ge","content": {"a" : 1.0e2 } ,"ref":-1,"id":"x","unknown":[1]} "#;
        let inbound = Inbound::parse(text).unwrap();
        assert_eq!(inbound.kind(), "message");
        assert_eq!(inbound.content.map(RawValue::get), Some(r#"{"a" : 1.0e2 }"#));
        assert_eq!(inbound.reference(), Some("-1"));
        let long = format!(r#"{{"content":1,"ref":"{}"}}"#, "x".repeat(REFERENCE_BYTES));
        assert_eq!(Inbound::parse(&long).err(), Some(Code::Malformed));
    }

    #[test]
    fn any_text_is_read_or_refused() {
        use rand::{RngExt, SeedableRng, rngs::SmallRng};
        let mut rng = SmallRng::seed_from_u64(1);
        let seed = br#"{"type":"message","room":"r","content":{"a":[1,"\u00e4"]},"ref":1,"id":"x","t":1.5}"#;
        for _ in 0..100_000 {
            let mut bytes = seed.to_vec();
            for _ in 0..rng.random_range(0..4) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random_range(0..=127);
            }
            bytes.truncate(rng.random_range(0..=bytes.len()));
            if let Ok(inbound) = Inbound::parse(std::str::from_utf8(&bytes).unwrap()) {
                let _kind = inbound.kind();
            }
        }
    }
}
