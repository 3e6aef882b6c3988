//! How things are shown: a line for people, or an object a line for programs.

use serde_json::{Map, Value, json};
use std::time::Duration;

use super::escape;
use super::item::{Item, Message};
use crate::observe::Hop;
use crate::time::nanos;
use crate::ui::{Palette, printable};
use crate::units::human;

/// What goes to stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Ndjson,
}

/// Whether JSON is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// On one line.
    Flat,
    /// On several, indented.
    Pretty,
}

/// An item as a line for people. `to` is the client it happened to, where there
/// is more than one.
pub(super) fn line(item: &Item, to: Option<&str>, palette: &Palette, layout: Layout) -> String {
    let Palette { good, bad, warn, dim, .. } = *palette;
    let quiet = |words: String| format!("{dim}{words}{}", dim.render_reset());
    let words = match item {
        Item::Message(message) => said(message, palette, layout),
        Item::Connected { kind, took } => quiet(format!("connected by {} in {}", kind.name(), time(*took))),
        Item::Back { kind, down } => quiet(format!("back by {} after {}", kind.name(), time(*down))),
        Item::Missed { words } => quiet(format!("not back yet: {}", printable(words))),
        Item::Hint { called, dialect } => quiet(format!("looks like {called}: /dialect {dialect}")),
        Item::Joined { room, instance } => {
            let on = instance.as_ref().map(|name| format!(" on instance {}", printable(name))).unwrap_or_default();
            format!("{good}joined {}{on}{}", printable(room), good.render_reset())
        }
        Item::Refused { what, code, words } => {
            let code = if code.is_empty() { String::new() } else { format!(": {}", printable(code)) };
            let words = words.as_ref().map(|words| format!(" ({})", printable(words))).unwrap_or_default();
            format!("{bad}refused{} {}{code}{words}", bad.render_reset(), printable(what))
        }
        Item::Presence { room, user, came } => {
            let verb = if *came { "came into" } else { "left" };
            quiet(format!("{} {verb} {}", printable(user), printable(room)))
        }
        Item::Acked { took, .. } => quiet(format!("  acknowledged after {}", time(*took))),
        Item::Answered { question, took } => format!("{question}: {}", time(*took)),
        Item::Frame(frame) => format!("{dim}frame{} {}", dim.render_reset(), text(frame, layout)),
        Item::Ended { words, .. } => format!("{warn}{}{}", printable(words), warn.render_reset()),
        Item::Failed { words } => format!("{bad}not connected{}: {}", bad.render_reset(), printable(words)),
    };
    let to = to.map(|to| format!("[{}] ", printable(to))).unwrap_or_default();
    format!("{to}{words}")
}

fn said(message: &Message, palette: &Palette, layout: Layout) -> String {
    let Palette { head, dim, .. } = *palette;
    let room = message.room.as_ref().map(|room| format!("{} ", printable(room))).unwrap_or_default();
    let from = match &message.from {
        Some(from) => format!("{head}{}:{} ", printable(from), head.render_reset()),
        None => "< ".to_owned(),
    };
    let mut notes = Vec::new();
    match (&message.origin, &message.instance) {
        (Some(origin), Some(via)) if message.hop == Hop::Cross => {
            notes.push(format!("{} > {} cross", printable(origin), printable(via)));
        }
        (_, Some(via)) if message.hop == Hop::Same => notes.push(format!("{} same", printable(via))),
        (_, Some(via)) => notes.push(printable(via).into_owned()),
        _ => {}
    }
    notes.extend(message.delay.map(time));
    if message.replayed {
        notes.push("replayed".to_owned());
    }
    let notes = notes.join(", ");
    let tail = if notes.is_empty() { notes } else { format!("  {dim}({notes}){}", dim.render_reset()) };
    format!("{room}{from}{}{tail}", text(&message.text, layout))
}

fn text(text: &str, layout: Layout) -> String {
    let laid_out = if layout == Layout::Pretty { escape::pretty(text) } else { None };
    laid_out.unwrap_or_else(|| escape::text(text))
}

/// A duration for eyes.
pub(super) fn time(took: Duration) -> String {
    human::duration(nanos(took))
}

/// An item as an object for programs. Times are in nanoseconds.
pub(super) fn object(item: &Item, to: &str) -> Value {
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            object.insert(key.to_owned(), value);
        }
    };
    let kind = match item {
        Item::Message(message) => {
            put("room", json!(message.room));
            put("from", json!(message.from));
            put("text", json!(message.text));
            put("origin", json!(message.origin));
            put("instance", json!(message.instance));
            put("hop", json!(message.hop.name()));
            put("delay_ns", json!(message.delay.map(nanos)));
            put("own", json!(message.own));
            put("replayed", json!(message.replayed));
            put("id", json!(message.id));
            "message"
        }
        Item::Connected { kind, took } => {
            put("transport", json!(kind.name()));
            put("took_ns", json!(nanos(*took)));
            "connected"
        }
        Item::Back { kind, down } => {
            put("transport", json!(kind.name()));
            put("down_ns", json!(nanos(*down)));
            "back"
        }
        Item::Missed { words } => {
            put("words", json!(words));
            "missed"
        }
        Item::Hint { called, dialect } => {
            put("words", json!(called));
            put("dialect", json!(dialect));
            "hint"
        }
        Item::Joined { room, instance } => {
            put("room", json!(room));
            put("instance", json!(instance));
            "joined"
        }
        Item::Refused { what, code, words } => {
            put("what", json!(what));
            put("code", json!(code));
            put("words", json!(words));
            "refused"
        }
        Item::Presence { room, user, came } => {
            put("room", json!(room));
            put("user", json!(user));
            if *came { "arrival" } else { "departure" }
        }
        Item::Acked { room, took } => {
            put("room", json!(room));
            put("took_ns", json!(nanos(*took)));
            "ack"
        }
        Item::Answered { question, took } => {
            put("question", json!(question));
            put("took_ns", json!(nanos(*took)));
            "answer"
        }
        Item::Frame(text) => {
            put("text", json!(text));
            "frame"
        }
        Item::Ended { words, .. } => {
            put("words", json!(words));
            "ended"
        }
        Item::Failed { words } => {
            put("words", json!(words));
            "failed"
        }
    };
    put("kind", json!(kind));
    put("to", json!(to));
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            room: Some("lobby".to_owned()),
            from: Some("bob".to_owned()),
            text: "hi\u{1b}[2J".to_owned(),
            origin: Some("a".to_owned()),
            instance: Some("b".to_owned()),
            hop: Hop::Cross,
            delay: Some(Duration::from_micros(1_230)),
            own: false,
            replayed: false,
            id: None,
        }
    }

    #[test]
    fn a_delivery_shows_instance_hop_and_delay() {
        let item = Item::Message(Box::new(message()));
        let shown = line(&item, None, &Palette::plain(), Layout::Flat);
        assert_eq!(shown, "lobby bob: hi\\u{1b}[2J  (a > b cross, 1.23 ms)");
        let shown = line(&item, Some("ada"), &Palette::plain(), Layout::Flat);
        assert!(shown.starts_with("[ada] lobby bob: "), "{shown}");
    }

    #[test]
    fn a_program_gets_what_it_needs_and_nothing_that_is_not_known() {
        let object = object(&Item::Message(Box::new(message())), "ada");
        assert_eq!(object["delay_ns"], 1_230_000);
        assert_eq!(
            (&object["kind"], &object["hop"], &object["to"]),
            (&json!("message"), &json!("cross"), &json!("ada"))
        );
        assert_eq!(object.get("id"), None);
    }
}
