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

/// What `--out KIND=FILE` asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// In which format.
    pub kind: &'static Kind,
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
    #[error("no output is called `{name}`, only {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
}

impl Request {
    /// Reads `KIND=FILE`.
    ///
    /// # Errors
    /// When it is not that, or there is no such kind.
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        let (name, path) = text.split_once('=').ok_or(RequestError::Shape)?;
        if name.is_empty() || path.is_empty() {
            return Err(RequestError::Shape);
        }
        let known = || OUTPUTS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
        let kind = find(name).ok_or_else(|| RequestError::Unknown { name: name.to_owned(), known: known() })?;
        Ok(Self { kind, path: path.into() })
    }

    /// The output that was asked for.
    pub fn open(&self) -> Box<dyn Output> {
        (self.kind.open)(self.path.clone())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Broker;
    use crate::report::sample::{HELD, outcome, report};
    use crate::ui::Palette;

    #[test]
    fn every_kind_writes_its_file_also_after_another_has_failed() {
        let directory = tempfile::tempdir().unwrap();
        let report = report(&outcome(), Broker::Redis, HELD);
        let file = |name: &str| directory.path().join(name);
        let mut outputs: Vec<Box<dyn Output>> = vec![(OUTPUTS[0].open)(file("no/such/place"))];
        outputs.extend(OUTPUTS.iter().map(|kind| (kind.open)(file(kind.name))));
        let (written, failed) = finish_all(&mut outputs, &report);
        assert_eq!(written.iter().map(|w| w.path.clone()).collect::<Vec<_>>(), ["json", "hgrm", "text"].map(file));
        assert!(failed[0].to_string().contains("no/such/place"), "{}", failed[0]);
        for file in written {
            assert_eq!(std::fs::metadata(&file.path).unwrap().len(), file.bytes);
        }
    }

    #[test]
    fn a_saved_result_shows_the_same_screen() {
        let shown = |report: &Report| {
            let mut screen = Vec::new();
            write_text(report, &mut screen, Palette::plain()).unwrap();
            String::from_utf8(screen).unwrap()
        };
        let fresh = report(&outcome(), Broker::Redis, HELD);
        let mut saved = Vec::new();
        write_json(&fresh, &mut saved).unwrap();
        assert_eq!(shown(&serde_json::from_slice(&saved).unwrap()), shown(&fresh));
    }

    #[test]
    fn an_output_is_asked_for_as_kind_and_file() {
        let request = Request::parse("json=a=b.json").unwrap();
        assert_eq!((request.kind.name, request.path.to_str()), ("json", Some("a=b.json")));
        assert_eq!(Request::parse("json").unwrap_err(), RequestError::Shape);
        assert_eq!(Request::parse("json=").unwrap_err(), RequestError::Shape);
        let unknown = Request::parse("jsn=x").unwrap_err().to_string();
        assert_eq!(unknown, "no output is called `jsn`, only json, hgrm, text");
    }
}
