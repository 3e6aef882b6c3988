//! HTTP requests through reqwest, as the configuration of the network says.
//!
//! Local addresses are taken in turn as for sockets, names are resolved by the same resolver, and a target's place may be
//! another one than its URL says. Otherwise than for sockets, a proxy is asked to `CONNECT` for TLS only; plain requests it
//! forwards.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, Proxy};
use rustls::{ClientConfig, RootCertStore};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

use super::lines::Lines;
use super::network::{NetworkConfig, SetupError};
use super::request::{host, http_url, request_headers};
use super::source::Lease;
use super::stages::Progress;
use super::target::Target;
use super::{CloseReason, ConnectError};
use crate::time::Clock;
use crate::wire::{self, Call, Requests};

/// What the HTTP transports of one run have in common.
pub(super) struct Caller {
    pub(super) lines: Arc<Lines>,
    pub(super) targets: Vec<Target>,
    pub(super) headers: Vec<(String, String)>,
    /// The largest event or answer, in bytes.
    pub(super) limit: usize,
    /// For a whole connect.
    pub(super) timeout: Duration,
    places: Vec<Place>,
    tls: ClientConfig,
    proxy: Option<Url>,
}

/// A client of its own, and what keeps its local address taken.
pub(super) struct Opened {
    pub(super) client: Client,
    _source: Option<Lease>,
}

impl Caller {
    /// Requests to `urls`.
    ///
    /// # Errors
    /// When a URL, a header or a file of the configuration cannot be used.
    pub(super) fn new(urls: Vec<Url>, config: NetworkConfig) -> Result<Arc<Self>, SetupError> {
        let (lines, targets) = Lines::new(urls, &config)?;
        let lines = Arc::new(lines);
        let tls = lines.tls.as_ref().map_or_else(trusting_nobody, |tls| Ok(tls.client()))?;
        let verified = config.tls.server_name.as_deref();
        let places = targets.iter().map(|target| Place::of(target, verified, &lines)).collect();
        Ok(Arc::new(Self {
            lines,
            targets,
            headers: config.headers,
            limit: config.max_message,
            timeout: config.connect_timeout,
            places,
            tls,
            proxy: config.proxy,
        }))
    }

    /// Requests beside connections to `urls`, wherever the configuration says that they go.
    ///
    /// # Errors
    /// When a URL, a header or a file of the configuration cannot be used.
    pub(super) fn beside(urls: Vec<Url>, config: NetworkConfig) -> Result<Arc<Self>, SetupError> {
        match config.requests.clone() {
            Requests::Usual | Requests::Target => Self::new(urls, config),
            Requests::To(url) => Self::new(vec![url], NetworkConfig { headers: Vec::new(), ..config }),
        }
    }

    /// The target's address number `url`.
    pub(super) fn target(&self, url: usize) -> &Target {
        &self.targets[url % self.targets.len()]
    }

    fn place(&self, url: usize) -> &Place {
        &self.places[url % self.places.len()]
    }

    /// A client for requests to the target's address number `url`.
    pub(super) fn open(&self, url: usize) -> Result<Opened, CloseReason> {
        self.open_as(url, |builder| builder)
    }

    /// The same with what `change` makes of it.
    pub(super) fn open_as(
        &self,
        url: usize,
        change: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Opened, CloseReason> {
        let place = self.place(url);
        let mut builder = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::clone(&place.names))
            .connect_timeout(self.timeout)
            // With a time-out each client would have a task of its own that looks for idle connections.
            .pool_idle_timeout(None)
            .no_proxy();
        let mut lease = None;
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(Proxy::all(proxy.clone()).map_err(cannot)?);
        } else {
            let source = self.lines.dialer.source(place.likely);
            builder = builder.local_address(source.address);
            lease = source.lease;
        }
        Ok(Opened { client: change(builder).build().map_err(cannot)?, _source: lease })
    }

    /// The request a call stands for.
    pub(super) fn request(&self, url: usize, call: &Call) -> Result<reqwest::Request, CloseReason> {
        const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];
        let (target, place) = (self.target(url), self.place(url));
        let usual = if call.body.is_some() { &JSON[..] } else { &[] };
        let headers = request_headers(&target.url, usual, &call.opening, &self.headers);
        let headers = headers.map_err(|error: ConnectError| CloseReason::Protocol(error.detail))?;
        let asked = place.url(http_url(target, &call.opening));
        let implied = host(&asked);
        let method = match call.method {
            wire::Method::Get => Method::GET,
            wire::Method::Post => Method::POST,
            wire::Method::Put => Method::PUT,
        };
        let mut request = reqwest::Request::new(method, asked);
        for (name, value) in &headers {
            if name == "Host" && *value == implied {
                continue;
            }
            let pair = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value));
            let (Ok(name), Ok(value)) = pair else {
                return Err(CloseReason::Protocol(format!("header {name:?} cannot be sent")));
            };
            request.headers_mut().insert(name, value);
        }
        *request.body_mut() = call.body.clone().map(Into::into);
        Ok(request)
    }
}

fn cannot(error: reqwest::Error) -> CloseReason {
    CloseReason::Io(format!("no HTTP client can be made: {error}"))
}

/// The TLS set-up where no target wants any: a redirect to one that does is not followed.
fn trusting_nobody() -> Result<ClientConfig, SetupError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| SetupError::Tls(error.to_string()))?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// Where requests to a target go. The client takes the place from the URL and from nowhere else, except that it asks for
/// the addresses of a name, and takes their port where the URL has none.
struct Place {
    /// What stands in for the URL's host and port.
    instead: Option<(String, Option<u16>)>,
    names: Arc<Names>,
    /// What the local address is to fit.
    likely: IpAddr,
}

impl Place {
    fn of(target: &Target, verified: Option<&str>, lines: &Arc<Lines>) -> Self {
        let url = &target.url;
        let elsewhere = target.dial_host != target.host || Some(target.dial_port) != url.port_or_known_default();
        let has_name = matches!(url.host(), Some(Host::Domain(_)));
        let name = verified.filter(|_| target.tls).or_else(|| url.host_str().filter(|_| has_name && elsewhere));
        let instead = match name {
            Some(name) => Some((name.to_owned(), None)),
            None => elsewhere.then(|| (target.dial_host.clone(), Some(target.dial_port))),
        };
        let dialled = name.map(|name| (name.to_lowercase(), target.dial_host.clone(), target.dial_port));
        let bare = target.dial_host.trim_start_matches('[').trim_end_matches(']');
        let likely = match bare {
            "localhost" => Ipv4Addr::LOCALHOST.into(),
            other => other.parse().unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
        };
        Self { instead, names: Arc::new(Names { lines: Arc::clone(lines), dialled }), likely }
    }

    fn url(&self, mut url: Url) -> Url {
        // What was in the URL has become a header.
        let cleared = url.set_username("").and_then(|()| url.set_password(None));
        debug_assert!(cleared.is_ok(), "an http URL has a host");
        if let Some((host, port)) = &self.instead {
            let changed = url.set_host(Some(host)).is_ok() && url.set_port(*port).is_ok();
            debug_assert!(changed, "{host} was dialled as a host");
        }
        url
    }
}

/// The addresses of names.
struct Names {
    lines: Arc<Lines>,
    /// A name and where it is really dialled.
    dialled: Option<(String, String, u16)>,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let lines = Arc::clone(&self.lines);
        let dialled = self.dialled.as_ref().filter(|(known, _, _)| known == name.as_str());
        // A port of 0 is the URL's.
        let (host, port) = dialled.map_or((name.as_str(), 0), |(_, host, port)| (host.as_str(), *port));
        let host = host.to_owned();
        Box::pin(async move {
            // Nobody asks how long it took.
            let mut progress = Progress::new(&Clock::real());
            let found: Vec<SocketAddr> = lines.dialer.addresses(&host, port, &mut progress).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
