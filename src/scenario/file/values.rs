//! Values that are text with a meaning: durations, rates, sizes, and the small forms such as `burst(10)`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::text::VARIABLE;
use crate::profile::Spacing;
use crate::scenario::{Pick, Stay};
use crate::units::{self, parse_duration, parse_rate, parse_size};

text_value! {
    /// A duration.
    Time(Duration), |text| parse_duration(text).map_err(|e| e.to_string()),
    units::DURATION, r"(\d+(\.\d+)? *(d|h|m|s|ms|us|µs|ns) *)+", unit Some("s")
}

text_value! {
    /// A rate.
    RateText(units::Rate), |text| parse_rate(text).map_err(|e| e.to_string()),
    units::RATE, r"\d+(\.\d+)? *[kM]? */ *[smhd]", unit Some("/s")
}

text_value! {
    /// A size in bytes.
    SizeText(units::Size), |text| parse_size(text).map_err(|e| e.to_string()),
    units::SIZE, r"\d+(\.\d+)? *(B|k|kB|KiB|M|MB|MiB|GB|GiB)", unit Some("B")
}

text_value! {
    /// A pause between two messages, or a range of it.
    Every((Duration, Duration)), read_range,
    "a duration or a range such as \"20s..60s\"", r".+", unit Some("s")
}

text_value! {
    /// How publications are spaced.
    Arrival(Spacing), read_arrival,
    "\"constant\", \"poisson\" or \"burst(N)\"", r"constant|poisson|burst\(\d+\)", unit None
}

text_value! {
    /// A distribution of stays.
    StayText(Stay), read_stay,
    "a stay such as \"5m\", \"1m..5m\" or \"exponential(12m)\"", r".+", unit Some("s")
}

text_value! {
    /// Sizes of payloads: fixed or log-normal.
    Sizes(Lengths), read_sizes,
    "a size such as \"128B\" or \"lognormal(120B, 0.8)\"", r".+", unit Some("B")
}

text_value! {
    /// How rooms are picked; anything but `sizes`.
    PickText(Skew), read_pick,
    "\"even\" or \"zipf(1.1)\"", r"even|zipf\(\d+(\.\d+)?\)", unit None
}

/// Sizes of payloads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lengths {
    Fixed(u64),
    LogNormal { median: u64, sigma: f64 },
}

/// How rooms are picked, as far as a word can say it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Skew {
    Even,
    Zipf(f64),
}

impl From<Skew> for Pick {
    fn from(skew: Skew) -> Self {
        match skew {
            Skew::Even => Self::Even,
            Skew::Zipf(exponent) => Self::Zipf(exponent),
        }
    }
}

/// `name(arguments)` taken apart; no parentheses, no arguments.
fn call(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    match text.split_once('(') {
        Some((name, rest)) => Some((name.trim_end(), rest.strip_suffix(')')?.trim())),
        None => Some((text, "")),
    }
}

fn read_range(text: &str) -> Result<(Duration, Duration), String> {
    let duration = |text: &str| parse_duration(text).map_err(|e| e.to_string());
    let (least, most) = match text.split_once("..") {
        Some((least, most)) => (duration(least)?, duration(most)?),
        None => (duration(text)?, duration(text)?),
    };
    if least > most {
        return Err(format!("the range {text:?} ends before it starts"));
    }
    if most.is_zero() {
        return Err("must be longer than 0s".to_owned());
    }
    Ok((least, most))
}

fn read_arrival(text: &str) -> Result<Spacing, String> {
    match call(text) {
        Some(("constant", "")) => Ok(Spacing::Constant),
        Some(("poisson", "")) => Ok(Spacing::Poisson),
        Some(("burst", size)) => match size.parse() {
            Ok(size @ 1..) => Ok(Spacing::Burst(size)),
            _ => Err(format!("{text:?} needs how many at once, as in \"burst(10)\"")),
        },
        _ => Err(format!("unknown arrival {text:?}; expected \"constant\", \"poisson\" or \"burst(N)\"")),
    }
}

fn read_stay(text: &str) -> Result<Stay, String> {
    match call(text) {
        Some(("exponential", mean)) => {
            let mean = parse_duration(mean).map_err(|e| e.to_string())?;
            if mean.is_zero() { Err("must be longer than 0s".to_owned()) } else { Ok(Stay::Exponential(mean)) }
        }
        Some(("uniform", range)) => read_range(range).map(|(least, most)| Stay::Uniform(least, most)),
        Some(("constant", stay)) => read_range(stay).map(|(stay, _)| Stay::Constant(stay)),
        Some((range, "")) => read_range(range).map(|(least, most)| match least == most {
            true => Stay::Constant(least),
            false => Stay::Uniform(least, most),
        }),
        _ => Err(format!("unknown stay {text:?}; expected one such as \"5m\", \"1m..5m\" or \"exponential(12m)\"")),
    }
}

fn read_sizes(text: &str) -> Result<Lengths, String> {
    let size = |text: &str| parse_size(text).map(|size| size.0).map_err(|e| e.to_string());
    match call(text) {
        Some(("lognormal", arguments)) => {
            let wrong = || format!("{text:?} needs a median and a sigma, as in \"lognormal(120B, 0.8)\"");
            let (median, sigma) = arguments.split_once(',').ok_or_else(wrong)?;
            let sigma = sigma.trim().parse().ok().filter(|sigma| (0.0..=4.0).contains(sigma)).ok_or_else(wrong)?;
            Ok(Lengths::LogNormal { median: size(median)?, sigma })
        }
        _ => size(text).map(Lengths::Fixed),
    }
}

fn read_pick(text: &str) -> Result<Skew, String> {
    match call(text) {
        Some(("even", "")) => Ok(Skew::Even),
        Some(("zipf", exponent)) => match exponent.parse() {
            Ok(exponent) if (0.0..=10.0).contains(&exponent) => Ok(Skew::Zipf(exponent)),
            _ => Err(format!("{text:?} needs an exponent between 0 and 10, as in \"zipf(1.1)\"")),
        },
        _ => Err(format!("unknown pick {text:?}; expected \"even\" or \"zipf(1.1)\"")),
    }
}

/// A whole number of at least `LEAST`, and no more than fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole<const LEAST: u32>(pub(crate) u32);

impl<'de, const LEAST: u32> Deserialize<'de> for Whole<LEAST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WholeVisitor::<LEAST>)
    }
}

pub(super) struct WholeVisitor<const LEAST: u32>;

impl<const LEAST: u32> Visitor<'_> for WholeVisitor<LEAST> {
    type Value = Whole<LEAST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        match u32::try_from(number) {
            Ok(number) if number >= LEAST => Ok(Whole(number)),
            Ok(_) => Err(E::custom(format!("must be at least {LEAST}, not {number}"))),
            Err(_) => Err(E::custom(format!("{number} is too large"))),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Err(E::custom(format!("must be at least {LEAST}, not {number}")))
    }
}

impl<const LEAST: u32> JsonSchema for Whole<LEAST> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("WholeFrom{LEAST}").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "integer", "minimum": LEAST, "maximum": u32::MAX },
                { "type": "string", "pattern": format!("^{VARIABLE}$") },
            ]
        })
    }
}

/// Anything at all: the value of a key that is reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Reserved;

impl<'de> Deserialize<'de> for Reserved {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl JsonSchema for Reserved {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Reserved".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "reserved: not built yet" })
    }
}
