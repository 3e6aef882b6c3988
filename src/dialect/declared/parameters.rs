//! Parameters, checked against the table of keys.

use serde_json::{Map, Value};

use super::keys::{Kind, TABLE};
use super::pointer::Pointer;
use super::rules::When;
use super::template::{Slot, Template};
use crate::dialect::{DialectError, Parameters};

/// What messages are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Json,
    Prefixed,
    Plain,
}

const FORMATS: [(&str, Format); 3] = [("json", Format::Json), ("prefixed", Format::Prefixed), ("plain", Format::Plain)];

type Read = fn(&str, &[Slot]) -> Result<Template, String>;

impl Format {
    fn reader(self) -> Read {
        match self {
            Self::Json => Template::json,
            Self::Prefixed => Template::prefixed,
            Self::Plain => Template::plain,
        }
    }
}

/// Whether there is a key of this name, not within a table.
pub(super) fn is_key(name: &str) -> bool {
    TABLE.iter().any(|(key, ..)| *key == name)
}

/// Parameters that are known and of the right kind.
pub(super) struct Checked<'a>(&'a Parameters);

type Made<T> = Result<T, DialectError>;

fn wrong(key: &str, problem: impl Into<String>) -> DialectError {
    DialectError::Parameter { key: key.to_owned(), problem: problem.into() }
}

impl<'a> Checked<'a> {
    /// Refuses unknown keys and wrong kinds.
    pub(super) fn new(parameters: &'a Parameters) -> Made<Self> {
        for (key, value) in parameters {
            if check(key, value)? == Kind::Table {
                let members = value.as_object().into_iter().flatten();
                for (member, value) in members {
                    check(&format!("{key}.{member}"), value)?;
                }
            }
        }
        Ok(Self(parameters))
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        match key.split_once('.') {
            Some((table, member)) => self.0.get(table)?.get(member),
            None => self.0.get(key),
        }
    }

    /// Whether a table or value is given.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn template(&self, key: &str, allowed: &[Slot]) -> Made<Option<Template>> {
        let (text, read) = (self.get(key).and_then(Value::as_str), self.format()?.reader());
        text.map(|text| read(text, allowed)).transpose().map_err(|problem| wrong(key, problem))
    }

    /// What messages are.
    pub(super) fn format(&self) -> Made<Format> {
        let written = self.get("framing.format").and_then(Value::as_str);
        let format = FORMATS.iter().find(|(name, _)| written.is_none_or(|written| written == *name));
        let known = || FORMATS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        format.map(|(_, format)| *format).ok_or_else(|| wrong("framing.format", format!("must be one of {}", known())))
    }

    /// A text that is not empty.
    pub(super) fn literal(&self, key: &str) -> Made<Option<String>> {
        match self.get(key).and_then(Value::as_str) {
            Some("") => Err(wrong(key, "must not be empty")),
            text => Ok(text.map(str::to_owned)),
        }
    }

    pub(super) fn text(&self, key: &str, allowed: &[Slot]) -> Made<Option<Template>> {
        let text = self.get(key).and_then(Value::as_str);
        text.map(|text| Template::plain(text, allowed)).transpose().map_err(|problem| wrong(key, problem))
    }

    pub(super) fn texts(&self, key: &str, allowed: &[Slot]) -> Made<Vec<(String, Template)>> {
        self.compiled(key, allowed, Template::plain)
    }

    pub(super) fn templates(&self, key: &str, allowed: &[Slot]) -> Made<Vec<(String, Template)>> {
        self.compiled(key, allowed, self.format()?.reader())
    }

    fn compiled(&self, key: &str, allowed: &[Slot], read: Read) -> Made<Vec<(String, Template)>> {
        let entries = self.get(key).and_then(Value::as_object).into_iter().flatten();
        let compile = |(name, text): (&String, &Value)| {
            let template = read(text.as_str().unwrap_or_default(), allowed);
            template
                .map(|template| (name.clone(), template))
                .map_err(|problem| wrong(&format!("{key}.{name}"), problem))
        };
        entries.map(compile).collect()
    }

    pub(super) fn pointer(&self, key: &str) -> Made<Option<Pointer>> {
        let text = self.get(key).and_then(Value::as_str);
        text.map(Pointer::new).transpose().map_err(|problem| wrong(key, problem))
    }

    pub(super) fn words(&self, key: &str) -> Vec<String> {
        let words = self.get(key).and_then(Value::as_array).into_iter().flatten();
        words.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// A list of tables.
    pub(super) fn list(&self, key: &str) -> Vec<&'a Map<String, Value>> {
        self.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).collect()
    }

    /// A table of texts as they are.
    pub(super) fn pairs(&self, key: &str) -> Vec<(String, String)> {
        let entries = self.get(key).and_then(Value::as_object).into_iter().flatten();
        entries.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect()
    }

    /// A table of pointers.
    pub(super) fn pointers(&self, key: &str) -> Made<Vec<(String, Pointer)>> {
        let compile = |(name, text): (String, String)| {
            let pointer = Pointer::new(&text).map_err(|problem| wrong(&format!("{key}.{name}"), problem))?;
            Ok((name, pointer))
        };
        self.pairs(key).into_iter().map(compile).collect()
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.get(key).and_then(Value::as_bool)
    }

    /// The condition of `table`, which must have one when it is given.
    pub(super) fn when(&self, table: &str) -> Made<Option<When>> {
        if !self.has(table) {
            return Ok(None);
        }
        let key = format!("{table}.when");
        let conditions = self.get(&key).and_then(Value::as_object);
        let Some(conditions) = conditions.filter(|conditions| !conditions.is_empty()) else {
            return Err(wrong(&key, format!("is missing; it {}", Kind::When.wanted())));
        };
        When::new(conditions).map(Some).map_err(|problem| wrong(&key, problem))
    }

    /// The error for a parameter that must be there or must say something.
    pub(super) fn missing(key: &str, problem: &str) -> DialectError {
        wrong(key, problem)
    }
}

fn check(key: &str, value: &Value) -> Made<Kind> {
    let Some((_, kind, _)) = TABLE.iter().find(|(name, ..)| *name == key) else {
        return Err(wrong(key, unknown(key)));
    };
    if kind.fits(value) { Ok(*kind) } else { Err(wrong(key, kind.wanted())) }
}

fn unknown(key: &str) -> String {
    let split = |name: &'static str| name.rsplit_once('.').unwrap_or(("", name));
    let (table, own) = key.rsplit_once('.').unwrap_or(("", key));
    let siblings = || TABLE.iter().map(|(name, ..)| *name).filter(|name| split(name).0 == table);
    let likeness = |name: &'static str| strsim::jaro_winkler(split(name).1, own);
    match siblings().max_by(|a, b| likeness(a).total_cmp(&likeness(b))) {
        Some(near) if likeness(near) > 0.8 => format!("is not known; did you mean {near:?}?"),
        _ => format!("is not known; there are: {}", siblings().collect::<Vec<_>>().join(", ")),
    }
}
