//! What the tests share: the built binary and its end, files that vanish, processes that die, results that are read.

pub(crate) mod cli;
pub(crate) mod process;
pub(crate) mod proxy_log;
pub(crate) mod raw_log;
pub(crate) mod redis;
pub(crate) mod report;
pub(crate) mod scaled;
pub(crate) mod schema;
pub(crate) mod server;
pub(crate) mod witness;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use wsbench::time::{Clock, nap};

pub(crate) use cli::{Finished, Running, wsbench};
pub(crate) use report::Report;
pub(crate) use server::Server;

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` gives something, looking often; fails after `patience`.
pub(crate) fn wait_for<T>(what: &str, patience: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let clock = Clock::real();
    let deadline = clock.now() + patience;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(clock.now() < deadline, "{what}: not within {patience:?}");
        nap(Duration::from_millis(5));
    }
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A directory that is gone when the value is.
pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("wsbench-it-").tempdir_in(temporary()).unwrap()
}

/// Where the processes under test put what is temporary; emptied by whoever empties the machine's own.
pub(crate) fn temporary() -> PathBuf {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE
        .get_or_init(|| {
            let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("it");
            std::fs::create_dir_all(&place).unwrap();
            place
        })
        .clone()
}

/// Writes a file of a scratch directory and gives its path as text.
pub(crate) fn put(directory: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
