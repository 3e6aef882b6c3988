//! A probe on the screen: a line per step as it is known, and under `--trace` the frames that led to it.

use std::io::{self, Write};

use super::layout::{paint, wrap};
use crate::dialect::Passed;
use crate::output::number::ms;
use crate::probe::{Findings, Step};
use crate::time::nanos;
use crate::ui::{Palette, printable};

/// Lines of what was found, at most.
const LINES: usize = 8;

/// Writes a step.
///
/// # Errors
/// When `to` takes no more.
pub fn write_step(step: &Step, to: &mut dyn Write, palette: Palette) -> io::Result<()> {
    let took = step.took.map_or(String::new(), |took| format!("{} ms", ms(nanos(took))));
    let (status, found) = match &step.found {
        Ok(found) => (paint(palette.good, "ok  "), found),
        Err(why) => (paint(palette.bad, "FAIL"), why),
    };
    let what = format!("{:<28}{took:>12}", printable(&step.what));
    writeln!(to, "  {status}  {}", what.trim_end())?;
    lines(found, "        ", to)
}

/// Writes what has passed, and how much more there was.
///
/// # Errors
/// When `to` takes no more.
pub fn write_passed((passed, omitted): &(Vec<Passed>, usize), to: &mut dyn Write, palette: Palette) -> io::Result<()> {
    for one in passed {
        let arrow = if one.sent { ">" } else { "<" };
        let mut lines = one.frame.lines();
        writeln!(to, "{arrow} {:<8} {}", one.who, lines.next().unwrap_or_default())?;
        lines.try_for_each(|line| writeln!(to, "           {line}"))?;
        for meaning in &one.meaning {
            writeln!(to, "           {}", paint(palette.dim, &format!("= {meaning}")))?;
        }
    }
    if *omitted > 0 {
        writeln!(to, "  and {omitted} frames more")?;
    }
    Ok(())
}

/// Writes what it all comes to.
///
/// # Errors
/// When `to` takes no more.
pub fn write_findings(findings: &Findings, dialect: &str, to: &mut dyn Write, palette: Palette) -> io::Result<()> {
    match findings.steps.iter().find(|step| step.found.is_err()) {
        None => writeln!(to, "{}", paint(palette.good, &format!("The target does as {dialect} says."))),
        Some(step) => {
            let text = format!("{}: the target does not do as {dialect} says.", step.what);
            writeln!(to, "{}", paint(palette.bad, &printable(&text)))
        }
    }
}

/// Writes how far each dialect came, best first.
///
/// # Errors
/// When `to` takes no more.
pub fn write_guesses(guesses: &[(&str, Findings)], to: &mut dyn Write, palette: Palette) -> io::Result<()> {
    for (dialect, findings) in guesses {
        let failed = findings.steps.iter().find(|step| step.found.is_err());
        match failed {
            None => writeln!(to, "  {}  {dialect}", paint(palette.good, "ok  "))?,
            Some(step) => {
                writeln!(to, "  {}  {dialect}: {}", paint(palette.bad, "FAIL"), printable(&step.what))?;
                lines(step.found.as_ref().map_or_else(|why| why.as_str(), String::as_str), "        ", to)?;
            }
        }
    }
    Ok(())
}

fn lines(text: &str, indent: &str, to: &mut dyn Write) -> io::Result<()> {
    wrap(text, indent, LINES).iter().try_for_each(|line| writeln!(to, "{line}"))
}
