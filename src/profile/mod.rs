//! How often, as pure values: a rate over time ([`RateShape`]) and how events are spaced at that rate ([`Spacing`]).
//!
//! A shape is the inverse of its cumulative count, a spacing a sequence of counts, so any spacing goes with any shape:
//! event `k` is due at `shape.when(n_k)`. Used for connects and for publications alike.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

mod constant;
mod intermittent;
mod ramp;
mod spacing;
mod steps;

pub use constant::Constant;
pub use intermittent::Intermittent;
pub use ramp::Joined;
pub use spacing::{Counts, Spacing};
pub use steps::Steps;

/// A rate over time, seen through its cumulative count.
pub trait RateShape: Send + Sync + fmt::Debug {
    /// The moment, counted from the start, at which the cumulative count reaches `n`; `None` if it never does.
    /// Monotone in `n`.
    fn when(&self, n: f64) -> Option<Duration>;

    /// The cumulative count at `until`.
    fn total(&self, until: Duration) -> f64;

    /// The rate at `at`, per second.
    fn rate(&self, at: Duration) -> f64;

    /// The same shape, `factor` times as often.
    fn scaled(&self, factor: f64) -> Arc<dyn RateShape>;
}

/// A point of a shape: from `at` on, `rate` per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When, counted from the start.
    pub at: Duration,
    /// How often, per second.
    pub rate: f64,
}

/// How a shape is made from its points, which are in order; before the first point its rate holds.
pub type MakeShape = fn(&[Point]) -> Arc<dyn RateShape>;

/// A kind of shape: its name, a line about it, how it is made.
pub struct ShapeEntry {
    /// Its name.
    pub name: &'static str,
    /// One line.
    pub help: &'static str,
    /// Makes it.
    pub make: MakeShape,
}

/// Every shape there is.
pub const RATES: &[ShapeEntry] = &[constant::ENTRY, steps::ENTRY, ramp::ENTRY];

/// `seconds` as a duration; `None` when it is negative, infinite or beyond what a duration holds.
fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Strategy, prop, prop_assert, proptest};

    fn points() -> impl Strategy<Value = Vec<Point>> {
        prop::collection::vec((1u64..5_000, 0u32..400), 1..6).prop_map(|gaps| {
            let mut at = Duration::ZERO;
            let point = |(gap, rate): (u64, u32)| {
                let point = Point { at, rate: f64::from(rate) };
                at += Duration::from_millis(gap);
                point
            };
            gaps.into_iter().map(point).collect()
        })
    }

    proptest! {
        #[test]
        fn every_shape_is_monotone_and_inverts_its_total(points in points(), millis in 0u64..30_000) {
            for entry in RATES {
                let shape = (entry.make)(&points);
                let at = Duration::from_millis(millis);
                let n = shape.total(at);
                let moments = [n * 0.25, n * 0.5, n].map(|n| shape.when(n));
                prop_assert!(moments.iter().flatten().is_sorted(), "{}: {moments:?}", entry.name);
                if let Some(when) = moments[2] {
                    prop_assert!((shape.total(when) - n).abs() < 1e-3, "{}: {when:?} is not {n}", entry.name);
                    prop_assert!(when <= at + Duration::from_micros(10), "{}: {when:?} after {at:?}", entry.name);
                }
                let twice = shape.scaled(2.0);
                prop_assert!((twice.total(at) - 2.0 * n).abs() < 1e-6 * n.max(1.0));
            }
        }
    }
}
