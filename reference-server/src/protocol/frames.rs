//! Every frame clients are told.

use std::{fmt::Write, sync::Arc};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::Code;
use crate::{config::Announce, history::Position, time::Rfc3339};

/// The part of a message its origin builds, which travels through the broker as it is.
pub(crate) struct Tail<'a> {
    pub(crate) to: To<'a>,
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

/// Whom a message is for.
#[derive(Clone, Copy)]
pub(crate) enum To<'a> {
    Room(&'a str),
    /// A JSON string.
    User(&'a str),
}

impl std::fmt::Display for To<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Room(room) => write!(f, r#""room":"{room}""#),
            Self::User(user) => write!(f, r#""user":{user}"#),
        }
    }
}

/// Whom a tail is for, if it is for a user: a JSON string.
pub(crate) fn addressee(tail: &[u8]) -> Option<&str> {
    string_at(tail.strip_prefix(br#""user":"#)?)
}

/// Whom an announcement is about: a JSON string.
pub(crate) fn subject(frame: &[u8]) -> Option<Arc<str>> {
    let key = br#","userId":"#;
    let at = memchr::memmem::find(frame, key)?;
    string_at(&frame[at + key.len()..]).map(Arc::from)
}

/// The JSON string these bytes begin with, quotes included.
fn string_at(bytes: &[u8]) -> Option<&str> {
    let mut escaped = false;
    let inside = bytes.strip_prefix(b"\"")?;
    let end = inside.iter().position(|&byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    std::str::from_utf8(&bytes[..end + 2]).ok()
}

impl Tail<'_> {
    /// Everything after the head, closing brace included.
    pub(crate) fn encode(&self) -> Bytes {
        let Self { to, id, from, origin, timestamp, tin, tpub, content } = self;
        let mut out = String::with_capacity(288 + id.len() + from.len() + content.len());
        write_to(
            &mut out,
            format_args!(
                r#"{to},"id":{id},"from":{from},"org":"{origin}","timestamp":"{timestamp}","tin":{tin},"tpub":{tpub},"content":{content}}}"#
            ),
        );
        Bytes::from(out)
    }
}

/// The part of a message the delivering instance builds.
pub(crate) struct Head<'a> {
    /// `message` or `notify`.
    pub(crate) kind: &'static str,
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
        let Self { kind, via, tsub, tout, .. } = self;
        write_to(&mut out, format_args!(r#"{{"type":"{kind}","#));
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
    pub(crate) announce: Announce,
    pub(crate) max_message: usize,
    pub(crate) broker: &'a str,
    pub(crate) history: bool,
}

impl Welcome<'_> {
    pub(crate) fn encode(&self) -> Utf8Bytes {
        let Self { instance, clock, user, ping_interval_ms, ping_timeout_ms, max_message, broker, history, .. } = self;
        let announce = match self.announce {
            Announce::Off => "0".to_owned(),
            Announce::Max(most) => most.to_string(),
            Announce::All => "null".to_owned(),
        };
        format!(
            r#"{{"type":"welcome","instance":"{instance}","clock":"{clock}","user":{user},"ping_interval_ms":{ping_interval_ms},"ping_timeout_ms":{ping_timeout_ms},"announce_max":{announce},"max_message":{max_message},"broker":"{broker}","history":{history}}}"#
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

/// The first event of a personal stream.
pub(crate) fn connected(timestamp: Rfc3339) -> Utf8Bytes {
    format!(r#"{{"type":"connected","timestamp":"{timestamp}"}}"#).into()
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
/// Without a room it is notifications that are missing.
pub(crate) fn gap(room: Option<&str>, before: Option<Position>, position: Option<Position>) -> Utf8Bytes {
    let mut out = String::from(r#"{"type":"gap","#);
    if let Some(room) = room {
        write_to(&mut out, format_args!(r#""room":"{room}","#));
    }
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

pub(super) fn push_position(out: &mut String, position: Option<Position>) {
    match position {
        Some(Position { offset, epoch }) => write_to(out, format_args!(r#""off":{offset},"ep":"{epoch}""#)),
        None => out.push_str(r#""off":null,"ep":null"#),
    }
}

pub(super) fn push_reference(out: &mut String, reference: Option<&str>) {
    if let Some(reference) = reference {
        write_to(out, format_args!(r#","ref":{reference}"#));
    }
}

pub(super) fn write_to(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Invariant: writing to a String fails only if a Display implementation does, and ours do not.
    out.write_fmt(arguments).expect("writing to a String cannot fail");
}
