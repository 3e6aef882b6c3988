//! The report as JSON: the result file.

use std::io::{self, Write};
use std::path::PathBuf;

use super::{Output, WriteError, Written, file};
use crate::report::Report;

struct Json {
    path: PathBuf,
}

pub(super) fn open(path: PathBuf) -> Box<dyn Output> {
    Box::new(Json { path })
}

impl Output for Json {
    fn finish(&mut self, report: &Report) -> Result<Written, WriteError> {
        file::write(&self.path, |to| write_json(report, to))
    }
}

/// Writes the result file's text.
///
/// # Errors
/// When `to` takes no more.
pub fn write_json(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *to, report)?;
    to.write_all(b"\n")
}
