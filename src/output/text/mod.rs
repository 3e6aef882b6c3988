//! The screen: 80 columns, words first, metric names only where a threshold uses them, empty sections left out.
//!
//! Everything shown comes out of the report, so a saved result can be shown again. Text from strangers passes
//! `ui::printable` on its way.

mod arrival;
mod bars;
mod clients;
mod compare;
mod fault;
mod find;
mod generator;
mod headline;
mod identity;
mod layout;
mod lineup;
mod probe;
mod requests;
mod thresholds;

use std::io::{self, Write};

pub use compare::write_comparison;
pub(crate) use layout::wrap;
use layout::{WIDTH, flow};
pub use lineup::write_lineup;
pub use probe::{write_findings, write_guesses, write_passed, write_step};

use super::Written;
use crate::report::Report;
use crate::ui::{Palette, printable};
use crate::units::human::bytes;

pub(super) fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    write_text(report, to, Palette::plain())
}

/// A part of the screen, as lines.
type Section = fn(&Report, &Palette) -> Vec<String>;

const SECTIONS: &[Section] = &[
    headline::lines,
    find::lines,
    thresholds::lines,
    arrival::lines,
    requests::lines,
    identity::lines,
    fault::lines,
    clients::lines,
    generator::lines,
];

/// Writes the screen.
///
/// # Errors
/// When `to` takes no more.
pub fn write_text(report: &Report, to: &mut dyn Write, palette: Palette) -> io::Result<()> {
    let mut first = true;
    for section in SECTIONS {
        let lines = section(report, &palette);
        if !lines.is_empty() && !first {
            writeln!(to)?;
        }
        for line in lines {
            writeln!(to, "{}", line.trim_end())?;
            first = false;
        }
    }
    Ok(())
}

/// Writes where the files went, as the last lines of the screen; nothing if there are none.
///
/// # Errors
/// When `to` takes no more.
pub fn write_written(files: &[Written], to: &mut dyn Write) -> io::Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let named = |file: &Written| format!("{} ({})", printable(&file.path.to_string_lossy()), bytes(file.bytes));
    writeln!(to)?;
    for line in flow("Wrote ", files.iter().map(named), " · ", WIDTH) {
        writeln!(to, "{line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
