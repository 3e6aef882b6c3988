//! Opening WebSocket connections: name → socket → TLS → upgrade, each stage timed, the whole bounded in time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use url::Url;

use super::failure::shown;
use super::lines::Lines;
use super::network::{NetworkConfig, SetupError};
use super::request::request_url;
use super::stages::Progress;
use super::stamped::Stamped;
use super::target::Target;
use super::upgrade::Request;
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
pub(super) fn websocket(urls: Vec<Url>, config: NetworkConfig) -> Result<Arc<dyn Transport>, SetupError> {
    let (lines, targets) = Lines::new(urls, &config)?;
    let codec = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(config.max_queued.max(2 * WRITE_BUFFER))
        .max_message_size(Some(config.max_message))
        .max_frame_size(Some(config.max_message));
    let shared = Shared { targets, headers: config.headers, lines, codec, timeout: config.connect_timeout };
    Ok(Arc::new(WebSockets(Arc::new(shared))))
}

/// The transport.
struct WebSockets(Arc<Shared>);

struct Shared {
    targets: Vec<Target>,
    headers: Vec<(String, String)>,
    lines: Lines,
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
        let (line, lease) = self.lines.open(target, opening.client, progress).await?;
        progress.enter(Word::UPGRADE);
        let mut stamped = Stamped::new(line, progress.clock().clone());
        let (headers, rest) = request.exchange(&mut stamped, what).await?;
        progress.done();
        let websocket = WebSocket::new(stamped, rest, self.codec, lease);
        Ok((Connection::WebSocket(Box::new(websocket)), headers))
    }
}
