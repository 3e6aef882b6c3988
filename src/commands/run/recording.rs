//! What is kept of a run's seconds as they pass.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::account::{Account, Moment, Rotation};
use super::live::Live;
use crate::engine::Tick;
use crate::metrics::Snapshot;
use crate::report::Series;
use crate::threshold::{Judge, Measured};
use crate::ui::Progress;

/// What is kept of each second as it passes.
pub(super) struct Recording<'a> {
    pub(super) progress: Progress,
    pub(super) series: Series,
    /// What rules with `abort` look at, and what is written on the way.
    totals: Snapshot,
    judge: &'a Judge,
    account: &'a Account,
    rotation: Option<Rotation>,
    live: Option<Live>,
}

/// How long has been measured.
fn measured(tick: &Tick) -> Duration {
    Duration::from_nanos(u64::try_from(tick.at_ns).unwrap_or(0))
}

impl<'a> Recording<'a> {
    /// A recording that only rules look at.
    pub(super) fn new(progress: Progress, judge: &'a Judge, account: &'a Account) -> Self {
        let (series, totals) = (Series::default(), Snapshot::default());
        Self { progress, series, totals, judge, account, rotation: None, live: None }
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
        if aborts || self.rotation.is_some() || self.live.is_some() {
            self.totals.merge(&tick.delta);
        }
        if let Some(live) = &self.live {
            live.show(self.moment(tick));
        }
        self.rotate(tick);
        if !aborts {
            return ControlFlow::Continue(());
        }
        let measured = Measured::from(measured(tick)).with_marks(tick.marks.iter().cloned());
        match self.judge.abort(&self.totals, measured) {
            Some(judged) => ControlFlow::Break(format!("{} {}", judged.metric, judged.rule)),
            None => ControlFlow::Continue(()),
        }
    }

    fn moment(&self, tick: &Tick) -> Moment {
        Moment {
            measured: measured(tick),
            clients: tick.clients,
            totals: Arc::new(self.totals.clone()),
            marks: tick.marks.clone(),
        }
    }

    /// Writes what there is, if it is time to.
    fn rotate(&mut self, tick: &Tick) {
        if !self.rotation.as_mut().is_some_and(Rotation::is_due) {
            return;
        }
        let report = self.account.so_far(&self.moment(tick), self.judge, &self.series);
        let Some(rotation) = &self.rotation else { return };
        for request in &rotation.requests {
            // At the end it is tried again, and then a failure counts.
            if let Err(error) = request.write(&report) {
                self.progress.notice(&format!("warning: {error}"));
            }
        }
    }
}
