//! Where in a message something stands: at a JSON Pointer, or at so many bytes from its begin.

use std::borrow::Cow;

use super::message::Message;
use super::parameters::Format;
use super::pointer::Pointer;
use super::rules;
use super::width::Width;

/// A place in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Json(Pointer),
    Bytes(Field),
}

/// Some bytes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    at: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number(Width),
    /// A text of so many bytes, zero bytes at its end left out.
    Text(usize),
    /// All that follows, as a text.
    Rest,
}

/// The offset that `text` gives: `@4`.
///
/// # Errors
/// When it gives none.
pub(super) fn offset(text: &str) -> Result<usize, String> {
    let digits = text.strip_prefix('@').and_then(|digits| digits.parse().ok());
    digits.ok_or_else(|| format!("{text:?} is no place in bytes; it is written \"@4\", counted from 0"))
}

impl Place {
    /// The place that `text` names in messages of this format.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(format: Format, text: &str) -> Result<Self, String> {
        if format != Format::Bytes {
            return Pointer::new(text).map(Self::Json);
        }
        let (at, kind) = match text.split_once(':') {
            None => (offset(text)?, Kind::Rest),
            Some((at, kind)) => match kind.parse() {
                Ok(length) => (offset(at)?, Kind::Text(length)),
                Err(_) => (offset(at)?, Kind::Number(Width::named(kind)?)),
            },
        };
        Ok(Self::Bytes(Field { at, kind }))
    }

    /// The number that stands there.
    pub(super) fn number(&self, message: &Message<'_>) -> Option<u64> {
        match self {
            Self::Json(pointer) => pointer.find(message.json).and_then(rules::reference),
            Self::Bytes(field) => field.number(message.whole),
        }
    }

    /// The name or code that stands there.
    pub(super) fn name<'a>(&self, message: &Message<'a>) -> Option<Cow<'a, str>> {
        match self {
            Self::Json(pointer) => pointer.find(message.json).and_then(rules::name).map(Cow::Borrowed),
            Self::Bytes(field) => match field.number(message.whole) {
                Some(number) => Some(Cow::Owned(number.to_string())),
                None => field.text(message.whole).map(Cow::Borrowed),
            },
        }
    }

    /// Whether what stands there is an error.
    pub(super) fn is_error(&self, message: &Message<'_>) -> bool {
        match self {
            Self::Json(pointer) => pointer.find(message.json).is_some_and(rules::is_error),
            Self::Bytes(field) => match field.number(message.whole) {
                Some(number) => number != 0,
                None => field.text(message.whole).is_some_and(|text| !text.is_empty()),
            },
        }
    }
}

impl Field {
    /// Where a message ends that `bytes` begin with, as the number here counts what follows it.
    pub(super) fn end(&self, bytes: &[u8]) -> Option<usize> {
        let Kind::Number(width) = self.kind else { return None };
        let (number, taken) = width.read(bytes.get(self.at..)?)?;
        let end = usize::try_from(number).ok()?.checked_add(self.at + taken)?;
        (end <= bytes.len()).then_some(end)
    }

    /// Whether a number stands there.
    pub(super) fn is_number(&self) -> bool {
        matches!(self.kind, Kind::Number(_))
    }

    fn number(&self, bytes: &[u8]) -> Option<u64> {
        let Kind::Number(width) = self.kind else { return None };
        width.read(bytes.get(self.at..)?).map(|(number, _)| number)
    }

    fn text<'a>(&self, bytes: &'a [u8]) -> Option<&'a str> {
        let text = match self.kind {
            Kind::Number(_) => None,
            Kind::Text(length) => bytes.get(self.at..self.at.checked_add(length)?),
            Kind::Rest => bytes.get(self.at..),
        }?;
        let end = text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        std::str::from_utf8(&text[..end]).ok()
    }
}

/// The number that stands at `place`, if one does.
pub(super) fn number(place: &Option<Place>, message: &Message<'_>) -> Option<u64> {
    place.as_ref().and_then(|place| place.number(message))
}

/// The name or code that stands at `place`, if one does.
pub(super) fn name<'a>(place: &Option<Place>, message: &Message<'a>) -> Option<Cow<'a, str>> {
    place.as_ref().and_then(|place| place.name(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Result<Place, String> {
        Place::new(Format::Bytes, text)
    }

    #[test]
    fn numbers_and_texts_are_read_where_they_stand() {
        let message = Message::bytes(b"\0\x09\x02r1\0\0\xff");
        let number = |text: &str| bytes(text).unwrap().number(&message);
        let name = |text: &str| bytes(text).unwrap().name(&message).map(Cow::into_owned);
        assert_eq!((number("@0:u16"), number("@0:u16le"), number("@2:u8")), (Some(9), Some(0x900), Some(2)));
        assert_eq!((number("@7:u16"), number("@3:2"), number("@9:u8")), (None, None, None));
        assert_eq!((name("@3:4").as_deref(), name("@2:u8").as_deref(), name("@3")), (Some("r1"), Some("2"), None));
        assert_eq!(name("@3:18446744073709551615"), None, "beyond the end");
        let fails = |text: &str| bytes(text).unwrap().is_error(&message);
        assert!(fails("@2:u8") && !fails("@0:u8") && fails("@3:4") && !fails("@5:2") && !fails("@20"));
    }

    #[test]
    fn what_is_no_place_is_told() {
        let problem = |text: &str| bytes(text).unwrap_err();
        assert!(problem("/id").contains("\"@4\""), "{}", problem("/id"));
        assert!(problem("@x:u8").contains("\"@4\""), "{}", problem("@x:u8"));
        assert!(problem("@4:u24").contains("there are: u8, u16"), "{}", problem("@4:u24"));
        assert!(Place::new(Format::Json, "@4").unwrap_err().contains("JSON Pointer"));
    }
}
