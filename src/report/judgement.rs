//! What a run's numbers come to: a verdict and an exit code, by one rule.

use serde::{Deserialize, Serialize};

use crate::engine::{End, Outcome};
use crate::threshold::Judged;

/// What the numbers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything asked for held.
    Pass,
    /// Something did not.
    Fail,
    /// The generator disturbed the measurement.
    Untrustworthy,
}

/// Verdict and exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What the numbers say.
    pub verdict: Verdict,
    /// What the process answers.
    pub exit_code: u8,
}

/// The first that applies: interrupted (130, 143), identity broken (1), target not measurable (3), not trustworthy
/// under `strict` (4), a threshold failed (99), everything held (0).
pub fn decide(outcome: &Outcome, judged: &[Judged], strict: bool) -> Decision {
    let healthy = outcome.health.is_healthy();
    let broken = !outcome.identity.holds();
    let failed = matches!(outcome.end, End::Failed(_));
    let missed = matches!(outcome.end, End::Aborted(_)) || judged.iter().any(|rule| !rule.ok);
    let verdict = match () {
        () if !healthy => Verdict::Untrustworthy,
        () if broken || failed || missed => Verdict::Fail,
        () => Verdict::Pass,
    };
    let exit_code = match outcome.end {
        End::Interrupted(code) => code,
        _ if broken => 1,
        End::Failed(_) => 3,
        _ if !healthy && strict => 4,
        _ if missed => 99,
        _ => 0,
    };
    Decision { verdict, exit_code }
}
