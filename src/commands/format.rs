//! `--format KIND` and what it puts on stdout: the same formats as `--out`.

use std::io::Write as _;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::exit::Failure;
use crate::output::{self, Formats, Kind, Request, Written};
use crate::report::Report;
use crate::ui::{Terminal, forgive_closed};

/// The format that is for eyes: it alone may be coloured, and says where the files went.
pub(super) const SCREEN: &str = "text";

/// What `--format` shows, checked against the registry.
#[derive(Debug)]
pub(super) struct FormatArg<Shown: 'static = Report>(pub(super) &'static Kind<Shown>);

impl<Shown> Clone for FormatArg<Shown> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

/// Reads the argument, and lists the formats there are.
pub(super) fn parser<Shown: Formats + Sync>() -> impl TypedValueParser<Value = FormatArg<Shown>> {
    let named = Shown::KINDS.iter().map(|kind| PossibleValue::new(kind.name).help(kind.help));
    PossibleValuesParser::new(named).map(|name| FormatArg(Shown::kind(&name).unwrap_or(&Shown::KINDS[0])))
}

impl<Shown: Formats> FormatArg<Shown> {
    /// Shows the report on stdout.
    pub(super) fn show(&self, terminal: &Terminal, report: &Shown, written: &[Written]) -> Result<(), Failure> {
        let mut stdout = terminal.stdout();
        let shown = if self.0.name == SCREEN {
            report
                .write_screen(&mut stdout, terminal.stdout_palette())
                .and_then(|()| output::write_written(written, &mut stdout))
        } else {
            (self.0.write)(report, &mut stdout)
        };
        forgive_closed(shown.and_then(|()| stdout.flush()))
            .map_err(|error| Failure::internal(format!("failed to write to stdout: {error}")))
    }
}

/// The kinds of `--out`, as its help says them.
pub(super) fn kinds<Shown: Formats>() -> String {
    Shown::KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ")
}

/// Reads a `KIND=FILE` of `--out`.
pub(super) fn request<Shown: Formats>(argument: &str) -> Result<Request<Shown>, Failure> {
    Request::parse(argument).map_err(|error| {
        let raw = argument.starts_with("raw=");
        let remedy = match raw {
            true => "the raw log is written while a run goes on, by `wsbench run --out raw=FILE`".to_owned(),
            false => format!("there are {}", kinds::<Shown>()),
        };
        Failure::usage(format!("--out {}: {error}; {remedy}", crate::ui::printable(argument)))
    })
}
