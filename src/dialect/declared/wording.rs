//! How a message that is said is written: as text, or as bytes.

use super::framing::Framing;
use super::octets::Octets;
use super::parameters::Format;
use super::slot::{Slot, Values, Vocabulary};
use super::template::Template;
use crate::wire::Frame;

/// A compiled message of either kind.
#[derive(Clone, Debug)]
pub(super) enum Wording {
    Text(Template),
    Bytes(Octets),
}

impl Wording {
    /// The message that `text` describes, as messages are where `format` is spoken.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(format: Format, text: &str, words: Vocabulary<'_>) -> Result<Self, String> {
        match format {
            Format::Json => Template::json(text, words).map(Self::Text),
            Format::Prefixed => Template::prefixed(text, words).map(Self::Text),
            Format::Plain => Template::plain(text, words).map(Self::Text),
            Format::Bytes => Octets::new(text, words).map(Self::Bytes),
        }
    }

    /// Whether it names `slot`.
    pub(super) fn names(&self, slot: Slot) -> bool {
        match self {
            Self::Text(template) => template.names(slot),
            Self::Bytes(octets) => octets.names(slot),
        }
    }

    /// Whether what is filled in holds the marker.
    pub(super) fn carries_marker(&self) -> bool {
        self.names(Slot::Marker) || self.names(Slot::Text)
    }

    /// The frame that says it with `values` filled in; `None` where one of them does not fit its place.
    pub(super) fn frame(&self, framing: &Framing, values: &Values<'_>) -> Option<Frame> {
        match self {
            Self::Text(template) => Some(framing.frame(template.render(values))),
            Self::Bytes(octets) => Some(Frame::Binary(octets.render(values)?.into())),
        }
    }
}
