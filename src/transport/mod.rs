//! Carrying frames: IO without meaning. One file per transport; what frames say is the dialect's business.
//!
//! Connecting is boxed (once per connection); from then on a [`Connection`] is an enum, polled by its owner.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use url::Url;

use crate::observe::{TransportKind, Word};
use crate::time::Clock;
use crate::wire::{CloseReason, Frame, Opening, Received};

mod codec;
mod connect;
mod dial;
mod event_stream;
mod failure;
mod inlet;
mod lines;
mod network;
mod proxy;
mod refusal;
mod request;
mod resolve;
pub mod scripted;
mod source;
mod stages;
mod stamped;
mod target;
mod tls;
mod upgrade;
pub mod websocket;

pub use network::{NetworkConfig, SetupError, TlsConfig};
pub use stamped::Traffic;

/// How long each stage of connecting took, in order; a stage that did not happen is absent.
pub type Stages = Vec<(Word, Duration)>;

/// An open connection and what was learnt while opening it.
pub struct Connected {
    /// The connection.
    pub connection: Connection,
    /// dns, tcp, tls, upgrade.
    pub stages: Stages,
    /// Response headers of the opening, lower-case names.
    pub headers: Vec<(String, String)>,
}

/// Why no connection came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectError {
    /// The stage that failed.
    pub stage: Word,
    /// The kind of failure, for counting.
    pub kind: Word,
    /// The failure in words, without secrets: what happened and, where known, the remedy.
    pub detail: String,
    /// How long the server asked to wait before another attempt.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage.name(), self.detail)
    }
}

impl std::error::Error for ConnectError {}

/// A connect under way.
pub type Connecting = Pin<Box<dyn Future<Output = Result<Connected, ConnectError>> + Send>>;

/// Opens connections of one kind.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Which kind.
    fn kind(&self) -> TransportKind;

    /// Starts connecting to the target's address number `url` (an index into the scenario's URLs).
    fn connect(&self, url: usize, opening: &Opening, clock: &Clock) -> Connecting;
}

/// The transport of this kind to `urls`.
///
/// # Errors
/// When a URL, a header or a file of the configuration cannot be used.
pub fn of(kind: TransportKind, urls: Vec<Url>, config: NetworkConfig) -> Result<Arc<dyn Transport>, SetupError> {
    match kind {
        TransportKind::WebSocket => connect::websocket(urls, config),
        kind => Err(SetupError::Kind(kind)),
    }
}

/// An open connection, owned by one task. All methods are polled by that task only.
///
/// After any of them returned an error the connection is finished.
#[derive(Debug)]
pub enum Connection {
    /// RFC 6455.
    WebSocket(Box<websocket::WebSocket>),
    /// A scripted peer.
    Scripted(Box<scripted::Scripted>),
}

macro_rules! each {
    ($self:ident, $c:ident => $call:expr) => {
        match $self {
            Connection::WebSocket($c) => $call,
            Connection::Scripted($c) => $call,
        }
    };
}

impl Connection {
    /// The next message. Control frames are answered below (the answer leaves with the next flush, which receiving
    /// attempts by itself).
    ///
    /// # Errors
    /// The reason once the connection has ended.
    pub fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, CloseReason>> {
        each!(self, c => c.poll_receive(cx))
    }

    /// Queues a frame for [`Self::poll_flush`]. Refuses (giving `false`) when the bounded write buffer is full: the
    /// peer takes no bytes.
    ///
    /// # Errors
    /// The reason once the connection has ended.
    pub fn start_send(&mut self, frame: Frame) -> Result<bool, CloseReason> {
        each!(self, c => c.start_send(frame))
    }

    /// Writes what is queued; ready when nothing is left.
    ///
    /// # Errors
    /// The reason once the connection has ended.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        each!(self, c => c.poll_flush(cx))
    }

    /// Starts the closing handshake with `code`; go on receiving until it ends.
    pub fn start_close(&mut self, code: u16) {
        each!(self, c => c.start_close(code));
    }

    /// Shrinks the socket's receive buffer as far as the kernel allows: what is not read soon stays with the peer.
    pub fn take_little(&self) {
        each!(self, c => c.take_little());
    }

    /// When the last byte was read, for liveness.
    pub fn last_heard(&self) -> crate::time::Timestamp {
        each!(self, c => c.last_heard())
    }

    /// What passed since the last call, in bytes and in reads and writes, below the codec (above TLS).
    pub fn take_traffic(&mut self) -> Traffic {
        each!(self, c => c.take_traffic())
    }
}

#[cfg(test)]
mod tests;
