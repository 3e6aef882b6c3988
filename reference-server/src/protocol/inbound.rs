//! What clients may say.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Code;
use crate::history::{Epoch, Position};

/// Largest `ref` and `id` a client may send, in bytes of JSON.
const REFERENCE_BYTES: usize = 128;

/// A frame from a client.
#[derive(Debug, Deserialize)]
pub(crate) struct Inbound<'a> {
    #[serde(rename = "type", borrow, default)]
    pub(crate) kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) room: Option<Cow<'a, str>>,
    /// As received, byte for byte.
    #[serde(borrow, default, deserialize_with = "raw")]
    pub(crate) content: Option<&'a RawValue>,
    #[serde(rename = "ref", borrow, default)]
    pub(crate) reference: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) token: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) last: Option<u64>,
    #[serde(default)]
    off: Option<u64>,
    #[serde(borrow, default)]
    ep: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) t: Option<&'a RawValue>,
}

/// `null` is content like any other.
fn raw<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> Inbound<'a> {
    /// Reads a frame. Fails on what is not a JSON object of the right shape, and on a `ref` or `id` that cannot be one.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Code> {
        // An array would pass for the fields in their order.
        let object = text.trim_ascii_start().starts_with('{');
        let inbound: Self = serde_json::from_str(text).map_err(|_| Code::Malformed)?;
        let scalar = |raw: &RawValue| raw.get().len() <= REFERENCE_BYTES && !raw.get().starts_with(['{', '[']);
        let string = |raw: &RawValue| raw.get().len() <= REFERENCE_BYTES && raw.get().starts_with('"');
        let fits =
            inbound.reference.is_none_or(scalar) && inbound.id.is_none_or(string) && inbound.t.is_none_or(scalar);
        if object && fits { Ok(inbound) } else { Err(Code::Malformed) }
    }

    /// The type; a frame with content and no type is a message.
    pub(crate) fn kind(&self) -> &str {
        match &self.kind {
            Some(kind) => kind,
            None if self.content.is_some() => "message",
            None => "",
        }
    }

    /// Where the client has come to, if it says so.
    pub(crate) fn position(&self) -> Result<Option<Position>, Code> {
        match (self.off, self.ep.as_deref()) {
            (None, None) => Ok(None),
            (Some(offset), Some(epoch)) => {
                let epoch = Epoch::parse(epoch.as_bytes()).ok_or(Code::Malformed)?;
                Ok(Some(Position { offset, epoch }))
            }
            _ => Err(Code::Malformed),
        }
    }

    /// The `ref` as JSON.
    pub(crate) fn reference(&self) -> Option<&'a str> {
        self.reference.map(RawValue::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inbound_frames_keep_what_has_to_pass_as_it_is() {
        let text = r#" {"type":"mess\u0061ge","content": {"a" : 1.0e2 } ,"ref":-1,"id":"x","unknown":[1]} "#;
        let inbound = Inbound::parse(text).unwrap();
        assert_eq!(inbound.kind(), "message");
        assert_eq!(inbound.content.map(RawValue::get), Some(r#"{"a" : 1.0e2 }"#));
        assert_eq!(inbound.reference(), Some("-1"));
        let long = format!(r#"{{"content":1,"ref":"{}"}}"#, "x".repeat(REFERENCE_BYTES));
        assert_eq!(Inbound::parse(&long).err(), Some(Code::Malformed));
    }
}
