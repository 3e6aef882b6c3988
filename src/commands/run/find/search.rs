//! Which rate is tried next: outwards by doubling until one holds and one does not, inwards by halving the ratio between
//! the two, then both again until each is sure. Pure.

/// The rates that may be tried lie within this factor of the first.
pub(super) const REACH: f64 = 256.0;

/// The two rates are near enough when their ratio is this.
const NEAR: f64 = 1.1;

/// No search takes more trials.
const MOST: usize = 32;

/// Equal results that make a rate sure.
const SURE: usize = 2;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Next {
    /// Try this rate.
    Try(f64),
    Found,
    HeldThroughout,
    NeverHeld,
    Unsettled,
}

/// The results so far.
#[derive(Clone, Debug)]
pub(super) struct Search {
    first: f64,
    trials: Vec<(f64, bool)>,
}

impl Search {
    pub(super) fn new(first: f64) -> Self {
        Self { first: rounded(first), trials: Vec::new() }
    }

    /// Takes in that the rule held, or did not, at `rate`.
    pub(super) fn take(&mut self, rate: f64, held: bool) {
        self.trials.push((rate, held));
    }

    /// How often the rule held at `rate`, and how often it did not.
    fn votes(&self, rate: f64) -> (usize, usize) {
        let at = self.trials.iter().filter(|trial| trial.0.total_cmp(&rate).is_eq());
        at.fold((0, 0), |(held, failed), trial| if trial.1 { (held + 1, failed) } else { (held, failed + 1) })
    }

    /// Whether it holds: in doubt it does not.
    fn holds(&self, rate: f64) -> bool {
        let (held, failed) = self.votes(rate);
        held > failed
    }

    fn is_sure(&self, rate: f64) -> bool {
        let (held, failed) = self.votes(rate);
        held.max(failed) >= SURE && held != failed
    }

    fn rates(&self) -> impl Iterator<Item = f64> {
        self.trials.iter().map(|trial| trial.0)
    }

    /// The lowest rate at which the rule does not hold.
    pub(super) fn fails(&self) -> Option<f64> {
        self.rates().filter(|rate| !self.holds(*rate)).min_by(f64::total_cmp)
    }

    /// The highest rate below that at which it does.
    pub(super) fn held(&self) -> Option<f64> {
        let bound = self.fails().unwrap_or(f64::INFINITY);
        self.rates().filter(|rate| *rate < bound && self.holds(*rate)).max_by(f64::total_cmp)
    }

    /// What is to be done next.
    pub(super) fn next(&self) -> Next {
        if self.trials.len() >= MOST {
            return Next::Unsettled;
        }
        match (self.held(), self.fails()) {
            (None, None) => Next::Try(self.first),
            (Some(held), None) if held * 2.0 > self.first * REACH => Next::HeldThroughout,
            (Some(held), None) => Next::Try(rounded(held * 2.0)),
            (None, Some(fails)) if fails / 2.0 >= self.first / REACH => Next::Try(rounded(fails / 2.0)),
            (None, Some(fails)) if self.is_sure(fails) => Next::NeverHeld,
            (None, Some(fails)) => Next::Try(fails),
            (Some(held), Some(fails)) => self.between(held, fails),
        }
    }

    fn between(&self, held: f64, fails: f64) -> Next {
        let middle = rounded((held * fails).sqrt());
        if fails / held > NEAR && held < middle && middle < fails {
            return Next::Try(middle);
        }
        let unsure = [held, fails].into_iter().find(|rate| !self.is_sure(*rate));
        unsure.map_or(Next::Found, Next::Try)
    }
}

/// Three significant digits: what is tried can be typed again.
fn rounded(rate: f64) -> f64 {
    let unit = 10f64.powi(rate.log10().floor() as i32 - 2);
    let rounded = (rate / unit).round() * unit;
    if rounded.is_finite() { rounded } else { rate }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches a target of which `holds` says what it does in trial `n` at a rate.
    fn search(first: f64, mut holds: impl FnMut(usize, f64) -> bool) -> (Next, Search) {
        let mut search = Search::new(first);
        loop {
            match search.next() {
                Next::Try(rate) => {
                    let held = holds(search.trials.len(), rate);
                    search.take(rate, held);
                }
                end => return (end, search),
            }
        }
    }

    #[test]
    fn a_limit_is_found_from_below_and_from_above() {
        for limit in [130.0, 1_000.0, 7_777.0, 20_000.0] {
            for first in [100.0, 900.0, 19_000.0] {
                let (end, search) = search(first, |_, rate| rate <= limit);
                let (held, fails) = (search.held().unwrap(), search.fails().unwrap());
                assert_eq!(end, Next::Found, "{limit} from {first}");
                assert!(held <= limit && limit < fails && fails / held <= NEAR + 0.01, "{limit}: {held} {fails}");
                assert_eq!((search.votes(held), search.votes(fails)), ((2, 0), (0, 2)));
                assert!(search.trials.len() <= 18, "{} trials", search.trials.len());
            }
        }
    }

    #[test]
    fn one_wrong_trial_does_not_decide() {
        for liar in 0..12 {
            // Both ends are tried again before they count, so what a lie has shut out is opened again.
            let (end, search) = search(200.0, |n, rate| (rate <= 3_000.0) != (n == liar));
            let (held, fails) = (search.held().unwrap(), search.fails().unwrap());
            assert_eq!(end, Next::Found, "trial {liar}");
            assert!(held <= 3_000.0 && 3_000.0 < fails && fails / held <= NEAR + 0.01, "{liar}: {held} {fails}");
        }
    }

    #[test]
    fn what_has_no_limit_within_reach_is_said() {
        let (end, above) = search(100.0, |_, _| true);
        assert_eq!((end, above.held()), (Next::HeldThroughout, Some(25_600.0)));
        let (end, below) = search(100.0, |_, _| false);
        assert_eq!((end, below.held()), (Next::NeverHeld, None));
        assert!(below.fails().is_some_and(|rate| rate < 0.8));
        let (end, _) = search(100.0, |n, _| n.is_multiple_of(2));
        assert!(matches!(end, Next::Unsettled | Next::Found), "{end:?}");
    }

    #[test]
    fn rates_can_be_typed_again() {
        assert_eq!([rounded(1_414.2), rounded(99.96), rounded(0.39062)], [1_410.0, 100.0, 0.391]);
    }
}
