//! A saved report of a gate, read again.

use serde::Deserialize;
use thiserror::Error;

use super::report::{Report, SCHEMA};

/// A text that is no report of a gate.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It is something else.
    #[error("not a gate's report: write one with `wsbench gate … --out json=FILE`")]
    Foreign,
    /// A version this program does not read.
    #[error("a gate's report of the shape `{0}`; this wsbench reads `{SCHEMA}`: use the wsbench that wrote it")]
    Version(String),
    /// A key is missing or of another kind than it should be.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

/// What is looked at first.
#[derive(Deserialize)]
struct Head {
    schema: String,
}

/// Reads what a gate wrote as JSON.
///
/// # Errors
/// When it is no report of a gate, or one of a version that is not known here.
pub fn read(text: &str) -> Result<Report, ReadError> {
    match serde_json::from_str::<Head>(text) {
        Ok(Head { schema }) if schema == SCHEMA => Ok(serde_json::from_str(text)?),
        Ok(Head { schema }) if schema.starts_with("wsbench/gate/") => Err(ReadError::Version(schema)),
        _ => Err(ReadError::Foreign),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{About, Gate, Settings};

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let about = About { doubts: vec!["a doubt".to_owned()], ..About::default() };
        let report = Gate::new(Settings::new(Vec::new(), 7).unwrap()).report(&about);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(read(&text).unwrap(), report);
        assert!(matches!(read("{}"), Err(ReadError::Foreign)));
        let newer = text.replace("wsbench/gate/1", "wsbench/gate/9");
        assert!(matches!(read(&newer), Err(ReadError::Version(version)) if version == "wsbench/gate/9"));
        let wrong = read(&text.replace("\"seed\":7", "\"seed\":\"x\"")).unwrap_err().to_string();
        assert!(wrong.contains("line 1"), "{wrong}");
    }
}
