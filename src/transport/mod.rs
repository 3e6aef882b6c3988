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
use crate::wire::{CloseReason, Frame, Opening, Received, Requests};

mod beside;
mod caller;
mod calls;
mod codec;
mod connect;
mod dial;
mod ended;
mod event_stream;
mod exchange;
mod failure;
pub mod http;
mod inlet;
mod lines;
mod network;
mod preceded;
mod proxy;
mod refusal;
mod request;
mod resolve;
pub mod scripted;
mod source;
pub mod sse;
mod stages;
mod stamped;
mod tap;
mod target;
mod tls;
mod upgrade;
pub mod websocket;

pub use exchange::{Answered, Exchange, Exchanges};
pub use network::{NetworkConfig, SetupError, TlsConfig};
pub use preceded::Preceded;
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
        TransportKind::WebSocket if config.requests == Requests::Usual => connect::websocket(urls, config),
        TransportKind::WebSocket => beside::websocket(urls, config),
        TransportKind::Sse => sse::sse(urls, config),
        TransportKind::EventsourceClient => sse::eventsource_client(urls, config),
        TransportKind::LongPoll => http::http(urls, config),
    }
}

/// An open connection, owned by one task. All methods are polled by that task only.
///
/// After any of them returned an error the connection is finished.
#[derive(Debug)]
pub enum Connection {
    /// RFC 6455.
    WebSocket(Box<websocket::WebSocket>),
    /// RFC 6455, and requests beside it.
    Beside(Box<beside::Beside>),
    /// A stream of server-sent events, and requests beside it.
    Sse(Box<sse::Sse>),
    /// Requests.
    Http(Box<http::Http>),
    /// A scripted peer.
    Scripted(Box<scripted::Scripted>),
    /// One of these, before which something was heard.
    Preceded(Box<Preceded>),
}

macro_rules! each {
    ($self:ident, $c:ident => $call:expr) => {
        match $self {
            Connection::WebSocket($c) => $call,
            Connection::Beside($c) => $call,
            Connection::Sse($c) => $call,
            Connection::Http($c) => $call,
            Connection::Scripted($c) => $call,
            Connection::Preceded($c) => $call,
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

    /// Writes what is queued; ready when nothing is left, or when the line [has broken](Self::has_broken).
    ///
    /// # Errors
    /// The reason once the connection has ended.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        each!(self, c => c.poll_flush(cx))
    }

    /// Whether a write has failed, though what came before that may still be read: what was queued and not known to be
    /// written by then may never have been.
    pub fn has_broken(&self) -> bool {
        match self {
            Self::WebSocket(socket) => socket.has_broken(),
            Self::Beside(beside) => beside.socket.has_broken(),
            Self::Preceded(preceded) => preceded.connection.has_broken(),
            Self::Sse(_) | Self::Http(_) | Self::Scripted(_) => false,
        }
    }

    /// Starts the closing handshake with `code`; go on receiving until it ends. Over HTTP there is neither: a stream is
    /// closed and polls are given up at once, and it has ended when the other calls are answered.
    pub fn start_close(&mut self, code: u16) {
        match self {
            Self::WebSocket(socket) => socket.start_close(code),
            Self::Beside(beside) => beside.socket.start_close(code),
            Self::Scripted(scripted) => scripted.start_close(code),
            Self::Sse(stream) => stream.start_close(),
            Self::Http(calls) => calls.start_close(),
            Self::Preceded(preceded) => preceded.connection.start_close(code),
        }
    }

    /// Shrinks the socket's receive buffer as far as the kernel allows: what is not read soon stays with the peer.
    /// Lines of calls keep theirs: nobody reads an answer slowly.
    pub fn take_little(&self) {
        match self {
            Self::WebSocket(socket) => socket.take_little(),
            Self::Beside(beside) => beside.socket.take_little(),
            Self::Scripted(scripted) => scripted.take_little(),
            Self::Sse(stream) => stream.take_little(),
            Self::Preceded(preceded) => preceded.connection.take_little(),
            Self::Http(_) => {}
        }
    }

    /// Has the kernel reset the connection when it is dropped, in place of ending it in good order. Lines of calls end as
    /// ever: a poll has no connection to be lost.
    pub fn reset_when_dropped(&self) {
        match self {
            Self::WebSocket(socket) => socket.reset_when_dropped(),
            Self::Beside(beside) => beside.socket.reset_when_dropped(),
            Self::Sse(stream) => stream.reset_when_dropped(),
            Self::Preceded(preceded) => preceded.connection.reset_when_dropped(),
            Self::Http(_) | Self::Scripted(_) => {}
        }
    }

    /// How long the stream asked to wait before its client comes back; `None` where it did not, or there is none.
    pub fn retry(&self) -> Option<Duration> {
        match self {
            Self::Sse(stream) => stream.retry(),
            Self::WebSocket(_) | Self::Beside(_) | Self::Http(_) | Self::Scripted(_) | Self::Preceded(_) => None,
        }
    }

    /// What a stream's client sends as `Last-Event-ID` when it comes back; empty where there is nothing to send.
    pub fn last_event_id(&self) -> &str {
        match self {
            Self::Sse(stream) => stream.last_event_id(),
            Self::WebSocket(_) | Self::Beside(_) | Self::Http(_) | Self::Scripted(_) | Self::Preceded(_) => "",
        }
    }

    /// When the last byte was read, for liveness.
    pub fn last_heard(&self) -> crate::time::Timestamp {
        each!(self, c => c.last_heard())
    }

    /// What passed since the last call, in bytes and in reads and writes, below the codec (above TLS). Of calls, bodies
    /// alone are counted.
    pub fn take_traffic(&mut self) -> Traffic {
        each!(self, c => c.take_traffic())
    }
}

#[cfg(test)]
mod tests;
