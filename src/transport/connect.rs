//! Opening WebSocket connections: name → socket → TLS → upgrade, each stage timed, the whole bounded in time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use url::Url;

use super::dial::Dialer;
use super::failure::shown;
use super::network::{NetworkConfig, SetupError, check_headers};
use super::stages::Progress;
use super::stamped::{Line, Stamped};
use super::upgrade::{Request, request_url};
use super::websocket::WebSocket;
use super::{ConnectError, Connected, Connecting, Connection, Transport};
use crate::observe::{TransportKind, Word};
use crate::time::Clock;
use crate::wire::Opening;

/// Buffers per connection. The codec allocates the first one at once; the second grows to what is queued.
const READ_BUFFER: usize = 4 << 10;
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
    let targets = urls.into_iter().map(Target::new).collect::<Result<Vec<_>, _>>()?;
    let codec = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(config.max_queued.max(2 * WRITE_BUFFER))
        .max_message_size(Some(config.max_message))
        .max_frame_size(Some(config.max_message));
    let dialer = Dialer::new(&config.source_ips, config.resolve_each);
    let timeout = config.connect_timeout;
    Ok(Arc::new(WebSockets(Arc::new(Shared { targets, headers: config.headers, dialer, codec, timeout }))))
}

/// The transport.
struct WebSockets(Arc<Shared>);

struct Shared {
    targets: Vec<Target>,
    headers: Vec<(String, String)>,
    dialer: Dialer,
    codec: WebSocketConfig,
    timeout: Duration,
}

/// One URL, taken apart.
struct Target {
    url: Url,
    host: String,
    port: u16,
    tls: bool,
}

impl Target {
    fn new(url: Url) -> Result<Self, SetupError> {
        let problem = |problem: &str| SetupError::Url { url: shown(&url), problem: problem.to_owned() };
        let (tls, default) = match url.scheme() {
            "ws" | "http" => (false, 80),
            "wss" | "https" => (true, 443),
            _ => return Err(problem("a WebSocket target starts with ws:// or wss://")),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| problem("it names no host"))?;
        Ok(Self { host: host.to_owned(), port: url.port().unwrap_or(default), tls, url })
    }
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
        let (stream, lease) = self.dialer.connect(&target.host, target.port, progress).await?;
        let line = Line::Plain(stream);
        progress.enter(Word::UPGRADE);
        let mut stamped = Stamped::new(line, progress.clock().clone());
        let (headers, rest) = request.exchange(&mut stamped, what).await?;
        progress.done();
        stamped.unread(&rest);
        let websocket = WebSocket::new(stamped, self.codec, lease).await;
        Ok((Connection::WebSocket(Box::new(websocket)), headers))
    }
}
