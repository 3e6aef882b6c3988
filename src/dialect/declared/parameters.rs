//! Parameters, checked against the table of keys.

use serde_json::{Map, Value};
use std::time::Duration;

use super::keys::{Kind, TABLE};
use super::place::Place;
use super::pointer::Pointer;
use super::rules::When;
use super::slot::{Slot, Vocabulary};
use super::template::Template;
use super::validity;
use super::wording::Wording;
use crate::dialect::{DialectError, Parameters};
use crate::units::{parse_duration, print_duration};

/// What messages are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Json,
    Prefixed,
    Plain,
    Bytes,
}

const FORMATS: [(&str, Format); 4] =
    [("json", Format::Json), ("prefixed", Format::Prefixed), ("plain", Format::Plain), ("bytes", Format::Bytes)];

/// How a text becomes a template.
type Read = fn(&str, Vocabulary<'_>) -> Result<Template, String>;

/// Whether there is a key of this name, not within a table.
pub(super) fn is_key(name: &str) -> bool {
    TABLE.iter().any(|(key, ..)| *key == name)
}

/// Parameters that are known and of the right kind.
pub(super) struct Checked<'a> {
    parameters: &'a Parameters,
    /// Names of saved values, in the order of their places.
    saved: Vec<String>,
}

pub(super) type Made<T> = Result<T, DialectError>;

pub(super) fn wrong(key: &str, problem: impl Into<String>) -> DialectError {
    DialectError::Parameter { key: key.to_owned(), problem: problem.into() }
}

impl<'a> Checked<'a> {
    /// Refuses unknown keys and wrong kinds.
    pub(super) fn new(parameters: &'a Parameters) -> Made<Self> {
        validity::known(parameters)?;
        let saved = parameters.get("save").and_then(Value::as_object).into_iter().flatten();
        let given = Self { parameters, saved: saved.map(|(name, _)| name.clone()).collect() };
        validity::fits_bytes(&given)?;
        Ok(given)
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        match key.split_once('.') {
            Some((table, member)) => self.parameters.get(table)?.get(member),
            None => self.parameters.get(key),
        }
    }

    /// Whether a table or value is given.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// A template of a message, as messages are here.
    pub(super) fn template(&self, key: &str, slots: &[Slot]) -> Made<Option<Wording>> {
        let format = self.format()?;
        self.made(key, Vocabulary { slots, saved: &[] }, |text, words| Wording::new(format, text, words))
    }

    /// The same, where values that are saved can be named too.
    pub(super) fn late(&self, key: &str, slots: &[Slot]) -> Made<Option<Wording>> {
        let format = self.format()?;
        self.made(key, Vocabulary { slots, saved: &self.saved }, |text, words| Wording::new(format, text, words))
    }

    /// A template that `read` makes, where values that are saved can be named too.
    pub(super) fn late_read(&self, key: &str, slots: &[Slot], read: Read) -> Made<Option<Template>> {
        self.made(key, Vocabulary { slots, saved: &self.saved }, read)
    }

    fn read(&self, key: &str, slots: &[Slot], read: Read) -> Made<Option<Template>> {
        self.made(key, Vocabulary { slots, saved: &[] }, read)
    }

    fn made<T>(
        &self,
        key: &str,
        words: Vocabulary<'_>,
        read: impl Fn(&str, Vocabulary<'_>) -> Result<T, String>,
    ) -> Made<Option<T>> {
        let text = self.get(key).and_then(Value::as_str);
        text.map(|text| read(text, words)).transpose().map_err(|problem| wrong(key, problem))
    }

    /// What messages are.
    pub(super) fn format(&self) -> Made<Format> {
        self.one_of("framing.format", &FORMATS)
    }

    /// A text that is not empty.
    pub(super) fn literal(&self, key: &str) -> Made<Option<String>> {
        match self.get(key).and_then(Value::as_str) {
            Some("") => Err(wrong(key, "must not be empty")),
            text => Ok(text.map(str::to_owned)),
        }
    }

    pub(super) fn text(&self, key: &str, allowed: &[Slot]) -> Made<Option<Template>> {
        self.read(key, allowed, Template::plain)
    }

    /// A path, in which values are percent-encoded.
    pub(super) fn path(&self, key: &str, allowed: &[Slot]) -> Made<Option<Template>> {
        self.read(key, allowed, Template::path)
    }

    /// A text in which nothing is filled in.
    pub(super) fn plain(&self, key: &str) -> Option<&'a str> {
        self.get(key).and_then(Value::as_str)
    }

    pub(super) fn texts(&self, key: &str, slots: &[Slot]) -> Made<Vec<(String, Template)>> {
        self.compiled(key, Vocabulary { slots, saved: &[] }, Template::plain)
    }

    /// The same, where values that are saved can be named too.
    pub(super) fn late_texts(&self, key: &str, slots: &[Slot]) -> Made<Vec<(String, Template)>> {
        self.compiled(key, Vocabulary { slots, saved: &self.saved }, Template::plain)
    }

    pub(super) fn templates(&self, key: &str, slots: &[Slot]) -> Made<Vec<(String, Wording)>> {
        let format = self.format()?;
        self.compiled(key, Vocabulary { slots, saved: &self.saved }, |text, words| Wording::new(format, text, words))
    }

    /// A table of templates that `read` makes, where values that are saved can be named too.
    pub(super) fn late_bodies(&self, key: &str, slots: &[Slot], read: Read) -> Made<Vec<(String, Template)>> {
        self.compiled(key, Vocabulary { slots, saved: &self.saved }, read)
    }

    fn compiled<T>(
        &self,
        key: &str,
        words: Vocabulary<'_>,
        read: impl Fn(&str, Vocabulary<'_>) -> Result<T, String>,
    ) -> Made<Vec<(String, T)>> {
        let entries = self.get(key).and_then(Value::as_object).into_iter().flatten();
        let compile = |(name, text): (&String, &Value)| {
            let template = read(text.as_str().unwrap_or_default(), words);
            template
                .map(|template| (name.clone(), template))
                .map_err(|problem| wrong(&format!("{key}.{name}"), problem))
        };
        entries.map(compile).collect()
    }

    /// Where the saved values stand, by their places.
    pub(super) fn saves(&self) -> Made<Vec<Pointer>> {
        let entries = self.get("save").and_then(Value::as_object).into_iter().flatten();
        let pointer = |(name, text): (&String, &Value)| {
            Pointer::new(text.as_str().unwrap_or_default()).map_err(|problem| wrong(&format!("save.{name}"), problem))
        };
        entries.map(pointer).collect()
    }

    /// One of `words`; the first of them if nothing is said.
    pub(super) fn one_of<T: Copy, const N: usize>(&self, key: &str, words: &[(&str, T); N]) -> Made<T> {
        let written = self.get(key).and_then(Value::as_str).unwrap_or(words[0].0);
        match words.iter().find(|(name, _)| *name == written) {
            Some((_, value)) => Ok(*value),
            None => {
                let known = words.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
                Err(wrong(key, format!("must be one of {known}")))
            }
        }
    }

    pub(super) fn pointer(&self, key: &str) -> Made<Option<Pointer>> {
        let text = self.get(key).and_then(Value::as_str);
        text.map(Pointer::new).transpose().map_err(|problem| wrong(key, problem))
    }

    /// A place in messages, as messages are here.
    pub(super) fn place(&self, key: &str) -> Made<Option<Place>> {
        let (text, format) = (self.get(key).and_then(Value::as_str), self.format()?);
        text.map(|text| Place::new(format, text)).transpose().map_err(|problem| wrong(key, problem))
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

    /// A duration that is not below `least`.
    pub(super) fn duration(&self, key: &str, least: Duration) -> Made<Option<Duration>> {
        let Some(text) = self.get(key).and_then(Value::as_str) else { return Ok(None) };
        match parse_duration(text) {
            Ok(duration) if duration >= least => Ok(Some(duration)),
            Ok(_) => Err(wrong(key, format!("must be at least {}", print_duration(least)))),
            Err(error) => Err(wrong(key, error.to_string())),
        }
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
        When::new(self.format()?, conditions).map(Some).map_err(|problem| wrong(&key, problem))
    }

    /// The error for a parameter that must be there or must say something.
    pub(super) fn missing(key: &str, problem: &str) -> DialectError {
        wrong(key, problem)
    }
}
