//! Durations, rates, sizes and percentages as they stand in scenarios and on the command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::number::{Decimal, UnitError, split};
use super::{DURATION, PERCENT, RATE, SIZE};

const DURATION_UNITS: &[(&str, u64)] = &[
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

const SIZE_UNITS: &[(&str, u64)] = &[
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("M", 1_000_000),
    ("k", 1_000),
    ("B", 1),
];

/// Reads a duration: one or more numbers, each with its unit (`d h m s ms us ns`), added up.
///
/// # Errors
/// When `text` is none; the error says what would be.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let mut rest = text.trim();
    let mut total = 0u64;
    loop {
        let (number, after) = split(rest, DURATION).map_err(|error| match error {
            UnitError::NotANumber { .. } => UnitError::NotANumber { text: text.to_owned(), expected: DURATION },
            other => other,
        })?;
        let end = after.find(|c: char| c.is_ascii_digit() || c.is_whitespace()).unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        let nanos = scaled(text, number, unit, DURATION_UNITS, "d, h, m, s, ms, us, ns", "s")?;
        total = total.checked_add(nanos).ok_or_else(|| UnitError::TooLarge { text: text.to_owned() })?;
        rest = next.trim_start();
        if rest.is_empty() {
            return Ok(Duration::from_nanos(total));
        }
    }
}

/// Prints a duration so that [`parse_duration`] reads the same one back: `1m30s`, `250ms`, `0s`.
pub fn print_duration(duration: Duration) -> String {
    let mut nanos = crate::time::nanos(duration);
    if nanos == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, length) in DURATION_UNITS {
        let whole = nanos / length;
        if whole > 0 {
            text.push_str(&format!("{whole}{unit}"));
            nanos %= length;
        }
    }
    text
}

/// Reads a size in bytes: `B`, `k kB M MB GB` by thousands, `KiB MiB GiB` by 1024.
///
/// # Errors
/// When `text` is none; the error says what would be.
pub fn parse_size(text: &str) -> Result<Size, UnitError> {
    let (number, unit) = split(text.trim(), SIZE)?;
    scaled(text, number, unit, SIZE_UNITS, "B, k, kB, KiB, M, MB, MiB, GB, GiB", "B").map(Size)
}

/// Reads a rate: a number, perhaps with `k` or `M`, per `s`, `m`, `h` or `d`.
///
/// # Errors
/// When `text` is none; the error says what would be.
pub fn parse_rate(text: &str) -> Result<Rate, UnitError> {
    let text = text.trim();
    let (number, rest) = split(text, RATE)?;
    let (prefix, per) = match rest.split_once('/') {
        Some((prefix, per)) => (prefix.trim(), per.trim()),
        None => return Err(UnitError::NoUnit { text: text.to_owned(), remedy: format!("{text}/s") }),
    };
    let unknown = |unit: &str, known| UnitError::UnknownUnit { text: text.to_owned(), unit: unit.to_owned(), known };
    let factor = match prefix {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        other => return Err(unknown(other, "k, M")),
    };
    let seconds = match per {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        other => return Err(unknown(other, "/s, /m, /h, /d")),
    };
    Ok(Rate(number.float() * factor / seconds))
}

/// Reads a percentage, with its sign: `30%` is 0.3.
///
/// # Errors
/// When `text` is none; the error says what would be.
pub fn parse_percent(text: &str) -> Result<f64, UnitError> {
    let text = text.trim();
    let (number, unit) = split(text, PERCENT)?;
    match unit {
        "%" => Ok(number.float() / 100.0),
        "" => Err(UnitError::NoUnit { text: text.to_owned(), remedy: format!("{text}%") }),
        other => Err(UnitError::UnknownUnit { text: text.to_owned(), unit: other.to_owned(), known: "%" }),
    }
}

fn scaled(
    text: &str,
    number: Decimal,
    unit: &str,
    units: &[(&str, u64)],
    known: &'static str,
    likeliest: &str,
) -> Result<u64, UnitError> {
    if unit.is_empty() {
        return Err(UnitError::NoUnit { text: text.to_owned(), remedy: format!("{text}{likeliest}") });
    }
    let found = units.iter().find(|(name, _)| *name == unit || (unit == "µs" && *name == "us"));
    let (_, factor) =
        found.ok_or_else(|| UnitError::UnknownUnit { text: text.to_owned(), unit: unit.to_owned(), known })?;
    number.times(*factor).ok_or_else(|| UnitError::TooLarge { text: text.to_owned() })
}

/// So many per second.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Rate(f64);

impl Rate {
    /// `per_second` times a second; negative and not-a-number count as zero.
    pub fn per_second(per_second: f64) -> Self {
        Self(if per_second > 0.0 { per_second } else { 0.0 })
    }

    /// How many per second.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Rate {
    /// Prints so that [`parse_rate`] reads the same rate back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

impl FromStr for Rate {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        parse_rate(text)
    }
}

/// So many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    /// Prints so that [`parse_size`] reads the same size back: in the largest binary unit that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = &SIZE_UNITS[..3];
        match binary.iter().find(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl FromStr for Size {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        parse_size(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn durations_survive_print_and_parse(nanos in any::<u64>()) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&print_duration(duration)), Ok(duration));
        }

        #[test]
        fn sizes_survive_print_and_parse(bytes in any::<u64>(), shift in 0u32..40) {
            let size = Size(bytes >> shift << shift.min(30));
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }

        #[test]
        fn rates_survive_print_and_parse(thousandths in 0u64..1_000_000_000_000) {
            let rate = Rate::per_second(thousandths as f64 / 1_000.0);
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }

        #[test]
        fn no_text_panics(text in ".{0,12}") {
            drop((parse_duration(&text), parse_size(&text), parse_rate(&text), parse_percent(&text)));
        }
    }

    #[test]
    fn what_scenarios_write_is_read() {
        let ms = Duration::from_millis;
        for (text, expected) in [
            ("250ms", ms(250)),
            ("1m30s", ms(90_000)),
            ("2h", ms(7_200_000)),
            ("1.5s", ms(1_500)),
            ("1m 2s", ms(62_000)),
        ] {
            assert_eq!(parse_duration(text), Ok(expected), "{text}");
        }
        for (text, expected) in [("1k/s", 1_000.0), ("30/m", 0.5), ("0.5/s", 0.5), ("3.6k/h", 1.0), ("0/s", 0.0)] {
            assert_eq!(parse_rate(text).map(Rate::get), Ok(expected), "{text}");
        }
        for (text, expected) in [("64KiB", 65_536), ("128B", 128), ("1k", 1_000), ("1.5MiB", 1_572_864)] {
            assert_eq!(parse_size(text), Ok(Size(expected)), "{text}");
        }
        assert_eq!(parse_percent("0.1%"), Ok(0.001));
    }

    #[test]
    fn what_is_wrong_is_said_with_the_remedy() {
        let errors = [
            parse_duration("20").unwrap_err().to_string(),
            parse_duration("20sec").unwrap_err().to_string(),
            parse_duration("soon").unwrap_err().to_string(),
            parse_duration("-3s").unwrap_err().to_string(),
            parse_rate("200").unwrap_err().to_string(),
            parse_rate("200/week").unwrap_err().to_string(),
            parse_size("128").unwrap_err().to_string(),
            parse_size("").unwrap_err().to_string(),
            parse_size("99999999999GiB").unwrap_err().to_string(),
            parse_percent("5").unwrap_err().to_string(),
        ];
        let expected = [
            r#""20" has no unit; write "20s""#,
            r#"unknown unit "sec" in "20sec"; known: d, h, m, s, ms, us, ns"#,
            r#""soon" is not a duration such as "250ms", "20s" or "1m30s""#,
            r#""-3s" is negative; expected a duration such as "250ms", "20s" or "1m30s""#,
            r#""200" has no unit; write "200/s""#,
            r#"unknown unit "week" in "200/week"; known: /s, /m, /h, /d"#,
            r#""128" has no unit; write "128B""#,
            r#"an empty text is not a size such as "128B", "1k" or "64KiB""#,
            r#""99999999999GiB" is too large"#,
            r#""5" has no unit; write "5%""#,
        ];
        assert_eq!(errors, expected);
    }
}
