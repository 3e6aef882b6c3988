//! What a gate has to say, as data.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::block::{Block, Pair};
use super::judge::{Finding, Verdict};
use super::looks::LOOKS;
use super::metric::Settings;

/// What was gated, and under what conditions: what a recording holds beside the blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The scenario's name.
    pub scenario: String,
    /// SHA-256 of its text.
    pub sha256: String,
    /// What base was.
    pub base: String,
    /// What new was.
    pub new: String,
    /// How long a block was, milliseconds.
    pub block_ms: u64,
    /// What was arranged without being asked for.
    pub notes: Vec<String>,
    /// What the blocks do not show and yet puts them in doubt, with what to try.
    pub doubts: Vec<String>,
}

/// Of what shape a report is.
pub(super) const SCHEMA: &str = "wsbench/gate/1";

/// The outcome of a gate. Everything in it follows from recording and settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Of what shape this is.
    pub schema: Cow<'static, str>,
    /// The verdict.
    pub verdict: Verdict,
    /// What was gated.
    pub about: About,
    /// Why it is not another one; what to try.
    pub reasons: Vec<String>,
    /// Pairs that were measured, after the warm-up.
    pub measured: usize,
    /// Pairs the last look was taken on; 0 without any look.
    pub looked_at: usize,
    /// Pairs that were left out because the machine spoilt them.
    pub left_out: usize,
    /// Pairs of the warm-up.
    pub warm_up: usize,
    /// What is gated.
    pub metrics: Vec<Finding>,
    /// Slower by less than this is not slower, nanoseconds.
    pub floor_ns: u64,
    /// Coins and resampling follow from it.
    pub seed: u64,
    /// What each side did, over all pairs kept.
    pub base: Summary,
    /// Likewise.
    pub new: Summary,
}

/// What one side did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Deliveries.
    pub deliveries: u64,
    /// Due time to sending at p99, nanoseconds.
    pub send_lag_p99_ns: u64,
}

/// How a gate has gone.
pub(super) struct Course<'a> {
    pub(super) warm_up: usize,
    pub(super) measured: usize,
    pub(super) looked_at: usize,
    pub(super) kept: &'a [Pair],
}

impl Report {
    pub(super) fn new(
        settings: &Settings,
        about: &About,
        course: &Course<'_>,
        metrics: Vec<Finding>,
        mut reasons: Vec<String>,
    ) -> Self {
        let kept = course.kept;
        let verdict = verdict(&metrics, !reasons.is_empty());
        if verdict == Verdict::Inconclusive {
            reasons.extend(inconclusive(&metrics, kept.len()));
        }
        Self {
            schema: SCHEMA.into(),
            verdict,
            about: about.clone(),
            reasons,
            measured: course.measured,
            looked_at: course.looked_at,
            left_out: course.measured - kept.len(),
            warm_up: course.warm_up,
            metrics,
            floor_ns: settings.floor,
            seed: settings.seed,
            base: Summary::of(kept.iter().map(|pair| &pair.base)),
            new: Summary::of(kept.iter().map(|pair| &pair.new)),
        }
    }
}

/// Doubt beats everything; one regressed metric is a regression; all must pass.
fn verdict(metrics: &[Finding], doubted: bool) -> Verdict {
    let any = |verdict| metrics.iter().any(|finding| finding.verdict == verdict);
    if doubted {
        Verdict::Untrustworthy
    } else if any(Verdict::Regressed) {
        Verdict::Regressed
    } else if metrics.is_empty() || any(Verdict::Inconclusive) {
        Verdict::Inconclusive
    } else {
        Verdict::NotRegressed
    }
}

fn inconclusive(metrics: &[Finding], kept: usize) -> Vec<String> {
    let first = LOOKS[0].pairs;
    if kept < first {
        return vec![format!("{kept} pairs are too few: the first look is at {first}; give it more time (--max-time)")];
    }
    let open = metrics.iter().filter(|finding| finding.verdict == Verdict::Inconclusive);
    let why = |finding: &Finding| {
        let (name, percent) = (&finding.metric, |share: f64| format!("{:.1} %", share * 100.0));
        if finding.detectable > finding.applied {
            let (tolerance, detectable) = (percent(finding.applied), percent(finding.detectable));
            format!(
                "{name}: a tolerance of {tolerance} is below the smallest effect that could be seen, {detectable}; give it \
                 more time, a quieter machine, or a wider tolerance (--metric {name}={:.0}%)",
                (finding.detectable * 100.0).ceil()
            )
        } else {
            let (effect, upper, tolerance) =
                (percent(finding.effect), percent(finding.interval[1]), percent(finding.applied));
            format!("{name}: {effect} later, perhaps up to {upper}: neither surely above nor surely below {tolerance}")
        }
    };
    open.map(why).collect()
}

impl Summary {
    fn of<'a>(blocks: impl Iterator<Item = &'a Block>) -> Self {
        let mut lag = crate::metrics::Histogram::default();
        let mut deliveries = 0;
        for block in blocks {
            lag.merge(&block.send_lag);
            deliveries += block.delivery.count();
        }
        Self { deliveries, send_lag_p99_ns: lag.quantile(0.99) }
    }
}
