//! A gate from its first block to its verdict: warm-up, pairs, looks.

use super::block::{Block, Pair, Side};
use super::judge::{Finding, Verdict, judge};
use super::looks::{self, LOOKS, Look};
use super::metric::Settings;
use super::report::{About, Course, Report};
use super::trust;

/// Takes pairs in, in order, and knows when enough is known.
#[derive(Debug)]
pub struct Gate {
    settings: Settings,
    /// Which start of the sides the pairs are of, and how many were kept when it began.
    start: u32,
    before: usize,
    /// The medians of this start's warm-up, base and new.
    warming: [Vec<f64>; 2],
    warm: bool,
    /// Pairs of all warm-ups.
    warmed_up: usize,
    measured: usize,
    kept: Vec<Pair>,
    findings: Vec<Finding>,
    looked_at: usize,
    decided: bool,
}

impl Gate {
    /// A gate that has seen nothing.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            start: 0,
            before: 0,
            warming: [Vec::new(), Vec::new()],
            warm: false,
            warmed_up: 0,
            measured: 0,
            kept: Vec::new(),
            findings: Vec::new(),
            looked_at: 0,
            decided: false,
        }
    }

    /// Takes in one pair; whether the gate has decided, and needs no more. The first pair of another start of the sides
    /// begins a warm-up.
    pub fn push(&mut self, base: Block, new: Block) -> bool {
        if self.decided {
            return true;
        }
        if base.start != self.start {
            (self.start, self.before, self.warm) = (base.start, self.kept.len(), false);
            self.warming.iter_mut().for_each(Vec::clear);
        }
        if !self.warm {
            for (values, block) in self.warming.iter_mut().zip([&base, &new]) {
                values.push(block.quantile(0.5));
            }
            self.warm = self.warming.iter().all(|values| trust::is_steady(values));
            self.warmed_up += 1;
            return false;
        }
        let pair = Pair { base, new };
        self.measured += 1;
        if !trust::keeps(&pair) {
            return false;
        }
        self.kept.push(pair);
        if let Some(look) = looks::at(self.kept.len()) {
            self.look(look);
        }
        self.decided
    }

    /// How many pairs it has taken in: the number of the next.
    pub fn pairs(&self) -> u32 {
        u32::try_from(self.warmed_up + self.measured).unwrap_or(u32::MAX)
    }

    /// Whether the pairs kept of this start are its share, where the sides are started `starts` times in all.
    pub fn has_enough_of_this_start(&self, starts: u32) -> bool {
        self.kept.len() - self.before >= looks::LAST.pairs.div_ceil(starts.max(1) as usize)
    }

    /// How many starts of the sides the pairs are of.
    pub fn starts(&self) -> u32 {
        self.start + 1
    }

    /// Whether more pairs would change nothing.
    pub fn has_decided(&self) -> bool {
        self.decided
    }

    fn look(&mut self, look: &Look) {
        self.looked_at = self.kept.len();
        self.findings = judge(&self.kept, &self.settings, look);
        let any = |verdict| self.findings.iter().any(|finding| finding.verdict == verdict);
        self.decided = any(Verdict::Regressed) || !any(Verdict::Inconclusive) || *look == looks::LAST;
    }

    /// No more pairs will come: the last look, if it has not been taken, is taken now. The time decides when, not the
    /// pairs, and fewer than 60 resemble those of the look before more: the last boundary errs no more often then.
    pub fn finish(&mut self) {
        if !self.decided && self.kept.len() >= LOOKS[0].pairs {
            self.look(&looks::LAST);
        }
    }

    /// Takes in all blocks of a recording, in any order; halves without their other half are left out.
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
        self.finish();
    }

    /// What is known of the blocks taken in and of what they are `about`.
    pub fn report(&self, about: &About) -> Report {
        let mut reasons = about.doubts.clone();
        if self.warm {
            reasons.extend(trust::doubts(self.measured, &self.kept));
        } else if self.warming[0].len() > trust::STEADY {
            reasons.push("the latency never became steady: it rose or fell through the whole warm-up".to_owned());
        }
        let course =
            Course { warm_up: self.warmed_up, measured: self.measured, looked_at: self.looked_at, kept: &self.kept };
        Report::new(&self.settings, about, &course, self.findings.clone(), reasons)
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
