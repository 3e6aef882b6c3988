//! The search for the highest rate: what it found, and its trials.

use super::layout::{left, paint, wrap};
use crate::output::rule::{key, value};
use crate::report::{Find, FindEnd, Report, Trial, Trialled};
use crate::ui::{Palette, printable};
use crate::units::human::rate;

pub(super) fn lines(report: &Report, palette: &Palette) -> Vec<String> {
    let Some(find) = &report.find else { return Vec::new() };
    let mut lines = vec![paint(palette.head, "Highest rate")];
    lines.extend(wrap(&sentence(find), "  ", 6));
    lines.extend(wrap(&format!("the rule: {}", find.keep), "  ", 4));
    lines.push(String::new());
    lines.push(paint(palette.head, "Trials"));
    lines.extend(find.trials.iter().map(|trial| row(trial, palette)));
    lines.push("  Below: the trial that decided.".to_owned());
    lines
}

fn sentence(find: &Find) -> String {
    let holds = find.rate.map_or_else(|| "at no rate".to_owned(), |held| format!("at {}", rate(held)));
    match (&find.end, find.rate, find.fails_at) {
        (FindEnd::Found, Some(held), Some(fails)) => format!(
            "it holds at {} and not at {}: the limit is {} +- {:.0} %",
            rate(held),
            rate(fails),
            rate((held * fails).sqrt()),
            ((fails / held).sqrt() - 1.0) * 100.0
        ),
        (FindEnd::Found, ..) => format!("it holds {holds}"),
        (FindEnd::HeldThroughout, ..) => format!("it holds {holds}, the highest rate tried: the limit lies above"),
        (FindEnd::NeverHeld, _, fails) => {
            format!("it holds at no rate, not even at {}", fails.map_or_else(String::new, rate))
        }
        (FindEnd::GeneratorGaveOut(why), ..) => {
            let at = find.trials.last().map_or_else(String::new, |trial| rate(trial.rate));
            format!("the generator, not the target, gave out at {at}: {why}. Up to there it holds {holds}")
        }
        (FindEnd::Unsettled, _, Some(fails)) => {
            format!("unsettled: it holds {holds} and not at {}, and trials contradict each other", rate(fails))
        }
        (FindEnd::Unsettled, ..) => format!("unsettled: it holds {holds}"),
        (FindEnd::Interrupted(_), ..) => format!("interrupted; so far it holds {holds}"),
    }
}

fn row(trial: &Trial, palette: &Palette) -> String {
    let (style, word) = match trial.outcome {
        Trialled::Held => (palette.good, "held"),
        Trialled::Failed => (palette.bad, "failed"),
        Trialled::Generator => (palette.warn, "generator"),
    };
    let found = trial.thresholds.iter().map(|rule| format!("{} {}", key(rule), value(rule).trim_start()));
    let found = found.collect::<Vec<_>>().join(", ");
    format!(
        "  {} {} {}",
        left(&rate(trial.rate), 12),
        paint(style, &left(word, 10)),
        crate::ui::fit(&printable(&found), 54)
    )
}
