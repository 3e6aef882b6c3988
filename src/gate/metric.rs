//! What is gated: a quantile of the delivery latency and how much later it may become.

use std::fmt;
use std::str::FromStr;

/// The quantiles that may be gated, with their share.
const QUANTILES: &[(&str, f64)] = &[("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)];

/// A gated quantile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its share.
    pub quantile: f64,
    /// How much later it may become, in percent.
    percent: f64,
}

impl Metric {
    /// How much later it may become: 0.05 is 5 %.
    pub fn tolerance(&self) -> f64 {
        self.percent / 100.0
    }
}

/// As it is read.
impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}%", self.name, self.percent)
    }
}

/// Why a metric is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// Not `NAME=SHARE`.
    #[error("expected QUANTILE=TOLERANCE, as in p50=5%")]
    Shape,
    /// No such quantile.
    #[error("there is no {0:?} to gate: p50, p90, p95 or p99")]
    Quantile(String),
    /// Not a share.
    #[error("the tolerance of {0}: more than 0 % and at most 1000 %, as in {0}=5%")]
    Tolerance(&'static str),
    /// The same quantile twice.
    #[error("{0} is gated twice")]
    Twice(&'static str),
}

impl FromStr for Metric {
    type Err = MetricError;

    fn from_str(text: &str) -> Result<Self, MetricError> {
        let (name, tolerance) = text.split_once('=').ok_or(MetricError::Shape)?;
        let found = QUANTILES.iter().find(|(known, _)| *known == name.trim());
        let (name, quantile) = *found.ok_or_else(|| MetricError::Quantile(name.trim().to_owned()))?;
        let percent = tolerance.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        let percent = percent.filter(|percent| *percent > 0.0 && *percent <= 1_000.0);
        Ok(Self { name, quantile, percent: percent.ok_or(MetricError::Tolerance(name))? })
    }
}

/// How the gate decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What is gated; never empty.
    pub metrics: Vec<Metric>,
    /// Slower by less than this is not slower, nanoseconds.
    pub floor: u64,
    /// The coins and the resampling follow from it.
    pub seed: u64,
}

/// Less than this is below what a scheduler's mood is worth, nanoseconds.
const FLOOR: u64 = 20_000;

impl Settings {
    /// Gates `metrics`, or without any the three whose tolerances the study supports.
    ///
    /// # Errors
    /// When a quantile is named twice.
    pub fn new(mut metrics: Vec<Metric>, seed: u64) -> Result<Self, MetricError> {
        if metrics.is_empty() {
            let of = |(name, quantile), percent| Metric { name, quantile, percent };
            metrics = vec![of(QUANTILES[0], 5.0), of(QUANTILES[1], 20.0), of(QUANTILES[3], 50.0)];
        }
        for (at, metric) in metrics.iter().enumerate() {
            if metrics[..at].iter().any(|other| other.name == metric.name) {
                return Err(MetricError::Twice(metric.name));
            }
        }
        Ok(Self { metrics, floor: FLOOR, seed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_and_wrong_ones_told() {
        let metric: Metric = "p50=5%".parse().unwrap();
        assert_eq!((metric.name, metric.quantile, metric.tolerance()), ("p50", 0.5, 0.05));
        assert_eq!("p90 = 7.3 %".parse::<Metric>().unwrap().to_string(), "p90=7.3%");
        let wrong = |text: &str| text.parse::<Metric>().unwrap_err().to_string();
        assert!(wrong("p50").contains("p50=5%"));
        assert!(wrong("p42=5%").contains("p42"));
        for tolerance in ["p90=5", "p90=0%", "p90=-3%", "p90=nan%", "p90=2000%"] {
            assert!(wrong(tolerance).contains("p90=5%"), "{tolerance}");
        }
        assert_eq!(Settings::new(vec![metric, metric], 1), Err(MetricError::Twice("p50")));
        assert_eq!(Settings::new(Vec::new(), 1).unwrap().metrics.len(), 3);
    }
}
