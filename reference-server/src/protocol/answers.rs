//! Answers to questions: what was published, what was missed, what a room remembers, who is in it.

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::frames::{push_position, push_reference, write_to};
use crate::{broker::presence::Roster, history::Position};

/// The answer to a publication over HTTP.
pub(crate) fn published(position: Option<Position>, id: &str) -> String {
    let mut out = String::from("{");
    push_position(&mut out, position);
    write_to(&mut out, format_args!(r#","id":{id}}}"#));
    out
}

/// The last messages of a room, oldest first.
pub(crate) fn history(
    room: &str,
    position: Option<Position>,
    reference: Option<&str>,
    messages: &[Utf8Bytes],
) -> Utf8Bytes {
    let mut out = format!(r#"{{"type":"history","room":"{room}","#);
    push_position(&mut out, position);
    push_reference(&mut out, reference);
    let messages: Vec<&str> = messages.iter().map(Utf8Bytes::as_str).collect();
    write_to(&mut out, format_args!(r#","messages":[{}]}}"#, messages.join(",")));
    out.into()
}

/// Who is in a room, over HTTP.
pub(crate) fn roster(room: &str, roster: &Roster) -> String {
    let mut out = String::from("{");
    push_roster(&mut out, room, None, roster);
    out
}

/// Who is in a room, as a frame.
pub(crate) fn presence(room: &str, reference: Option<&str>, roster: &Roster) -> Utf8Bytes {
    let mut out = String::from(r#"{"type":"presence","#);
    push_roster(&mut out, room, reference, roster);
    out.into()
}

fn push_roster(out: &mut String, room: &str, reference: Option<&str>, roster: &Roster) {
    let Roster { users, connections, members } = roster;
    write_to(out, format_args!(r#""room":"{room}""#));
    push_reference(out, reference);
    let (whole, members) = (members.len() == *connections, members.join(","));
    write_to(
        out,
        format_args!(r#","users":{users},"connections":{connections},"complete":{whole},"members":[{members}]}}"#),
    );
}

/// The answer to a poll.
pub(crate) fn batch(room: &str, position: Option<Position>, events: &[String], instance: &str) -> String {
    let events = events.join(",");
    match position {
        Some(position) => {
            format!(r#"{{"room":"{room}","pos":"{position}","instance":"{instance}","events":[{events}]}}"#)
        }
        None => format!(r#"{{"room":"{room}","pos":null,"instance":"{instance}","events":[{events}]}}"#),
    }
}
