//! The bundled room server's protocol: JSON text frames, numbered requests, per-room offsets.
//!
//! Deliveries and acknowledgements, which come by the thousand, are read by one forward scan over the keys the server
//! writes (`scan`); everything else, and anything that does not look as expected, goes through a JSON parser.

use serde_json::Value;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::credentials::show_token;
use super::quote::{escaped_len, push_escaped};
use super::scan;
use super::{
    AuthStyle, Delivery, Dialect, DialectEntry, DialectError, Event, Habits, Identity, Intent, Parameters, Position,
    Question, Reading, Signs, Stamps,
};
use crate::observe::TransportKind;
use crate::wire::{Call, Frame, Opening};

mod http;
mod told;

pub(super) const ENTRY: DialectEntry = DialectEntry {
    name: "room",
    help: "the bundled room server (wsbench serve)",
    keys: &[],
    file: None,
    signs: Some(Signs {
        called: "the room server of wsbench",
        messages: &[("{\"type\":\"welcome\",\"instance\":", "\"clock\":")],
    }),
    make,
};

fn make(parameters: &Parameters) -> Result<Arc<dyn Dialect>, DialectError> {
    match parameters.keys().next() {
        None => Ok(Arc::new(Room)),
        Some(key) => {
            let problem = "the dialect \"room\" takes no parameters".to_owned();
            Err(DialectError::Parameter { key: key.clone(), problem })
        }
    }
}

/// What can be asked: the name, which is also its frame's type, and whether it is about a room.
const QUESTIONS: [(&str, bool); 3] = [("history", true), ("presence", true), ("ping", false)];

/// The protocol; it has no state.
#[derive(Debug)]
struct Room;

impl Dialect for Room {
    fn name(&self) -> &'static str {
        "room"
    }

    fn habits(&self) -> Habits {
        Habits {
            sender_hears_itself: true,
            acknowledges_joins: true,
            tells_joins: true,
            acknowledges_messages: true,
            acknowledges_auth: true,
            welcomes: true,
            answers_welcome: false,
            heartbeat: None,
        }
    }

    fn usual_auth(&self) -> AuthStyle {
        AuthStyle::FirstMessage
    }

    fn opening(&self, identity: &Identity) -> Opening {
        let mut opening = Opening { path: "/ws".to_owned(), ..Opening::default() };
        show_token(identity, &mut opening);
        opening
    }

    fn encode(&self, intent: &Intent<'_>) -> Option<Frame> {
        let text = match *intent {
            Intent::Auth { identity } => {
                if identity.auth != AuthStyle::FirstMessage {
                    return None;
                }
                // Without a token an empty one: the server's refusal comes at once and says why.
                let token = identity.token.as_deref().unwrap_or_default();
                let mut out = Writer::with_capacity(r#"{"type":"auth","token":""}"#.len() + escaped_len(token));
                out.raw(r#"{"type":"auth","token":""#).text(token).raw("\"}");
                out.0
            }
            Intent::Join { room, position, reference } => join(room, position, reference),
            Intent::Leave { room, reference } => {
                let mut out = Writer::with_capacity(64 + escaped_len(room));
                out.raw(r#"{"type":"leave","room":""#).text(room).raw(r#"","ref":"#).number(reference).raw("}");
                out.0
            }
            Intent::Publish { room, text, reference } => publish(room, text, reference),
            Intent::Ask { message, room, reference } => ask(message, room, reference)?,
            Intent::Poll { .. } | Intent::Notify { .. } | Intent::PublishAs { .. } | Intent::Heartbeat { .. } => {
                return None;
            }
        };
        Some(Frame::text(text))
    }

    fn speaks(&self, _kind: TransportKind) -> bool {
        true
    }

    fn stream(&self, identity: &Identity, room: Option<&str>, position: Option<&Position>) -> Option<Opening> {
        Some(http::stream(identity, room, position))
    }

    fn call(&self, identity: &Identity, intent: &Intent<'_>, _now: u64) -> Option<Call> {
        http::call(identity, intent)
    }

    fn position(&self, event_id: &str) -> Option<Position> {
        http::read(event_id)
    }

    fn questions(&self, kind: TransportKind) -> Vec<Question> {
        let asked = |name: &str| kind == TransportKind::WebSocket || name == http::QUESTION;
        let question = |(name, names_room): (&str, bool)| Question { name: name.to_owned(), names_room };
        QUESTIONS.into_iter().filter(|(name, _)| asked(name)).map(question).collect()
    }

    fn introduce(&self, headers: &[(String, String)], emit: &mut dyn FnMut(Event<'_>)) {
        http::introduce(headers, emit);
    }

    fn decode(&self, frame: &Frame, emit: &mut dyn FnMut(Event<'_>)) {
        match frame {
            Frame::Answer(answer) => http::answered(answer, emit),
            frame => meaning(frame.bytes(), emit),
        }
    }

    fn readings(&self, frame: &Frame) -> Vec<Reading> {
        told::readings(frame)
    }
}

/// What a frame of the server's means, wherever it comes from.
fn meaning(bytes: &[u8], emit: &mut dyn FnMut(Event<'_>)) {
    if let Some(delivery) = scan::message(bytes) {
        emit(Event::Delivery(delivery));
    } else if let Some(reference) = scan::ack(bytes) {
        emit(Event::Acked { reference });
    } else if let Some(reference) = scan::reply(bytes) {
        emit(Event::Reply { reference: Some(reference) });
    } else if bytes.starts_with(br#"{"type":"user."#) {
        emit(Event::Presence);
    } else {
        parse(bytes, emit);
    }
}

fn join(room: &str, position: Option<&Position>, reference: u64) -> String {
    let mut out = Writer::with_capacity(96 + escaped_len(room));
    out.raw(r#"{"type":"join","room":""#).text(room).raw(r#"","ref":"#).number(reference);
    if let Some(position) = position {
        out.raw(r#","off":"#).number(position.offset).raw(r#","ep":""#).text(&position.epoch).raw("\"");
    }
    out.raw("}");
    out.0
}

/// A question; nothing if this protocol has none of that name.
fn ask(message: &str, room: &str, reference: u64) -> Option<String> {
    let (kind, names_room) = QUESTIONS.into_iter().find(|(name, _)| *name == message)?;
    let mut out = Writer::with_capacity(64 + escaped_len(room));
    out.raw(r#"{"type":""#).raw(kind);
    if names_room {
        out.raw(r#"","room":""#).text(room);
    }
    out.raw(r#"","ref":"#).number(reference).raw("}");
    Some(out.0)
}

/// The one frame written by the thousand: its length is exact, so that it moves into the socket's queue as it is.
fn publish(room: &str, text: &str, reference: u64) -> String {
    const FIXED: usize = r#"{"type":"message","room":"","ref":,"content":""}"#.len();
    let digits = reference.checked_ilog10().unwrap_or(0) as usize + 1;
    let mut out = Writer::with_capacity(FIXED + digits + escaped_len(room) + escaped_len(text));
    out.raw(r#"{"type":"message","room":""#).text(room).raw(r#"","ref":"#).number(reference);
    out.raw(r#","content":""#).text(text).raw("\"}");
    out.0
}

/// A frame being written.
struct Writer(String);

impl Writer {
    fn with_capacity(capacity: usize) -> Self {
        Self(String::with_capacity(capacity))
    }

    fn raw(&mut self, json: &str) -> &mut Self {
        self.0.push_str(json);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        push_escaped(&mut self.0, text);
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        let written = write!(self.0, "{number}");
        debug_assert!(written.is_ok(), "a string takes every number");
        self
    }
}

/// Everything that does not come by the thousand.
fn parse(bytes: &[u8], emit: &mut dyn FnMut(Event<'_>)) {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return emit(Event::Unknown) };
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let number = |key: &str| value.get(key).and_then(Value::as_u64);
    let millis = |key: &str| number(key).map(Duration::from_millis);
    let position = || {
        let epoch = Arc::from(text("ep").unwrap_or_default());
        number("off").map(|offset| Position { offset, epoch })
    };
    emit(match text("type").unwrap_or_default() {
        "message" | "notify" => Event::Delivery(parsed_message(&value, bytes)),
        "ack" => number("ref").map_or(Event::Reply { reference: None }, |reference| Event::Acked { reference }),
        "auth.success" => Event::AuthAccepted,
        "welcome" => Event::Welcome {
            instance: text("instance"),
            clock: text("clock"),
            ping_interval: millis("ping_interval_ms"),
            ping_timeout: millis("ping_timeout_ms"),
        },
        "connected" => Event::Joined { reference: None, room: None, position: None, instance: None },
        "joined" => Event::Joined {
            reference: number("ref"),
            room: text("room"),
            position: position(),
            instance: text("instance"),
        },
        "error" => {
            let code = text("code").unwrap_or("unspecified");
            Event::Refused { reference: number("ref"), code, unconfirmed: code == "unconfirmed" }
        }
        "user.joined" | "user.left" => Event::Presence,
        "left" | "presence" | "history" => Event::Reply { reference: number("ref") },
        "pong" => match number("ref") {
            None => Event::Heartbeat { answer: None },
            reference => Event::Reply { reference },
        },
        "drain" => Event::Drain {
            min: millis("retry_min_ms").unwrap_or_default(),
            max: millis("retry_max_ms").or(millis("retry_min_ms")).unwrap_or_default(),
        },
        "gap" => Event::Gap { room: text("room") },
        _ => Event::Unknown,
    });
}

/// A delivery whose keys are not written as the bundled server writes them.
fn parsed_message<'a>(value: &Value, bytes: &'a [u8]) -> Delivery<'a> {
    let number = |key: &str| value.get(key).and_then(Value::as_u64);
    let stamps = || {
        Some(Stamps {
            ingress: number("tin")?,
            published: number("tpub")?,
            subscribed: number("tsub")?,
            fanned_out: number("tout")?,
        })
    };
    Delivery { body: bytes, stamps: stamps(), offset: number("off"), replayed: number("rp") == Some(1) }
}

#[cfg(test)]
mod tests;
