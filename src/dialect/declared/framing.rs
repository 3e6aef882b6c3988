//! How messages stand in frames: several in one, with an end, as text or as bytes.

use memchr::memmem::Finder;

use super::message::Message;
use super::parameters::{Checked, Format};
use super::place::{Field, Place};
use crate::dialect::DialectError;
use crate::wire::Frame;

/// How messages stand in frames.
#[derive(Debug)]
pub(super) struct Framing {
    format: Format,
    split: Option<Finder<'static>>,
    /// Where a message of bytes says how many follow, if a frame may have several.
    length: Option<Field>,
    end: Option<String>,
    binary: bool,
}

impl Framing {
    pub(super) fn new(given: &Checked<'_>) -> Result<Self, DialectError> {
        let split = given.literal("framing.split")?;
        Ok(Self {
            format: given.format()?,
            split: split.map(|split| Finder::new(&split).into_owned()),
            length: length(given)?,
            end: given.literal("framing.end")?,
            binary: given.flag("framing.binary").unwrap_or(false),
        })
    }

    /// The frame that carries `message`.
    pub(super) fn frame(&self, mut message: String) -> Frame {
        message.push_str(self.end.as_deref().unwrap_or_default());
        if self.binary { Frame::Binary(message.into_bytes().into()) } else { Frame::text(message) }
    }

    /// Calls `each` with the messages of a frame: at least one.
    pub(super) fn messages<'a>(&self, frame: &'a [u8], each: &mut dyn FnMut(Message<'a>)) {
        let mut one = |message| match self.format {
            Format::Json => each(Message::json(message)),
            Format::Prefixed => each(Message::prefixed(message)),
            Format::Plain => each(Message::plain(message)),
            Format::Bytes => each(Message::bytes(message)),
        };
        if let Some(length) = &self.length {
            let mut rest = frame;
            while let Some(end) = length.end(rest).filter(|end| *end < rest.len()) {
                one(&rest[..end]);
                rest = &rest[end..];
            }
            // What has no length, or less than it says, is one message too, which most likely means nothing.
            return one(rest);
        }
        let Some(split) = &self.split else { return one(frame) };
        let (mut rest, mut any) = (frame, false);
        while let Some(at) = split.find(rest) {
            if at > 0 {
                any = true;
                one(&rest[..at]);
            }
            rest = &rest[at + split.needle().len()..];
        }
        if !rest.is_empty() || !any {
            one(rest);
        }
    }
}

/// Where a message says how many bytes follow.
fn length(given: &Checked<'_>) -> Result<Option<Field>, DialectError> {
    let wrong = |problem| Err(Checked::missing("framing.length", problem));
    match given.place("framing.length")? {
        None => Ok(None),
        Some(Place::Bytes(field)) if field.is_number() => Ok(Some(field)),
        Some(Place::Bytes(_)) => wrong("needs the width of the number, as in \"@0:u16\""),
        Some(Place::Json(_)) => wrong("is about bytes: it needs `format = \"bytes\"`; other messages have `split`"),
    }
}
