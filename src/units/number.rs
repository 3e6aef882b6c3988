//! The number in front of a unit: decimal digits, kept exact.

/// Why a text is not the value with a unit that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// There is nothing.
    #[error("an empty text is not {expected}")]
    Empty {
        /// What was expected, with examples.
        expected: &'static str,
    },
    /// There is no number where one is needed.
    #[error("{text:?} is not {expected}")]
    NotANumber {
        /// What was written.
        text: String,
        /// What was expected, with examples.
        expected: &'static str,
    },
    /// The number is below zero.
    #[error("{text:?} is negative; expected {expected}")]
    Negative {
        /// What was written.
        text: String,
        /// What was expected, with examples.
        expected: &'static str,
    },
    /// A number stands alone.
    #[error("{text:?} has no unit; write {remedy:?}")]
    NoUnit {
        /// What was written.
        text: String,
        /// The same with the likeliest unit.
        remedy: String,
    },
    /// The unit is none of those known.
    #[error("unknown unit {unit:?} in {text:?}; known: {known}")]
    UnknownUnit {
        /// What was written.
        text: String,
        /// The unit in it.
        unit: String,
        /// Those there are.
        known: &'static str,
    },
    /// The value cannot be represented.
    #[error("{text:?} is too large")]
    TooLarge {
        /// What was written.
        text: String,
    },
}

/// A non-negative decimal: `digits` / 10^`scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: u64,
    scale: u32,
}

impl Decimal {
    /// This number times `factor`, rounded to the nearest whole; `None` above 2^64.
    pub(super) fn times(self, factor: u64) -> Option<u64> {
        let product = u128::from(self.digits) * u128::from(factor);
        let divisor = 10u128.checked_pow(self.scale)?;
        u64::try_from((product + divisor / 2) / divisor).ok()
    }

    /// This number as a float.
    pub(super) fn float(self) -> f64 {
        // Both are exact below 2^53, so one correctly rounded division gives the nearest float.
        self.digits as f64 / 10f64.powi(self.scale.cast_signed())
    }
}

/// Splits `text` into the number it starts with and the rest, which starts with the unit.
pub(super) fn split<'t>(text: &'t str, expected: &'static str) -> Result<(Decimal, &'t str), UnitError> {
    if text.is_empty() {
        return Err(UnitError::Empty { expected });
    }
    if text.starts_with('-') {
        return Err(UnitError::Negative { text: text.to_owned(), expected });
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let not_a_number = || UnitError::NotANumber { text: text.to_owned(), expected };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') || (number.contains('.') && fraction.is_empty()) {
        return Err(not_a_number());
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 12 {
        return Err(not_a_number());
    }
    let digits = format!("{whole}{fraction}").parse().map_err(|_| UnitError::TooLarge { text: text.to_owned() })?;
    Ok((Decimal { digits, scale: fraction.len() as u32 }, unit.trim_start()))
}
