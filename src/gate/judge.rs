//! One look: what the pairs so far say about every gated metric.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::block::{Pair, share};
use super::effect::Effect;
use super::looks::Look;
use super::metric::Settings;

/// What a gate, or one of its metrics, comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// New is slower, by more than is tolerated.
    #[serde(rename = "regressed")]
    Regressed,
    /// New is not slower than is tolerated.
    #[serde(rename = "not regressed")]
    NotRegressed,
    /// The pairs do not tell.
    #[serde(rename = "inconclusive")]
    Inconclusive,
    /// The pairs cannot be believed.
    #[serde(rename = "untrustworthy")]
    Untrustworthy,
}

impl Verdict {
    /// Its words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::NotRegressed => "not regressed",
            Self::Inconclusive => "inconclusive",
            Self::Untrustworthy => "untrustworthy",
        }
    }
}

/// What is known of one metric. Shares are of base: 0.1 is 10 % later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which.
    pub metric: Cow<'static, str>,
    /// What it comes to.
    pub verdict: Verdict,
    /// The tolerance that was asked for.
    pub tolerance: f64,
    /// The tolerance that was applied: the absolute floor may make it wider.
    pub applied: f64,
    /// The median of base's blocks, nanoseconds.
    pub base: f64,
    /// The median of new's blocks, nanoseconds.
    pub new: f64,
    /// The estimated effect.
    pub effect: f64,
    /// The bounds of the effect, each at the level of this look.
    pub interval: [f64; 2],
    /// One-sided p, adjusted for the number of gated metrics (Holm).
    pub p: f64,
    /// The smallest effect that could have been called a regression in this noise.
    pub detectable: f64,
    /// The effect that nine gates in ten would have caught.
    pub caught: f64,
}

/// Power of nine in ten, as a standard normal quantile.
const NINE_IN_TEN: f64 = 1.282;

/// Judges every gated metric on `pairs`, of which there must be some, at `look`.
pub(super) fn judge(pairs: &[Pair], settings: &Settings, look: &Look) -> Vec<Finding> {
    let effects: Vec<Effect> = settings
        .metrics
        .iter()
        .map(|metric| {
            let differences: Vec<f64> = pairs.iter().map(|pair| pair.difference(metric.quantile)).collect();
            Effect::of(&differences, settings.seed)
        })
        .collect();
    let adjusted = holm(&effects.iter().map(|effect| effect.p).collect::<Vec<_>>());
    let findings = settings.metrics.iter().zip(&effects).zip(adjusted).map(|((metric, effect), p)| {
        let middle =
            |of: fn(&Pair) -> &super::Block| median(pairs.iter().map(|pair| of(pair).quantile(metric.quantile)));
        let (base, new) = (middle(|pair| &pair.base), middle(|pair| &pair.new));
        let applied = metric.tolerance().max(settings.floor as f64 / base);
        let detectable = effect.error * look.regressed;
        let finding = Finding {
            metric: metric.name.into(),
            verdict: Verdict::Inconclusive,
            tolerance: metric.tolerance(),
            applied,
            base,
            new,
            effect: share(effect.estimate),
            interval: [share(effect.bound(-look.passed)), share(effect.bound(look.passed))],
            p,
            detectable: share(detectable),
            caught: share(detectable.max(applied.ln_1p()) + NINE_IN_TEN * effect.error),
        };
        Finding { verdict: decide(&finding, look), ..finding }
    });
    findings.collect()
}

/// A tolerance below what could have been seen is refused: then not to have seen anything means nothing.
fn decide(finding: &Finding, look: &Look) -> Verdict {
    if finding.p < look.level() && finding.effect > finding.applied {
        Verdict::Regressed
    } else if finding.interval[1] < finding.applied && finding.detectable <= finding.applied {
        Verdict::NotRegressed
    } else {
        Verdict::Inconclusive
    }
}

/// Holm's adjustment: each p as if it alone had been looked at.
fn holm(ps: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ps.len()).collect();
    order.sort_by(|a, b| ps[*a].total_cmp(&ps[*b]));
    let (mut adjusted, mut least) = (vec![0.0; ps.len()], 0.0f64);
    for (rank, at) in order.into_iter().enumerate() {
        least = least.max(ps[at] * (ps.len() - rank) as f64).min(1.0);
        adjusted[at] = least;
    }
    adjusted
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[half],
        _ => (values[half - 1] + values[half]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holm_adjusts_the_smallest_most_and_keeps_the_order() {
        assert_eq!(holm(&[0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
        assert_eq!(holm(&[0.6, 0.9]), [1.0, 1.0]);
        assert_eq!(holm(&[0.004]), [0.004]);
    }

    #[test]
    fn medians_of_even_and_odd_numbers() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
    }
}
