//! Rules applied to what was recorded.

use super::error::{Misread, Part, ThresholdError};
use super::evidence::{Evidence, Reading};
use super::window::{self, After, Window};
use super::{Bound, Dimension, Expression, Measured, Operator, Problem, RuleText, Selection, Statistic};
use crate::metrics::{LabelKey, Names, Snapshot};
use std::time::Duration;

/// The rules of a run, checked.
#[derive(Debug)]
pub struct Judge {
    rules: Vec<Checked>,
    names: Names,
}

#[derive(Debug)]
struct Checked {
    text: RuleText,
    expression: Expression,
    bound: Bound,
    after: Option<After>,
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
    /// Only this incident, or `steady`.
    pub during: Option<String>,
    /// Only what came after this incident, or this time.
    pub after: Option<String>,
    /// The saved run whose counts are 100 %.
    pub baseline: Option<String>,
    /// The line of the scenario file; `None` for an implied rule.
    pub line: Option<usize>,
}

impl Judge {
    /// Checks `rules` against the metrics there are and the scenario's own `names`, faults among them, and adds the
    /// implied ones.
    ///
    /// # Errors
    /// Every rule that cannot be judged.
    pub fn new(rules: &[RuleText], names: &Names) -> Result<Self, Vec<ThresholdError>> {
        let mut checked = Vec::new();
        let mut errors = Vec::new();
        for (number, text) in rules.iter().enumerate() {
            match check(text, number, names, Implied::No) {
                Ok(rule) => checked.push(rule),
                Err(error) => errors.push(*error),
            }
        }
        for text in implied(&checked, names) {
            match check(&text, rules.len(), names, Implied::Yes) {
                Ok(rule) => checked.push(rule),
                Err(error) => errors.push(*error),
            }
        }
        if errors.is_empty() { Ok(Self { rules: checked, names: names.clone() }) } else { Err(errors) }
    }

    /// Combinations of labels that rules look at; results carry an entry for each.
    pub fn selections(&self) -> Vec<Selection> {
        let looked_at = self.rules.iter().flat_map(Checked::selections);
        let mut selections: Vec<Selection> = Vec::new();
        for selection in looked_at.filter(|selection| selection.labels.len() > 1) {
            if !selections.contains(&selection) {
                selections.push(selection);
            }
        }
        selections
    }

    /// What became of each rule, in the order of the scenario; implied rules only where they are broken.
    pub fn verdicts(&self, totals: &Snapshot, names: &Names, measured: impl Into<Measured>) -> Vec<Judged> {
        let measured = measured.into();
        let judged = self.rules.iter().map(|rule| (rule, rule.judge(totals, names, &measured)));
        judged.filter(|(rule, judged)| !rule.implied || broken(judged)).map(|(_, judged)| judged).collect()
    }

    /// The moments of the measured phase at which rules begin to look, in order: what had been recorded by then must be
    /// told to the verdicts ([`Measured::with_marks`]).
    pub fn marks(&self) -> Vec<Duration> {
        let mut marks: Vec<Duration> = self.rules.iter().filter_map(Checked::mark).collect();
        marks.sort();
        marks.dedup();
        marks
    }

    /// Whether any rule asks for the run to be ended when it breaks.
    pub fn aborts(&self) -> bool {
        self.rules.iter().any(|rule| rule.text.abort)
    }

    /// The first rule with `abort` that is broken for good: a count, extreme or ratio that has grown beyond its bound,
    /// a minimum that has sunk below it, or a quantile or mean on the wrong side of it on enough samples (ten beyond
    /// the quantile, a hundred otherwise). What may still grow into its bound waits for the end, and so do rates.
    pub fn abort(&self, so_far: &Snapshot, measured: impl Into<Measured>) -> Option<Judged> {
        let measured = measured.into();
        let asked = self.rules.iter().filter(|rule| rule.text.abort);
        let judged = asked.map(|rule| (rule, rule.judge(so_far, &self.names, &measured)));
        judged.into_iter().find(|(rule, judged)| rule.is_lost(judged)).map(|(_, j)| j)
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

/// A fault disconnects talkers: what they then cannot send says nothing that was not asked for.
fn implied(named: &[Checked], scenario: &Names) -> Vec<RuleText> {
    let names = |metric: &str| named.iter().flat_map(|r| r.expression.quantities()).any(|q| q.metric == metric);
    let rule =
        |metric: &str, rule: &str| RuleText { metric: metric.to_owned(), rule: rule.to_owned(), ..RuleText::default() };
    let mut rules = Vec::new();
    if !names("clients.failed") {
        rules.push(rule("clients.failed", "== 0"));
    }
    if scenario.incidents.is_empty() && !names("messages.unsent") {
        rules.push(rule("messages.unsent / messages.scheduled", "<= 1%"));
    }
    rules
}

fn check(text: &RuleText, number: usize, names: &Names, implied: Implied) -> Result<Checked, Box<ThresholdError>> {
    let error = |part, misread: Misread| {
        Box::new(ThresholdError {
            metric: text.metric.clone(),
            number,
            part,
            span: misread.span,
            problem: misread.problem,
            nearest: misread.nearest,
        })
    };
    let expression = Expression::parse(&text.metric, names).map_err(|misread| error(Part::Key, misread))?;
    let dimension = if text.baseline.is_some() { Dimension::Ratio } else { expression.dimension() };
    let bound = Bound::parse(&text.rule, dimension).map_err(|misread| error(Part::Rule, misread))?;
    if let Some(incident) = &text.during {
        window::check(incident, names).map_err(|misread| error(Part::During, misread))?;
    }
    let after = text.after.as_deref().map(|after| window::after(after, names)).transpose();
    let after = after.map_err(|misread| error(Part::After, misread))?;
    let whole = |part: &Option<String>| 0..part.as_ref().map_or(0, String::len);
    if after.is_some() && text.during.is_some() {
        return Err(error(Part::After, Misread::new(whole(&text.after), Problem::TwoParts)));
    }
    let gauge = expression.quantities().find(|quantity| matches!(quantity.statistic, Statistic::Gauge(_)));
    if let (Some(gauge), true) = (gauge, after.is_some() || text.during.is_some()) {
        return Err(error(Part::Key, Misread::new(0..text.metric.len(), Problem::GaugeOfAPart(gauge.metric))));
    }
    if let Some(saved) = &text.baseline {
        saved.check(&expression, 0..text.metric.len()).map_err(|misread| error(Part::Baseline, misread))?;
    }
    Ok(Checked { text: text.clone(), expression, bound, after, implied: implied == Implied::Yes })
}

impl Checked {
    fn judge(&self, totals: &Snapshot, names: &Names, measured: &Measured) -> Judged {
        let window = match self.window(names) {
            Ok(window) => window,
            Err(incident) => return self.inapplicable(incident),
        };
        let Some(mark) = self.mark() else {
            return self.found(Evidence { totals, names, measured, window }.read(&self.expression));
        };
        let Some(earlier) = measured.mark(mark) else {
            return self.found(Reading::without(0, "the run ended before"));
        };
        let (totals, measured) = (&totals.without(earlier), &measured.since(mark));
        self.found(Evidence { totals, names, measured, window }.read(&self.expression))
    }

    /// When it begins to look, if not from the start.
    fn mark(&self) -> Option<Duration> {
        match self.after {
            Some(After::Time(time)) => Some(time),
            _ => None,
        }
    }

    /// What of the run this rule is about.
    ///
    /// # Errors
    /// The incident it is about, if that did not happen.
    fn window<'a>(&'a self, names: &Names) -> Result<Window, &'a str> {
        let selectors = self.expression.quantities().flat_map(|quantity| &quantity.selector);
        let phases = selectors.filter(|(key, _)| *key == LabelKey::Phase);
        for (_, incident) in phases.filter_map(|(_, phase)| phase.split_once(':')) {
            Window::of(Some(incident), names)?;
        }
        match &self.after {
            Some(After::Incident(name)) => Window::after(name, names),
            _ => Window::of(self.text.during.as_deref(), names),
        }
    }

    /// Labels that this rule looks at together; `steady` is no label.
    fn selections(&self) -> impl Iterator<Item = Selection> + '_ {
        let during = self.text.during.as_ref().filter(|during| window::is_incident(during));
        let after = match &self.after {
            Some(After::Incident(name)) => Some(format!("after:{name}")),
            _ => None,
        };
        let phase = during.map(|during| format!("during:{during}")).or(after).map(|phase| (LabelKey::Phase, phase));
        let entries = self.expression.quantities().filter(|it| !matches!(it.statistic, Statistic::Gauge(_)));
        entries.map(move |quantity| {
            let labels = quantity.selector.iter().cloned().chain(phase.clone()).collect();
            Selection { metric: quantity.metric, labels }
        })
    }

    fn inapplicable(&self, incident: &str) -> Judged {
        let note = format!("not applicable: there was no {incident}");
        Judged { ok: true, ..self.found(Reading::without(0, note)) }
    }

    fn found(&self, reading: Reading) -> Judged {
        let saved = self.text.baseline.as_deref();
        let reading = match saved {
            Some(saved) => saved.relate(&self.expression, reading),
            None => reading,
        };
        Judged {
            metric: self.text.metric.clone(),
            rule: self.text.rule.clone(),
            dimension: if saved.is_some() { Dimension::Ratio } else { self.expression.dimension() },
            value: reading.value.filter(|value| value.is_finite()),
            ok: reading.value.is_some_and(|value| self.bound.holds(value)),
            count: reading.count,
            margin: reading.value.filter(|value| value.is_finite()).and_then(|value| self.bound.margin(value)),
            note: reading.note,
            during: self.text.during.clone(),
            after: self.text.after.clone(),
            baseline: saved.map(|saved| saved.name.clone()),
            line: (!self.implied).then_some(self.text.line),
        }
    }

    fn is_lost(&self, judged: &Judged) -> bool {
        if judged.ok || judged.count == 0 {
            return false;
        }
        let enough = |samples: f64| judged.count as f64 >= samples;
        let beyond = judged.value.is_none_or(|value| value > self.bound.value);
        let above = beyond && !matches!(self.bound.operator, Operator::Above | Operator::AtLeast | Operator::Not);
        let Expression::One(quantity) = &self.expression else { return above && enough(100.0) };
        match quantity.statistic {
            Statistic::Total | Statistic::Count | Statistic::Max => above,
            Statistic::Min => !beyond && matches!(self.bound.operator, Operator::Above | Operator::AtLeast),
            Statistic::Quantile(q) => enough(10.0 / (1.0 - q)),
            Statistic::Mean => enough(100.0),
            Statistic::Rate | Statistic::Gauge(_) => false,
        }
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
