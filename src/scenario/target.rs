//! Whom to talk to, and how to get there.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

use crate::dialect::Dialect;
use crate::wire::InstanceRule;

/// Whom to talk to.
#[derive(Clone, Debug)]
pub enum Target {
    /// The bundled room server, started for this run.
    Bundled(Bundled),
    /// A server that is already there.
    Foreign(Box<Foreign>),
}

impl Target {
    /// How many URLs clients spread over, as far as it is known before any name is resolved.
    pub fn urls(&self) -> usize {
        match self {
            Self::Bundled(bundled) => usize::from(bundled.instances),
            Self::Foreign(foreign) => foreign.urls.len(),
        }
    }

    /// Whether what enters a room has a place for this name.
    pub fn has_place_for(&self, room: &str) -> bool {
        match self {
            Self::Bundled(_) => true,
            Self::Foreign(foreign) => crate::dialect::room_fits(&*foreign.dialect, room),
        }
    }

    /// Whether a publisher gets a copy of its own message, as its dialect has it.
    pub fn sender_hears_itself(&self) -> bool {
        match self {
            Self::Bundled(_) => {
                let room = crate::dialect::find("room", &crate::dialect::Parameters::new());
                room.map_or(true, |dialect| dialect.habits().sender_hears_itself)
            }
            Self::Foreign(foreign) => foreign.dialect.habits().sender_hears_itself,
        }
    }
}

/// How the bundled server is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundled {
    /// How many instances.
    pub instances: u16,
    /// What joins them.
    pub broker: BrokerChoice,
    /// Between two pings to a client.
    pub ping_interval: Duration,
    /// Silence after which a client counts as dead; clients give the server up after both together.
    pub ping_timeout: Duration,
}

/// What joins the instances of the bundled server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerChoice {
    /// Redis if there is any, else memory.
    Auto,
    /// Redis or nothing.
    Redis,
    /// The embedded broker, all instances in one process.
    Memory,
}

/// A server that is already there.
#[derive(Clone)]
pub struct Foreign {
    /// Where; `ws`, `wss`, `http` or `https`, whatever clients connect by.
    pub urls: Vec<Url>,
    /// What it speaks.
    pub dialect: Arc<dyn Dialect>,
    /// Where it tells which instance a connection is on; the first that answers.
    pub instances: Arc<[InstanceRule]>,
    /// How to reach it.
    pub network: Network,
}

impl Foreign {
    /// The URLs as they may be shown: without user, password and query, which may carry secrets.
    pub fn shown(&self) -> Vec<String> {
        let port = |url: &Url| url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let show =
            |url: &Url| format!("{}://{}{}{}", url.scheme(), url.host_str().unwrap_or_default(), port(url), url.path());
        self.urls.iter().map(show).collect()
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut foreign = f.debug_struct("Foreign");
        foreign
            .field("urls", &self.shown())
            .field("dialect", &self.dialect.name())
            .field("network", &self.network)
            .finish()
    }
}

/// How to reach a target: everything a transport needs beside the URL.
#[derive(Clone, Default)]
pub struct Network {
    /// Request headers. Never printed: they may carry secrets.
    pub headers: Vec<(String, String)>,
    /// Files of the TLS set-up and the name to verify.
    pub tls: TlsFiles,
    /// An HTTP proxy to `CONNECT` through.
    pub proxy: Option<Url>,
    /// `host:port` → `host:port`, as curl's `--connect-to`.
    pub connect_to: Vec<(String, String)>,
    /// Every address of a name is a target.
    pub resolve_each: bool,
    /// Local addresses to connect from, in turn.
    pub source_ips: Vec<IpAddr>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Network").field("headers", &headers).field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// Files of the TLS set-up and the name to verify.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Trust these roots (PEM) in place of the system's.
    pub ca: Option<PathBuf>,
    /// Client certificate (PEM).
    pub cert: Option<PathBuf>,
    /// Client key (PEM).
    pub key: Option<PathBuf>,
    /// The name to verify in place of the URL's host.
    pub server_name: Option<String>,
    /// Verify nothing (only by flag).
    pub insecure: bool,
}
