//! Text with `{{placeholders}}`, compiled once. In JSON a value is escaped inside a string and quoted outside of one.

use crate::dialect::quote::{escaped_len, push_escaped};
use std::fmt::Write as _;

use super::message::Message;

/// What a placeholder stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slot {
    Bytes,
    Epoch,
    Offset,
    Ref,
    Room,
    Text,
    Token,
    User,
}

impl Slot {
    const ALL: [(&'static str, Slot); 8] = [
        ("bytes", Slot::Bytes),
        ("epoch", Slot::Epoch),
        ("offset", Slot::Offset),
        ("ref", Slot::Ref),
        ("room", Slot::Room),
        ("text", Slot::Text),
        ("token", Slot::Token),
        ("user", Slot::User),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, slot)| *slot == self).map_or("", |(name, _)| name)
    }
}

/// The values of one rendering; those a template cannot name are empty.
#[derive(Clone, Copy, Default)]
pub(super) struct Values<'a> {
    pub(super) reference: u64,
    pub(super) room: &'a str,
    pub(super) text: &'a str,
    pub(super) token: &'a str,
    pub(super) user: &'a str,
    pub(super) offset: u64,
    pub(super) epoch: &'a str,
}

impl<'a> Values<'a> {
    fn text_of(&self, slot: Slot) -> &'a str {
        match slot {
            Slot::Bytes | Slot::Offset | Slot::Ref => "",
            Slot::Epoch => self.epoch,
            Slot::Room => self.room,
            Slot::Text => self.text,
            Slot::Token => self.token,
            Slot::User => self.user,
        }
    }

    /// What a slot that is a number stands for.
    fn number_of(&self, slot: Slot) -> Option<u64> {
        match slot {
            Slot::Bytes => Some(self.text.len() as u64),
            Slot::Offset => Some(self.offset),
            Slot::Ref => Some(self.reference),
            _ => None,
        }
    }
}

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Writing {
    /// As it is.
    Plain,
    /// Escaped, within the quotes of the template.
    Inside,
    /// Escaped twice, within JSON that stands within the quotes of the template.
    Nested,
    /// As a JSON string of its own.
    Quoted,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    Value(Slot, Writing),
}

/// A compiled template.
#[derive(Clone, Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// A template for text that is no JSON.
    pub(super) fn plain(text: &str, allowed: &[Slot]) -> Result<Self, String> {
        let parts = split(text, allowed)?.into_iter().map(|piece| match piece {
            Piece::Literal(text) => Part::Literal(text.to_owned()),
            Piece::Slot(slot) => Part::Value(slot, Writing::Plain),
        });
        Ok(Self { parts: parts.collect() })
    }

    const EXAMPLE: Values<'static> =
        Values { reference: 1, room: "r", text: "t", token: "k", user: "u", offset: 1, epoch: "e" };

    /// A template of which what stands after a prefix is JSON once it is filled in, if there is anything.
    pub(super) fn prefixed(text: &str, allowed: &[Slot]) -> Result<Self, String> {
        let template = Self::compile(text, allowed)?;
        let example = template.render(&Self::EXAMPLE);
        let json = Message::prefixed(example.as_bytes()).json;
        if json.is_empty() { Ok(template) } else { is_json(json, &example).map(|()| template) }
    }

    /// A template that is JSON once it is filled in.
    pub(super) fn json(text: &str, allowed: &[Slot]) -> Result<Self, String> {
        let template = Self::compile(text, allowed)?;
        let example = template.render(&Self::EXAMPLE);
        is_json(example.as_bytes(), &example).map(|()| template)
    }

    fn compile(text: &str, allowed: &[Slot]) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut within = Within::default();
        for piece in split(text, allowed)? {
            parts.push(match piece {
                Piece::Literal(text) => {
                    within.pass(text);
                    Part::Literal(text.to_owned())
                }
                Piece::Slot(slot @ (Slot::Bytes | Slot::Offset | Slot::Ref)) => Part::Value(slot, Writing::Plain),
                Piece::Slot(slot) => Part::Value(slot, within.writing()),
            });
        }
        Ok(Self { parts })
    }

    /// Whether it names `slot`.
    pub(super) fn names(&self, slot: Slot) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Value(named, _) if *named == slot))
    }

    /// The text with `values` filled in.
    pub(super) fn render(&self, values: &Values<'_>) -> String {
        let len = |part: &Part| match part {
            Part::Literal(text) => text.len(),
            Part::Value(slot, writing) => match (values.number_of(*slot), writing) {
                (Some(number), _) => number.checked_ilog10().unwrap_or(0) as usize + 1,
                (None, Writing::Plain) => values.text_of(*slot).len(),
                (None, _) => escaped_len(values.text_of(*slot)) + 2,
            },
        };
        let mut out = String::with_capacity(self.parts.iter().map(len).sum());
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
            }
        }
        out
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
        }
    }
}

fn is_json(json: &[u8], example: &str) -> Result<(), String> {
    let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(json);
    parsed.map(drop).map_err(|error| format!("is not JSON once it is filled in ({error}): {example}"))
}

/// Where in JSON the end of the text passed so far is.
#[derive(Default)]
struct Within {
    /// In a string.
    string: bool,
    /// In a string of JSON that stands in that string.
    nested: bool,
    escape: bool,
}

impl Within {
    fn pass(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                b'"' if self.escape => {
                    self.nested = !self.nested;
                    self.escape = false;
                }
                _ if self.escape => self.escape = false,
                b'\\' => self.escape = self.string,
                b'"' => {
                    self.string = !self.string;
                    self.nested = false;
                }
                _ => {}
            }
        }
    }

    /// How a value is written here.
    fn writing(&self) -> Writing {
        match (self.string, self.nested) {
            (true, true) => Writing::Nested,
            (true, false) => Writing::Inside,
            (false, _) => Writing::Quoted,
        }
    }
}

enum Piece<'a> {
    Literal(&'a str),
    Slot(Slot),
}

fn split<'a>(mut text: &'a str, allowed: &[Slot]) -> Result<Vec<Piece<'a>>, String> {
    let mut pieces = Vec::new();
    while let Some((before, after)) = text.split_once("{{") {
        let (name, rest) = after.split_once("}}").ok_or("has \"{{\" without \"}}\"")?;
        pieces.push(Piece::Literal(before));
        pieces.push(Piece::Slot(slot(name.trim(), allowed)?));
        text = rest;
    }
    pieces.push(Piece::Literal(text));
    Ok(pieces)
}

fn slot(name: &str, allowed: &[Slot]) -> Result<Slot, String> {
    let known = Slot::ALL.iter().find(|(known, _)| *known == name).map(|(_, slot)| *slot);
    if let Some(slot) = known.filter(|slot| allowed.contains(slot)) {
        return Ok(slot);
    }
    let braced = |slot: &Slot| format!("{{{{{}}}}}", slot.name());
    let possible = allowed.iter().map(braced).collect::<Vec<_>>().join(" ");
    let what = if known.is_some() { "cannot be used here" } else { "is no placeholder" };
    let near = allowed.iter().find(|slot| strsim::jaro_winkler(slot.name(), name) > 0.8);
    let hint = near.map_or(String::new(), |slot| format!("; did you mean {}?", braced(slot)));
    Err(format!("{{{{{name}}}}} {what}; there are: {possible}{hint}"))
}
