//! The same protocol where there is no socket: a room as a stream of events or by long polls, publications as requests.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use url::form_urlencoded::byte_serialize;

use super::{Writer, meaning};
use crate::dialect::credentials::show_token_over_http;
use crate::dialect::quote::escaped_len;
use crate::dialect::{Event, Identity, Intent, Position};
use crate::wire::{Answer, Call, Method, Opening};

/// The one question that can be asked without a socket.
pub(super) const QUESTION: &str = "presence";

/// The stream of a room's events, or of the user's own.
pub(super) fn stream(identity: &Identity, room: Option<&str>, position: Option<&Position>) -> Opening {
    let path = room.map_or_else(|| "/api/events".to_owned(), |room| path("rooms", room, "events"));
    let mut opening = Opening { path, ..Opening::default() };
    if let Some(position) = position {
        opening.headers.push(("Last-Event-ID".to_owned(), written(position)));
    }
    show_token_over_http(identity, &mut opening);
    opening
}

/// The request that says `intent`; joining is a poll that is answered at once.
pub(super) fn call(identity: &Identity, intent: &Intent<'_>) -> Option<Call> {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let (path, query, body, reference) = match *intent {
        Intent::Join { room, position, reference } => {
            let at = position.map(|position| vec![pair("pos", written(position)), pair("timeout", "0".to_owned())]);
            (path("rooms", room, "poll"), at.unwrap_or_default(), None, reference)
        }
        Intent::Poll { room, position, reference } => {
            (path("rooms", room, "poll"), vec![pair("pos", written(position))], None, reference)
        }
        Intent::Publish { room, text, reference } => {
            (path("rooms", room, "messages"), Vec::new(), Some(content(text)), reference)
        }
        Intent::Notify { user, text, reference } => {
            (path("users", user, "notify"), Vec::new(), Some(content(text)), reference)
        }
        Intent::Ask { message, room, reference } if message == QUESTION => {
            (path("rooms", room, "presence"), Vec::new(), None, reference)
        }
        Intent::PublishAs { .. }
        | Intent::Ask { .. }
        | Intent::Auth { .. }
        | Intent::Leave { .. }
        | Intent::Heartbeat { .. } => return None,
    };
    let mut opening = Opening { path, query, ..Opening::default() };
    show_token_over_http(identity, &mut opening);
    let waits = matches!(intent, Intent::Join { .. } | Intent::Poll { .. });
    let method = if body.is_some() { Method::Post } else { Method::Get };
    Some(Call { method, opening, body, reference, waits })
}

fn path(of: &str, name: &str, what: &str) -> String {
    let name: String = byte_serialize(name.as_bytes()).collect();
    format!("/api/{of}/{}/{what}", name.replace('+', "%20"))
}

fn content(text: &str) -> Bytes {
    let mut out = Writer::with_capacity(r#"{"content":""}"#.len() + escaped_len(text));
    out.raw(r#"{"content":""#).text(text).raw("\"}");
    Bytes::from(out.0)
}

fn written(position: &Position) -> String {
    format!("{}:{}", position.epoch, position.offset)
}

/// A position as ids of events and polls have it.
pub(super) fn read(position: &str) -> Option<Position> {
    let (epoch, offset) = position.rsplit_once(':')?;
    Some(Position { offset: offset.parse().ok()?, epoch: Arc::from(epoch) })
}

#[derive(Deserialize)]
struct Poll<'a> {
    #[serde(borrow)]
    pos: Cow<'a, str>,
    #[serde(borrow)]
    instance: Option<Cow<'a, str>>,
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
}

/// What an answer means.
pub(super) fn answered(answer: &Answer, emit: &mut dyn FnMut(Event<'_>)) {
    let reference = answer.reference;
    let Ok(response) = &answer.outcome else { return emit(Event::Unknown) };
    if !(200..300).contains(&response.status) {
        let refusal = serde_json::from_slice::<Refusal<'_>>(&response.body);
        let code = refusal.map_or(Cow::Borrowed("refused"), |refusal| refusal.code);
        let unconfirmed = code == "unconfirmed" || response.status == 504;
        return emit(Event::Refused { reference: Some(reference), code: &code, unconfirmed });
    }
    let Ok(poll) = serde_json::from_slice::<Poll<'_>>(&response.body) else {
        return emit(Event::Acked { reference });
    };
    let Some(position) = read(&poll.pos) else { return emit(Event::Unknown) };
    emit(Event::Polled { reference, position, instance: poll.instance.as_deref() });
    for event in poll.events {
        meaning(event.get().as_bytes(), emit);
    }
}

/// What the headers of a stream say about the server, as a welcome does on a socket.
pub(super) fn introduce(headers: &[(String, String)], emit: &mut dyn FnMut(Event<'_>)) {
    let header = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let millis = |name: &str| header(name).and_then(|value| value.parse().ok()).map(Duration::from_millis);
    let interval = millis("x-wsbench-ping-interval-ms");
    emit(Event::Welcome {
        instance: header("x-wsbench-instance"),
        clock: header("x-wsbench-clock"),
        ping_interval: interval,
        ping_timeout: interval,
    });
}

#[cfg(test)]
mod tests;
