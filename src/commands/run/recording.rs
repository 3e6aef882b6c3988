//! What is kept of a run's seconds as they pass.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::account::{Account, Moment, Rotation};
use super::live::Live;
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
    account: &'a Account,
    rotation: Option<Rotation>,
    live: Option<Live>,
}

/// What the rules with `abort` look at, what those with `after` leave out, and what is written on the way.
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
        while let Some(mark) = self.ahead.pop_front_if(|mark| tick.at_ns >= 0 && measured(tick) >= *mark) {
            self.marks.push((mark, Arc::new(self.totals.clone())));
        }
    }

    fn moment(&self, tick: &Tick) -> Moment {
        Moment {
            measured: measured(tick),
            clients: tick.clients,
            totals: Arc::new(self.totals.clone()),
            marks: self.marks.clone(),
        }
    }
}

/// How long has been measured.
fn measured(tick: &Tick) -> Duration {
    Duration::from_nanos(u64::try_from(tick.at_ns).unwrap_or(0))
}

impl<'a> Recording<'a> {
    /// A recording that only rules look at.
    pub(super) fn new(progress: Progress, judge: &'a Judge, account: &'a Account) -> Self {
        let (series, seen) = (Series::default(), Seen::new(judge));
        Self { progress, series, seen, judge, account, rotation: None, live: None }
    }

    /// The same, results being written on the way.
    pub(super) fn rotating(self, rotation: Option<Rotation>) -> Self {
        Self { rotation, ..self }
    }

    /// The same, shown on a page.
    pub(super) fn shown(self, live: Option<Live>) -> Self {
        Self { live, ..self }
    }

    /// Takes in one second; breaks off when a rule with `abort` is broken for good.
    pub(super) fn tick(&mut self, tick: &Tick) -> ControlFlow<String> {
        self.progress.tick(tick);
        self.series.push(tick);
        let aborts = self.judge.aborts();
        if aborts || self.rotation.is_some() || self.live.is_some() || !self.seen.ahead.is_empty() {
            self.seen.add(tick);
        }
        if let Some(live) = &self.live {
            live.show(self.seen.moment(tick));
        }
        self.rotate(tick);
        if !aborts {
            return ControlFlow::Continue(());
        }
        let measured = Measured::from(measured(tick)).with_marks(self.seen.marks.iter().cloned());
        match self.judge.abort(&self.seen.totals, measured) {
            Some(judged) => ControlFlow::Break(format!("{} {}", judged.metric, judged.rule)),
            None => ControlFlow::Continue(()),
        }
    }

    /// Writes what there is, if it is time to.
    fn rotate(&mut self, tick: &Tick) {
        let Some(rotation) = &mut self.rotation else { return };
        if !rotation.is_due() {
            return;
        }
        let report = self.account.so_far(&self.seen.moment(tick), self.judge, &self.series);
        for request in &rotation.requests {
            // At the end it is tried again, and then a failure counts.
            if let Err(error) = request.write(&report) {
                self.progress.notice(&format!("warning: {error}"));
            }
        }
    }
}
