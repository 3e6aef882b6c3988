//! How much slower, and how sure: the Hodges–Lehmann effect of paired differences, its exact sign-flip p and its
//! block-bootstrap interval.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How often the differences are drawn anew.
const RESAMPLES: usize = 500;

/// Pairs that are drawn together: noise is drift, so that neighbours resemble each other.
const TOGETHER: usize = 4;

/// What a series of paired log ratios says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// The Hodges–Lehmann estimate: the median of the means of every two differences, each with itself too.
    pub estimate: f64,
    /// One-sided: how often coin flips alone put new at least this far behind base.
    pub p: f64,
    /// The standard error of the estimate.
    pub error: f64,
}

impl Effect {
    /// The effect in `differences`, of which there must be at least one. The same seed gives the same effect.
    pub fn of(differences: &[f64], seed: u64) -> Self {
        let walsh = Walsh::of(differences);
        let once = vec![1; differences.len()];
        Self { estimate: walsh.median(&once), p: sign_flip(differences), error: error(&walsh, differences.len(), seed) }
    }

    /// The end of the interval that is exceeded once in `1 / tail(z)`: `z` standard errors above the estimate.
    pub fn bound(&self, z: f64) -> f64 {
        self.estimate + z * self.error
    }
}

/// The means of every two differences, in order, with the places they came from: made once, resampled often.
struct Walsh {
    means: Vec<(f64, usize, usize)>,
}

impl Walsh {
    fn of(differences: &[f64]) -> Self {
        let mean = |i: usize, j: usize| ((differences[i] + differences[j]) / 2.0, i, j);
        let mut means: Vec<_> =
            (0..differences.len()).flat_map(|i| (i..differences.len()).map(move |j| mean(i, j))).collect();
        means.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { means }
    }

    /// The median when difference `i` is there `times[i]` times.
    fn median(&self, times: &[u64]) -> f64 {
        let weight = |i: usize, j: usize| if i == j { times[i] * (times[i] + 1) / 2 } else { times[i] * times[j] };
        let n: u64 = times.iter().sum();
        let half = n * (n + 1) / 2;
        // Twice the weight so far against the whole weight: exactly half means that the median lies between two means.
        let (mut seen, mut lower) = (0, None);
        for &(mean, i, j) in &self.means {
            let weight = weight(i, j);
            if weight == 0 {
                continue;
            }
            if let Some(lower) = lower {
                return (lower + mean) / 2.0;
            }
            seen += 2 * weight;
            if seen > half {
                return mean;
            }
            lower = (seen == half).then_some(mean);
        }
        lower.unwrap_or(0.0)
    }
}

/// How many of the 2ⁿ ways to give the differences signs have a signed-rank sum at least as large: exactly, by counting.
fn sign_flip(differences: &[f64]) -> f64 {
    let mut order: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    order.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    // Twice the mean rank of those that tie is a whole number.
    let mut ranks = vec![0usize; order.len()];
    let mut from = 0;
    while from < order.len() {
        let to = order[from..].iter().take_while(|d| d.abs() == order[from].abs()).count() + from;
        ranks[from..to].fill(from + 1 + to);
        from = to;
    }
    let observed: usize = ranks.iter().zip(&order).filter(|(_, d)| **d > 0.0).map(|(rank, _)| rank).sum();
    // After each rank: the probability of every sum of those with a positive sign.
    let mut chances = vec![0.0; ranks.iter().sum::<usize>() + 1];
    chances[0] = 1.0;
    let mut most = 0;
    for rank in ranks {
        most += rank;
        for sum in (0..=most).rev() {
            let with = if sum >= rank { chances[sum - rank] } else { 0.0 };
            chances[sum] = (chances[sum] + with) / 2.0;
        }
    }
    chances[observed..].iter().sum::<f64>().min(1.0)
}

/// The spread of the estimate over resamples of runs of neighbours.
fn error(walsh: &Walsh, n: usize, seed: u64) -> f64 {
    if n <= TOGETHER {
        return f64::INFINITY;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut times = vec![0u64; n];
    let mut draw = || {
        times.fill(0);
        let mut drawn = 0;
        while drawn < n {
            let start = rng.random_range(0..n);
            let take = TOGETHER.min(n - drawn);
            (0..take).for_each(|k| times[(start + k) % n] += 1);
            drawn += take;
        }
        walsh.median(&times)
    };
    let drawn: Vec<f64> = (0..RESAMPLES).map(|_| draw()).collect();
    let mean = drawn.iter().sum::<f64>() / RESAMPLES as f64;
    let variance = drawn.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / RESAMPLES as f64;
    // Resampling a few runs understates the spread by as much as they are few.
    (variance * n as f64 / (n - TOGETHER) as f64).sqrt()
}

#[cfg(test)]
#[path = "effect_tests.rs"]
mod tests;
