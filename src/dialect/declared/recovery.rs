//! How a conversation is gone on with, as a file declares it: the key `recover`.

use std::sync::Arc;

use super::message::Message;
use super::parameters::Checked;
use super::pointer::{Pointer, plain_text};
use super::rules::{self, When};
use crate::dialect::DialectError;
use crate::dialect::quote::push_escaped;
use crate::dialect::recovering::{Cursor, Recovery};
use crate::wire::Frame;

/// Where the conversation's name and the last position stand, and what they are called in a greeting.
#[derive(Debug)]
struct Places {
    session: Pointer,
    session_as: String,
    positioned: When,
    last_as: String,
}

/// What `given` declares, if it declares anything.
pub(super) fn recovery(given: &Checked<'_>) -> Result<Option<Arc<dyn Recovery>>, DialectError> {
    if !given.has("recover") {
        return Ok(None);
    }
    let missing = |key: &str| Checked::missing(&format!("recover.{key}"), "is missing");
    Ok(Some(Arc::new(Places {
        session: given.pointer("recover.session")?.ok_or_else(|| missing("session"))?,
        session_as: given.literal("recover.session_as")?.ok_or_else(|| missing("session_as"))?,
        positioned: given.when("recover")?.ok_or_else(|| missing("when"))?,
        last_as: given.literal("recover.last_as")?.ok_or_else(|| missing("last_as"))?,
    })))
}

impl Recovery for Places {
    fn greeting(&self, greeting: Frame, cursor: &Cursor) -> Frame {
        let message = Message::prefixed(greeting.bytes());
        let (before, json) = (String::from_utf8_lossy(message.prefix), String::from_utf8_lossy(message.json));
        let mut out = format!("{before}{{");
        for (at, (name, value)) in
            [(&self.session_as, &cursor.session), (&self.last_as, &cursor.last)].iter().enumerate()
        {
            out.push_str(if at == 0 { "\"" } else { ",\"" });
            push_escaped(&mut out, name);
            out.push_str("\":\"");
            push_escaped(&mut out, value);
            out.push('"');
        }
        match json.trim().strip_prefix('{').map(str::trim_start) {
            None | Some("}" | "") => out.push('}'),
            Some(rest) => {
                out.push(',');
                out.push_str(rest);
            }
        }
        Frame::text(out)
    }

    fn session<'f>(&self, frame: &'f Frame) -> Option<&'f str> {
        self.session.find(Message::prefixed(frame.bytes()).json).and_then(rules::name)
    }

    fn last<'f>(&self, frame: &'f Frame) -> Option<&'f str> {
        let message = Message::prefixed(frame.bytes());
        if !self.positioned.holds(&message) {
            return None;
        }
        let elements = message.json.trim_ascii_end().strip_suffix(b"]")?.trim_ascii_end();
        let start = memchr::memrchr(b'"', elements.strip_suffix(b"\"")?)?;
        // The event's own name is no position, and neither is a text that an escaped quote ends.
        let before = elements[..start].trim_ascii_end();
        before.ends_with(b",").then(|| plain_text(&elements[start..]))?
    }
}
