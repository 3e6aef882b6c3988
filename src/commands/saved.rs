//! Results that were saved by `--out json=FILE`, read from their files.

use super::exit::Failure;
use crate::gate::{self, Passes, Ruling};
use crate::report::{self, ReadError, Report};
use crate::ui::printable;

/// Where results come from.
const MADE_BY: &str = "a result is written by `wsbench run … --out json=FILE`";

/// What a file can hold.
pub(super) enum Saved {
    /// The result of a run.
    Run(Box<Report>),
    /// A gate's report. What passes was said where it was made, not in it: here only what is not regressed does.
    Gate(Box<Ruling>),
}

/// Whatever was saved at `path`.
pub(super) fn any(path: &str) -> Result<Saved, Failure> {
    let text = text(path)?;
    match gate::read(&text) {
        Ok(report) => Ok(Saved::Gate(Box::new(Ruling { report, passes: Passes::default() }))),
        Err(gate::ReadError::Foreign) => parse(path, &text).map(|report| Saved::Run(Box::new(report))),
        Err(error) => Err(Failure::usage(format!("{}: {}", printable(path), printable(&error.to_string())))),
    }
}

/// The result of a run in the file at `path`; what is wrong with it is said with its place.
pub(super) fn result(path: &str) -> Result<Report, Failure> {
    parse(path, &text(path)?)
}

fn text(path: &str) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::NotFound => format!("; {MADE_BY}"),
            _ => String::new(),
        };
        Failure::usage(format!("cannot read {}: {error}{remedy}", printable(path)))
    })
}

fn parse(path: &str, text: &str) -> Result<Report, Failure> {
    report::read(text).map_err(|error| {
        let shown = printable(path);
        // What breaks off in the middle has a place in the file, like any other error about a text.
        Failure::usage(match error {
            ReadError::Json { .. } => format!("{shown}:{}; {MADE_BY}", printable(&error.to_string())),
            error => format!("{shown}: {}", printable(&error.to_string())),
        })
    })
}
