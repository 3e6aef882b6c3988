//! Annotations for GitHub's runner: each failed threshold on its own line of the scenario, what else went wrong on the
//! run.

use std::io::{self, Write};

use super::markup::{message, property};
use super::rule::{bound, key, margin, place, value};
use super::verdict::{because, warnings};
use crate::report::{Report, Threshold};
use crate::ui::printable;

/// GitHub shows as many annotations of a kind per step; further ones would push out the first.
const MOST: usize = 10;

pub(super) fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    write_annotations(report, &report.scenario.path, to)
}

/// Writes the annotations; `file` is the scenario's path from the root of the repository.
///
/// # Errors
/// When `to` takes no more.
pub fn write_annotations(report: &Report, file: &str, to: &mut dyn Write) -> io::Result<()> {
    let failed: Vec<&Threshold> = report.thresholds.iter().filter(|rule| !rule.ok).collect();
    for rule in failed.iter().take(MOST) {
        annotate(report, rule, file, to)?;
    }
    if failed.len() > MOST {
        let (all, rest) = (failed.len(), failed.len() - MOST);
        writeln!(to, "::notice::{rest} more of the {all} failed thresholds are in the summary")?;
    }
    let name = &report.scenario.name;
    // What makes the process fail is an error; what only casts a doubt on the numbers is a warning.
    let level = if matches!(report.exit_code, 0 | 99) { "warning" } else { "error" };
    let reasons = because(report).into_iter().chain(report.generator.reasons.iter().cloned());
    let levelled = reasons.map(|reason| (level, reason));
    for (level, text) in levelled.chain(warnings(report).into_iter().map(|text| ("warning", text))).take(MOST) {
        writeln!(to, "::{level} title={}::{}", property(&printable(name)), message(&printable(&text)))?;
    }
    Ok(())
}

/// Writes the command by which the runner hides `secret` wherever it stands in its log.
///
/// # Errors
/// When `to` takes no more.
pub fn write_mask(secret: &str, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "::add-mask::{}", message(secret))
}

fn annotate(report: &Report, rule: &Threshold, file: &str, to: &mut dyn Write) -> io::Result<()> {
    let title = property(&printable(&format!("{} {}", key(rule), bound(rule))));
    let place_of = match rule.line {
        Some(line) if !file.starts_with('@') => format!("file={},line={line},", property(file)),
        _ => String::new(),
    };
    let found = [format!("found {}", value(rule)), margin(rule)];
    let found = found.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", ");
    let text = format!("{found} ({})", place(rule, &report.scenario.path));
    writeln!(to, "::error {place_of}title={title}::{}", message(&printable(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line_of_the_runners_own() {
        let mut text = Vec::new();
        write_mask("a%b\nc", &mut text).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "::add-mask::a%25b%0Ac\n");
    }
    use crate::report::Broker;
    use crate::report::sample::{HELD, outcome, report};

    fn annotations(report: &Report) -> String {
        let mut text = Vec::new();
        write(report, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_failed_threshold_stands_on_its_line() {
        let asked = [("delivery.p50{hop=cross}", "< 5ms"), ("deliveries.lost", "== 0")];
        assert_eq!(
            annotations(&report(&outcome(), Broker::Redis, &asked)),
            "::error file=chat.toml,line=60,title=delivery.p50{hop=cross} < 5ms::found 8.40 ms, 68 %25 above (chat.toml:60)\n"
        );
        assert_eq!(annotations(&report(&outcome(), Broker::Redis, HELD)), "", "nothing to say");
    }

    #[test]
    fn no_name_can_give_the_runner_a_command() {
        let mut hostile = report(&outcome(), Broker::Redis, &[("delivery.p50", "< 1ms")]);
        hostile.scenario.path = "a,b:c\n::set-env name=X::y".to_owned();
        hostile.thresholds[0].note = Some("100 %\r\n::stop-commands::x".to_owned());
        hostile.generator.healthy = false;
        hostile.generator.reasons = vec!["slow\n::add-mask::y".to_owned()];
        let text = annotations(&hostile);
        assert!(text.lines().all(|line| line.starts_with("::error ") || line.starts_with("::warning ")), "{text}");
        assert!(text.contains("file=a%2Cb%3Ac%0A%3A%3Aset-env name=X%3A%3Ay,line=60"), "{text}");
        assert_eq!(text.lines().count(), 3, "{text}");
    }
}
