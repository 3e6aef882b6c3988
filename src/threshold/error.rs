//! What can be wrong with a threshold, where in its text, and the name that was probably meant.

use std::ops::Range;

use thiserror::Error;

/// A threshold that cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{problem}{}", hint(.nearest))]
pub struct ThresholdError {
    /// The key as it was written.
    pub metric: String,
    /// Its place among the rules.
    pub number: usize,
    /// Which of its texts is wrong.
    pub part: Part,
    /// Which bytes of that text.
    pub span: Range<usize>,
    /// What is wrong.
    pub problem: Problem,
    /// What was probably meant in place of the span.
    pub nearest: Option<String>,
}

/// The texts of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The key.
    Key,
    /// The rule.
    Rule,
    /// `during`.
    During,
    /// `after`.
    After,
    /// `baseline`.
    Baseline,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs)] // the messages say it
pub enum Problem {
    #[error("no metric is called `{0}`")]
    UnknownMetric(String),
    #[error("`{metric}` has no label `{label}`, only {known}")]
    UnknownLabel { metric: &'static str, label: String, known: String },
    #[error("the label `{0}` is given twice")]
    RepeatedLabel(String),
    #[error("no {label} is called `{value}`")]
    UnknownValue { label: &'static str, value: String },
    #[error("`{metric}` has no `{statistic}`")]
    UnknownStatistic { metric: &'static str, statistic: String },
    #[error("`{0}` is a distribution: name a part of it, for example `{0}.p99`")]
    StatisticMissing(&'static str),
    #[error("`{metric}` is a counter and has no `{statistic}`")]
    NotOfACounter { metric: &'static str, statistic: String },
    #[error("a time and a number have no ratio")]
    MixedRatio,
    #[error("a time needs a unit: ns, us, ms, s or m")]
    UnitMissing,
    #[error("the unit `{unit}` does not fit {what}")]
    UnitUnfit { unit: String, what: &'static str },
    #[error("expected {0}")]
    Expected(&'static str),
    #[error("no fault or incident is called `{0}`")]
    UnknownIncident(String),
    #[error("`{0}` is of the whole run and has no labels")]
    GaugeWithLabels(&'static str),
    #[error("`{0}` is of the whole run: it has no part before or after anything")]
    GaugeOfAPart(&'static str),
    #[error("`during` and `after` together leave nothing that is meant")]
    TwoParts,
    #[error(
        "a latency has no meaning against a saved run: two runs at different times differ by more than what they test; \
         run both side by side with `wsbench gate`"
    )]
    LatencyAgainstBaseline,
    #[error("{file} has no `{metric}`: a combination of labels is kept only where a threshold names it")]
    NotInBaseline { metric: String, file: String },
}

/// A problem with its place inside one text.
#[derive(Debug)]
pub(super) struct Misread {
    pub(super) span: Range<usize>,
    pub(super) problem: Problem,
    pub(super) nearest: Option<String>,
}

impl Misread {
    pub(super) fn new(span: Range<usize>, problem: Problem) -> Self {
        Self { span, problem, nearest: None }
    }

    pub(super) fn meant(mut self, nearest: Option<String>) -> Self {
        self.nearest = nearest;
        self
    }
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// The candidate most like `word`, if any is alike at all.
pub(super) fn nearest<T: AsRef<str>>(word: &str, candidates: impl IntoIterator<Item = T>) -> Option<String> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.as_ref().to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + word.len().max(candidate.as_ref().len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.as_ref().to_owned())
}
