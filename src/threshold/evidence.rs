//! Numbers out of a snapshot, with what they were made of.

use super::window::Window;
use super::{Expression, Measured, Quantity, Statistic};
use crate::metrics::{Histogram, LabelKey, METRICS, Names, Snapshot, Value, find};
use crate::observe::Labels;

/// What never came, per distribution it is missing from.
const MISSING: &[(&str, &str)] = &[
    ("delivery", "deliveries.lost"),
    ("completion", "messages.incomplete"),
    ("request", "requests.failed"),
    ("request", "requests.timed_out"),
    ("reconnect.downtime", "reconnect.never"),
    ("reconnect.first_delivery", "reconnect.never"),
];

/// The population a counter's events are drawn from: without it a zero says nothing.
const POPULATIONS: &[(&str, &str)] = &[
    ("deliveries.", "deliveries.due"),
    ("messages.", "messages.scheduled"),
    ("requests.", "requests.sent"),
    ("clients.", "clients.requested"),
];

/// A number, how many samples it was made of, and why there is none.
pub(super) struct Reading {
    pub(super) value: Option<f64>,
    pub(super) count: u64,
    pub(super) note: Option<String>,
}

impl Reading {
    fn of(value: f64, count: u64) -> Self {
        Self { value: Some(value), count, note: None }
    }

    pub(super) fn without(count: u64, note: impl Into<String>) -> Self {
        Self { value: None, count, note: Some(note.into()) }
    }
}

/// What is judged: everything recorded so far, the names in it, how long it was measured, and what of it counts.
#[derive(Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub(super) totals: &'a Snapshot,
    pub(super) names: &'a Names,
    pub(super) measured: &'a Measured,
    pub(super) window: Window,
}

fn ratio(over: Reading, under: Reading) -> Reading {
    match (over.value, under.value) {
        (Some(over), Some(below)) if below != 0.0 => Reading::of(over / below, under.count),
        (Some(_), Some(_)) => Reading::without(0, "no samples"),
        (None, _) => Reading { value: None, ..over },
        (_, None) => Reading { value: None, ..under },
    }
}

impl Evidence<'_> {
    /// What `expression` comes to.
    pub(super) fn read(&self, expression: &Expression) -> Reading {
        match expression {
            Expression::One(quantity) => self.quantity(quantity),
            Expression::Ratio(over, under) => ratio(self.quantity(over), self.quantity(under)),
        }
    }

    fn quantity(&self, quantity: &Quantity) -> Reading {
        if let Statistic::Gauge(_) = quantity.statistic {
            return match self.measured.gauge(quantity.metric) {
                Some(value) => Reading::of(value, 1),
                None => Reading::without(0, "no samples"),
            };
        }
        let found = self.select(quantity.metric, &quantity.selector);
        let count = found.as_ref().map_or(0, Value::count);
        let seconds = self.measured.of(self.window).as_secs_f64();
        match (quantity.statistic, &found) {
            (Statistic::Rate, _) if seconds == 0.0 => Reading::without(count, "nothing was measured"),
            (Statistic::Rate, _) => Reading::of(count as f64 / seconds, count),
            (Statistic::Count, _) => Reading::of(count as f64, count),
            (Statistic::Total, _) => self.counter(quantity, count),
            (statistic, found) => {
                let empty = Histogram::default();
                let histogram = found.as_ref().and_then(Value::histogram).unwrap_or(&empty);
                distribution(statistic, histogram, self.missing(quantity))
            }
        }
    }

    fn counter(&self, quantity: &Quantity, value: u64) -> Reading {
        let population = POPULATIONS.iter().find(|(prefix, _)| quantity.metric.starts_with(prefix));
        let Some((_, population)) = population else { return Reading::of(value as f64, value) };
        match self.count(population, &quantity.selector) {
            0 if value == 0 => Reading::without(0, "no samples"),
            count => Reading::of(value as f64, count.max(value)),
        }
    }

    fn missing(&self, quantity: &Quantity) -> u64 {
        let counters = MISSING.iter().filter(|(of, _)| *of == quantity.metric);
        counters.map(|(_, counter)| self.count(counter, &quantity.selector)).sum()
    }

    /// The sum of a counter over those labels of `selector` that it carries.
    fn count(&self, metric: &str, selector: &[(LabelKey, String)]) -> u64 {
        let labels = find(metric).map_or(&[][..], |place| METRICS[place].labels);
        let carried: Vec<_> = selector.iter().filter(|(key, _)| carries(labels, *key)).cloned().collect();
        self.select(metric, &carried).map_or(0, |value| value.count())
    }

    /// The sum over the entries of `metric` that have every label of `selector` and lie in the window.
    fn select(&self, metric: &str, selector: &[(LabelKey, String)]) -> Option<Value> {
        let named = |labels: &Labels| {
            selector.iter().all(|(key, want)| self.names.value(labels, *key).is_some_and(|v| v == *want))
        };
        self.totals.sum(metric, |labels| self.window.covers(labels) && named(labels))
    }
}

/// Whether a metric with these `labels` carries `key`: all carry the phase.
fn carries(labels: &[LabelKey], key: LabelKey) -> bool {
    key == LabelKey::Phase || labels.contains(&key)
}

fn distribution(statistic: Statistic, histogram: &Histogram, missing: u64) -> Reading {
    let count = histogram.count();
    let value = match statistic {
        Statistic::Quantile(q) => histogram.quantile_with_missing(q, missing).map(|value| value as f64),
        Statistic::Min if count > 0 => Some(histogram.min() as f64),
        Statistic::Max if count > 0 && missing == 0 => Some(histogram.max() as f64),
        Statistic::Mean if count > 0 && missing == 0 => Some(histogram.mean()),
        _ => None,
    };
    match value {
        Some(value) => Reading::of(value, count),
        None if missing == 0 => Reading::without(0, "no samples"),
        None => Reading::without(count + missing, format!("{missing} of {} never came", count + missing)),
    }
}
