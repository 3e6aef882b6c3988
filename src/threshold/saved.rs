//! Counts of another run, to judge this one against: `{ rule = "<= 110%", baseline = "main.json" }`.

use std::collections::BTreeMap;

use super::error::{Misread, Problem};
use super::evidence::Reading;
use super::{Dimension, Expression, Quantity, Statistic};

/// What a saved run counted. It holds no latency: two runs at different times differ by far more than what they test.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    /// What it is called in reports: its file.
    pub name: String,
    /// How long it measured.
    pub seconds: f64,
    /// Counters, and how many values its distributions have.
    pub counts: BTreeMap<String, Vec<Count>>,
    /// By name.
    pub gauges: BTreeMap<String, f64>,
}

/// One entry of a counter.
#[derive(Clone, Debug, PartialEq)]
pub struct Count {
    /// Which part of it.
    pub labels: BTreeMap<String, String>,
    /// How many.
    pub value: u64,
}

impl Saved {
    /// What `expression` comes to there.
    ///
    /// # Errors
    /// If it is a latency, or the saved run did not keep it.
    pub fn value(&self, expression: &Expression) -> Result<f64, Problem> {
        match expression {
            Expression::One(quantity) => self.quantity(quantity),
            Expression::Ratio(over, under) => Ok(self.quantity(over)? / self.quantity(under)?),
        }
    }

    fn quantity(&self, quantity: &Quantity) -> Result<f64, Problem> {
        let absent = || Problem::NotInBaseline { metric: quantity.shown(), file: self.name.clone() };
        match quantity.statistic {
            Statistic::Gauge(_) => self.gauges.get(quantity.metric).copied().ok_or_else(absent),
            Statistic::Total | Statistic::Count => self.count(quantity).ok_or_else(absent),
            Statistic::Rate if self.seconds > 0.0 => {
                self.count(quantity).map(|count| count / self.seconds).ok_or_else(absent)
            }
            Statistic::Rate => Err(absent()),
            _ => Err(Problem::LatencyAgainstBaseline),
        }
    }

    fn count(&self, quantity: &Quantity) -> Option<f64> {
        let entries = self.counts.get(quantity.metric)?;
        let wanted: BTreeMap<String, String> =
            quantity.selector.iter().map(|(key, value)| (key.name().to_owned(), value.clone())).collect();
        let found = entries.iter().find(|entry| entry.labels == wanted).map(|entry| entry.value as f64);
        // A part by one label that counted nothing has no entry; a combination was kept only if a threshold named it.
        found.or((wanted.len() == 1).then_some(0.0))
    }

    /// Checks that `expression` can be judged against it.
    pub(super) fn check(&self, expression: &Expression, whole: std::ops::Range<usize>) -> Result<(), Misread> {
        self.value(expression).map(|_| ()).map_err(|problem| Misread::new(whole, problem))
    }

    /// `found` as a share of what `expression` comes to here.
    pub(super) fn relate(&self, expression: &Expression, found: Reading) -> Reading {
        let (Some(value), Ok(base)) = (found.value, self.value(expression)) else { return found };
        let share = match (value == 0.0, base == 0.0) {
            (true, true) => 1.0,
            (false, true) => f64::INFINITY,
            _ => value / base,
        };
        let unit = match expression.dimension() {
            Dimension::Time => 1e3,
            _ => 1.0,
        };
        let shown = |value: f64| {
            let value = value / unit;
            let text =
                if value.fract() == 0.0 || value >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.3}") };
            if unit > 1.0 { format!("{text} µs") } else { text }
        };
        let note = format!("{}; in {}: {}", shown(value), self.name, shown(base));
        Reading { value: Some(share).filter(|share| !share.is_nan()), count: found.count, note: Some(note) }
    }
}
