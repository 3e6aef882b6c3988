//! Failures to connect in words: what happened, its kind for counting and, where known, the remedy.

use rustix::io::Errno;
use std::fmt::Write as _;
use std::io;
use url::Url;

use super::ConnectError;
use crate::observe::Word;

/// A failure of `stage`.
pub(super) fn failure(stage: Word, kind: Word, detail: impl Into<String>) -> ConnectError {
    ConnectError { stage, kind, detail: detail.into(), retry_after: None }
}

/// An error of a socket while doing `what`.
pub(super) fn io_failure(stage: Word, what: &str, error: &io::Error) -> ConnectError {
    let kind = match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE) => return fd_limit(stage),
        Some(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => return ports_exhausted(stage, what),
        _ => io_kind(error.kind()),
    };
    let detail = match kind {
        Word::CONNECTION_REFUSED => format!("{what}: connection refused; is the server running, is the port right?"),
        Word::EOF => format!("{what}: the peer closed the connection"),
        Word::RESET => format!("{what}: the peer reset the connection"),
        _ => format!("{what}: {error}"),
    };
    failure(stage, kind, detail)
}

fn io_kind(kind: io::ErrorKind) -> Word {
    match kind {
        io::ErrorKind::ConnectionRefused => Word::CONNECTION_REFUSED,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => Word::RESET,
        io::ErrorKind::UnexpectedEof => Word::EOF,
        io::ErrorKind::TimedOut => Word::TIMEOUT,
        _ => Word::IO,
    }
}

fn fd_limit(stage: Word) -> ConnectError {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let limit = limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
    let detail = format!("no file descriptor left (limit {limit}); raise it: ulimit -n 65536, or use fewer clients");
    failure(stage, Word::FD_LIMIT, detail)
}

fn ports_exhausted(stage: Word, what: &str) -> ConnectError {
    let detail = format!(
        "{what}: no local port left; give more local addresses (source_ips = [\"…\"]) or widen \
         net.ipv4.ip_local_port_range"
    );
    failure(stage, Word::PORTS_EXHAUSTED, detail)
}

/// A URL as it may be shown: without query, user and password, which may be secrets.
pub(super) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let mut shown = format!("{}://{host}", url.scheme());
    if let Some(port) = url.port() {
        let written = write!(shown, ":{port}");
        debug_assert!(written.is_ok(), "a string takes every number");
    }
    if url.path() != "/" {
        shown.push_str(url.path());
    }
    shown
}

/// The first `limit` bytes of something a peer sent, escaped.
pub(super) fn escaped(bytes: &[u8], limit: usize) -> String {
    let cut = &bytes[..bytes.len().min(limit)];
    let mut text = String::from_utf8_lossy(cut).trim().escape_debug().to_string();
    if cut.len() < bytes.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{escaped, io_failure, shown};
    use crate::observe::Word;
    use rustix::io::Errno;
    use url::Url;

    #[test]
    fn urls_lose_what_may_be_secret() {
        let url = Url::parse("wss://u:p@chat.example.com:8443/ws?token=abc#x").unwrap();
        assert_eq!(shown(&url), "wss://chat.example.com:8443/ws");
    }

    #[test]
    fn limits_of_this_machine_are_told_with_their_remedy() {
        let error = |errno: Errno| io_failure(Word::TCP, "127.0.0.1:1", &errno.into());
        assert_eq!(error(Errno::MFILE).kind, Word::FD_LIMIT);
        assert!(error(Errno::MFILE).detail.contains("ulimit -n"));
        assert_eq!(error(Errno::ADDRNOTAVAIL).kind, Word::PORTS_EXHAUSTED);
        assert!(error(Errno::ADDRNOTAVAIL).detail.contains("source_ips"));
        assert_eq!(error(Errno::CONNREFUSED).kind, Word::CONNECTION_REFUSED);
        assert_eq!(error(Errno::CONNRESET).kind, Word::RESET);
        assert_eq!(error(Errno::HOSTUNREACH).kind, Word::IO);
    }

    #[test]
    fn foreign_bytes_are_escaped_and_cut() {
        assert_eq!(escaped(b"a\x1b[31m\n", 120), "a\\u{1b}[31m");
        assert_eq!(escaped(b"abcdef", 3), "abc…");
    }
}
