//! A saved result, read again.
//!
//! Keys this version does not know are ignored; keys an older version did not write have a default. What stands in the
//! contract has always been written and must be there.

use serde::Deserialize;
use thiserror::Error;

use super::{Ending, Identity, Report, SCHEMA};

/// A text that is not a result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// It breaks off or is malformed, or a key is missing or of another kind than it should be.
    #[error("{line}:{column}: {message}")]
    Json {
        /// Its line, from 1.
        line: usize,
        /// Its column, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// It is JSON of something else.
    #[error("not a result of wsbench: write one with `wsbench run … --out json=FILE`")]
    Foreign,
    /// A version this program does not read.
    #[error(
        "a result of the shape `{0}`; this wsbench reads `{SCHEMA}`: use the wsbench that wrote it, or a newer one"
    )]
    Version(String),
}

/// What is looked at first: an error about a missing key helps nobody whose file is no result at all.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    schema: Option<serde_json::Value>,
}

/// Reads the text of a result file.
///
/// # Errors
/// When it is no result, or one of a version that is not known here.
pub fn read(text: &str) -> Result<Report, ReadError> {
    let schema = match serde_json::from_str::<Head>(text) {
        Ok(head) => head.schema.and_then(|schema| schema.as_str().map(str::to_owned)),
        Err(error) if error.is_data() => return Err(ReadError::Foreign),
        Err(error) => return Err(placed(&error)),
    };
    match schema {
        Some(known) if known == SCHEMA => {}
        Some(other) if other.starts_with("wsbench/result/") => return Err(ReadError::Version(other)),
        _ => return Err(ReadError::Foreign),
    }
    let mut report: Report = serde_json::from_str(text).map_err(|error| placed(&error))?;
    report.fill();
    Ok(report)
}

fn placed(error: &serde_json::Error) -> ReadError {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    ReadError::Json { line: error.line().max(1), column: error.column().max(1), message }
}

impl Report {
    /// Puts in what older results said only by their counters.
    fn fill(&mut self) {
        if self.identity == Identity::default() {
            let [due, delivered, lost, excluded] =
                ["due", "delivered", "lost", "excluded"].map(|name| self.counter(&format!("deliveries.{name}")));
            let holds = u128::from(due) == u128::from(delivered) + u128::from(lost) + u128::from(excluded);
            self.identity = Identity { due, delivered, lost, excluded, holds };
        }
        if !self.complete && self.end == Ending::Complete {
            self.end = Ending::Interrupted(self.exit_code);
        }
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
