//! How events are spaced at a rate: the counts `n_k` at which event `k` is due.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How events are spaced at whatever rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// Evenly: event `k` when `k + ½` of them are owed, so that any span holds its count, rounded, and none falls on
    /// its edge.
    Constant,
    /// Independent of each other: exponential gaps of mean 1.
    Poisson,
    /// This many at once, as often as keeps the mean rate: burst `j` of `N` when `N·(j + ½)` are owed.
    Burst(u32),
}

impl Spacing {
    /// The counts at which events are due, in order, without end. The same seed gives the same counts.
    pub fn counts(self, seed: u64) -> Counts {
        let state = match self {
            Self::Constant => State::Every { burst: 1, next: 0 },
            Self::Burst(burst) => State::Every { burst: u64::from(burst.max(1)), next: 0 },
            Self::Poisson => State::Poisson { rng: Box::new(ChaCha8Rng::seed_from_u64(seed)), n: 0.0 },
        };
        Counts { state }
    }
}

/// The counts at which events are due.
#[derive(Clone, Debug)]
pub struct Counts {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Every { burst: u64, next: u64 },
    Poisson { rng: Box<ChaCha8Rng>, n: f64 },
}

impl Iterator for Counts {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        Some(match &mut self.state {
            State::Every { burst, next } => {
                let first_of_burst = *next - *next % *burst;
                *next += 1;
                first_of_burst as f64 + *burst as f64 / 2.0
            }
            State::Poisson { rng, n } => {
                // 1 − u is in (0, 1], so the logarithm is finite.
                *n -= (1.0 - rng.random::<f64>()).ln();
                *n
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Constant, RateShape};
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use std::time::Duration;

    fn due(spacing: Spacing, seed: u64, rate: f64, until: Duration) -> Vec<Duration> {
        let shape = Constant::new(rate);
        spacing.counts(seed).map_while(|n| shape.when(n)).take_while(|due| *due < until).collect()
    }

    proptest! {
        #[test]
        fn poisson_is_seeded_monotone_and_within_five_sigma(seed in any::<u64>()) {
            let times = due(Spacing::Poisson, seed, 1_000.0, Duration::from_secs(4));
            prop_assert!(times.is_sorted());
            prop_assert!((times.len() as f64 - 4_000.0).abs() < 5.0 * 4_000f64.sqrt(), "{}", times.len());
            prop_assert_eq!(times, due(Spacing::Poisson, seed, 1_000.0, Duration::from_secs(4)));
        }

        #[test]
        fn even_spacing_is_exact(rate in 1u32..1_000, burst in 1u32..50) {
            let secs = 10;
            let until = Duration::from_secs(secs);
            prop_assert_eq!(due(Spacing::Constant, 0, f64::from(rate), until).len() as u64, u64::from(rate) * secs);
            let bursts = due(Spacing::Burst(burst), 0, f64::from(rate), until);
            prop_assert!(bursts.chunks(burst as usize).all(|burst| burst.iter().all(|due| *due == burst[0])));
            prop_assert!((bursts.len() as i64 - i64::from(rate) * 10).abs() <= i64::from(burst));
        }
    }
}
