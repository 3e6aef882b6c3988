//! Adding up what the workers tell, second by second and at the end.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::{Coordinator, Known};
use crate::engine::books::{SendReport, signed};
use crate::engine::health::Vitals;
use crate::engine::incidents::Incidents;
use crate::engine::link::{FromWorker, ToWorker};
use crate::engine::outcome::{End, Identity, Outcome, Phase, Tick};
use crate::metrics::Snapshot;
use crate::wire::InstanceTag;

impl Coordinator<'_> {
    pub(super) async fn absorb(&mut self, report: FromWorker) {
        self.mark(&report);
        for row in report.rows {
            self.tally.add(row, &mut self.own);
        }
        if let Some(snapshot) = &report.snapshot {
            self.second.merge(snapshot);
        }
        if let Some(lag) = &report.lag {
            self.lag.merge(lag);
        }
        for (number, turn) in report.turns {
            self.turns.entry(number).or_default().merge(&turn);
        }
        for sample in report.errors {
            let known = self.errors.iter().any(|e| (e.stage, e.kind) == (sample.stage, sample.kind));
            if !known {
                self.errors.push(sample);
            }
        }
        let room = 3usize.saturating_sub(self.unknown.len());
        self.unknown.extend(report.unknown.into_iter().take(room));
        let known = &mut self.workers[report.worker];
        // What came from a process before its end may be heard after its end.
        let stage = known.stage.max(Some(report.stage));
        *known = Known {
            ready: report.ready,
            asked: report.asked,
            undecided: report.undecided,
            groups: report.groups,
            recognised: report.recognised,
            instances: report.instances,
            stage,
        };
        self.follow(report.events).await;
        self.peak = self.peak.max(self.workers.iter().map(|known| known.ready).sum());
        if self.workers.len() > 1 && !report.reports.is_empty() {
            let from = |sent: SendReport| (report.worker, sent);
            let batch: Arc<[_]> = report.reports.into_iter().map(from).collect();
            self.order(&ToWorker::Peers(batch)).await;
        }
    }

    /// A second has passed: hands it out and adds it to the totals.
    pub(super) fn tick(&mut self) -> ControlFlow<String> {
        let now = self.clock.now();
        self.next_tick = self.next_tick.max(now.saturating_sub(Duration::from_secs(1))) + Duration::from_secs(1);
        let delta = self.take_second();
        let times = &self.setup.scenario.times;
        let (phase, at_ns) = match self.t0 {
            None => (Phase::Connect, -1),
            Some(t0) => {
                let measured = t0 + times.warm_up;
                let phase = match now.since(t0) {
                    passed if passed < times.warm_up => Phase::WarmUp,
                    passed if passed < times.warm_up + times.duration => Phase::Measure,
                    _ => Phase::Drain,
                };
                (phase, signed(now, measured))
            }
        };
        let total = |pick: fn(&Known) -> u64| self.workers.iter().map(pick).sum();
        let (clients, asked) = (total(|known| known.ready), total(|known| known.asked));
        let turns = std::mem::take(&mut self.turns);
        let marks = self.marks.taken();
        (self.on_tick)(&Tick { at_ns, phase, delta, clients, asked, turns, marks })
    }

    pub(super) fn take_second(&mut self) -> Snapshot {
        let mut delta = std::mem::take(&mut self.second);
        let own = self.own.take();
        self.marks.add_own(&own);
        delta.merge(&own);
        self.totals.merge(&delta);
        delta
    }

    /// The four counts so far.
    pub(super) fn identity(&self) -> Identity {
        Identity {
            due: self.totals.count("deliveries.due"),
            delivered: self.totals.count("deliveries.delivered"),
            lost: self.totals.count("deliveries.lost"),
            excluded: self.totals.count("deliveries.excluded"),
        }
    }

    pub(super) fn note_instances(&mut self) {
        let mut sum: BTreeMap<InstanceTag, (String, u64)> = BTreeMap::new();
        for (tag, (name, clients)) in self.workers.iter().flat_map(|known| &known.instances) {
            let entry = sum.entry(*tag).or_default();
            entry.0.clone_from(name);
            entry.1 += clients;
        }
        for (tag, (name, _)) in sum.iter().filter(|(_, (name, _))| !name.is_empty()) {
            self.names.instances.insert(*tag, name.clone());
        }
        let named =
            |(tag, (_, clients)): (InstanceTag, (String, u64))| (self.names.instance(tag).into_owned(), clients);
        self.instances = sum.into_iter().map(named).filter(|(_, clients)| *clients > 0).collect();
    }

    pub(super) fn outcome(mut self, end: End, measured: Duration) -> Outcome {
        self.take_second();
        let end = self.without_the_dead(end);
        let start = self.t0.map_or(self.clock.now(), |t0| t0 + self.setup.scenario.times.warm_up);
        self.names.incidents = self.incidents.names();
        let incidents = std::mem::replace(&mut self.incidents, Incidents::declared([]));
        let closes = std::mem::take(&mut self.closes).conclude(&self.names.instances);
        let incidents = incidents.conclude(start, start + measured + self.setup.scenario.times.drain);
        let identity = self.identity();
        if self.names.instances.is_empty() {
            self.note_instances();
        }
        let own = self.vitals.take().unwrap_or_else(|| self.meter.stop(measured));
        let vitals = self.carriers.drain(..).fold(own, Vitals::and);
        let health = vitals.judge(&self.totals, &self.lag, self.peak);
        Outcome {
            end,
            totals: self.totals,
            names: self.names,
            identity,
            health,
            errors: self.errors,
            unknown_frames: self.unknown,
            measured,
            instances: self.instances,
            incidents,
            closes,
            marks: self.marks.taken(),
        }
    }
}
