//! Thresholds as they were written, with their places; judged elsewhere.

use std::ops::Range;

use super::{Diagnostic, Source};

/// A threshold as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The key: metric, selector, quantile, perhaps a ratio.
    pub metric: String,
    /// The rule: `< 100ms`.
    pub rule: String,
    /// Only this incident.
    pub during: Option<String>,
    /// Only what came after this incident, or this time.
    pub after: Option<String>,
    /// The saved result of which the value is a share, as it was named.
    pub baseline: Option<String>,
    /// End the run at once when it breaks.
    pub abort: bool,
    /// Its line in the file.
    pub line: usize,
    /// The bytes of its key in the file.
    pub key_span: Range<usize>,
    /// The bytes of the rule itself.
    pub rule_span: Range<usize>,
}

/// The part of a threshold an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulePart {
    /// The metric, its selector or its quantile.
    Metric,
    /// The comparison and its bound.
    Rule,
}

impl Rule {
    /// Something wrong with this threshold of the scenario read from `source`.
    pub fn at(&self, part: RulePart, source: &Source, message: impl Into<String>) -> Diagnostic {
        let span = match part {
            RulePart::Metric => &self.key_span,
            RulePart::Rule => &self.rule_span,
        };
        Diagnostic::new(source, span.clone(), message)
    }
}
