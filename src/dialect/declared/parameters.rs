//! The parameters of the dialect: one table, from which validation and help follow.

use serde_json::Value;

use super::pointer::Pointer;
use super::rules::When;
use super::template::{Slot, Template};
use crate::dialect::{DialectError, Parameters};

/// What a parameter must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// JSON with placeholders.
    Template,
    /// Text with placeholders.
    Text,
    /// A table of texts with placeholders.
    Texts,
    /// A table of JSON with placeholders.
    Templates,
    /// A JSON Pointer.
    Pointer,
    /// Pointers and the values that must stand there.
    When,
    /// A list of words.
    Words,
    /// `true` or `false`.
    Flag,
    /// A table whose keys stand in this list as `table.key`.
    Table,
}

impl Kind {
    fn wanted(self) -> &'static str {
        match self {
            Self::Template => "must be a string: JSON with placeholders",
            Self::Text => "must be a string",
            Self::Texts | Self::Templates => "must be a table of strings",
            Self::Pointer => "must be a string: a JSON Pointer such as \"/id\"",
            Self::When => "must be a table such as { \"/type\" = \"message\" }",
            Self::Words => "must be a list of strings",
            Self::Flag => "must be true or false",
            Self::Table => "must be a table",
        }
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Template | Self::Text | Self::Pointer => value.is_string(),
            Self::Texts | Self::Templates => {
                value.as_object().is_some_and(|table| table.values().all(Value::is_string))
            }
            Self::When | Self::Table => value.is_object(),
            Self::Words => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
            Self::Flag => value.is_boolean(),
        }
    }
}

const TABLE: [(&str, Kind, &str); 57] = [
    ("publish", Kind::Template, "what a client says to publish: {{text}} {{room}} {{ref}}; required"),
    ("join", Kind::Template, "what it says to enter a room: {{room}} {{ref}}; without it, being connected is enough"),
    ("leave", Kind::Template, "what it says to leave a room: {{room}} {{ref}}"),
    ("messages", Kind::Templates, "what it can ask, by name: {{room}} {{ref}}; answered as `reply` says"),
    ("auth", Kind::Template, "first message, for auth = \"first-message\": {{token}} {{user}}; {{ref}} is 0"),
    ("hello", Kind::Template, "what it says first where auth is not \"first-message\"; {{user}}"),
    ("resume", Kind::Template, "what it says to enter a room again: {{room}} {{ref}} {{offset}} {{epoch}}"),
    ("after_welcome", Kind::Flag, "whether `auth` or `hello` waits for the welcome (default false)"),
    ("reply", Kind::Table, "how answers name the request they belong to"),
    ("reply.when", Kind::When, "pointers and their values (default: whatever has the reference)"),
    (
        "reply.ref",
        Kind::Pointer,
        "where the request's {{ref}} is repeated; without it, {{ref}} in `prefix` of `reply.when`",
    ),
    ("reply.error", Kind::Pointer, "where an error stands, if it is one"),
    ("reply.code", Kind::Pointer, "where the error's code stands (default: the error itself)"),
    (
        "deliver",
        Kind::Table,
        "what a delivered message looks like (default: whatever holds the marker and is no reply)",
    ),
    ("deliver.when", Kind::When, "pointers and their values"),
    ("deliver.room", Kind::Pointer, "where the room's name stands; the marker names it already"),
    ("deliver.offset", Kind::Pointer, "where the message's offset in its room stands"),
    ("joined", Kind::Table, "what the acknowledgement of a join looks like (default: its reply)"),
    ("joined.when", Kind::When, "pointers and their values"),
    ("joined.ref", Kind::Pointer, "where the join's {{ref}} is repeated"),
    ("joined.room", Kind::Pointer, "where the room's name stands"),
    ("joined.instance", Kind::Pointer, "where the server instance's name stands"),
    ("joined.offset", Kind::Pointer, "where the offset stands from which on everything is heard"),
    ("joined.epoch", Kind::Pointer, "where the epoch stands in which offsets count"),
    ("joined.missed", Kind::Pointer, "where the list of messages stands that were missed"),
    ("welcome", Kind::Table, "what the server says first; joins wait for it"),
    ("welcome.when", Kind::When, "pointers and their values"),
    ("welcome.instance", Kind::Pointer, "where the server instance's name stands"),
    ("authenticated", Kind::Table, "what the acceptance of auth looks like (default: the reply to {{ref}} 0)"),
    ("authenticated.when", Kind::When, "pointers and their values"),
    ("refused", Kind::Table, "what the refusal of auth looks like"),
    ("refused.when", Kind::When, "pointers and their values"),
    ("refused.code", Kind::Pointer, "where the reason stands"),
    ("error", Kind::Table, "what an error outside of a reply looks like"),
    ("error.when", Kind::When, "pointers and their values"),
    ("error.code", Kind::Pointer, "where the error's code stands"),
    ("error.ref", Kind::Pointer, "where the request's {{ref}} is repeated"),
    ("unconfirmed", Kind::Words, "error codes that mean \"it may still be delivered\""),
    ("heartbeat", Kind::Table, "what a sign of life looks like"),
    ("heartbeat.when", Kind::When, "pointers and their values"),
    ("heartbeat.answer", Kind::Template, "what a client answers"),
    ("presence", Kind::Table, "what coming and going of others looks like"),
    ("presence.when", Kind::When, "pointers and their values"),
    ("skip", Kind::Table, "what says nothing by itself"),
    ("skip.when", Kind::When, "pointers and their values"),
    ("framing", Kind::Table, "how messages stand in frames"),
    ("framing.format", Kind::Text, "json (default) | prefixed: text before JSON | plain: text"),
    ("framing.split", Kind::Text, "what separates the messages of one frame"),
    ("framing.end", Kind::Text, "what is put after each message that is said"),
    ("framing.binary", Kind::Flag, "whether frames are binary (default false)"),
    ("path", Kind::Text, "path where the URL has none: {{user}} {{token}}"),
    ("query", Kind::Texts, "query parameters of the URL: {{user}} {{token}}"),
    ("headers", Kind::Texts, "request headers of the opening: {{user}} {{token}}"),
    ("subprotocols", Kind::Words, "sub-protocols to offer"),
    ("sender_hears_itself", Kind::Flag, "whether a publisher gets its own message (default true)"),
    ("acknowledges_joins", Kind::Flag, "whether each join is answered (default: when a join or its reply is told)"),
    (
        "acknowledges_messages",
        Kind::Flag,
        "whether each message is answered (default: when publish has {{ref}} and there is a reply)",
    ),
];

/// Name and help of every parameter.
pub(in crate::dialect) const HELP: [(&str, &str); TABLE.len()] = {
    let mut help = [("", ""); TABLE.len()];
    let mut at = 0;
    while at < TABLE.len() {
        help[at] = (TABLE[at].0, TABLE[at].2);
        at += 1;
    }
    help
};

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
