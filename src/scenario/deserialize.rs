//! From the tree of a document into serde types, with errors that know their place and the nearest right name.

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor, value::StringDeserializer,
};
use serde::forward_to_deserialize_any;
use std::fmt;
use std::ops::Range;

use super::diagnostic::did_you_mean;
use super::document::{Entry, Node, Origin, Value};

/// Reads a `T` out of `node`.
pub(super) fn from_node<'de, T: Deserialize<'de>>(node: &'de Node) -> Result<T, Problem> {
    T::deserialize(node)
}

/// What did not fit, and where.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) span: Option<Range<usize>>,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// A key is missing or unknown: the values around it have no part in it.
    about_keys: bool,
}

impl Problem {
    fn new(message: String) -> Self {
        Self { span: None, message, help: None, about_keys: false }
    }

    /// The same about the value of `node`, unless a place is known already.
    fn at(mut self, node: &Node) -> Self {
        if self.span.is_some() {
            return self;
        }
        self.span = Some(node.span.clone());
        if node.origin == Origin::Environment && !self.about_keys {
            self.message = "the value of this variable, taken from the environment, does not fit here".to_owned();
        }
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl serde::de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        // Types of more than one part put their remedy behind this mark.
        match text.split_once(REMEDY) {
            Some((message, help)) => Self { help: Some(help.to_owned()), ..Self::new(message.to_owned()) },
            None => Self::new(text),
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Map => "a table".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Unit => "nothing".to_owned(),
            Unexpected::Str(text) => format!("the text {text:?}"),
            Unexpected::Signed(number) => format!("the number {number}"),
            Unexpected::Unsigned(number) => format!("the number {number}"),
            Unexpected::Float(number) => format!("the number {number}"),
            Unexpected::Bool(truth) => format!("{truth}"),
            other => other.to_string(),
        };
        Self::new(format!("expected {}, found {found}", plain(expected)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let help = did_you_mean(field, expected.iter().copied());
        Self { help, about_keys: true, ..Self::new(format!("unknown key `{field}`")) }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let help = did_you_mean(variant, expected.iter().copied());
        Self { help, ..Self::new(format!("unknown value `{variant}`")) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { about_keys: true, ..Self::new(format!("the key `{field}` is missing")) }
    }
}

/// Separates what is wrong from its remedy in a custom error.
pub(super) const REMEDY: &str = "\u{1}";

/// Rust's names of types mean nothing to the writer of a scenario.
fn plain(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a string" => "a text in quotes".to_owned(),
        "u64" | "u32" | "u16" | "usize" => "a whole number, zero or more".to_owned(),
        "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a map" => "a table".to_owned(),
        "a sequence" => "a list".to_owned(),
        _ if text.starts_with("struct ") => "a table".to_owned(),
        _ => text,
    }
}

impl<'de> Node {
    fn visit<V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, Problem> {
        match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::Integer(number) => match u64::try_from(*number) {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => visitor.visit_i64(*number),
            },
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Array(nodes) => visitor.visit_seq(Nodes(nodes.iter())),
            Value::Table(entries) => visitor.visit_map(Entries { entries: entries.iter(), current: None }),
        }
    }

    /// A variable in the place of a number or a truth value is one, if it looks like one.
    fn visit_scalar<V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, Problem> {
        if let (Value::Text(text), true) = (&self.value, self.origin != Origin::Written) {
            if let Ok(number) = text.parse::<u64>() {
                return visitor.visit_u64(number);
            }
            if let Ok(number) = text.parse::<i64>() {
                return visitor.visit_i64(number);
            }
            if text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
                && let Ok(number) = text.parse::<f64>()
            {
                return visitor.visit_f64(number);
            }
            if let Ok(truth) = text.parse::<bool>() {
                return visitor.visit_bool(truth);
            }
        }
        self.visit(visitor)
    }
}

macro_rules! scalars {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            self.visit_scalar(visitor).map_err(|problem| match self.value {
                // Whoever holds the table knows the better place: its key.
                Value::Table(_) => problem,
                _ => problem.at(self),
            })
        })*
    };
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Problem;

    scalars! {
        deserialize_any deserialize_bool deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_f32 deserialize_f64
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.visit(visitor).map_err(|problem| problem.at(self))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let named = match &self.value {
            Value::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            _ => {
                let names: Vec<String> = variants.iter().map(|name| format!("\"{name}\"")).collect();
                Err(Problem::new(format!("expected {}", names.join(" or "))))
            }
        };
        named.map_err(|problem| problem.at(self))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

struct Nodes<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Nodes<'de> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Problem> {
        let next = self.0.next();
        next.map(|node| seed.deserialize(node).map_err(|problem| problem.at(node))).transpose()
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, Entry>,
    current: Option<&'de Entry>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        self.current = self.entries.next();
        let Some(entry) = self.current else { return Ok(None) };
        let key: StringDeserializer<Problem> = entry.key.clone().into_deserializer();
        let key = seed.deserialize(key).map_err(|problem| Problem { span: Some(entry.key_span.clone()), ..problem });
        key.map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Problem> {
        let entry = self.current.ok_or_else(|| Problem::custom("a value without a key"))?;
        seed.deserialize(&entry.node).map_err(|problem| match (&entry.node.value, problem.span.is_some()) {
            // Of a table only the key is worth a caret.
            (Value::Table(_), false) => Problem { span: Some(entry.key_span.clone()), ..problem },
            _ => problem.at(&entry.node),
        })
    }
}
