//! Writing a file whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{WriteError, Written};

/// Writes `path` through a temporary file in the same directory. What is not a regular file (`/dev/stdout`, a pipe) is
/// written to directly.
pub(super) fn write(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<Written, WriteError> {
    let special = fs::metadata(path).is_ok_and(|found| !found.is_file());
    let result = if special { fill(path, content) } else { replace(path, content) };
    result.map(|bytes| Written { path: path.to_owned(), bytes }).map_err(|error| WriteError::new(path, error))
}

fn replace(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<u64> {
    let beside = beside(path)?;
    let written = fill(&beside, content).and_then(|bytes| fs::rename(&beside, path).map(|()| bytes));
    if written.is_err() {
        // The first failure is the one to report; a left-over that cannot be removed either adds nothing to it.
        fs::remove_file(&beside).unwrap_or_default();
    }
    written
}

fn fill(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<u64> {
    let mut counted = Counted { to: BufWriter::new(File::create(path)?), bytes: 0 };
    content(&mut counted)?;
    counted.flush()?;
    Ok(counted.bytes)
}

/// `.NAME.PID.tmp` in the directory of `path`.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"))?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.tmp", std::process::id()));
    Ok(path.with_file_name(temporary))
}

struct Counted<W> {
    to: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_and_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("result.json");
        fs::write(&path, "old").unwrap();
        let written = write(&path, |to| to.write_all(b"new result")).unwrap();
        assert_eq!((written.bytes, fs::read_to_string(&path).unwrap().as_str()), (10, "new result"));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_names_the_file_and_leaves_the_old_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("result.json");
        fs::write(&path, "old").unwrap();
        let error = write(&path, |_| Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert!(error.to_string().contains("result.json: no storage space"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        let nowhere = directory.path().join("no/such/dir.json");
        assert!(write(&nowhere, |_| Ok(())).unwrap_err().to_string().contains("dir.json"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_device_is_an_error() {
        let error = write(Path::new("/dev/full"), |to| to.write_all(&[b'x'; 100_000])).unwrap_err();
        assert!(error.to_string().starts_with("failed to write /dev/full: No space left on device"), "{error}");
    }
}
