//! Rules applied to what was recorded.

use std::time::Duration;

use super::checked::{Checked, Implied, check};
use super::{Dimension, Measured, RuleText, Selection, ThresholdError};
use crate::metrics::{Names, Snapshot};

/// The rules of a run, checked.
#[derive(Debug)]
pub struct Judge {
    rules: Vec<Checked>,
    names: Names,
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

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
