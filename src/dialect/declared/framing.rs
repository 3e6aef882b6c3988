//! How messages stand in frames: several in one, with an end, as text or as bytes.

use memchr::memmem::Finder;

use super::message::Message;
use super::parameters::{Checked, Format};
use crate::dialect::DialectError;
use crate::wire::Frame;

/// How messages stand in frames.
#[derive(Debug)]
pub(super) struct Framing {
    format: Format,
    split: Option<Finder<'static>>,
    end: Option<String>,
    binary: bool,
}

impl Framing {
    pub(super) fn new(given: &Checked<'_>) -> Result<Self, DialectError> {
        let split = given.literal("framing.split")?;
        Ok(Self {
            format: given.format()?,
            split: split.map(|split| Finder::new(&split).into_owned()),
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
        };
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
