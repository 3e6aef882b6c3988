//! Numbers in the result file: whole ones without a fraction.

use serde::{Deserialize, Deserializer, Serializer};

/// Beyond this a float does not hold every whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;

pub(super) fn serialize<S: Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    match *value {
        Some(value) if !value.is_finite() => to.serialize_none(),
        Some(value) if value.fract() == 0.0 && value.abs() < EXACT => to.serialize_i64(value as i64),
        Some(value) => to.serialize_f64(value),
        None => to.serialize_none(),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Option::deserialize(from)
}
