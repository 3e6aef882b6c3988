//! When a frame is of a kind: what must stand where.

use serde_json::{Map, Value};

use super::pointer::{Pointer, plain_text};

/// Pointers and the values one of which must stand there.
#[derive(Clone, Debug)]
pub(super) struct When {
    conditions: Vec<(Pointer, Vec<Value>)>,
}

impl When {
    /// The conditions as they were written: pointer → value, or pointer → list of possible values.
    pub(super) fn new(conditions: &Map<String, Value>) -> Result<Self, String> {
        let condition = |(pointer, values): (&String, &Value)| {
            let values = match values {
                Value::Array(values) => values.clone(),
                value => vec![value.clone()],
            };
            if values.iter().any(|value| value.is_object() || value.is_array()) {
                return Err(format!("{pointer:?} must be compared with plain values"));
            }
            Ok((Pointer::new(pointer)?, values))
        };
        Ok(Self { conditions: conditions.iter().map(condition).collect::<Result<_, _>>()? })
    }

    /// Whether `json` is of this kind.
    pub(super) fn holds(&self, json: &[u8]) -> bool {
        self.conditions.iter().all(|(pointer, values)| {
            pointer.find(json).is_some_and(|found| values.iter().any(|value| is(found, value)))
        })
    }
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
