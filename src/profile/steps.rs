//! A rate that jumps: each point's rate holds until the next point.

use std::sync::Arc;
use std::time::Duration;

use super::{Point, RateShape, ShapeEntry, seconds};

pub(super) const ENTRY: ShapeEntry = ShapeEntry {
    name: "steps",
    help: "each point's rate holds until the next point",
    make: |points| Arc::new(Steps::new(points)),
};

/// A rate that jumps at given moments.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    /// Start in seconds, rate, cumulative count at the start. Never empty; the first starts at 0.
    pieces: Vec<(f64, f64, f64)>,
}

impl Steps {
    /// The rate of each of `points`, in order, until the next; before the first its rate holds as well.
    pub fn new(points: &[Point]) -> Self {
        let mut pieces = vec![(0.0, points.first().map_or(0.0, |point| point.rate), 0.0)];
        for point in points {
            let (start, rate, before) = pieces[pieces.len() - 1];
            let at = point.at.as_secs_f64();
            pieces.push((at, point.rate, before + rate * (at - start)));
        }
        Self { pieces }
    }

    fn piece(&self, at: f64) -> (f64, f64, f64) {
        let after = self.pieces.partition_point(|piece| piece.0 <= at);
        self.pieces[after.max(1) - 1]
    }
}

impl RateShape for Steps {
    fn when(&self, n: f64) -> Option<Duration> {
        // The last piece that starts below `n`: its successors start at or above it.
        let after = self.pieces.partition_point(|piece| piece.2 < n);
        let (start, rate, before) = self.pieces[after.max(1) - 1];
        if n <= before { seconds(start) } else { seconds(start + (n - before) / rate) }
    }

    fn total(&self, until: Duration) -> f64 {
        let at = until.as_secs_f64();
        let (start, rate, before) = self.piece(at);
        before + rate * (at - start)
    }

    fn rate(&self, at: Duration) -> f64 {
        self.piece(at.as_secs_f64()).1
    }

    fn scaled(&self, factor: f64) -> Arc<dyn RateShape> {
        let pieces = self.pieces.iter().map(|&(start, rate, before)| (start, rate * factor, before * factor));
        Arc::new(Self { pieces: pieces.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rate_holds_until_the_next_point() {
        let at = |secs, rate| Point { at: Duration::from_secs(secs), rate };
        let shape = Steps::new(&[at(0, 10.0), at(2, 0.0), at(5, 100.0)]);
        let moments = [10.0, 20.0, 21.0, 120.0].map(|n| shape.when(n).unwrap().as_millis());
        assert_eq!(moments, [1_000, 2_000, 5_010, 6_000]);
        assert_eq!(shape.total(Duration::from_secs(4)), 20.0);
        assert_eq!(Steps::new(&[at(0, 10.0), at(2, 0.0)]).when(21.0), None);
    }
}
