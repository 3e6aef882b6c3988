//! Opening WebSocket connections: name → socket → TLS → upgrade, each stage timed, the whole bounded in time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use url::Url;

use super::dial::Dialer;
use super::failure::shown;
use super::network::{NetworkConfig, SetupError, check_headers};
use super::proxy::Proxy;
use super::source::Lease;
use super::stages::Progress;
use super::stamped::{Line, Stamped};
use super::target::{Redirect, Target};
use super::tls::Tls;
use super::upgrade::{Request, request_url};
use super::websocket::WebSocket;
use super::{ConnectError, Connected, Connecting, Connection, Transport};
use crate::observe::{TransportKind, Word};
use crate::time::Clock;
use crate::wire::Opening;

/// Buffers of the codec. It allocates the first one at once, and more where a message is larger, though few pass through
/// it; the second grows to what is queued.
const READ_BUFFER: usize = 256;
const WRITE_BUFFER: usize = 4 << 10;

/// WebSocket connections to `urls`.
///
/// # Errors
/// When a URL, a header or a file of the configuration cannot be used.
pub fn websocket(urls: Vec<Url>, config: NetworkConfig) -> Result<Arc<dyn Transport>, SetupError> {
    check_headers(&config.headers)?;
    if urls.is_empty() {
        return Err(SetupError::NoUrl);
    }
    let redirects = config.connect_to.iter().map(Redirect::new).collect::<Result<Vec<_>, _>>()?;
    let targets = urls.into_iter().map(|url| Target::new(url, &redirects)).collect::<Result<Vec<_>, _>>()?;
    let codec = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(config.max_queued.max(2 * WRITE_BUFFER))
        .max_message_size(Some(config.max_message))
        .max_frame_size(Some(config.max_message));
    let dialer = Dialer::new(&config.source_ips, config.resolve_each, config.detour);
    let secure = targets.iter().any(|target| target.tls);
    Ok(Arc::new(WebSockets(Arc::new(Shared {
        targets,
        headers: config.headers,
        dialer,
        tls: if secure { Some(Tls::new(&config.tls)?) } else { None },
        proxy: config.proxy.as_ref().map(Proxy::new).transpose()?,
        codec,
        timeout: config.connect_timeout,
    }))))
}

/// The transport.
struct WebSockets(Arc<Shared>);

struct Shared {
    targets: Vec<Target>,
    headers: Vec<(String, String)>,
    dialer: Dialer,
    /// There when some target wants it.
    tls: Option<Tls>,
    proxy: Option<Proxy>,
    codec: WebSocketConfig,
    timeout: Duration,
}

impl fmt::Debug for WebSockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.targets.iter().map(|target| shown(&target.url))).finish()
    }
}

impl Transport for WebSockets {
    fn kind(&self) -> TransportKind {
        TransportKind::WebSocket
    }

    fn connect(&self, url: usize, opening: &Opening, clock: &Clock) -> Connecting {
        let (shared, opening, clock) = (self.0.clone(), opening.clone(), clock.clone());
        Box::pin(async move {
            let target = &shared.targets[url % shared.targets.len()];
            let what = shown(&target.url);
            let mut progress = Progress::new(&clock);
            let opened = shared.open(target, &opening, &mut progress, &what);
            match tokio::time::timeout(shared.timeout, opened).await {
                Ok(Ok((connection, headers))) => Ok(Connected { connection, stages: progress.into_stages(), headers }),
                Ok(Err(error)) => Err(error),
                Err(_) => Err(progress.timed_out(shared.timeout, &what)),
            }
        })
    }
}

impl Shared {
    async fn open(
        &self,
        target: &Target,
        opening: &Opening,
        progress: &mut Progress,
        what: &str,
    ) -> Result<(Connection, Vec<(String, String)>), ConnectError> {
        let request = Request::new(&request_url(&target.url, opening), opening, &self.headers)?;
        let (line, lease) = self.line(target, opening.client, progress).await?;
        progress.enter(Word::UPGRADE);
        let mut stamped = Stamped::new(line, progress.clock().clone());
        let (headers, rest) = request.exchange(&mut stamped, what).await?;
        progress.done();
        let websocket = WebSocket::new(stamped, rest, self.codec, lease);
        Ok((Connection::WebSocket(Box::new(websocket)), headers))
    }

    /// TCP, through the proxy if there is one, and TLS if the target wants it.
    async fn line(
        &self,
        target: &Target,
        client: u32,
        progress: &mut Progress,
    ) -> Result<(Line, Option<Lease>), ConnectError> {
        let (host, port) = (target.dial_host.as_str(), target.dial_port);
        let (stream, lease) = match &self.proxy {
            None => self.dialer.connect(host, port, client, progress).await?,
            Some(proxy) => {
                let (mut stream, lease) = self.dialer.connect(&proxy.host, proxy.port, client, progress).await?;
                proxy.tunnel(&mut stream, host, port).await?;
                (stream, lease)
            }
        };
        progress.done();
        let Some(tls) = self.tls.as_ref().filter(|_| target.tls) else { return Ok((Line::Plain(stream), lease)) };
        progress.enter(Word::TLS);
        let stream = tls.handshake(stream, &target.host).await?;
        progress.done();
        Ok((Line::Tls(Box::new(stream)), lease))
    }
}
