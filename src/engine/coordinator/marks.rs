//! Marks: what had been recorded by certain moments of the measured phase. Every worker hands over what it has when it comes to
//! the moment, by its own clock, whatever second it is in; nothing is added to what is done for a message.

use std::sync::Arc;
use std::time::Duration;

use super::Coordinator;
use crate::engine::link::{FromWorker, ToWorker};
use crate::engine::outcome::Mark;
use crate::metrics::Snapshot;
use crate::time::Timestamp;

/// The marks of a run.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Those that some workers have not come to.
    open: Vec<Open>,
    taken: Vec<Mark>,
}

/// A mark that is being taken.
#[derive(Debug)]
struct Open {
    number: u32,
    at: Duration,
    recorded: Snapshot,
    /// Workers that have not come to it.
    awaited: Vec<bool>,
}

impl Marks {
    /// Those that are whole, in order.
    pub(super) fn taken(&self) -> Vec<Mark> {
        self.taken.clone()
    }

    /// Adds what no worker records.
    pub(super) fn add_own(&mut self, own: &Snapshot) {
        self.open.iter_mut().for_each(|open| open.recorded.merge(own));
    }

    /// Adds a worker's account to the marks it has not come to, or has just come to.
    fn add(&mut self, report: &FromWorker) {
        for open in &mut self.open {
            let Some(awaited) = open.awaited.get_mut(report.worker).filter(|awaited| **awaited) else { continue };
            if let Some(snapshot) = &report.snapshot {
                open.recorded.merge(snapshot);
            }
            *awaited = report.mark != Some(open.number);
        }
    }

    /// Closes the marks that wait for nobody.
    fn close(&mut self) {
        let whole = self.open.extract_if(.., |open| !open.awaited.contains(&true));
        self.taken.extend(whole.map(|open| (open.at, Arc::new(open.recorded))));
    }
}

impl Coordinator<'_> {
    /// Tells the workers the moments that are to be marked, counted from `started`.
    pub(super) async fn open_marks(&mut self, started: Timestamp) {
        let mut moments = self.setup.marks.clone();
        moments.sort();
        let mut recorded = self.totals.clone();
        recorded.merge(&self.second);
        for (number, at) in (0..).zip(moments) {
            let awaited = vec![true; self.workers.len()];
            self.marks.open.push(Open { number, at, recorded: recorded.clone(), awaited });
            self.order(&ToWorker::Mark(number, started + at)).await;
        }
    }

    /// Takes note of a worker's account for the marks it belongs to, before it is added to the second.
    pub(super) fn mark(&mut self, report: &FromWorker) {
        self.marks.add(report);
        if report.mark.is_some() {
            let own = self.own.take();
            self.marks.add_own(&own);
            self.second.merge(&own);
            self.marks.close();
        }
    }
}
