//! Results that were saved by `--out json=FILE`, read from their files.

use super::exit::Failure;
use crate::report::{self, ReadError, Report};

/// The result in the file at `path`; what is wrong with it is said with its place.
pub(super) fn result(path: &str) -> Result<Report, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::NotFound => "; a result is written by `wsbench run … --out json=FILE`",
            _ => "",
        };
        Failure::usage(format!("cannot read {}: {error}{remedy}", crate::ui::printable(path)))
    })?;
    report::read(&text).map_err(|error| {
        let shown = crate::ui::printable(path);
        // What breaks off in the middle has a place in the file, like any other error about a text.
        Failure::usage(match error {
            ReadError::Json { .. } => format!("{shown}:{}", crate::ui::printable(&error.to_string())),
            error => format!("{shown}: {}", crate::ui::printable(&error.to_string())),
        })
    })
}
