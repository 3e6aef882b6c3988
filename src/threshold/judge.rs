//! Rules applied to what was recorded.

use std::time::Duration;

use super::error::{Misread, Part, Problem, ThresholdError};
use super::{Bound, Dimension, Expression, Operator, Quantity, RuleText, Selection, Statistic};
use crate::metrics::{Histogram, LabelKey, METRICS, Names, Snapshot, Value, find};

/// What never came, per distribution it is missing from.
const MISSING: &[(&str, &str)] = &[
    ("delivery", "deliveries.lost"),
    ("completion", "messages.incomplete"),
    ("reconnect.downtime", "reconnect.never"),
    ("reconnect.first_delivery", "reconnect.never"),
];

/// The population a counter's events are drawn from: without it a zero says nothing.
const POPULATIONS: &[(&str, &str)] =
    &[("deliveries.", "deliveries.due"), ("messages.", "messages.scheduled"), ("clients.", "clients.requested")];

/// The rules of a run, checked.
#[derive(Debug)]
pub struct Judge {
    rules: Vec<Checked>,
}

#[derive(Debug)]
struct Checked {
    text: RuleText,
    expression: Expression,
    bound: Bound,
    implied: bool,
}

/// A rule and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The key as it was written.
    pub metric: String,
    /// The rule as it was written.
    pub rule: String,
    /// What kind of number the value is.
    pub dimension: Dimension,
    /// Nanoseconds for a time, else a number; `None` when there were no samples, or infinitely late ones.
    pub value: Option<f64>,
    /// Whether it holds.
    pub ok: bool,
    /// How many samples the value was made of.
    pub count: u64,
    /// The distance from the bound as a signed share of it.
    pub margin: Option<f64>,
    /// Why there is no value.
    pub note: Option<String>,
    /// Only during this incident.
    pub during: Option<String>,
    /// The line of the scenario file; `None` for an implied rule.
    pub line: Option<usize>,
}

struct Reading {
    value: Option<f64>,
    count: u64,
    note: Option<String>,
}

impl Reading {
    fn of(value: f64, count: u64) -> Self {
        Self { value: Some(value), count, note: None }
    }

    fn without(count: u64, note: impl Into<String>) -> Self {
        Self { value: None, count, note: Some(note.into()) }
    }
}

/// What is judged: everything recorded so far, the names in it, and how long it was measured.
#[derive(Clone, Copy)]
struct Evidence<'a> {
    totals: &'a Snapshot,
    names: &'a Names,
    measured: Duration,
}

impl Judge {
    /// Checks `rules` against the metrics there are and the scenario's own `names`, and adds the implied ones;
    /// `faults` is the number of faults planned.
    ///
    /// # Errors
    /// Every rule that cannot be judged.
    pub fn new(rules: &[RuleText], names: &Names, faults: usize) -> Result<Self, Vec<ThresholdError>> {
        let mut checked = Vec::new();
        let mut errors = Vec::new();
        for text in rules {
            match check(text, names, Implied::No) {
                Ok(rule) => checked.push(rule),
                Err(error) => errors.push(error),
            }
        }
        for text in implied(&checked, faults) {
            match check(&text, names, Implied::Yes) {
                Ok(rule) => checked.push(rule),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(Self { rules: checked }) } else { Err(errors) }
    }

    /// Combinations of labels that rules look at; results carry an entry for each.
    pub fn selections(&self) -> Vec<Selection> {
        let quantities = self.rules.iter().flat_map(|rule| rule.expression.quantities());
        let mut selections: Vec<Selection> = Vec::new();
        for quantity in quantities.filter(|quantity| quantity.selector.len() > 1) {
            let selection = Selection { metric: quantity.metric.name, labels: quantity.selector.clone() };
            if !selections.contains(&selection) {
                selections.push(selection);
            }
        }
        selections
    }

    /// What became of each rule, in the order of the scenario; implied rules only where they are broken.
    pub fn verdicts(&self, totals: &Snapshot, names: &Names, measured: Duration) -> Vec<Judged> {
        let evidence = Evidence { totals, names, measured };
        let judged = self.rules.iter().map(|rule| (rule, rule.judge(evidence)));
        judged.filter(|(rule, judged)| !rule.implied || broken(judged)).map(|(_, judged)| judged).collect()
    }

    /// Whether any rule asks for the run to be ended when it breaks.
    pub fn aborts(&self) -> bool {
        self.rules.iter().any(|rule| rule.text.abort)
    }

    /// The first rule with `abort` that is broken for good: a bound which a growing count or extreme has passed, or a
    /// quantile, mean or ratio beyond its bound on enough samples (ten beyond the quantile, a hundred otherwise).
    pub fn abort(&self, so_far: &Snapshot, names: &Names, measured: Duration) -> Option<Judged> {
        let evidence = Evidence { totals: so_far, names, measured };
        let asked = self.rules.iter().filter(|rule| rule.text.abort);
        asked.map(|rule| (rule, rule.judge(evidence))).find(|(rule, judged)| rule.is_lost(judged)).map(|(_, j)| j)
    }
}

/// An implied rule speaks only about samples there are.
fn broken(judged: &Judged) -> bool {
    !judged.ok && judged.count > 0
}

#[derive(Clone, Copy, PartialEq)]
enum Implied {
    No,
    Yes,
}

fn implied(named: &[Checked], faults: usize) -> Vec<RuleText> {
    let names = |metric: &str| named.iter().flat_map(|r| r.expression.quantities()).any(|q| q.metric.name == metric);
    let rule =
        |metric: &str, rule: &str| RuleText { metric: metric.to_owned(), rule: rule.to_owned(), ..RuleText::default() };
    let mut rules = Vec::new();
    if !names("clients.failed") {
        rules.push(rule("clients.failed", "== 0"));
    }
    if faults == 0 && !names("messages.unsent") {
        rules.push(rule("messages.unsent / messages.scheduled", "<= 1%"));
    }
    rules
}

fn check(text: &RuleText, names: &Names, implied: Implied) -> Result<Checked, ThresholdError> {
    let error = |part, misread: Misread| ThresholdError {
        metric: text.metric.clone(),
        line: text.line,
        part,
        span: misread.span,
        problem: misread.problem,
        nearest: misread.nearest,
    };
    let expression = Expression::parse(&text.metric, names).map_err(|misread| error(Part::Key, misread))?;
    let bound = Bound::parse(&text.rule, expression.dimension()).map_err(|misread| error(Part::Rule, misread))?;
    if let Some(incident) = &text.during {
        let problem = Problem::DuringNotBuilt(incident.clone());
        return Err(error(Part::During, Misread::new(0..incident.len(), problem)));
    }
    Ok(Checked { text: text.clone(), expression, bound, implied: implied == Implied::Yes })
}

impl Checked {
    fn judge(&self, evidence: Evidence<'_>) -> Judged {
        let reading = match &self.expression {
            Expression::One(quantity) => evidence.read(quantity),
            Expression::Ratio(over, under) => ratio(evidence.read(over), evidence.read(under)),
        };
        Judged {
            metric: self.text.metric.clone(),
            rule: self.text.rule.clone(),
            dimension: self.expression.dimension(),
            value: reading.value,
            ok: reading.value.is_some_and(|value| self.bound.holds(value)),
            count: reading.count,
            margin: reading.value.and_then(|value| self.bound.margin(value)),
            note: reading.note,
            during: self.text.during.clone(),
            line: (!self.implied).then_some(self.text.line),
        }
    }

    fn is_lost(&self, judged: &Judged) -> bool {
        if judged.ok || judged.count == 0 {
            return false;
        }
        let enough = |samples: f64| judged.count as f64 >= samples;
        let over = judged.value.is_none_or(|value| value > self.bound.value);
        match (&self.expression, self.bound.operator) {
            (Expression::Ratio(..), _) => enough(100.0),
            (_, Operator::Not) => false,
            (Expression::One(quantity), operator) => match quantity.statistic {
                Statistic::Total | Statistic::Count | Statistic::Max => {
                    over && !matches!(operator, Operator::Above | Operator::AtLeast)
                }
                Statistic::Min => !over && !matches!(operator, Operator::Below | Operator::AtMost),
                Statistic::Quantile(q) => enough(10.0 / (1.0 - q)),
                Statistic::Mean | Statistic::Rate => enough(100.0),
            },
        }
    }
}

fn ratio(over: Reading, under: Reading) -> Reading {
    match (over.value, under.value) {
        (Some(over), Some(below)) if below != 0.0 => Reading::of(over / below, under.count),
        (Some(_), Some(_)) => Reading::without(0, "no samples"),
        (None, _) => Reading { value: None, ..over },
        (_, None) => Reading { value: None, ..under },
    }
}

impl Evidence<'_> {
    fn read(&self, quantity: &Quantity) -> Reading {
        let found = self.totals.select(quantity.metric.name, &quantity.selector, self.names);
        let count = found.as_ref().map_or(0, Value::count);
        let seconds = self.measured.as_secs_f64();
        match (quantity.statistic, &found) {
            (Statistic::Rate, _) if seconds == 0.0 => Reading::without(count, "nothing was measured"),
            (Statistic::Rate, _) => Reading::of(count as f64 / seconds, count),
            (Statistic::Count, _) => Reading::of(count as f64, count),
            (Statistic::Total, _) => self.counter(quantity, count),
            (statistic, found) => {
                let empty = Histogram::default();
                let histogram = found.as_ref().and_then(Value::histogram).unwrap_or(&empty);
                distribution(statistic, histogram, self.missing(quantity))
            }
        }
    }

    fn counter(&self, quantity: &Quantity, value: u64) -> Reading {
        let population = POPULATIONS.iter().find(|(prefix, _)| quantity.metric.name.starts_with(prefix));
        let Some((_, population)) = population else { return Reading::of(value as f64, value) };
        match self.count(population, &quantity.selector) {
            0 if value == 0 => Reading::without(0, "no samples"),
            count => Reading::of(value as f64, count.max(value)),
        }
    }

    fn missing(&self, quantity: &Quantity) -> u64 {
        let counter = MISSING.iter().find(|(of, _)| *of == quantity.metric.name);
        counter.map_or(0, |(_, counter)| self.count(counter, &quantity.selector))
    }

    /// The sum of a counter over those labels of `selector` that it carries.
    fn count(&self, metric: &str, selector: &[(LabelKey, String)]) -> u64 {
        let labels = find(metric).map_or(&[][..], |place| METRICS[place].labels);
        let carried: Vec<_> = selector.iter().filter(|(key, _)| labels.contains(key)).cloned().collect();
        self.totals.select(metric, &carried, self.names).map_or(0, |value| value.count())
    }
}

fn distribution(statistic: Statistic, histogram: &Histogram, missing: u64) -> Reading {
    let count = histogram.count();
    let value = match statistic {
        Statistic::Quantile(q) => histogram.quantile_with_missing(q, missing).map(|value| value as f64),
        Statistic::Min if count > 0 => Some(histogram.min() as f64),
        Statistic::Max if count > 0 && missing == 0 => Some(histogram.max() as f64),
        Statistic::Mean if count > 0 && missing == 0 => Some(histogram.mean()),
        _ => None,
    };
    match value {
        Some(value) => Reading::of(value, count),
        None if missing == 0 => Reading::without(0, "no samples"),
        None => Reading::without(count + missing, format!("{missing} of {} never came", count + missing)),
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
