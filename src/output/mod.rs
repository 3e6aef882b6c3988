//! Outputs: one file per format, and the registry that help, `--out` and tests read.
//!
//! An output sees the run pass in ticks and ends with the report. Files are written beside their place and moved there
//! when they are whole, so nobody ever reads half a result.

mod file;
mod hgrm;
mod json;
mod text;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use json::write_json;
pub use text::{write_text, write_written};

use crate::engine::Tick;
use crate::report::Report;

/// Writes one format.
pub trait Output {
    /// One second of the run has passed.
    fn snapshot(&mut self, _tick: &Tick) {}

    /// The run is over; what was written where.
    ///
    /// # Errors
    /// When it could not be written.
    fn finish(&mut self, report: &Report) -> Result<Written, WriteError>;
}

/// A row of the registry.
#[derive(Debug)]
pub struct Kind {
    /// Its name in `--out KIND=FILE`.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Makes the output that writes to a file.
    pub open: fn(PathBuf) -> Box<dyn Output>,
}

/// Every format that is made from the report. `raw` is not among them: it is written by the engine as the run goes.
pub const OUTPUTS: &[Kind] = &[
    Kind { name: "json", help: "the whole result, for machines and for `report`", open: json::open },
    Kind { name: "hgrm", help: "percentiles of all deliveries in ms, for HdrHistogram plotters", open: hgrm::open },
    Kind { name: "text", help: "the screen, without colours", open: text::open },
];

/// The format called `name`.
pub fn find(name: &str) -> Option<&'static Kind> {
    OUTPUTS.iter().find(|kind| kind.name == name)
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where.
    pub path: PathBuf,
    /// How large it is.
    pub bytes: u64,
}

/// A file that could not be written.
#[derive(Debug, Error)]
#[error("failed to write {}: {source}", crate::ui::printable(&path.to_string_lossy()))]
pub struct WriteError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl WriteError {
    fn new(path: &Path, source: io::Error) -> Self {
        Self { path: path.to_owned(), source }
    }
}

/// Finishes every output, also after one has failed.
pub fn finish_all(outputs: &mut [Box<dyn Output>], report: &Report) -> (Vec<Written>, Vec<WriteError>) {
    let mut written = Vec::new();
    let mut failed = Vec::new();
    for output in outputs {
        match output.finish(report) {
            Ok(file) => written.push(file),
            Err(error) => failed.push(error),
        }
    }
    (written, failed)
}
