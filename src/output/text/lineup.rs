//! Several results in one table on the screen, a line for each.

use std::io::{self, Write};

use super::layout::{left, paint, wrap};
use crate::output::number::ms;
use crate::report::{Lineup, Ran, Verdict};
use crate::ui::Palette;
use crate::units::human::column;

const NAME: usize = 20;

const NOT_WHOLE: &str = "  !";
const DOUBTFUL: &str = "  ?";

/// Writes the table, and in what the work was not the same.
///
/// # Errors
/// When `to` takes no more.
pub fn write_lineup(lineup: &Lineup, to: &mut dyn Write, palette: Palette) -> io::Result<()> {
    writeln!(to, "{}", paint(palette.head, "Side by side (ms): shown, not judged"))?;
    let heads = format!(
        "  {}{:>8}{:>8}{:>8}{:>8}{:>14}{:>9}",
        left("", NAME),
        "due",
        "lost",
        "p50",
        "p99",
        "everyone p99",
        "ack p50"
    );
    writeln!(to, "{}", paint(palette.dim, &heads))?;
    for run in &lineup.runs {
        writeln!(to, "{}", row(run, &lineup.runs).trim_end())?;
    }
    let notes = [(NOT_WHOLE, "did not go its whole course"), (DOUBTFUL, "is not to be trusted")];
    for (note, words) in notes.iter().filter(|(note, _)| lineup.runs.iter().any(|run| self::note(run) == *note)) {
        writeln!(to, "  {} {words}", note.trim_start())?;
    }
    if !lineup.differences.is_empty() {
        writeln!(to)?;
        let text = format!("not the same work: {}", lineup.differences.join("; "));
        for line in wrap(&text, "  ", 6) {
            writeln!(to, "{}", paint(palette.warn, &line))?;
        }
    }
    Ok(())
}

fn row(run: &Ran, all: &[Ran]) -> String {
    // Of one scenario the file tells which result it is.
    let one_of_several = all.iter().filter(|other| other.scenario == run.scenario).count() > 1;
    let name = if one_of_several { run.file.rsplit('/').next().unwrap_or(&run.file) } else { &run.scenario };
    let time = |nanos: Option<u64>| nanos.map_or_else(|| "-".to_owned(), ms);
    let note = note(run);
    format!(
        "  {}{:>8}{:>8}{:>8}{:>8}{:>14}{:>9}{note}",
        left(name, NAME),
        column(run.due),
        column(run.lost),
        time(run.delivery_p50),
        time(run.delivery_p99),
        time(run.completion_p99),
        time(run.ack_p50)
    )
}

/// What stands behind a line.
fn note(run: &Ran) -> &'static str {
    match run.verdict {
        _ if !run.complete => NOT_WHOLE,
        Verdict::Untrustworthy => DOUBTFUL,
        Verdict::Pass | Verdict::Fail => "",
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::WIDTH;
    use super::*;
    use crate::report::sample::{HELD, outcome, report};
    use crate::report::{Broker, line_up};
    use crate::ui::width;

    #[test]
    fn a_line_for_each_and_what_is_wrong_with_it() {
        let good = report(&outcome(), Broker::Redis, HELD);
        let (mut doubtful, mut cut) = (good.clone(), good.clone());
        (doubtful.verdict, cut.complete) = (Verdict::Untrustworthy, false);
        doubtful.scenario.name = "x\u{1b}[2J聊天室".repeat(30);
        cut.scenario.seed = 7;
        let mut text = Vec::new();
        let lineup = line_up(&[("r/a.json", &good), ("r/b.json", &doubtful), ("r/c.json", &cut)]);
        write_lineup(&lineup, &mut text, Palette::plain()).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.iter().all(|line| width(line) <= WIDTH && !line.chars().any(char::is_control)), "{text}");
        assert!(lines[2].starts_with("  a.json ") && lines[3].ends_with("  ?") && lines[4].ends_with("  !"), "{text}");
        assert_eq!(lines.last().unwrap().trim(), "not the same work: seed: 42, 7");
    }
}
