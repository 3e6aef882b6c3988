//! Text with `{{placeholders}}`, compiled once. In JSON a value is escaped inside a string and quoted outside of one.

use crate::dialect::quote::{escaped_len, push_escaped};
use std::fmt::Write as _;

/// What a placeholder stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slot {
    Ref,
    Room,
    Text,
    Token,
    User,
}

impl Slot {
    const ALL: [(&'static str, Slot); 5] =
        [("ref", Slot::Ref), ("room", Slot::Room), ("text", Slot::Text), ("token", Slot::Token), ("user", Slot::User)];

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
}

impl<'a> Values<'a> {
    fn text_of(&self, slot: Slot) -> &'a str {
        match slot {
            Slot::Ref => "",
            Slot::Room => self.room,
            Slot::Text => self.text,
            Slot::Token => self.token,
            Slot::User => self.user,
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

    /// A template that is JSON once it is filled in.
    pub(super) fn json(text: &str, allowed: &[Slot]) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut within = Within::default();
        for piece in split(text, allowed)? {
            parts.push(match piece {
                Piece::Literal(text) => {
                    within.pass(text);
                    Part::Literal(text.to_owned())
                }
                Piece::Slot(Slot::Ref) => Part::Value(Slot::Ref, Writing::Plain),
                Piece::Slot(slot) => Part::Value(slot, if within.string { Writing::Inside } else { Writing::Quoted }),
            });
        }
        let template = Self { parts };
        let example = template.render(&Values { reference: 1, room: "r", text: "t", token: "k", user: "u" });
        match serde_json::from_str::<serde::de::IgnoredAny>(&example) {
            Ok(_) => Ok(template),
            Err(error) => Err(format!("is not JSON once it is filled in ({error}): {example}")),
        }
    }

    /// Whether it names `slot`.
    pub(super) fn names(&self, slot: Slot) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Value(named, _) if *named == slot))
    }

    /// The text with `values` filled in.
    pub(super) fn render(&self, values: &Values<'_>) -> String {
        let digits = values.reference.checked_ilog10().unwrap_or(0) as usize + 1;
        let len = |part: &Part| match part {
            Part::Literal(text) => text.len(),
            Part::Value(Slot::Ref, _) => digits,
            Part::Value(slot, Writing::Plain) => values.text_of(*slot).len(),
            Part::Value(slot, Writing::Inside) => escaped_len(values.text_of(*slot)),
            Part::Value(slot, Writing::Quoted) => escaped_len(values.text_of(*slot)) + 2,
        };
        let mut out = String::with_capacity(self.parts.iter().map(len).sum());
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Value(Slot::Ref, _) => {
                    let written = write!(out, "{}", values.reference);
                    debug_assert!(written.is_ok(), "a string takes every number");
                }
                Part::Value(slot, Writing::Plain) => out.push_str(values.text_of(*slot)),
                Part::Value(slot, Writing::Inside) => push_escaped(&mut out, values.text_of(*slot)),
                Part::Value(slot, Writing::Quoted) => {
                    out.push('"');
                    push_escaped(&mut out, values.text_of(*slot));
                    out.push('"');
                }
            }
        }
        out
    }
}

/// Whether the end of the text passed so far is within a JSON string.
#[derive(Default)]
struct Within {
    string: bool,
    escape: bool,
}

impl Within {
    fn pass(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escape => self.escape = false,
                b'\\' => self.escape = self.string,
                b'"' => self.string = !self.string,
                _ => {}
            }
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
