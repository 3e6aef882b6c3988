//! A report, and what its verdict counts as where it was asked for.

use super::judge::Verdict;
use super::report::Report;

/// Which verdicts that are neither yes nor no pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passes {
    /// Whether a gate that cannot tell passes.
    pub inconclusive: bool,
    /// Whether one that cannot be believed does.
    pub untrustworthy: bool,
}

impl Passes {
    /// Whether a gate of this verdict passes.
    pub fn allow(self, verdict: Verdict) -> bool {
        match verdict {
            Verdict::NotRegressed => true,
            Verdict::Regressed => false,
            Verdict::Inconclusive => self.inconclusive,
            Verdict::Untrustworthy => self.untrustworthy,
        }
    }
}

/// What a gate comes to for those who asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    /// What was found.
    pub report: Report,
    /// What of it passes.
    pub passes: Passes,
}
