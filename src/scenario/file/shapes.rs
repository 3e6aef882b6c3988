//! Keys that take several shapes: a word or a table, a number or a list. Read by hand, so that what is wrong is said of
//! the shape that was meant.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use super::values::Whole;

/// What a type with several shapes looks like, for messages.
pub(crate) trait Shapes {
    const EXPECTED: &'static str;
}

/// One table, or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OneOrMany<T> {
    pub(crate) items: Vec<T>,
    /// It was written as a list.
    pub(crate) list: bool,
}

impl<'de, T: Deserialize<'de> + Shapes> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Shapes> Visitor<'de> for Either<T> {
            type Value = OneOrMany<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} or a list of such", T::EXPECTED)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let item = T::deserialize(MapAccessDeserializer::new(map))?;
                Ok(OneOrMany { items: vec![item], list: false })
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                let item: Result<T, E> = T::deserialize(serde::de::value::StrDeserializer::new(text));
                let item = item.map_err(|_| E::invalid_type(serde::de::Unexpected::Str(text), &self))?;
                Ok(OneOrMany { items: vec![item], list: false })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Ok(OneOrMany { items: all(seq)?, list: true })
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

fn all<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(mut seq: A) -> Result<Vec<T>, A::Error> {
    let mut items = Vec::new();
    while let Some(item) = seq.next_element()? {
        items.push(item);
    }
    Ok(items)
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

/// A scalar, or a list of points in time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Course<V, P> {
    Always(V),
    Points(Vec<P>),
}

impl<'de, V: Deserialize<'de> + Shapes, P: Deserialize<'de>> Deserialize<'de> for Course<V, P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<V, P>(PhantomData<(V, P)>);
        impl<'de, V: Deserialize<'de> + Shapes, P: Deserialize<'de>> Visitor<'de> for Either<V, P> {
            type Value = Course<V, P>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(V::EXPECTED)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                V::deserialize(serde::de::value::StrDeserializer::new(text)).map(Course::Always)
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                V::deserialize(serde::de::value::U64Deserializer::new(number)).map(Course::Always)
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                V::deserialize(serde::de::value::I64Deserializer::new(number)).map(Course::Always)
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
                V::deserialize(serde::de::value::F64Deserializer::new(number)).map(Course::Always)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                all(seq).map(Course::Points)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<V: JsonSchema, P: JsonSchema> JsonSchema for Course<V, P> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("{}Or{}s", V::schema_name(), P::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let always = generator.subschema_for::<V>();
        let point = generator.subschema_for::<P>();
        json_schema!({ "anyOf": [always, { "type": "array", "items": point, "minItems": 1 }] })
    }
}

impl<const LEAST: u32> Shapes for Whole<LEAST> {
    const EXPECTED: &'static str = "a whole number or a list of `{ at, n }`";
}

impl Shapes for super::values::RateText {
    const EXPECTED: &'static str = "a rate such as \"200/s\" or a list of `{ at, rate }`";
}

/// A word, or a table that says more. The word is the value of the table's first key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WordOr<T> {
    Word(String),
    Table(T),
}

impl<'de, T: Deserialize<'de> + Shapes> Deserialize<'de> for WordOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Shapes> Visitor<'de> for Either<T> {
            type Value = WordOr<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::EXPECTED)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(WordOr::Word(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(WordOr::Table)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for WordOr<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("WordOr{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "string" }, table] })
    }
}

impl<T: Shapes> Shapes for WordOr<T> {
    const EXPECTED: &'static str = T::EXPECTED;
}

/// A table of any keys, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ordered<T>(pub(crate) Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Map<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Map(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Ordered<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("TableOf{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}

/// One scalar of `[vars]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scalar;

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}
