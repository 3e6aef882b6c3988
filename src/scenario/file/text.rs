//! The shape all small text values share: read by one function, described by one pattern.

/// What `${NAME}` looks like in a schema: it may stand for any scalar.
pub(super) const VARIABLE: &str = r"\$\{[A-Za-z0-9_]+\}";

/// Deserializes and describes a type whose text is read by one function.
macro_rules! text_value {
    ($(#[$doc:meta])* $name:ident($inner:ty), $read:expr, $expected:expr, $pattern:expr, unit $unit:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub(crate) struct $name(pub(crate) $inner);

        impl<'de> serde::de::Deserialize<'de> for $name {
            fn deserialize<D: serde::de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        let read: fn(&str) -> Result<$inner, String> = $read;
                        read(text).map($name).map_err(E::custom)
                    }
                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$name, E> {
                        self.visit_f64(number as f64)
                    }
                    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<$name, E> {
                        self.visit_f64(number as f64)
                    }
                    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<$name, E> {
                        let unit: Option<&str> = $unit;
                        Err(match unit {
                            Some(unit) => E::custom(format!("{number} has no unit; write \"{number}{unit}\"")),
                            None => E::invalid_type(serde::de::Unexpected::Float(number), &self),
                        })
                    }
                }
                deserializer.deserialize_any(Text)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "description": $expected,
                    "pattern": format!("^(?:{}|{})$", $pattern, $crate::scenario::file::text::VARIABLE),
                })
            }
        }
    };
}
