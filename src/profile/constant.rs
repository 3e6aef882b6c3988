//! Always the same rate.

use std::sync::Arc;
use std::time::Duration;

use super::{Point, RateShape, ShapeEntry, seconds};

pub(super) const ENTRY: ShapeEntry = ShapeEntry {
    name: "constant",
    help: "the first point's rate, always",
    make: |points| Arc::new(Constant::new(points.first().map_or(0.0, |point: &Point| point.rate))),
};

/// Always the same rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant {
    rate: f64,
}

impl Constant {
    /// `rate` per second.
    pub fn new(rate: f64) -> Self {
        Self { rate: rate.max(0.0) }
    }
}

impl RateShape for Constant {
    fn when(&self, n: f64) -> Option<Duration> {
        if n <= 0.0 { Some(Duration::ZERO) } else { seconds(n / self.rate) }
    }

    fn total(&self, until: Duration) -> f64 {
        self.rate * until.as_secs_f64()
    }

    fn rate(&self, _: Duration) -> f64 {
        self.rate
    }

    fn scaled(&self, factor: f64) -> Arc<dyn RateShape> {
        Arc::new(Self::new(self.rate * factor))
    }
}
