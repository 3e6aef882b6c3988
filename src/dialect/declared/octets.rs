//! Messages that are bytes: hexadecimal digits with placeholders between them, compiled once. Numbers have a width, lengths
//! count what is there when it is said.

use super::slot::{Named, Slot, Values, Vocabulary};
use super::width::{Width, hex};

#[derive(Clone, Copy, Debug)]
enum Number {
    /// A value that is one.
    Value(Slot),
    /// How many bytes a text has.
    LengthOf(Slot),
    /// How many bytes of the message follow.
    Rest,
    /// How many bytes the message has.
    Whole,
}

#[derive(Clone, Debug)]
enum Piece {
    Literal(Vec<u8>),
    Text(Slot),
    /// A text and as many zero bytes as make this length.
    Padded(Slot, usize),
    Number(Number, Width),
}

/// A compiled message.
#[derive(Clone, Debug)]
pub(super) struct Octets {
    pieces: Vec<Piece>,
    /// It names the marker by itself: its text is what follows the marker.
    parts_marker: bool,
}

impl Octets {
    /// The message that `text` describes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(text: &str, words: Vocabulary<'_>) -> Result<Self, String> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            let (inside, after) = after.split_once("}}").ok_or("has \"{{\" without \"}}\"")?;
            pieces.push(Piece::Literal(hex(before)?));
            pieces.push(Piece::new(inside.trim(), words)?);
            rest = after;
        }
        pieces.push(Piece::Literal(hex(rest)?));
        let mut octets = Self { pieces, parts_marker: false };
        octets.parts_marker = octets.names(Slot::Marker);
        Ok(octets)
    }

    /// Whether it names `slot`.
    pub(super) fn names(&self, slot: Slot) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Text(named) | Piece::Padded(named, _) | Piece::Number(Number::Value(named), _) => *named == slot,
            Piece::Literal(_) | Piece::Number(..) => false,
        })
    }

    /// The bytes with `values` filled in; `None` where one of them does not fit its place.
    pub(super) fn render(&self, values: &Values<'_>) -> Option<Vec<u8>> {
        let values = if self.parts_marker { &values.without_marker() } else { values };
        // How much follows a piece is known from the last one on.
        let mut follows = Vec::with_capacity(self.pieces.len());
        let mut whole = 0;
        for piece in self.pieces.iter().rev() {
            follows.push(whole);
            whole += piece.len(values, whole);
        }
        let mut out = Vec::with_capacity(whole);
        for (piece, follows) in self.pieces.iter().zip(follows.iter().rev()) {
            piece.write(values, (*follows, whole), &mut out)?;
        }
        Some(out)
    }
}

impl Piece {
    /// What stands between braces: `ref:u32`, `room:8`, `bytes.room:u8`, `text`.
    fn new(inside: &str, words: Vocabulary<'_>) -> Result<Self, String> {
        let (name, form) = match inside.split_once(':') {
            Some((name, form)) => (name.trim(), Some(form.trim())),
            None => (inside, None),
        };
        let wide = |number: Number| match form {
            Some(form) => Ok(Self::Number(number, Width::named(form)?)),
            None => Err(format!("{{{{{name}}}}} is a number and needs a width, as in {{{{{name}:u32}}}}")),
        };
        match (name, name.strip_prefix("bytes.")) {
            ("rest", _) => return wide(Number::Rest),
            ("whole", _) if form == Some("varint") => return Err("{{whole}} needs a width of its own".to_owned()),
            ("whole", _) => return wide(Number::Whole),
            (_, Some(of)) => return wide(Number::LengthOf(text_slot(of, words)?)),
            _ => {}
        }
        let slot = match words.find(name)? {
            Named::Slot(slot) => slot,
            Named::Saved(_) => return Err("bytes cannot be saved".to_owned()),
        };
        match (slot, form) {
            (slot, _) if slot.is_number() => wide(Number::Value(slot)),
            (slot, None) => Ok(Self::Text(slot)),
            (Slot::Room, Some(form)) => match form.parse() {
                Ok(length) => Ok(Self::Padded(slot, length)),
                Err(_) => Err(format!(
                    "{form:?} is no number of bytes, as in {{{{room:8}}}}; how many a name has is {{{{bytes.room:u8}}}}"
                )),
            },
            (_, Some(_)) => Err(format!("{{{{{name}}}}} has the length it has: only {{{{room:8}}}} can be filled up")),
        }
    }

    /// How many bytes it takes where so many `follow`.
    fn len(&self, values: &Values<'_>, follow: usize) -> usize {
        match self {
            Self::Literal(bytes) => bytes.len(),
            Self::Text(slot) => values.text_of(*slot).len(),
            Self::Padded(_, length) => *length,
            Self::Number(number, width) => width.len(number.of(values, (follow, 0))),
        }
    }

    /// Appends it, if it fits, in a message of which so many bytes follow, and that has so many.
    fn write(&self, values: &Values<'_>, counts: (usize, usize), out: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Literal(bytes) => out.extend_from_slice(bytes),
            Self::Text(slot) => out.extend_from_slice(values.text_of(*slot).as_bytes()),
            Self::Padded(slot, length) => {
                let text = values.text_of(*slot).as_bytes();
                let padding = length.checked_sub(text.len())?;
                out.extend_from_slice(text);
                out.resize(out.len() + padding, 0);
            }
            Self::Number(number, width) => width.write(number.of(values, counts), out)?,
        }
        Some(())
    }
}

impl Number {
    /// What it is in a message of which so many bytes follow, and that has so many.
    fn of(self, values: &Values<'_>, (follow, whole): (usize, usize)) -> u64 {
        match self {
            Self::Value(slot) => values.number_of(slot).unwrap_or_default(),
            Self::LengthOf(slot) => values.text_of(slot).len() as u64,
            Self::Rest => follow as u64,
            Self::Whole => whole as u64,
        }
    }
}

/// The text whose length is wanted.
fn text_slot(name: &str, words: Vocabulary<'_>) -> Result<Slot, String> {
    match words.find(name)? {
        Named::Slot(Slot::Text) => Err("{{bytes.text}} is written {{bytes:u16}}".to_owned()),
        Named::Slot(slot) if !slot.is_number() => Ok(slot),
        _ => Err(format!("{{{{bytes.{name}}}}} is no length of a text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Vocabulary<'static> =
        Vocabulary { slots: &[Slot::Text, Slot::Marker, Slot::Room, Slot::Ref, Slot::Bytes], saved: &[] };

    fn said(template: &str, room: &str, text: &str, reference: u64) -> Option<Vec<u8>> {
        let values = Values { room, text, reference, ..Values::default() };
        Octets::new(template, WORDS).unwrap().render(&values)
    }

    #[test]
    fn digits_texts_numbers_and_lengths_stand_as_they_are_written() {
        assert_eq!(said("00 fF\n0a", "", "", 0).unwrap(), [0, 255, 10]);
        assert_eq!(said("{{rest:u16}} 02 {{room:4}} {{text}}", "r1", "hi", 0).unwrap(), b"\0\x07\x02r1\0\0hi");
        let long = said("01 {{rest:varint}} {{text}}", "", &"x".repeat(300), 0).unwrap();
        assert_eq!((&long[..3], long.len()), (&[1, 0xac, 2][..], 303));
        assert_eq!(said("{{whole:u16le}}{{ref:u32}}", "", "", 258).unwrap(), [6, 0, 0, 0, 1, 2]);
        assert_eq!(said("{{bytes.room:u8}}{{room}}{{bytes:u16}}{{text}}", "abc", "hi", 0).unwrap(), b"\x03abc\0\x02hi");
        let marker = format!("wsb1{}", "x".repeat(36));
        let text = format!("{marker} and more");
        let expected = [&[8][..], marker.as_bytes(), b"and more"].concat();
        assert_eq!(said("{{bytes:u8}}{{marker}}{{text}}", "", &text, 0).unwrap(), expected);
    }

    #[test]
    fn what_does_not_fit_is_not_said() {
        assert_eq!(said("{{ref:u8}}", "", "", 255).unwrap(), [255]);
        assert_eq!(said("{{ref:u8}}", "", "", 256), None);
        assert_eq!(said("{{room:2}}", "abc", "", 0), None);
        assert_eq!(said("{{rest:u8}}{{text}}", "", &"x".repeat(256), 0), None);
    }

    #[test]
    fn what_cannot_be_meant_is_told() {
        let wrong = |template: &str| Octets::new(template, WORDS).unwrap_err();
        for (template, words) in [
            ("0", "half of one"),
            ("00 {{text}} 0", "half of one"),
            ("hello", "'h' is none"),
            ("{{text", "without"),
            ("{{ref}}", "needs a width, as in {{ref:u32}}"),
            ("{{ref:u7}}", "there are: u8, u16"),
            ("{{rest}}", "needs a width"),
            ("{{whole:varint}}", "a width of its own"),
            ("{{text:8}}", "only {{room:8}}"),
            ("{{room:u8}}", "{{bytes.room:u8}}"),
            ("{{bytes.text:u8}}", "{{bytes:u16}}"),
            ("{{bytes.ref:u8}}", "no length of a text"),
            ("{{token}}", "cannot be used here"),
            ("{{rom}}", "did you mean {{room}}"),
        ] {
            assert!(wrong(template).contains(words), "{template}: {}", wrong(template));
        }
    }
}
