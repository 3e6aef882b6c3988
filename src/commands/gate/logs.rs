//! Where what commands say is kept.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::commands::exit::{Done, Failure};
use crate::commands::private;

/// Beside the recording, or else in a place of its own that nobody else reads.
pub(super) enum Logs {
    Beside(PathBuf),
    Own(TempDir),
}

impl Logs {
    /// Beside the recording in `record`, if there is one.
    pub(super) fn new(record: Option<&Path>) -> Result<Self, Failure> {
        match record {
            Some(directory) => Ok(Self::Beside(directory.to_owned())),
            None => private::directory("gate").map(Self::Own),
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Beside(directory) => directory,
            Self::Own(directory) => directory.path(),
        }
    }

    /// The gate is over: a place of its own goes, unless the error sends its reader there.
    pub(super) fn close(self, done: Done) -> Done {
        if let (Err(failure), Self::Own(directory)) = (&done, &self)
            && failure.message.contains(&*directory.path().to_string_lossy())
        {
            let Self::Own(directory) = self else { return done };
            drop(directory.keep());
        }
        done
    }
}
