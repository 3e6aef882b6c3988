//! When the gate looks, and how much of the allowed error each look may spend (O'Brien–Fleming: early looks hardly any).

/// One look at the pairs so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// After how many pairs.
    pub pairs: usize,
    /// The standard normal quantile a regression must reach; all looks together err once in a hundred.
    pub regressed: f64,
    /// The standard normal quantile of the upper bound that must stay below the tolerance; all looks together err once
    /// in twenty.
    pub passed: f64,
}

/// All looks, in order: the boundary of the last look, times the square root of the share of the pairs seen.
pub const LOOKS: [Look; 3] = [
    Look { pairs: 20, regressed: 4.088, passed: 2.962 },
    Look { pairs: 40, regressed: 2.890, passed: 2.094 },
    Look { pairs: 60, regressed: 2.360, passed: 1.710 },
];

/// The last of them.
pub(super) const LAST: Look = LOOKS[LOOKS.len() - 1];

impl Look {
    /// The p below which a regression is believed at this look.
    pub fn level(&self) -> f64 {
        upper_tail(self.regressed)
    }
}

/// The look that falls on exactly `pairs` pairs.
pub(super) fn at(pairs: usize) -> Option<&'static Look> {
    LOOKS.iter().find(|look| look.pairs == pairs)
}

/// The probability that a standard normal value exceeds `z`, which is not negative; to 1e-7 (Abramowitz–Stegun 7.1.26).
fn upper_tail(z: f64) -> f64 {
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    0.5 * series * (-x * x).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn tails_are_those_of_the_table() {
        for (z, p) in [(0.0, 0.5), (1.644_854, 0.05), (2.326_348, 0.01), (4.0, 3.167e-5)] {
            assert!((upper_tail(z) - p).abs() < 3e-7, "{z}: {}", upper_tail(z));
        }
    }

    #[test]
    fn all_looks_together_spend_what_is_allowed() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut normal =
            || (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt() * (std::f64::consts::TAU * rng.random::<f64>()).cos();
        let (walks, mut regressed, mut passed) = (100_000, 0, 0);
        for _ in 0..walks {
            let (mut sum, mut hits) = (0.0, (false, false));
            for (k, look) in LOOKS.iter().enumerate() {
                sum += normal();
                let z = sum / ((k + 1) as f64).sqrt();
                hits = (hits.0 | (z > look.regressed), hits.1 | (z > look.passed));
            }
            regressed += i32::from(hits.0);
            passed += i32::from(hits.1);
        }
        let share = |hits: i32| f64::from(hits) / f64::from(walks);
        assert!((share(regressed) - 0.01).abs() < 0.001, "{}", share(regressed));
        assert!((share(passed) - 0.05).abs() < 0.002, "{}", share(passed));
    }
}
