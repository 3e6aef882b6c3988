//! A rate that is there only at times: another shape, spread over turns, with nothing between them.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::RateShape;

/// Another shape, walked only within given turns: what it would do in its first second, it does in the first second of
/// turns, however much lies between them.
#[derive(Clone, Debug)]
pub struct Intermittent {
    shape: Arc<dyn RateShape>,
    /// How much of the shape has passed when each turn begins, and the turn.
    turns: Arc<[(Duration, Range<Duration>)]>,
}

impl Intermittent {
    /// `shape` within `turns`, which are in order and do not overlap.
    pub fn new(shape: Arc<dyn RateShape>, turns: &[Range<Duration>]) -> Self {
        let mut passed = Duration::ZERO;
        let turn = |turn: &Range<Duration>| {
            let before = passed;
            passed += turn.end.saturating_sub(turn.start);
            (before, turn.clone())
        };
        Self { shape, turns: turns.iter().map(turn).collect() }
    }

    /// How much of the shape has passed at `at`, and whether more passes right then.
    fn passed(&self, at: Duration) -> (Duration, bool) {
        let after = self.turns.partition_point(|(_, turn)| turn.start <= at);
        let Some((before, turn)) = after.checked_sub(1).map(|last| &self.turns[last]) else {
            return (Duration::ZERO, false);
        };
        (*before + at.min(turn.end) - turn.start, at < turn.end)
    }
}

impl RateShape for Intermittent {
    fn when(&self, n: f64) -> Option<Duration> {
        let at = self.shape.when(n)?;
        let after = self.turns.partition_point(|(before, _)| *before <= at);
        let (before, turn) = &self.turns[after.checked_sub(1)?];
        let when = turn.start + (at - *before);
        (when < turn.end).then_some(when)
    }

    fn total(&self, until: Duration) -> f64 {
        self.shape.total(self.passed(until).0)
    }

    fn rate(&self, at: Duration) -> f64 {
        let (passed, passes) = self.passed(at);
        if passes { self.shape.rate(passed) } else { 0.0 }
    }

    fn scaled(&self, factor: f64) -> Arc<dyn RateShape> {
        Arc::new(Self { shape: self.shape.scaled(factor), turns: Arc::clone(&self.turns) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Constant, Point, Steps};

    fn seconds(secs: f64) -> Duration {
        Duration::from_secs_f64(secs)
    }

    #[test]
    fn a_shape_goes_on_in_its_next_turn_where_it_stopped() {
        let turns = [seconds(1.0)..seconds(2.0), seconds(5.0)..seconds(6.0)];
        let steps = Steps::new(&[Point { at: Duration::ZERO, rate: 10.0 }, Point { at: seconds(1.0), rate: 100.0 }]);
        let shape = Intermittent::new(Arc::new(steps), &turns);
        let moments = [0.5, 5.0, 10.5, 60.0].map(|n| shape.when(n).unwrap().as_millis());
        assert_eq!(moments, [1_050, 1_500, 5_005, 5_500]);
        assert_eq!(shape.when(111.0), None);
        let at = |secs| (shape.rate(seconds(secs)), shape.total(seconds(secs)).round());
        assert_eq!(
            [at(0.5), at(1.5), at(3.0), at(5.5), at(9.0)],
            [(0.0, 0.0), (10.0, 5.0), (0.0, 10.0), (100.0, 60.0), (0.0, 110.0)]
        );
        assert_eq!(shape.scaled(2.0).total(seconds(9.0)).round(), 220.0);
    }

    #[test]
    fn without_turns_nothing_is_ever_due() {
        let shape = Intermittent::new(Arc::new(Constant::new(5.0)), &[]);
        assert_eq!((shape.when(0.5), shape.total(seconds(9.0)), shape.rate(seconds(1.0))), (None, 0.0, 0.0));
    }
}
