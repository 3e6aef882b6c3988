//! `--format KIND` and what it puts on stdout: the same formats as `--out`.

use std::io::Write as _;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::exit::Failure;
use crate::output::{self, Kind, OUTPUTS, Written};
use crate::report::Report;
use crate::ui::{Terminal, forgive_closed};

/// The format that is for eyes: it alone may be coloured, and says where the files went.
const SCREEN: &str = "text";

/// What `--format` shows, checked against the registry.
#[derive(Clone, Debug)]
pub(super) struct FormatArg(&'static Kind);

/// Reads the argument, and lists the formats there are.
pub(super) fn parser() -> impl TypedValueParser<Value = FormatArg> {
    let named = OUTPUTS.iter().map(|kind| PossibleValue::new(kind.name).help(kind.help));
    PossibleValuesParser::new(named).map(|name| FormatArg(output::find(&name).unwrap_or(&OUTPUTS[0])))
}

impl FormatArg {
    /// Shows the report on stdout.
    pub(super) fn show(&self, terminal: &Terminal, report: &Report, written: &[Written]) -> Result<(), Failure> {
        let mut stdout = terminal.stdout();
        let shown = if self.0.name == SCREEN {
            output::write_text(report, &mut stdout, terminal.stdout_palette())
                .and_then(|()| output::write_written(written, &mut stdout))
        } else {
            (self.0.write)(report, &mut stdout)
        };
        forgive_closed(shown.and_then(|()| stdout.flush()))
            .map_err(|error| Failure::internal(format!("failed to write to stdout: {error}")))
    }
}

/// The kinds of `--out`, as its help says them.
pub(super) fn kinds() -> String {
    OUTPUTS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ")
}
