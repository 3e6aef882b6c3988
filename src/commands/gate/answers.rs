//! Whether a side that was started says that it is ready.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use url::Url;

use super::side::PORT;

/// Refuses what cannot be asked; a port may stand in it that is not known yet.
pub(super) fn askable(url: &str) -> Result<(), String> {
    match Url::parse(&url.replace(PORT, "1")) {
        Ok(read) if read.scheme() == "http" && read.has_host() => Ok(()),
        _ => Err(format!("`{url}` cannot be asked: write it as `http://127.0.0.1:{PORT}/PATH`")),
    }
}

/// Whether `url` answers with a status of success.
pub(super) fn answers(url: &str) -> bool {
    let ask = || -> Option<bool> {
        let url = Url::parse(url).ok()?;
        let address = (url.host_str()?, url.port_or_known_default()?).to_socket_addrs().ok()?.next()?;
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(500)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        write!(stream, "GET {} HTTP/1.0\r\nhost: {address}\r\n\r\n", url.path()).ok()?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).ok()?;
        Some(head.starts_with(b"HTTP/1.") && head[9] == b'2')
    };
    ask() == Some(true)
}
