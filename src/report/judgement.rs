//! What a run's numbers come to: a verdict and an exit code, by one rule.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::{End, Outcome};
use crate::threshold::Judged;

/// What the numbers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// The first that applies: interrupted (130, 143), identity broken (1), target not measurable or a fault not carried out
/// (3), not trustworthy under `strict` (4), a threshold failed (99), everything held (0).
pub fn decide(outcome: &Outcome, judged: &[Judged], strict: bool) -> Decision {
    let healthy = outcome.health.is_healthy();
    let broken = !outcome.identity.holds();
    let failed = matches!(outcome.end, End::Failed(_)) || outcome.incidents.iter().any(|one| one.failure.is_some());
    let missed = matches!(outcome.end, End::Aborted(_)) || judged.iter().any(|rule| !rule.ok);
    let verdict = match () {
        () if !healthy => Verdict::Untrustworthy,
        () if broken || failed || missed => Verdict::Fail,
        () => Verdict::Pass,
    };
    let exit_code = match outcome.end {
        End::Interrupted(code) => code,
        _ if broken => 1,
        _ if failed => 3,
        _ if !healthy && strict => 4,
        _ if missed => 99,
        _ => 0,
    };
    Decision { verdict, exit_code }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Incident;
    use crate::report::sample;
    use crate::threshold::Judge;

    fn judged(outcome: &Outcome, rule: (&str, &str)) -> Vec<Judged> {
        let judge = Judge::new(&sample::rules(&[rule]), &outcome.names).unwrap();
        judge.verdicts(&outcome.totals, &outcome.names, outcome.measured)
    }

    #[test]
    fn the_first_that_applies_decides() {
        let held = ("deliveries.lost", "== 0");
        let missed = ("deliveries.delivered", "== 0");
        let ill = |mut outcome: Outcome| {
            outcome.health.reasons.push("overloaded".to_owned());
            outcome
        };
        let broken = |mut outcome: Outcome| {
            outcome.identity.lost += 1;
            outcome
        };
        let undone = |outcome: Outcome| {
            let failure = Some("the instance was not there".to_owned());
            Outcome { incidents: vec![Incident { failure, ..sample::incident("crash") }], ..outcome }
        };
        let ended = |end: End, outcome: Outcome| Outcome { end, ..outcome };
        let fine = sample::outcome;
        let signal = End::Interrupted(143);
        let cases = [
            (fine(), held, false, Verdict::Pass, 0),
            (fine(), missed, false, Verdict::Fail, 99),
            (ill(fine()), held, false, Verdict::Untrustworthy, 0),
            (ill(fine()), missed, false, Verdict::Untrustworthy, 99),
            (ill(fine()), missed, true, Verdict::Untrustworthy, 4),
            (ended(End::Failed("refused".to_owned()), ill(fine())), missed, true, Verdict::Untrustworthy, 3),
            (ended(End::Failed("refused".to_owned()), fine()), held, true, Verdict::Fail, 3),
            (broken(ended(End::Failed("refused".to_owned()), fine())), held, false, Verdict::Fail, 1),
            (broken(fine()), held, false, Verdict::Fail, 1),
            (broken(ended(signal, fine())), held, true, Verdict::Fail, 143),
            (ended(End::Interrupted(130), fine()), held, true, Verdict::Pass, 130),
            (undone(fine()), held, true, Verdict::Fail, 3),
            (undone(fine()), missed, false, Verdict::Fail, 3),
            (ended(End::Interrupted(130), undone(fine())), held, false, Verdict::Fail, 130),
            (ended(End::Aborted("p99".to_owned()), fine()), held, true, Verdict::Fail, 99),
        ];
        for (at, (outcome, rule, strict, verdict, exit_code)) in cases.into_iter().enumerate() {
            let decision = decide(&outcome, &judged(&outcome, rule), strict);
            assert_eq!(decision, Decision { verdict, exit_code }, "case {at}");
        }
    }
}
