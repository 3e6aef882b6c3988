//! A gate from its first block to its verdict: warm-up, pairs, looks.

use super::block::{Block, Pair, Side};
use super::judge::{Finding, Verdict, judge};
use super::looks::{self, LOOKS};
use super::metric::Settings;
use super::report::{About, Report};
use super::trust;

/// Takes pairs in, in order, and knows when enough is known.
#[derive(Debug)]
pub struct Gate {
    settings: Settings,
    /// The medians of the warm-up's blocks, base and new.
    warming: [Vec<f64>; 2],
    warm: bool,
    measured: usize,
    kept: Vec<Pair>,
    findings: Vec<Finding>,
    decided: bool,
}

impl Gate {
    /// A gate that has seen nothing.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            warming: [Vec::new(), Vec::new()],
            warm: false,
            measured: 0,
            kept: Vec::new(),
            findings: Vec::new(),
            decided: false,
        }
    }

    /// Takes in one pair; whether the gate has decided, and needs no more.
    pub fn push(&mut self, base: Block, new: Block) -> bool {
        if self.decided {
            return true;
        }
        if !self.warm {
            for (values, block) in self.warming.iter_mut().zip([&base, &new]) {
                values.push(block.quantile(0.5));
            }
            self.warm = self.warming.iter().all(|values| trust::is_steady(values));
            return false;
        }
        let pair = Pair { base, new };
        self.measured += 1;
        if !trust::keeps(&pair) {
            return false;
        }
        self.kept.push(pair);
        let Some(look) = looks::at(self.kept.len()) else { return false };
        self.findings = judge(&self.kept, &self.settings, look);
        let any = |verdict| self.findings.iter().any(|finding| finding.verdict == verdict);
        self.decided =
            any(Verdict::Regressed) || !any(Verdict::Inconclusive) || look.pairs == LOOKS[LOOKS.len() - 1].pairs;
        self.decided
    }

    /// Takes in the blocks of a recording, in any order; halves without their other half are left out.
    pub fn replay(&mut self, mut blocks: Vec<Block>) {
        blocks.sort_by_key(|block| (block.pair, block.side != Side::Base));
        let mut blocks = blocks.into_iter().peekable();
        while let Some(base) = blocks.next() {
            let other =
                blocks.next_if(|next| next.pair == base.pair && base.side == Side::Base && next.side == Side::New);
            if let Some(new) = other
                && self.push(base, new)
            {
                return;
            }
        }
    }

    /// What is known of the blocks taken in and of what they are `about`.
    pub fn report(&self, about: &About) -> Report {
        let mut reasons = about.doubts.clone();
        if self.warm {
            reasons.extend(trust::doubts(self.measured, &self.kept));
        } else if self.warming[0].len() > trust::STEADY {
            reasons.push("the latency never became steady: it rose or fell through the whole warm-up".to_owned());
        }
        Report::new(
            &self.settings,
            about,
            self.warming[0].len(),
            self.measured,
            &self.kept,
            self.findings.clone(),
            reasons,
        )
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
