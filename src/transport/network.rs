//! How to reach a target, as the transports want to be told, and what may be wrong with it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use url::Url;

use crate::wire::Requests;

/// Everything beside the URLs.
#[derive(Clone)]
pub struct NetworkConfig {
    /// Request headers; they replace those of the dialect and the defaults (`Host`), cookies are joined.
    pub headers: Vec<(String, String)>,
    /// Where requests beside a connection go; another server than the target is sent none of these headers.
    pub requests: Requests,
    /// The TLS set-up.
    pub tls: TlsConfig,
    /// An HTTP proxy to `CONNECT` through; it resolves the target's name.
    pub proxy: Option<Url>,
    /// `host:port` → `host:port`, as curl's `--connect-to`; either half of either side may be empty.
    pub connect_to: Vec<(String, String)>,
    /// Every address of a name is a target, in turn.
    pub resolve_each: bool,
    /// Local addresses to connect from, in turn.
    pub source_ips: Vec<IpAddr>,
    /// Where to connect from on loopback if that is left open: which block of addresses, 127.0.B.x. Processes that share a
    /// run have one each, because none sees how many ports the others have taken.
    pub loopback_block: u8,
    /// A proxy of this run through which every connection goes, as [`crate::detour`] has it.
    pub detour: Option<SocketAddr>,
    /// For the whole connect, name to upgrade.
    pub connect_timeout: Duration,
    /// The largest message accepted, in bytes.
    pub max_message: usize,
    /// Bytes queued for a peer that takes none before sends are refused. A larger frame is never taken: keep it well
    /// above the largest payload.
    pub max_queued: usize,
}

/// Files of the TLS set-up and the name to verify.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// Trust these roots (PEM) in place of the system's.
    pub ca: Option<PathBuf>,
    /// Client certificate chain (PEM).
    pub cert: Option<PathBuf>,
    /// Client key (PEM).
    pub key: Option<PathBuf>,
    /// The name to verify in place of the URL's host.
    pub server_name: Option<String>,
    /// Verify nothing.
    pub insecure: bool,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            headers: Vec::new(),
            requests: Requests::Usual,
            tls: TlsConfig::default(),
            proxy: None,
            connect_to: Vec::new(),
            resolve_each: false,
            source_ips: Vec::new(),
            loopback_block: 0,
            detour: None,
            connect_timeout: Duration::from_secs(10),
            max_message: 16 << 20,
            max_queued: 256 << 10,
        }
    }
}

/// Header values and the proxy's URL may carry secrets: not shown.
impl fmt::Debug for NetworkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("NetworkConfig")
            .field("headers", &names)
            .field("tls", &self.tls)
            .field("proxy", &self.proxy.as_ref().map(super::failure::shown))
            .field("connect_to", &self.connect_to)
            .field("resolve_each", &self.resolve_each)
            .field("source_ips", &self.source_ips)
            .field("loopback_block", &self.loopback_block)
            .field("detour", &self.detour)
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a [`NetworkConfig`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// There is nothing to connect to.
    #[error("no url is given")]
    NoUrl,
    /// A URL a transport cannot use.
    #[error("url {url}: {problem}")]
    Url {
        /// The URL, without what may be secret.
        url: String,
        /// What is wrong.
        problem: String,
    },
    /// A request header that cannot be sent.
    #[error("header {name:?}: {problem}")]
    Header {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A file of the TLS set-up.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The TLS set-up as a whole.
    #[error("tls: {0}")]
    Tls(String),
    /// A `--connect-to` pair.
    #[error("connect_to {pair:?}: {problem}")]
    ConnectTo {
        /// The half in question.
        pair: String,
        /// What is wrong.
        problem: &'static str,
    },
}

/// Headers the opening handshake writes itself.
const HANDSHAKE: [&str; 5] =
    ["connection", "upgrade", "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"];

/// What makes `name: value` unusable in an opening request, if anything.
pub(super) fn header_problem(name: &str, value: &str) -> Option<&'static str> {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        Some("not a header name")
    } else if HANDSHAKE.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        Some("belongs to the WebSocket handshake and cannot be set")
    } else if HeaderValue::from_str(value).is_err() {
        Some("its value has characters that a header cannot carry")
    } else {
        None
    }
}

/// Checks the headers of a scenario.
pub(super) fn check_headers(headers: &[(String, String)]) -> Result<(), SetupError> {
    let bad = headers.iter().find_map(|(name, value)| header_problem(name, value).map(|problem| (name, problem)));
    bad.map_or(Ok(()), |(name, problem)| Err(SetupError::Header { name: name.clone(), problem }))
}
