//! Directories of this process's own in the temporary place, which nobody else reads.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::exit::Failure;

/// A new one, for `what`; gone when it is dropped.
pub(super) fn directory(what: &str) -> Result<TempDir, Failure> {
    let mut builder = tempfile::Builder::new();
    let made = builder.prefix(&format!("wsbench-{what}-")).permissions(Permissions::from_mode(0o700)).tempdir();
    made.map_err(|error| Failure::setup(format!("failed to make a directory for {what}: {error}")))
}
