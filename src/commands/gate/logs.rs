//! Where what commands say is kept, and what the last one of a side has said.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::commands::exit::{Done, Failure};
use crate::commands::private;
use crate::gate::Side;

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

/// Of a side that has no words.
pub(super) const SILENT: &str = "said nothing";

/// The log of one side, from where its present start began.
pub(super) struct Log {
    path: PathBuf,
    from: usize,
}

impl Log {
    /// That of `side` in `directory`, and the file to write to. The first start begins it anew; every later one goes on with
    /// it. Where there are several, a line says which one follows.
    pub(super) fn open(directory: &Path, side: Side, (start, starts): (u32, u32)) -> Result<(Self, File), Failure> {
        let path = directory.join(format!("{}.log", side.name()));
        let open = || -> io::Result<(usize, File)> {
            if start == 0 {
                File::create(&path)?;
            }
            let mut file = File::options().append(true).open(&path)?;
            if starts > 1 {
                writeln!(file, "== start {} of {starts}", start + 1)?;
            }
            Ok((usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX), file))
        };
        let opened = open();
        let (from, file) = opened
            .map_err(|error| Failure::setup(format!("{}: failed to write {}: {error}", side.name(), path.display())))?;
        Ok((Self { path, from }, file))
    }

    /// The end of what this start has said, and where all of it is.
    pub(super) fn words(&self) -> String {
        let text = std::fs::read(&self.path).unwrap_or_default();
        let said = text.get(self.from..).unwrap_or_default();
        let said = String::from_utf8_lossy(&said[said.len().saturating_sub(1_000)..]).trim().to_owned();
        if said.is_empty() { format!("it {SILENT}") } else { format!("{said} (all of it in {})", self.path.display()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_tells_the_starts_of_one_gate_apart_and_holds_none_of_another() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("new.log"), "of an earlier gate\n").unwrap();
        let open = |start| Log::open(place.path(), Side::New, (start, 2)).unwrap();
        let (first, mut file) = open(0);
        assert_eq!(first.words(), "it said nothing");
        writeln!(file, "here I am").unwrap();
        let (second, mut file) = open(1);
        assert_eq!(second.words(), "it said nothing", "what the first start said is not the second's");
        writeln!(file, "here again").unwrap();
        assert!(second.words().starts_with("here again (all of it in "), "{}", second.words());
        let text = std::fs::read_to_string(place.path().join("new.log")).unwrap();
        assert_eq!(text, "== start 1 of 2\nhere I am\n== start 2 of 2\nhere again\n");
        Log::open(place.path(), Side::New, (0, 1)).unwrap();
        assert_eq!(std::fs::read_to_string(place.path().join("new.log")).unwrap(), "");
    }
}
