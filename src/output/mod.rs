//! Outputs: one file per format, and the registry that help, `--out`, `--format` and tests read.
//!
//! A format is made from the report alone, so that a saved result can be shown in any of them later. Files are written
//! beside their place and moved there when they are whole, so nobody ever reads half a result.

mod bencher;
mod csv;
mod figures;
mod file;
mod gate;
mod github;
mod hgrm;
mod html;
mod json;
mod junit;
mod markdown;
mod markup;
mod ndjson;
mod number;
mod openmetrics;
mod rule;
mod suite;
mod text;
mod verdict;
mod words;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use github::{write_annotations, write_mask};
pub use markdown::write as write_markdown;
pub use openmetrics::write_so_far as write_metrics_so_far;
pub(crate) use text::wrap;
pub use text::{
    write_comparison, write_findings, write_guesses, write_lineup, write_passed, write_step, write_text, write_written,
};

use crate::report::Report;
use crate::scenario::nearest;
use crate::ui::Palette;

/// A row of a registry: a format of what is `Shown`.
#[derive(Debug)]
pub struct Kind<Shown: 'static = Report> {
    /// Its name in `--out KIND=FILE` and `--format KIND`.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Writes the whole of it.
    pub write: fn(&Shown, &mut dyn Write) -> io::Result<()>,
}

/// What can be shown in formats of its own.
pub trait Formats: Clone + Sized + 'static {
    /// All of them.
    const KINDS: &'static [Kind<Self>];

    /// Writes what a terminal of this palette shows.
    ///
    /// # Errors
    /// When `to` takes no more.
    fn write_screen(&self, to: &mut dyn Write, palette: Palette) -> io::Result<()>;

    /// The format called `name`.
    fn kind(name: &str) -> Option<&'static Kind<Self>> {
        Self::KINDS.iter().find(|kind| kind.name == name)
    }
}

impl Formats for Report {
    const KINDS: &'static [Kind] = OUTPUTS;

    fn write_screen(&self, to: &mut dyn Write, palette: Palette) -> io::Result<()> {
        text::write_text(self, to, palette)
    }
}

/// Every format that is made from the report. `raw` is not among them: it is written by the engine as the run goes.
pub const OUTPUTS: &[Kind] = &[
    Kind { name: "text", help: "the screen, without colours", write: text::write },
    Kind { name: "json", help: "the whole result, for machines and for `wsbench report`", write: json::write },
    Kind { name: "html", help: "one page with charts that opens offline", write: html::write },
    Kind { name: "markdown", help: "a summary for pull requests and job pages", write: markdown::write },
    Kind { name: "junit", help: "JUnit XML, a case per threshold", write: junit::write },
    Kind {
        name: "github",
        help: "annotations for GitHub's runner, on the thresholds' own lines",
        write: github::write,
    },
    Kind { name: "csv", help: "every counter and distribution as a row", write: csv::write },
    Kind { name: "ndjson", help: "the run over time, a line of JSON per second", write: ndjson::write },
    Kind { name: "hgrm", help: "percentiles of all deliveries in ms, for HdrHistogram plotters", write: hgrm::write },
    Kind {
        name: "openmetrics",
        help: "OpenMetrics text, for Prometheus and its push gateway",
        write: openmetrics::write,
    },
    Kind { name: "bencher", help: "Bencher Metric Format", write: bencher::write_bmf },
    Kind { name: "benchmark", help: "github-action-benchmark, smaller is better", write: bencher::write_benchmark },
];

/// What `--out KIND=FILE` asks for.
#[derive(Clone, Debug)]
pub struct Request<Shown: 'static = Report> {
    /// In which format.
    pub kind: &'static Kind<Shown>,
    /// Where to.
    pub path: PathBuf,
}

/// An `--out` that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// There is no `=`, or nothing on one side of it.
    #[error("expected KIND=FILE, for example json=result.json")]
    Shape,
    /// No format has that name.
    #[error("no output is called `{name}`{}", nearest.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<&'static str>,
    },
}

impl<Shown: Formats> Request<Shown> {
    /// Reads `KIND=FILE`.
    ///
    /// # Errors
    /// When it is not that, or there is no such kind.
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        let (name, path) = text.split_once('=').ok_or(RequestError::Shape)?;
        if name.is_empty() || path.is_empty() {
            return Err(RequestError::Shape);
        }
        let near = || nearest(name, Shown::KINDS.iter().map(|kind| kind.name));
        let kind = Shown::kind(name).ok_or_else(|| RequestError::Unknown { name: name.to_owned(), nearest: near() })?;
        Ok(Self { kind, path: path.into() })
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the file could not be written; one that was there before is then left as it was.
    pub fn write(&self, shown: &Shown) -> Result<Written, WriteError> {
        file::write(&self.path, |to| (self.kind.write)(shown, to))
    }
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

/// Writes every file, also after one has failed.
pub fn write_all<Shown: Formats>(requests: &[Request<Shown>], shown: &Shown) -> (Vec<Written>, Vec<WriteError>) {
    let mut written = Vec::new();
    let mut failed = Vec::new();
    for request in requests {
        match request.write(shown) {
            Ok(file) => written.push(file),
            Err(error) => failed.push(error),
        }
    }
    (written, failed)
}

#[cfg(test)]
mod tests;
