//! What is kept of a run's seconds as they pass.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Tick;
use crate::metrics::Snapshot;
use crate::report::Series;
use crate::threshold::{Judge, Mark, Measured};
use crate::ui::Progress;

/// What is kept of each second as it passes.
pub(super) struct Recording<'a> {
    pub(super) progress: Progress,
    pub(super) series: Series,
    pub(super) seen: Seen,
    judge: &'a Judge,
}

/// What the rules with `abort` look at, and what those with `after` leave out.
pub(super) struct Seen {
    totals: Snapshot,
    /// Moments at which it is kept what has been recorded by then; the next one first.
    ahead: VecDeque<Duration>,
    pub(super) marks: Vec<Mark>,
}

impl Seen {
    fn new(judge: &Judge) -> Self {
        Self { totals: Snapshot::default(), ahead: judge.marks().into(), marks: Vec::new() }
    }

    fn add(&mut self, tick: &Tick) {
        self.totals.merge(&tick.delta);
        let measured = u64::try_from(tick.at_ns).map(Duration::from_nanos).ok();
        while let Some(mark) = self.ahead.pop_front_if(|mark| measured.is_some_and(|measured| measured >= *mark)) {
            self.marks.push((mark, Arc::new(self.totals.clone())));
        }
    }
}

impl<'a> Recording<'a> {
    pub(super) fn new(progress: Progress, judge: &'a Judge) -> Self {
        Self { progress, series: Series::default(), seen: Seen::new(judge), judge }
    }

    /// Takes in one second; breaks off when a rule with `abort` is broken for good.
    pub(super) fn tick(&mut self, tick: &Tick) -> ControlFlow<String> {
        self.progress.tick(tick);
        self.series.push(tick);
        let aborts = self.judge.aborts();
        if aborts || !self.seen.ahead.is_empty() {
            self.seen.add(tick);
        }
        if !aborts {
            return ControlFlow::Continue(());
        }
        let passed = Duration::from_nanos(u64::try_from(tick.at_ns).unwrap_or(0));
        let measured = Measured::from(passed).with_marks(self.seen.marks.iter().cloned());
        match self.judge.abort(&self.seen.totals, measured) {
            Some(judged) => ControlFlow::Break(format!("{} {}", judged.metric, judged.rule)),
            None => ControlFlow::Continue(()),
        }
    }
}
