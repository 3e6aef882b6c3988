//! What travels: frames and requests, why a connection ended, and the marker by which a receiver recognises a publication.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use url::Url;

use crate::time::Timestamp;

mod ask;
mod instance;
mod marker;

pub use ask::Ask;
pub use instance::{InstanceRule, Within};
pub use marker::{MARKER_LEN, MARKER_PREFIX, Marker, Markers};

/// One message as a transport carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
    /// An event of a stream that has another name than those that were asked for ([`Opening::event`]); only received.
    Beside(Utf8Bytes),
    /// A request of its own, beside a stream or in place of a socket; only sent.
    Call(Box<Call>),
    /// What became of such a request; only received.
    Answer(Box<Answer>),
}

impl Frame {
    /// A text frame.
    pub fn text(text: impl Into<Utf8Bytes>) -> Self {
        Self::Text(text.into())
    }

    /// The payload, whatever its kind.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) | Self::Beside(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
            Self::Call(call) => call.body.as_deref().unwrap_or_default(),
            Self::Answer(answer) => answer.outcome.as_ref().map_or(&[], |response| &response.body),
        }
    }
}

/// An HTTP request of a client that has no socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// How it is asked.
    pub method: Method,
    /// Path, query and headers.
    pub opening: Opening,
    /// What it carries, JSON unless a header says otherwise; `None` where it carries nothing.
    pub body: Option<Bytes>,
    /// Unique within the connection; comes back with the answer.
    pub reference: u64,
    /// The server may keep its answer until there is something to say: a poll.
    pub waits: bool,
}

/// How a request is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
}

impl Method {
    /// As it stands in a request.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// Where the requests go that stand beside a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Requests {
    /// To the target where a connection is a stream, or none at all. Beside a socket there are none.
    #[default]
    Usual,
    /// To the target, beside a socket too.
    Target,
    /// To another server, beside whatever connection.
    To(Url),
}

/// What became of a [`Call`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Which call.
    pub reference: u64,
    /// The response, whatever its status; or why there is none.
    pub outcome: Result<Response, CloseReason>,
}

/// An HTTP response, as far as anybody asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Bytes,
    /// How long it asks to wait before another request.
    pub retry_after: Option<Duration>,
}

/// What a dialect adds to the target's URL and to the opening request.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Opening {
    /// Empty or starting with `/`. On a socket it is the path where the URL has none of its own (`/` counts as none); over
    /// HTTP, where each request has a path of its own, it takes the place of the URL's.
    pub path: String,
    /// Query parameters, not yet encoded, after those of the URL.
    pub query: Vec<(String, String)>,
    /// Request headers; those of the scenario replace them, cookies are joined.
    pub headers: Vec<(String, String)>,
    /// `Sec-WebSocket-Protocol`, in order of preference.
    pub subprotocols: Vec<String>,
    /// The number of the client whose connection it will be, for a proxy of this run; the target never sees it.
    pub client: u32,
    /// How the events of a stream are called that carry messages; without it all do.
    pub event: Option<Arc<str>>,
}

/// Values may be tokens: only names are shown.
impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |pairs: &[(String, String)]| pairs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        f.debug_struct("Opening")
            .field("path", &self.path)
            .field("query", &names(&self.query))
            .field("headers", &names(&self.headers))
            .field("subprotocols", &self.subprotocols)
            .field("client", &self.client)
            .field("event", &self.event)
            .finish()
    }
}

/// A frame and the moment of the read that completed it, taken under the codec.
#[derive(Clone, Debug)]
pub struct Received {
    /// The message.
    pub frame: Frame,
    /// When its last byte was read from the socket.
    pub at: Timestamp,
}

/// How a connection came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// A close frame arrived: its code (1005 when it carried none) and its text.
    Code(u16, String),
    /// The peer ended the stream without a close frame.
    Eof,
    /// The peer reset the connection.
    Reset,
    /// A request the conversation hangs on was answered with this status.
    Status(u16),
    /// The peer broke the protocol; what it did.
    Protocol(String),
    /// Nothing was heard for longer than the liveness time-out.
    Silent,
    /// Any other error of the socket.
    Io(String),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code, text) if text.is_empty() => write!(f, "closed {code}"),
            Self::Code(code, text) => write!(f, "closed {code} ({})", text.escape_debug()),
            Self::Eof => f.write_str("ended without a close frame (1006)"),
            Self::Reset => f.write_str("reset by the peer (1006)"),
            Self::Status(status) => write!(f, "answered with status {status}"),
            Self::Protocol(what) => write!(f, "protocol error: {what}"),
            Self::Silent => f.write_str("silent for too long"),
            Self::Io(what) => write!(f, "socket error: {what}"),
        }
    }
}

/// An instance of the server, by a hash of its name, so that two machines agree on it without talking.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct InstanceTag(pub u32);

impl InstanceTag {
    /// The instance is not known.
    pub const UNKNOWN: InstanceTag = InstanceTag(0);

    /// The tag of a named instance (FNV-1a, never [`Self::UNKNOWN`]).
    pub fn of(name: &str) -> Self {
        let hash = name.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
        Self(hash.max(1))
    }
}
