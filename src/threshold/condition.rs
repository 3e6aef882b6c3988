//! A condition between two saved runs: `deliveries.lost > 110% of base`, or only `deliveries.lost`, which means more than
//! before. A latency can be asked for, and is refused by whoever judges.

use super::error::{Misread, Problem};
use super::{Bound, Dimension, Expression, Saved, Statistic};
use crate::metrics::Names;

/// What makes the new run's value one of the old run's.
const OF_BASE: &str = "of base";

/// The bound of a condition that names none.
const MORE: &str = "> 100%";

/// The word for any latency at all.
const LATENCY: &str = "latency";

/// A condition, checked.
#[derive(Clone, Debug)]
pub struct Condition {
    text: String,
    asks: Asks,
}

#[derive(Clone, Debug)]
enum Asks {
    /// About time: no two saved runs can answer it.
    Latency,
    /// About the new run's value alone.
    Alone(Expression, Bound),
    /// About its share of the old run's.
    Share(Expression, Bound),
}

/// What became of a condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Met {
    /// The condition as it was written.
    pub condition: String,
    /// What kind of number the values are.
    pub dimension: Dimension,
    /// The old run's value.
    pub base: f64,
    /// The new run's value.
    pub new: f64,
    /// Whether it is so.
    pub met: bool,
}

impl Condition {
    /// Reads a condition; `names` are those of the runs.
    ///
    /// # Errors
    /// What is wrong with it, and what was probably meant.
    pub fn parse(text: &str, names: &Names) -> Result<Self, String> {
        let asks = asks(text.trim(), names).map_err(|misread| {
            let hint = misread.nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
            format!("{}{hint}", misread.problem)
        })?;
        Ok(Self { text: text.trim().to_owned(), asks })
    }

    /// Whether it asks about latency.
    pub fn is_about_latency(&self) -> bool {
        matches!(self.asks, Asks::Latency)
    }

    /// What became of it; nothing where it is about latency.
    ///
    /// # Errors
    /// If one of the runs did not keep what it asks about.
    pub fn judge(&self, base: &Saved, new: &Saved) -> Result<Option<Met>, Problem> {
        let (expression, bound, share) = match &self.asks {
            Asks::Latency => return Ok(None),
            Asks::Alone(expression, bound) => (expression, bound, false),
            Asks::Share(expression, bound) => (expression, bound, true),
        };
        let (before, after) = (base.value(expression)?, new.value(expression)?);
        let value = match (share, after == 0.0, before == 0.0) {
            (false, ..) => after,
            (true, true, true) => 1.0,
            (true, false, true) => f64::INFINITY,
            (true, ..) => after / before,
        };
        Ok(Some(Met {
            condition: self.text.clone(),
            dimension: expression.dimension(),
            base: before,
            new: after,
            met: bound.holds(value),
        }))
    }
}

fn asks(text: &str, names: &Names) -> Result<Asks, Misread> {
    if text == LATENCY || text.starts_with("latency ") {
        return Ok(Asks::Latency);
    }
    let (key, rule) = text.split_at(operator(text));
    let expression = Expression::parse(key, names)?;
    if is_latency(&expression) {
        return Ok(Asks::Latency);
    }
    let rule = if rule.is_empty() { format!("{MORE} {OF_BASE}") } else { rule.to_owned() };
    match rule.trim_end().strip_suffix(OF_BASE) {
        Some(share) => Ok(Asks::Share(expression, Bound::parse(share.trim_end(), Dimension::Ratio)?)),
        None => {
            let bound = Bound::parse(rule.trim_end(), expression.dimension())?;
            Ok(Asks::Alone(expression, bound))
        }
    }
}

/// Where the comparison begins: outside the braces, in which `=` belongs to the labels.
fn operator(text: &str) -> usize {
    let mut depth = 0usize;
    let found = text.char_indices().find(|(_, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && matches!(c, '<' | '>' | '=' | '!')
    });
    found.map_or(text.len(), |(at, _)| at)
}

/// Whether any part of it is a time that was waited, and not one that was spent.
fn is_latency(expression: &Expression) -> bool {
    let waited = |statistic: Statistic| {
        matches!(statistic, Statistic::Quantile(_) | Statistic::Min | Statistic::Max | Statistic::Mean)
    };
    expression.quantities().any(|quantity| waited(quantity.statistic))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threshold::Count;

    fn saved(lost: u64, cpu: f64) -> Saved {
        let count = |value: u64| vec![Count { labels: Default::default(), value }];
        let counts = [("deliveries.lost", lost), ("deliveries.due", 100)];
        Saved {
            name: "x.json".to_owned(),
            seconds: 10.0,
            counts: counts.into_iter().map(|(name, value)| (name.to_owned(), count(value))).collect(),
            gauges: [("generator.cpu_seconds".to_owned(), cpu)].into(),
        }
    }

    fn met(text: &str, base: &Saved, new: &Saved) -> Option<bool> {
        Condition::parse(text, &Names::default()).unwrap().judge(base, new).unwrap().map(|met| met.met)
    }

    #[test]
    fn conditions_are_about_one_run_or_about_both() {
        let (base, new) = (saved(10, 1e9), saved(11, 2e9));
        assert_eq!(met("deliveries.lost > 0", &base, &new), Some(true));
        assert_eq!(met("deliveries.lost > 110% of base", &base, &new), Some(false));
        assert_eq!(met("deliveries.lost > 105% of base", &base, &new), Some(true));
        assert_eq!(met("deliveries.lost", &base, &new), Some(true), "more than before");
        assert_eq!(met("deliveries.lost", &new, &base), Some(false));
        assert_eq!(met("deliveries.lost / deliveries.due > 20%", &base, &new), Some(false));
        assert_eq!(met("generator.cpu_seconds / deliveries.due > 15ms", &base, &new), Some(true));
        assert_eq!(met("deliveries.lost", &saved(0, 1.0), &saved(0, 1.0)), Some(false));
        assert_eq!(met("deliveries.lost > 500% of base", &saved(0, 1.0), &saved(1, 1.0)), Some(true));
    }

    #[test]
    fn a_latency_is_known_for_what_it_is() {
        for text in ["latency", "latency > 10%", "delivery.p99", "delivery.p99 > 110% of base", "completion.max > 3s"] {
            assert!(Condition::parse(text, &Names::default()).unwrap().is_about_latency(), "{text}");
        }
        assert!(!Condition::parse("generator.cpu_seconds > 3s", &Names::default()).unwrap().is_about_latency());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |text: &str| Condition::parse(text, &Names::default()).unwrap_err();
        assert_eq!(
            wrong("deliveries.lots > 0"),
            "no metric is called `deliveries.lots`; did you mean `deliveries.lost`?"
        );
        assert!(wrong("deliveries.lost > many").contains("expected a number"));
        let absent = Condition::parse("deliveries.ghost", &Names::default()).unwrap();
        assert!(absent.judge(&saved(0, 0.0), &saved(0, 0.0)).unwrap_err().to_string().contains("x.json has no"));
    }
}
