//! When a frame is of a kind: what must stand where.

use serde_json::{Map, Value};

use super::message::{Message, Pattern};
use super::parameters::Format;
use super::place::offset;
use super::pointer::{Pointer, plain_text};
use super::width::hex;

/// What must stand where, all of it.
#[derive(Clone, Debug)]
pub(super) struct When {
    /// Of the prefix, of the whole message; the cheapest to look at.
    prefix: Option<Vec<Pattern>>,
    text: Option<Vec<Pattern>>,
    /// Something must stand there.
    has: Vec<Pointer>,
    /// One of the values must stand there.
    conditions: Vec<(Pointer, Vec<Value>)>,
    /// One of these must stand so many bytes from the begin.
    bytes: Vec<(usize, Vec<Vec<u8>>)>,
}

impl When {
    /// The conditions as they were written: pointer (or `prefix`, `text`, `has`) → value or list of possible values; where
    /// messages are bytes, `@` and an offset → hexadecimal digits or a list of such.
    pub(super) fn new(format: Format, conditions: &Map<String, Value>) -> Result<Self, String> {
        let mut when = Self { prefix: None, text: None, has: Vec::new(), conditions: Vec::new(), bytes: Vec::new() };
        for (place, values) in conditions {
            let values = match values {
                Value::Array(values) => values.clone(),
                value => vec![value.clone()],
            };
            match place.as_str() {
                place if format == Format::Bytes => when.bytes.push((offset(place)?, octets(place, &values)?)),
                "prefix" => when.prefix = Some(patterns(place, &values)?),
                "text" => when.text = Some(patterns(place, &values)?),
                "has" => when.has = pointers(&values)?,
                _ if values.iter().any(|value| value.is_object() || value.is_array()) => {
                    return Err(format!("{place:?} must be compared with plain values"));
                }
                pointer => when.conditions.push((Pointer::new(pointer)?, values)),
            }
        }
        Ok(when)
    }

    /// Whether a number stands in the prefix.
    pub(super) fn names_number(&self) -> bool {
        self.prefix.iter().flatten().any(|pattern| matches!(pattern, Pattern::Numbered(_)))
    }

    /// The number in the prefix of `message`, where `{{ref}}` stands.
    pub(super) fn number(&self, message: &Message<'_>) -> Option<u64> {
        self.prefix.iter().flatten().find_map(|pattern| pattern.number(message.prefix))
    }

    /// Whether `message` is of this kind.
    pub(super) fn holds(&self, message: &Message<'_>) -> bool {
        let fits = |patterns: &Option<Vec<Pattern>>, text| {
            patterns.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.fits(text)))
        };
        fits(&self.prefix, message.prefix)
            && fits(&self.text, message.whole)
            && self.bytes.iter().all(|(at, possible)| {
                let rest = message.whole.get(*at..).unwrap_or_default();
                possible.iter().any(|bytes| rest.starts_with(bytes))
            })
            && self.has.iter().all(|pointer| pointer.find(message.json).is_some())
            && self.conditions.iter().all(|(pointer, values)| {
                pointer.find(message.json).is_some_and(|found| values.iter().any(|value| is(found, value)))
            })
    }
}

fn octets(place: &str, values: &[Value]) -> Result<Vec<Vec<u8>>, String> {
    let bytes = |value: &Value| {
        let text = value.as_str().ok_or_else(|| format!("{place:?} must be compared with bytes, such as \"0a ff\""))?;
        match hex(text) {
            Ok(bytes) if !bytes.is_empty() => Ok(bytes),
            Ok(_) => Err(format!("{place:?} is compared with nothing")),
            Err(problem) => Err(format!("{place:?} {problem}")),
        }
    };
    values.iter().map(bytes).collect()
}

fn patterns(place: &str, values: &[Value]) -> Result<Vec<Pattern>, String> {
    let pattern = |value: &Value| value.as_str().map(Pattern::new);
    let patterns: Option<Vec<Pattern>> = values.iter().map(pattern).collect();
    patterns.ok_or_else(|| format!("{place:?} must be compared with texts"))
}

fn pointers(values: &[Value]) -> Result<Vec<Pointer>, String> {
    let pointer = |value: &Value| value.as_str().map(Pointer::new);
    let pointers: Option<Result<Vec<Pointer>, String>> = values.iter().map(pointer).collect();
    pointers.ok_or_else(|| "\"has\" must be JSON Pointers".to_owned())?
}

fn is(found: &[u8], value: &Value) -> bool {
    match (value, plain_text(found)) {
        (Value::String(text), Some(found)) => text == found,
        _ => serde_json::from_slice::<Value>(found).is_ok_and(|found| found == *value),
    }
}

/// A reference as a number, also when it is written as a string.
pub(super) fn reference(value: &[u8]) -> Option<u64> {
    let digits = plain_text(value).or_else(|| std::str::from_utf8(value).ok())?;
    digits.parse().ok()
}

/// A name or code: the text of a string, anything else as it is written.
pub(super) fn name(value: &[u8]) -> Option<&str> {
    plain_text(value).or_else(|| std::str::from_utf8(value).ok())
}

/// Whether there is an error at all: `null`, `false` and nothing are none.
pub(super) fn is_error(value: &[u8]) -> bool {
    !matches!(value, b"null" | b"false" | b"\"\"")
}
