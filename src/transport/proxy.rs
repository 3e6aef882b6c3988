//! An HTTP proxy to tunnel through: `CONNECT`, and what the proxy says to it.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use url::Url;

use super::ConnectError;
use super::failure::{failure, shown};
use super::network::SetupError;
use super::request::credentials;
use super::upgrade::read_head;
use crate::observe::Word;

/// A proxy. Its failures belong to the stage tcp: there is no connection to the target yet.
pub(super) struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    name: String,
    credentials: Option<String>,
}

impl Proxy {
    /// The proxy at `url`: `http://[user:password@]host[:port]`.
    pub(super) fn new(url: &Url) -> Result<Self, SetupError> {
        let name = shown(url);
        let problem = |problem: &str| SetupError::Url { url: name.clone(), problem: problem.to_owned() };
        if url.scheme() != "http" {
            return Err(problem("a proxy's URL starts with http://"));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| problem("it names no host"))?;
        let (host, port) = (host.to_owned(), url.port().unwrap_or(80));
        Ok(Self { host, port, credentials: credentials(url), name })
    }

    /// Asks the proxy, over a connection to it, for a tunnel to the target.
    pub(super) async fn tunnel(&self, stream: &mut TcpStream, host: &str, port: u16) -> Result<(), ConnectError> {
        let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
        if let Some(credentials) = &self.credentials {
            request.push_str(&format!("Proxy-Authorization: {credentials}\r\n"));
        }
        request.push_str("\r\n");
        let refused = |why: String| failure(Word::TCP, Word::PROXY, format!("proxy {}: {why}", self.name));
        stream.write_all(request.as_bytes()).await.map_err(|error| refused(error.to_string()))?;
        let mut buffer = Vec::with_capacity(256);
        let answer = read_head(stream, &mut buffer, &self.name).await;
        let (size, response) = answer.map_err(|error| ConnectError { stage: Word::TCP, kind: Word::PROXY, ..error })?;
        let status = response.status();
        if !status.is_success() {
            let reason = status.canonical_reason().unwrap_or_default();
            return Err(refused(format!("answered {} {reason} to CONNECT {host}:{port}", status.as_u16())));
        }
        if buffer.len() > size {
            return Err(refused("spoke before the target did".to_owned()));
        }
        Ok(())
    }
}
