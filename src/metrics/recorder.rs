//! One worker's meters: turns observations into counters and histograms, one cell per metric and label set.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Cell, Histogram, Kind, METRICS, Snapshot, Value};
use crate::observe::{Labels, Observation, Observe, Stretch};

/// Owned by one worker; its content is taken once per tick and added up elsewhere.
#[derive(Debug)]
pub struct Recorder {
    /// For each fact, the metrics made of it.
    routes: Vec<Vec<u16>>,
    meters: Vec<Meter>,
    /// What observations without a phase of their own are given.
    phase: Option<Stretch>,
}

#[derive(Debug, Default)]
struct Meter {
    index: FxHashMap<Labels, usize>,
    cells: Vec<(Labels, Gained)>,
    last: usize,
}

/// What a cell gains: a value that belongs to its meter alone.
#[derive(Debug)]
enum Gained {
    Counter(u64),
    Histogram(Box<Histogram>),
}

impl Gained {
    /// What was gained since the last call, if anything was.
    fn take(&mut self) -> Option<Value> {
        match self {
            Self::Counter(0) => None,
            Self::Counter(count) => Some(Value::Counter(std::mem::take(count))),
            Self::Histogram(histogram) if histogram.count() == 0 => None,
            Self::Histogram(histogram) => Some(Value::Histogram(Arc::new(std::mem::take(histogram.as_mut())))),
        }
    }
}

impl Default for Recorder {
    fn default() -> Self {
        let mut routes: Vec<Vec<u16>> = Vec::new();
        for (at, metric) in METRICS.iter().enumerate() {
            for fact in metric.facts {
                let slot = *fact as usize;
                if routes.len() <= slot {
                    routes.resize(slot + 1, Vec::new());
                }
                routes[slot].push(at as u16);
            }
        }
        Self { routes, meters: METRICS.iter().map(|_| Meter::default()).collect(), phase: None }
    }
}

impl Meter {
    /// The cell of `labels`. Labels come in runs and in turns, so the last cell and the one after it are looked at first.
    fn cell(&mut self, labels: Labels, kind: Kind) -> &mut Gained {
        let is_at = |at: usize| self.cells.get(at).is_some_and(|(known, _)| *known == labels);
        if !is_at(self.last) {
            self.last = if is_at(self.last + 1) { self.last + 1 } else { self.place(labels, kind) };
        }
        &mut self.cells[self.last].1
    }

    /// Where the cell of `labels` is, which is made if there is none.
    fn place(&mut self, labels: Labels, kind: Kind) -> usize {
        *self.index.entry(labels).or_insert_with(|| {
            let empty = match kind {
                Kind::Counter => Gained::Counter(0),
                Kind::Histogram => Gained::Histogram(Box::default()),
            };
            self.cells.push((labels, empty));
            self.cells.len() - 1
        })
    }
}

impl Observe for Recorder {
    fn observe(&mut self, observation: &Observation) {
        self.repeat(observation, 1);
    }
}

impl Recorder {
    /// From now on observations that do not say themselves belong to `phase`.
    pub fn set_phase(&mut self, phase: Option<Stretch>) {
        self.phase = phase;
    }

    /// Takes note of the same observation, `times` times.
    pub fn repeat(&mut self, observation: &Observation, times: u64) {
        let Some(route) = self.routes.get(observation.fact as usize) else { return };
        let labels = Labels { phase: observation.labels.phase.or(self.phase), ..observation.labels };
        for metric in route {
            let at = usize::from(*metric);
            match self.meters[at].cell(labels, METRICS[at].kind) {
                Gained::Counter(count) => *count += observation.amount() * times,
                Gained::Histogram(histogram) => histogram.record_n(observation.value, times),
            }
        }
    }

    /// Everything recorded since the last call; the recorder starts again from nothing.
    pub fn take(&mut self) -> Snapshot {
        let mut cells = Vec::new();
        for (metric, meter) in self.meters.iter_mut().enumerate() {
            let taken = meter.cells.iter_mut().filter_map(|(labels, gained)| Some((*labels, gained.take()?)));
            cells.extend(taken.map(|(labels, value)| Cell { metric, labels, value }));
        }
        Snapshot::of(cells)
    }
}
