//! Thresholds, checked before anything is started, and the way a wrong scenario is shown.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::commands::exit::{Exit, Failure};
use crate::commands::saved;
use crate::metrics::Names;
use crate::report;
use crate::scenario::{Diagnostic, Rule, RulePart, Scenario};
use crate::threshold::{Judge, Part, RuleText, Saved, ThresholdError};
use crate::ui::{Palette, Terminal};

/// The names a scenario gives.
pub(super) fn names(scenario: &Scenario) -> Names {
    Names {
        groups: scenario.groups.iter().map(|group| group.name.clone()).collect(),
        publishes: scenario.publishes.iter().map(|publish| publish.name.clone()).collect(),
        requests: scenario.requests.iter().map(|request| request.name.clone()).collect(),
        instances: BTreeMap::new(),
        incidents: scenario.faults.iter().map(|fault| fault.name.clone()).collect(),
    }
}

/// The judge of a scenario's thresholds.
pub(in crate::commands) fn judge(scenario: &Scenario, terminal: &Terminal) -> Result<Judge, Failure> {
    let names = names(scenario);
    let text = |rule: &Rule| {
        let baseline = rule.baseline.as_deref().map(|name| baseline(name, rule, scenario, terminal)).transpose()?;
        Ok(RuleText {
            metric: rule.metric.clone(),
            rule: rule.rule.clone(),
            during: rule.during.clone(),
            after: rule.after.clone(),
            baseline,
            abort: rule.abort,
            line: rule.line,
        })
    };
    let rules: Vec<RuleText> = scenario.thresholds.iter().map(text).collect::<Result<_, Failure>>()?;
    Judge::new(&rules, &names).map_err(|errors| {
        let shown: Vec<Diagnostic> = errors.iter().map(|error| placed(error, scenario)).collect();
        refuse(&shown, terminal)
    })
}

/// The saved result called `name`, which stands beside the scenario.
fn baseline(name: &str, rule: &Rule, scenario: &Scenario, terminal: &Terminal) -> Result<Arc<Saved>, Failure> {
    let path = Path::new(&scenario.source.path).parent().unwrap_or(Path::new("")).join(name);
    match saved::result(&path.to_string_lossy()) {
        Ok(report) => Ok(Arc::new(report::baseline(&report, name))),
        Err(failure) => {
            let message = format!("no baseline: {}", failure.message);
            Err(refuse(&[rule.at(RulePart::Rule, &scenario.source, message)], terminal))
        }
    }
}

fn placed(error: &ThresholdError, scenario: &Scenario) -> Diagnostic {
    let part = if error.part == Part::Key { RulePart::Metric } else { RulePart::Rule };
    let message = error.problem.to_string();
    let help = error.nearest.as_ref().map(|nearest| format!("did you mean `{nearest}`?"));
    let Some(rule) = scenario.thresholds.get(error.number) else {
        return Diagnostic::without_place(&scenario.source.path, message).with_help(help);
    };
    if matches!(error.part, Part::During | Part::After | Part::Baseline) {
        return rule.at(part, &scenario.source, message).with_help(help);
    }
    let (whole, written) = match part {
        RulePart::Metric => (&rule.key_span, &rule.metric),
        RulePart::Rule => (&rule.rule_span, &rule.rule),
    };
    // The error's place counts in the text; where that stands in the file unescaped, it can be shown to the letter.
    let within = scenario.source.text.get(whole.clone()).and_then(|shown| shown.find(written.as_str()));
    match within {
        Some(at) if !error.span.is_empty() => {
            let start = whole.start + at;
            let span = start + error.span.start..start + error.span.end;
            Diagnostic::new(&scenario.source, span, message).with_help(help)
        }
        _ => rule.at(part, &scenario.source, message).with_help(help),
    }
}

/// What is wrong with a scenario, as a failure with exit code 2.
pub(in crate::commands) fn refuse(diagnostics: &[Diagnostic], terminal: &Terminal) -> Failure {
    let coloured = terminal.stderr_palette() != Palette::plain();
    let show = |diagnostic: &Diagnostic| if coloured { diagnostic.styled() } else { diagnostic.plain() };
    let shown: Vec<String> = diagnostics.iter().map(show).collect();
    Failure { exit: Exit::Usage, message: shown.join("\n\n"), rendered: true }
}
