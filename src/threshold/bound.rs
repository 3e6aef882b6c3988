//! The rule of a threshold: an operator, a number and a unit that fits what is judged.

use super::error::{Misread, Problem, nearest};

/// What kind of number a key yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Nanoseconds.
    Time,
    /// How many.
    Count,
    /// How many per second.
    Rate,
    /// One thing over another.
    Ratio,
}

impl Dimension {
    /// Units that fit, with what one of each is worth.
    fn units(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::Time => {
                &[("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3_600e9)]
            }
            Self::Count => &[],
            Self::Rate => &[("/s", 1.0)],
            Self::Ratio => &[("%", 0.01)],
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Time => "a time (ns, us, ms, s, m)",
            Self::Count => "a count, which is a plain number",
            Self::Rate => "a rate (/s)",
            Self::Ratio => "a ratio (a plain number or %)",
        }
    }
}

/// How value and bound compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is what it says
pub enum Operator {
    Below,
    AtMost,
    Above,
    AtLeast,
    Equal,
    Not,
}

/// Longest spelling first, so that `<=` is not read as `<`.
const OPERATORS: &[(&str, Operator)] = &[
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("==", Operator::Equal),
    ("!=", Operator::Not),
    ("<", Operator::Below),
    (">", Operator::Above),
];

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// How it compares.
    pub operator: Operator,
    /// With what: nanoseconds, a number, or a share of 1.
    pub value: f64,
}

impl Bound {
    /// Whether `value` is as it must be.
    pub fn holds(&self, value: f64) -> bool {
        match self.operator {
            Operator::Below => value < self.value,
            Operator::AtMost => value <= self.value,
            Operator::Above => value > self.value,
            Operator::AtLeast => value >= self.value,
            Operator::Equal => value == self.value,
            Operator::Not => value != self.value,
        }
    }

    /// How far `value` is from the bound, as a signed share of it; `None` where there is no such distance.
    pub fn margin(&self, value: f64) -> Option<f64> {
        let ordered = !matches!(self.operator, Operator::Equal | Operator::Not);
        (ordered && self.value != 0.0).then(|| (value - self.value) / self.value)
    }

    pub(super) fn parse(text: &str, dimension: Dimension) -> Result<Self, Misread> {
        let start = text.len() - text.trim_start().len();
        let rest = &text[start..];
        let Some((sign, operator)) = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign)) else {
            let meant = rest.starts_with('=').then(|| "==".to_owned());
            let end = if meant.is_some() { start + 1 } else { text.len() };
            return Err(Misread::new(start..end, Problem::Expected("one of < <= > >= == !=")).meant(meant));
        };
        let after = &rest[sign.len()..];
        let at = start + sign.len() + (after.len() - after.trim_start().len());
        let number = &text[at..];
        let digits = number.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(number.len());
        let value: f64 = number[..digits]
            .replace('_', "")
            .parse()
            .map_err(|_| Misread::new(at..text.len(), Problem::Expected("a number of zero or more")))?;
        let unit = number[digits..].trim();
        let unit_at = at + digits + (number[digits..].len() - number[digits..].trim_start().len());
        let worth = worth(unit, unit_at, value, dimension)?;
        Ok(Self { operator: *operator, value: value * worth })
    }
}

fn worth(unit: &str, at: usize, value: f64, dimension: Dimension) -> Result<f64, Misread> {
    if unit.is_empty() {
        let needs_one = dimension == Dimension::Time && value != 0.0;
        return if needs_one { Err(Misread::new(at..at, Problem::UnitMissing)) } else { Ok(1.0) };
    }
    let units = dimension.units();
    units.iter().find(|(name, _)| *name == unit).map(|(_, worth)| *worth).ok_or_else(|| {
        let problem = Problem::UnitUnfit { unit: unit.to_owned(), what: dimension.what() };
        let meant = match unit {
            "sec" | "secs" | "second" | "seconds" => Some("s".to_owned()),
            _ => nearest(unit, units.iter().map(|(name, _)| *name)),
        };
        Misread::new(at..at + unit.len(), problem).meant(meant.filter(|_| dimension == Dimension::Time))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, dimension: Dimension) -> Result<(Operator, f64), String> {
        Bound::parse(text, dimension).map(|b| (b.operator, b.value)).map_err(|e| format!("{:?} {}", e.span, e.problem))
    }

    #[test]
    fn every_unit_is_worth_what_it_says() {
        assert_eq!(parse("< 100ms", Dimension::Time), Ok((Operator::Below, 100e6)));
        assert_eq!(parse("<=1.5 s", Dimension::Time), Ok((Operator::AtMost, 1.5e9)));
        assert_eq!(parse(" > 2m", Dimension::Time), Ok((Operator::Above, 120e9)));
        assert_eq!(parse("<= 1 %", Dimension::Ratio), Ok((Operator::AtMost, 0.01)));
        assert_eq!(parse("> 0.95", Dimension::Ratio), Ok((Operator::Above, 0.95)));
        assert_eq!(parse("== 0", Dimension::Count), Ok((Operator::Equal, 0.0)));
        assert_eq!(parse(">= 10_000/s", Dimension::Rate), Ok((Operator::AtLeast, 10_000.0)));
    }

    #[test]
    fn a_wrong_rule_is_pointed_at() {
        assert_eq!(parse("100ms", Dimension::Time), Err("0..5 expected one of < <= > >= == !=".to_owned()));
        assert_eq!(parse("< fast", Dimension::Time), Err("2..6 expected a number of zero or more".to_owned()));
        assert_eq!(parse("< -1", Dimension::Count), Err("2..4 expected a number of zero or more".to_owned()));
        assert_eq!(parse("< 100", Dimension::Time), Err("5..5 a time needs a unit: ns, us, ms, s or m".to_owned()));
        assert!(parse("< 3 %", Dimension::Time).unwrap_err().starts_with("4..5 the unit `%` does not fit a time"));
        assert!(parse("== 3ms", Dimension::Count).unwrap_err().contains("does not fit a count"));
        let error = Bound::parse("< 3msec", Dimension::Time).unwrap_err();
        assert_eq!(error.nearest.as_deref(), Some("ms"));
        assert_eq!(Bound::parse("= 3", Dimension::Count).unwrap_err().nearest.as_deref(), Some("=="));
    }
}
