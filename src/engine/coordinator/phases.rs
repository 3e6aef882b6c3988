//! The phases of a run up to its last publication: everybody comes, t0 is found, and what is planned is said. What cannot be
//! measured ends here.

use std::sync::Arc;
use std::time::Duration;

use super::{Coordinator, Known, RUN_UP, Woken};
use crate::engine::link::ToWorker;
use crate::engine::outcome::End;
use crate::time::Timestamp;

/// Publishing without a single recognised delivery for this long is not a measurement.
const UNRECOGNISED: Duration = Duration::from_secs(5);

impl Coordinator<'_> {
    /// Starts the ramps and waits until every client has joined or failed.
    pub(super) async fn gather(&mut self) -> Result<Timestamp, End> {
        let scenario = Arc::clone(&self.setup.scenario);
        let start = self.clock.now();
        self.order(&ToWorker::Ramp(start)).await;
        let latest = start + self.setup.plan.ramp() + scenario.times.join_timeout;
        let all_in = |known: &[Known]| known.iter().all(|k| k.stage.is_some() && k.undecided == 0);
        let ramp_over = start + self.setup.plan.ramp();
        if let Woken::Stopped(end) = self.wait(ramp_over, |_| false).await {
            return Err(end);
        }
        if let Woken::Stopped(end) = self.wait(latest, all_in).await {
            return Err(end);
        }
        for (at, group) in scenario.groups.iter().enumerate() {
            let of = |pick: fn(&(u64, u64)) -> u64| -> u64 {
                self.workers.iter().filter_map(|known| known.groups.get(at)).map(pick).sum()
            };
            let (asked, ready) = (of(|g| g.0), of(|g| g.1));
            if asked > 0 && ready == 0 {
                return Err(End::Failed(self.nobody_got_in(&group.name, asked)));
            }
        }
        match self.setup.turns.clone() {
            Some(turns) => self.meet(&turns).await,
            None => Ok(self.clock.now() + RUN_UP),
        }
    }

    fn nobody_got_in(&self, group: &str, asked: u64) -> String {
        let why = self.errors.iter().find(|sample| sample.client.starts_with(group)).or(self.errors.first());
        let why = why.map_or_else(
            || "no client finished joining in time; see join_timeout".to_owned(),
            |sample| format!("{}: {}", sample.stage.name(), sample.detail),
        );
        format!("none of the {asked} clients of group {group:?} got in: {why}")
    }

    /// The warm-up and the measured phase.
    pub(super) async fn publish(&mut self, t0: Timestamp) -> End {
        let times = self.setup.scenario.times;
        let (started, over) = (t0 + times.warm_up, t0 + times.warm_up + times.duration);
        let first = self.setup.plan.publications().next().map(|publication| t0 + publication.due);
        let verdict_at = first.map(|first| first + UNRECOGNISED).filter(|at| *at < over);
        let mut stops = [Some(started), verdict_at, Some(over)];
        stops.sort();
        for stop in stops.into_iter().flatten() {
            if let Woken::Stopped(end) = self.wait(stop, |_| false).await {
                return end;
            }
            if stop == started {
                self.meter.start();
            }
            let recognised: u64 = self.workers.iter().map(|known| known.recognised).sum();
            if (Some(stop) == verdict_at || stop == over) && first.is_some() && recognised == 0 {
                return End::Failed(self.nothing_recognised());
            }
        }
        End::Complete
    }

    fn nothing_recognised(&self) -> String {
        let seen = match self.unknown.first() {
            Some(frame) => format!("the first frame not understood was: {frame}"),
            None => "no unknown frame came either".to_owned(),
        };
        format!("publications were sent, but nothing that came back was recognised as a delivery; {seen}")
    }
}
