//! One worker's meters: turns observations into counters and histograms, one cell per metric and label set.

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
    cells: Vec<(Labels, Value)>,
    last: usize,
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
    fn cell(&mut self, labels: Labels, kind: Kind) -> &mut Value {
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
                Kind::Counter => Value::Counter(0),
                Kind::Histogram => Value::Histogram(Box::default()),
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
                Value::Counter(count) => *count += observation.amount() * times,
                Value::Histogram(histogram) => histogram.record_n(observation.value, times),
            }
        }
    }

    /// Everything recorded since the last call; the recorder starts again from nothing.
    pub fn take(&mut self) -> Snapshot {
        let mut cells = Vec::new();
        for (metric, meter) in self.meters.iter_mut().enumerate() {
            for (labels, value) in &mut meter.cells {
                let taken = match value {
                    Value::Counter(0) => continue,
                    Value::Histogram(histogram) if histogram.count() == 0 => continue,
                    Value::Counter(count) => Value::Counter(std::mem::take(count)),
                    Value::Histogram(histogram) => {
                        Value::Histogram(std::mem::replace(histogram, Box::new(Histogram::default())))
                    }
                };
                cells.push(Cell { metric, labels: *labels, value: taken });
            }
        }
        Snapshot::of(cells)
    }
}
