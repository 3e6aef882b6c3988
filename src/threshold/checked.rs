//! One rule, checked, and what becomes of it.

use std::time::Duration;

use super::error::{Misread, Part, ThresholdError};
use super::evidence::{Evidence, Reading};
use super::window::{self, After, Window};
use super::{Bound, Dimension, Expression, Judged, Measured, Operator, Problem, RuleText, Selection, Statistic};
use crate::metrics::{LabelKey, Names, Snapshot};

/// A rule that can be judged.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) text: RuleText,
    pub(super) expression: Expression,
    bound: Bound,
    after: Option<After>,
    pub(super) implied: bool,
}

/// Whether a rule stands in the scenario.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Implied {
    No,
    Yes,
}

/// Checks a rule, number `number` of its scenario, against the metrics there are and the scenario's own `names`.
pub(super) fn check(
    text: &RuleText,
    number: usize,
    names: &Names,
    implied: Implied,
) -> Result<Checked, Box<ThresholdError>> {
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
    pub(super) fn judge(&self, totals: &Snapshot, names: &Names, measured: &Measured) -> Judged {
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
    pub(super) fn mark(&self) -> Option<Duration> {
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
    pub(super) fn selections(&self) -> impl Iterator<Item = Selection> + '_ {
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

    pub(super) fn is_lost(&self, judged: &Judged) -> bool {
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
