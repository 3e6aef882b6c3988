//! A Redis of the test's own, on a port of its own, gone when dropped.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use super::server::closed_port;
use super::{PATIENCE, wait_for};

/// The process.
pub(crate) struct Redis {
    child: Child,
    pub(crate) port: u16,
    _directory: tempfile::TempDir,
}

impl Redis {
    /// Starts one that asks for `password`.
    pub(crate) fn with_password(password: &str) -> Self {
        let directory = super::scratch();
        let port = closed_port();
        let program =
            ["redis-server", "valkey-server"].into_iter().find(|name| on_path(name)).expect("a redis-server on PATH");
        let child = Command::new(program)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--requirepass", password])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let redis = Self { child, port, _directory: directory };
        wait_for("redis", PATIENCE, || TcpStream::connect(("127.0.0.1", port)).ok());
        redis
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}
