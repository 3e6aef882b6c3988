//! Text with `{{placeholders}}`, compiled once. In JSON a value is escaped inside a string and quoted outside of one.

use std::fmt::Write as _;
use url::form_urlencoded::byte_serialize;

use super::digest::{self, Digest};
use super::message::Message;
use super::slot::{Named, Slot, Values, Vocabulary};
use super::within::Within;
use crate::dialect::quote::{escaped_len, push_escaped};

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Writing {
    /// As it is.
    Plain,
    /// Escaped, within the quotes of the template.
    Inside,
    /// Escaped twice, within JSON that stands within the quotes of the template.
    Nested,
    /// As a JSON string of its own.
    Quoted,
    /// Percent-encoded, as a part of a path.
    Encoded,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    Value(Slot, Writing),
    /// The saved value at this place.
    Saved(usize, Writing),
    Digest(Box<Digest>, Writing),
}

/// A compiled template.
#[derive(Clone, Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
    /// It names the marker by itself: its text is what follows the marker.
    parts_marker: bool,
}

impl Template {
    /// A template for text that is no JSON.
    pub(super) fn plain(text: &str, words: Vocabulary<'_>) -> Result<Self, String> {
        Self::compile(text, words, &mut |_| Writing::Plain)
    }

    /// A template for the path of a URL.
    pub(super) fn path(text: &str, words: Vocabulary<'_>) -> Result<Self, String> {
        Self::compile(text, words, &mut |_| Writing::Encoded)
    }

    /// A template of which what stands after a prefix is JSON once it is filled in, if there is anything.
    pub(super) fn prefixed(text: &str, words: Vocabulary<'_>) -> Result<Self, String> {
        let template = Self::in_json(text, words)?;
        let example = template.render(&Values::EXAMPLE);
        let json = Message::prefixed(example.as_bytes()).json;
        if json.is_empty() { Ok(template) } else { is_json(json, &example).map(|()| template) }
    }

    /// A template that is JSON once it is filled in.
    pub(super) fn json(text: &str, words: Vocabulary<'_>) -> Result<Self, String> {
        let template = Self::in_json(text, words)?;
        let example = template.render(&Values::EXAMPLE);
        is_json(example.as_bytes(), &example).map(|()| template)
    }

    fn in_json(text: &str, words: Vocabulary<'_>) -> Result<Self, String> {
        let mut within = Within::default();
        Self::compile(text, words, &mut |literal| {
            within.pass(literal);
            within.writing()
        })
    }

    /// Compiles `text`; `writing` tells how a value is written that follows this literal.
    fn compile(text: &str, words: Vocabulary<'_>, writing: &mut dyn FnMut(&str) -> Writing) -> Result<Self, String> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            let end = end_of_placeholder(after).ok_or("has \"{{\" without \"}}\"")?;
            let here = writing(before);
            parts.push(Part::Literal(before.to_owned()));
            parts.push(match after[..end].split_once(':') {
                Some((name, of)) => Part::Digest(Box::new(Digest::new(name.trim(), of, words)?), here),
                None => match words.find(after[..end].trim())? {
                    Named::Slot(slot) => Part::Value(slot, if slot.is_number() { Writing::Plain } else { here }),
                    Named::Saved(place) => Part::Saved(place, here),
                },
            });
            rest = &after[end + "}}".len()..];
        }
        parts.push(Part::Literal(rest.to_owned()));
        let mut template = Self { parts, parts_marker: false };
        template.parts_marker = template.names(Slot::Marker);
        Ok(template)
    }

    /// Whether it names `slot`.
    pub(super) fn names(&self, slot: Slot) -> bool {
        self.parts.iter().any(|part| match part {
            Part::Value(named, _) => *named == slot,
            Part::Digest(digest, _) => digest.names(slot),
            Part::Literal(_) | Part::Saved(..) => false,
        })
    }

    /// Whether what is filled in holds the marker.
    pub(super) fn carries_marker(&self) -> bool {
        self.names(Slot::Marker) || self.names(Slot::Text)
    }

    /// The text with `values` filled in.
    pub(super) fn render(&self, values: &Values<'_>) -> String {
        let values = if self.parts_marker { &values.without_marker() } else { values };
        let mut out = String::with_capacity(self.parts.iter().map(|part| part.len(values)).sum());
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Value(slot, writing) => match values.number_of(*slot) {
                    Some(number) => {
                        let written = write!(out, "{number}");
                        debug_assert!(written.is_ok(), "a string takes every number");
                    }
                    None => writing.push(&mut out, values.text_of(*slot)),
                },
                Part::Saved(place, writing) => writing.push(&mut out, values.saved(*place)),
                Part::Digest(digest, writing) => writing.push(&mut out, &digest.of(values)),
            }
        }
        out
    }
}

impl Part {
    /// How many bytes it takes at most, or about so many.
    fn len(&self, values: &Values<'_>) -> usize {
        let text = |text: &str, writing: &Writing| match writing {
            Writing::Plain => text.len(),
            _ => escaped_len(text) + 2,
        };
        match self {
            Self::Literal(text) => text.len(),
            Self::Value(slot, writing) => match values.number_of(*slot) {
                Some(number) => number.checked_ilog10().unwrap_or(0) as usize + 1,
                None => text(values.text_of(*slot), writing),
            },
            Self::Saved(place, writing) => text(values.saved(*place), writing),
            Self::Digest(..) => digest::LONGEST + 2,
        }
    }
}

impl Writing {
    fn push(self, out: &mut String, text: &str) {
        match self {
            Self::Plain => out.push_str(text),
            Self::Inside => push_escaped(out, text),
            Self::Nested => {
                let mut once = String::with_capacity(escaped_len(text));
                push_escaped(&mut once, text);
                push_escaped(out, &once);
            }
            Self::Quoted => {
                out.push('"');
                push_escaped(out, text);
                out.push('"');
            }
            Self::Encoded => {
                let pieces = byte_serialize(text.as_bytes());
                out.extend(pieces.map(|piece| if piece == "+" { "%20" } else { piece }));
            }
        }
    }
}

fn is_json(json: &[u8], example: &str) -> Result<(), String> {
    let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(json);
    parsed.map(drop).map_err(|error| format!("is not JSON once it is filled in ({error}): {example}"))
}

/// Where the placeholder ends that has just been opened, others within it included.
fn end_of_placeholder(text: &str) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        let next = at + text[at..].find(['{', '}'])?;
        match text.get(next..next + 2) {
            Some("{{") => (depth, at) = (depth + 1, next + 2),
            Some("}}") if depth == 0 => return Some(next),
            Some("}}") => (depth, at) = (depth - 1, next + 2),
            _ => at = next + 1,
        }
    }
}
