//! The key of a threshold: `metric.statistic{label=value,…}`, or two of those with a `/` between them.

use super::bound::Dimension;
use super::error::{Misread, Problem, nearest};
use super::gauge::{self, GAUGES};
use super::vocabulary;
use crate::metrics::{Kind, LabelKey, METRICS, Metric, Names, QUANTILES, find};

/// What a threshold looks at.
#[derive(Clone, Debug)]
pub enum Expression {
    /// One quantity.
    One(Quantity),
    /// The first over the second.
    Ratio(Quantity, Quantity),
}

/// One number out of a snapshot.
#[derive(Clone, Debug)]
pub struct Quantity {
    /// Of this metric or gauge,
    pub metric: &'static str,
    /// over the entries with these labels,
    pub selector: Vec<(LabelKey, String)>,
    /// this.
    pub statistic: Statistic,
}

/// Which number of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// A counter's sum.
    Total,
    /// A distribution's quantile.
    Quantile(f64),
    /// How many values a distribution has.
    Count,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The mean.
    Mean,
    /// A counter's sum, or a distribution's number of values, per measured second.
    Rate,
    /// A gauge's value.
    Gauge(Dimension),
}

const STATISTICS: &[(&str, Statistic)] = &[
    ("count", Statistic::Count),
    ("min", Statistic::Min),
    ("max", Statistic::Max),
    ("mean", Statistic::Mean),
    ("rate", Statistic::Rate),
];

impl Statistic {
    fn find(name: &str) -> Option<Self> {
        let quantile = QUANTILES.iter().find(|(known, _)| *known == name).map(|(_, q)| Self::Quantile(*q));
        quantile.or_else(|| STATISTICS.iter().find(|(known, _)| *known == name).map(|(_, statistic)| *statistic))
    }

    /// The closest quantile for `p98` or `p99.9`, the most similar name for anything else.
    fn nearest(name: &str) -> Option<String> {
        let percent = name.strip_prefix('p').and_then(|digits| digits.replace('_', ".").parse::<f64>().ok());
        let Some(percent) = percent else {
            return nearest(
                name,
                QUANTILES.iter().map(|(name, _)| *name).chain(STATISTICS.iter().map(|(name, _)| *name)),
            );
        };
        let distance = |q: f64| (q * 100.0 - percent).abs();
        let closest = QUANTILES.iter().min_by(|(_, a), (_, b)| distance(*a).total_cmp(&distance(*b)));
        closest.map(|(name, _)| (*name).to_owned())
    }
}

impl Quantity {
    /// What kind of number it is.
    pub fn dimension(&self) -> Dimension {
        match self.statistic {
            Statistic::Total | Statistic::Count => Dimension::Count,
            Statistic::Rate => Dimension::Rate,
            Statistic::Gauge(dimension) => dimension,
            _ => Dimension::Time,
        }
    }

    /// Metric and selector, as they are written.
    pub(super) fn shown(&self) -> String {
        if self.selector.is_empty() {
            return self.metric.to_owned();
        }
        let labels: Vec<String> = self.selector.iter().map(|(key, value)| format!("{}={value}", key.name())).collect();
        format!("{}{{{}}}", self.metric, labels.join(","))
    }

    fn parse(text: &str, at: usize, names: &Names) -> Result<Self, Misread> {
        let Some(brace) = text.find('{') else {
            if let Some(gauge) = gauge::find(text) {
                let statistic = Statistic::Gauge(gauge.dimension);
                return Ok(Self { metric: gauge.name, selector: Vec::new(), statistic });
            }
            let (metric, statistic) = metric_and_statistic(text, at)?;
            return Ok(Self { metric: metric.name, selector: Vec::new(), statistic });
        };
        if let Some(gauge) = gauge::find(text[..brace].trim_end()) {
            return Err(Misread::new(at + brace..at + text.len(), Problem::GaugeWithLabels(gauge.name)));
        }
        let (metric, statistic) = metric_and_statistic(text[..brace].trim_end(), at)?;
        let Some(labels) = text[brace + 1..].strip_suffix('}') else {
            return Err(Misread::new(at + brace..at + text.len(), Problem::Expected("a `}` at the end of the labels")));
        };
        let selector = selector(metric, labels, at + brace + 1, names)?;
        Ok(Self { metric: metric.name, selector, statistic })
    }
}

impl Expression {
    /// What kind of number it is.
    pub fn dimension(&self) -> Dimension {
        match self {
            Self::One(quantity) => quantity.dimension(),
            Self::Ratio(over, under) if is_cost_each(over, under) => Dimension::Time,
            Self::Ratio(..) => Dimension::Ratio,
        }
    }

    /// The quantities in it.
    pub fn quantities(&self) -> impl Iterator<Item = &Quantity> {
        let (first, second) = match self {
            Self::One(quantity) => (quantity, None),
            Self::Ratio(over, under) => (over, Some(under)),
        };
        std::iter::once(first).chain(second)
    }

    pub(super) fn parse(key: &str, names: &Names) -> Result<Self, Misread> {
        let Some(slash) = outer_slash(key) else {
            let (text, at) = trimmed(key, 0);
            return Ok(Self::One(Quantity::parse(text, at, names)?));
        };
        let (over, over_at) = trimmed(&key[..slash], 0);
        let (under, under_at) = trimmed(&key[slash + 1..], slash + 1);
        let over = Quantity::parse(over, over_at, names)?;
        let under = Quantity::parse(under, under_at, names)?;
        let mixed = (over.dimension() == Dimension::Time) != (under.dimension() == Dimension::Time);
        if mixed && !is_cost_each(&over, &under) {
            return Err(Misread::new(0..key.len(), Problem::MixedRatio));
        }
        Ok(Self::Ratio(over, under))
    }
}

/// Whether a time that was spent is shared out over what it was spent on.
fn is_cost_each(over: &Quantity, under: &Quantity) -> bool {
    over.statistic == Statistic::Gauge(Dimension::Time) && under.dimension() == Dimension::Count
}

/// The `/` that stands outside any braces.
fn outer_slash(key: &str) -> Option<usize> {
    let mut depth = 0usize;
    key.char_indices().find_map(|(at, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (c == '/' && depth == 0).then_some(at)
    })
}

fn trimmed(text: &str, at: usize) -> (&str, usize) {
    (text.trim(), at + text.len() - text.trim_start().len())
}

fn metric_and_statistic(path: &str, at: usize) -> Result<(&'static Metric, Statistic), Misread> {
    let span = at..at + path.len();
    if path.is_empty() {
        return Err(Misread::new(span, Problem::Expected("a metric")));
    }
    if let Some(metric) = find(path).map(|place| &METRICS[place]) {
        return match metric.kind {
            Kind::Counter => Ok((metric, Statistic::Total)),
            Kind::Histogram => {
                Err(Misread::new(span, Problem::StatisticMissing(metric.name))
                    .meant(Some(format!("{}.p99", metric.name))))
            }
        };
    }
    let (head, tail) = path.rsplit_once('.').unwrap_or((path, ""));
    let Some(metric) = find(head).map(|place| &METRICS[place]) else {
        return Err(unknown_metric(path, head, tail, at));
    };
    let span = at + head.len() + 1..at + path.len();
    let statistic = tail.to_owned();
    match (Statistic::find(tail), metric.kind) {
        (Some(Statistic::Rate), Kind::Counter) => Ok((metric, Statistic::Rate)),
        (Some(found), Kind::Histogram) => Ok((metric, found)),
        (Some(_), Kind::Counter) => Err(Misread::new(span, Problem::NotOfACounter { metric: metric.name, statistic })),
        (None, kind) => {
            let meant = (kind == Kind::Histogram).then(|| Statistic::nearest(tail)).flatten();
            Err(Misread::new(span, Problem::UnknownStatistic { metric: metric.name, statistic }).meant(meant))
        }
    }
}

/// Names the part that is wrong: without the statistic if the last word is one. `p99.9` is a statistic misspelled.
fn unknown_metric(path: &str, head: &str, tail: &str, at: usize) -> Misread {
    let quantile = head.rsplit_once('.').and_then(|(name, _)| find(name));
    if let Some(metric) = quantile.map(|place| &METRICS[place]) {
        let statistic = path[metric.name.len() + 1..].to_owned();
        let meant = (metric.kind == Kind::Histogram).then(|| Statistic::nearest(&statistic)).flatten();
        let span = at + metric.name.len() + 1..at + path.len();
        return Misread::new(span, Problem::UnknownStatistic { metric: metric.name, statistic }).meant(meant);
    }
    let name = if Statistic::find(tail).is_some() { head } else { path };
    let names = METRICS.iter().map(|metric| metric.name).chain(GAUGES.iter().map(|gauge| gauge.name));
    let meant = nearest(name, names).or_else(|| nearest(head, METRICS.iter().map(|metric| metric.name)));
    Misread::new(at..at + name.len(), Problem::UnknownMetric(name.to_owned())).meant(meant)
}

fn selector(
    metric: &'static Metric,
    labels: &str,
    at: usize,
    names: &Names,
) -> Result<Vec<(LabelKey, String)>, Misread> {
    let mut selector: Vec<(LabelKey, String)> = Vec::new();
    let mut offset = at;
    for piece in labels.split(',') {
        let (pair, start) = trimmed(piece, offset);
        offset += piece.len() + 1;
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Misread::new(start..start + pair.len(), Problem::Expected("label=value")));
        };
        let (value, value_at) = trimmed(value, start + key.len() + 1);
        let key = label(metric, key.trim_end(), start)?;
        if selector.iter().any(|(known, _)| *known == key) {
            let span = start..start + pair.len();
            return Err(Misread::new(span, Problem::RepeatedLabel(key.name().to_owned())));
        }
        check_value(metric, key, value, value_at, names)?;
        selector.push((key, value.to_owned()));
    }
    Ok(selector)
}

fn label(metric: &'static Metric, key: &str, at: usize) -> Result<LabelKey, Misread> {
    let carried = || metric.labels.iter().copied().chain([LabelKey::Phase]);
    LabelKey::find(key).filter(|found| carried().any(|label| label == *found)).ok_or_else(|| {
        let known: Vec<&str> = carried().map(LabelKey::name).collect();
        let problem = Problem::UnknownLabel { metric: metric.name, label: key.to_owned(), known: known.join(", ") };
        Misread::new(at..at + key.len(), problem).meant(nearest(key, known))
    })
}

fn check_value(metric: &Metric, key: LabelKey, value: &str, at: usize, names: &Names) -> Result<(), Misread> {
    let Some(known) = vocabulary::values(metric.name, key, names) else { return Ok(()) };
    if known.iter().any(|name| name == value) || (metric.name != "frames.received" && vocabulary::is_code(key, value)) {
        return Ok(());
    }
    let problem = Problem::UnknownValue { label: key.name(), value: value.to_owned() };
    Err(Misread::new(at..at + value.len(), problem).meant(nearest(value, known)))
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
