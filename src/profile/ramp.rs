//! A rate that moves along straight lines from point to point: the linear ramp and any chain of them.

use std::sync::Arc;
use std::time::Duration;

use super::{Point, RateShape, ShapeEntry, seconds};

pub(super) const ENTRY: ShapeEntry = ShapeEntry {
    name: "ramp",
    help: "straight lines from point to point; the last rate holds",
    make: |points| Arc::new(Joined::new(points)),
};

/// Points joined by straight lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    pieces: Vec<Piece>,
}

/// From `start` (seconds) on the rate is `rate` and changes by `slope` per second; `before` is the count until then.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    start: f64,
    rate: f64,
    slope: f64,
    before: f64,
}

impl Piece {
    fn total(&self, at: f64) -> f64 {
        let along = at - self.start;
        self.before + self.rate * along + self.slope * along * along / 2.0
    }
}

impl Joined {
    /// The line through `points`, in order; before the first and after the last their rates hold.
    pub fn new(points: &[Point]) -> Self {
        let first = points.first().map_or(0.0, |point| point.rate);
        let mut pieces = vec![Piece { start: 0.0, rate: first, slope: 0.0, before: 0.0 }];
        for (place, point) in points.iter().enumerate() {
            let start = point.at.as_secs_f64();
            let before = pieces[pieces.len() - 1].total(start);
            let next = points.get(place + 1).filter(|next| next.at > point.at);
            let slope = next.map_or(0.0, |next| (next.rate - point.rate) / (next.at - point.at).as_secs_f64());
            pieces.push(Piece { start, rate: point.rate, slope, before });
        }
        Self { pieces }
    }

    /// A rate that moves from `from` to `to` over the first `over`, and stays there.
    pub fn ramp(from: f64, to: f64, over: Duration) -> Self {
        Self::new(&[Point { at: Duration::ZERO, rate: from }, Point { at: over, rate: to }])
    }

    fn piece(&self, at: f64) -> &Piece {
        let after = self.pieces.partition_point(|piece| piece.start <= at);
        &self.pieces[after.max(1) - 1]
    }
}

impl RateShape for Joined {
    fn when(&self, n: f64) -> Option<Duration> {
        let after = self.pieces.partition_point(|piece| piece.before < n);
        let piece = &self.pieces[after.max(1) - 1];
        let owed = n - piece.before;
        if owed <= 0.0 {
            return seconds(piece.start);
        }
        // rate·x + slope·x²/2 = owed, in the form that stays exact for small slopes.
        let root = (piece.rate * piece.rate + 2.0 * piece.slope * owed).max(0.0).sqrt();
        seconds(piece.start + 2.0 * owed / (piece.rate + root))
    }

    fn total(&self, until: Duration) -> f64 {
        let at = until.as_secs_f64();
        self.piece(at).total(at)
    }

    fn rate(&self, at: Duration) -> f64 {
        let at = at.as_secs_f64();
        let piece = self.piece(at);
        piece.rate + piece.slope * (at - piece.start)
    }

    fn scaled(&self, factor: f64) -> Arc<dyn RateShape> {
        let scale = |piece: &Piece| Piece {
            start: piece.start,
            rate: piece.rate * factor,
            slope: piece.slope * factor,
            before: piece.before * factor,
        };
        Arc::new(Self { pieces: self.pieces.iter().map(scale).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_from_nothing_counts_as_its_triangle() {
        let shape = Joined::ramp(0.0, 100.0, Duration::from_secs(10));
        let moments = [125.0, 500.0, 600.0].map(|n| shape.when(n).unwrap().as_millis());
        assert_eq!(moments, [5_000, 10_000, 11_000]);
        assert_eq!(shape.total(Duration::from_secs(5)), 125.0);
        assert_eq!(shape.rate(Duration::from_secs(5)), 50.0);
    }

    #[test]
    fn a_rate_that_falls_to_nothing_ends() {
        let shape = Joined::ramp(100.0, 0.0, Duration::from_secs(10));
        assert_eq!(shape.when(499.0).map(|d| d < Duration::from_secs(10)), Some(true));
        assert_eq!(shape.when(501.0), None);
    }
}
