//! What happened, as plain values: the common language of the session, the ledger and the metrics.
//!
//! An [`Observation`] is a fact, the labels it carries and one number. Who makes it does not know what is counted of
//! it; who counts does not know where it came from.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::wire::InstanceTag;

/// A client of the run: one planned life, numbered across all groups.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct ClientId(pub u32);

/// A room of the run, numbered across all groups.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct RoomId(pub u32);

/// A `[[clients]]` entry, by its place in the scenario.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct GroupId(pub u16);

/// A `[[publish]]` entry, by its place in the scenario.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct PublishId(pub u16);

/// A `[[request]]` entry, by its place in the scenario.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct RequestId(pub u16);

/// Whether a copy came through the instance its publisher was connected to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Hop {
    /// Publisher and receiver are connected to the same instance.
    Same,
    /// They are connected to different instances.
    Cross,
    /// One of the two instances is not known.
    Unknown,
}

impl Hop {
    /// The hop between a publisher's and a receiver's instance.
    pub fn between(publisher: InstanceTag, receiver: InstanceTag) -> Self {
        if publisher == InstanceTag::UNKNOWN || receiver == InstanceTag::UNKNOWN {
            Self::Unknown
        } else if publisher == receiver {
            Self::Same
        } else {
            Self::Cross
        }
    }

    /// The label's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Cross => "cross",
            Self::Unknown => "unknown",
        }
    }
}

/// A stretch of the run, as faults and incidents divide it: 0 is everything before the first, then two per incident.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Stretch(pub u16);

impl Stretch {
    /// Before the first incident.
    pub const BEFORE: Stretch = Stretch(0);

    /// From the instant of incident number `incident` until every client it cut is back.
    pub fn during(incident: u16) -> Self {
        Self(2 * incident + 1)
    }

    /// From then to the next incident, or the end.
    pub fn after(incident: u16) -> Self {
        Self(2 * incident + 2)
    }

    /// The incident it belongs to, and whether it lies in it; nothing before the first.
    pub fn incident(self) -> Option<(u16, bool)> {
        let at = self.0.checked_sub(1)?;
        Some((at / 2, at.is_multiple_of(2)))
    }
}

/// The transports a client can be on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum TransportKind {
    /// RFC 6455.
    WebSocket,
    /// A stream of server-sent events; what the client says goes beside it, over HTTP.
    Sse,
    /// The same, through the crate `eventsource-client`.
    EventsourceClient,
    /// Long polling.
    LongPoll,
}

impl TransportKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::WebSocket, Self::Sse, Self::EventsourceClient, Self::LongPoll];

    /// The label's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
            Self::EventsourceClient => "eventsource-client",
            Self::LongPoll => "longpoll",
        }
    }
}

/// A label value out of a closed vocabulary: the name of a stage, class, reason or kind.
///
/// Status and close codes are words too, so that every refusal keeps its number without a string being made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Word(u16);

macro_rules! words {
    ($($name:ident = $text:literal,)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Index { $($name),* }
        impl Word {
            $(#[doc = concat!("`", $text, "`")] pub const $name: Word = Word(Index::$name as u16);)*
        }
        const WORDS: &[&str] = &[$($text),*];
    };
}

words! {
    // stages of a connection
    DNS = "dns", TCP = "tcp", TLS = "tls", UPGRADE = "upgrade", LOGIN = "login", AUTH = "auth", JOIN = "join",
    ACTIVE = "active",
    // stages of the bus hop, from the server's own stamps
    INGRESS = "ingress", BUS = "bus", FANOUT = "fanout", LAST = "last",
    // classes of loss
    STEADY = "steady", RECONNECT_GAP = "reconnect_gap", SLOW_CONSUMER = "slow_consumer",
    // reasons of exclusion
    NEVER_JOINED = "never_joined", JOIN_RACE = "join_race", LEAVE_RACE = "leave_race", REFUSED = "refused",
    UNKNOWN = "unknown",
    // reasons why a publication was not written
    DISCONNECTED = "disconnected", NOT_JOINED = "not_joined", BACK_PRESSURE = "back_pressure", GENERATOR = "generator",
    // one more why a request failed
    LEFT = "left",
    // kinds of frames
    DELIVERY = "delivery", ACK = "ack", REPLY = "reply", PRESENCE = "presence", HEARTBEAT = "heartbeat",
    ERROR = "error",
    // kinds of errors
    CONNECTION_REFUSED = "connection_refused", TIMEOUT = "timeout", NO_ADDRESS = "no_address", RESET = "reset",
    EOF = "eof", CERTIFICATE = "certificate", HANDSHAKE = "handshake", ACCEPT_KEY = "accept_key", PROXY = "proxy",
    FD_LIMIT = "fd_limit", PORTS_EXHAUSTED = "ports_exhausted", PROTOCOL = "protocol", IO = "io", SILENT = "silent",
    UNAVAILABLE = "unavailable", UNCONFIRMED = "unconfirmed", RATE_LIMITED = "rate_limited", OTHER = "other",
    SESSION_UNKNOWN = "session_unknown",
}

const HTTP_BASE: u16 = 1_000;
const CLOSE_BASE: u16 = 2_000;

impl Word {
    /// An HTTP status as a kind of error: `http_503`.
    pub fn http(status: u16) -> Self {
        Word(HTTP_BASE + status.min(999))
    }

    /// A WebSocket close code as a kind of error: `close_1012`.
    pub fn close(code: u16) -> Self {
        Word(CLOSE_BASE + code.min(u16::MAX - CLOSE_BASE))
    }

    /// The word as a label value.
    pub fn name(self) -> Cow<'static, str> {
        match self.0 {
            code if code >= CLOSE_BASE => Cow::Owned(format!("close_{}", code - CLOSE_BASE)),
            status if status >= HTTP_BASE => Cow::Owned(format!("http_{}", status - HTTP_BASE)),
            index => Cow::Borrowed(WORDS.get(usize::from(index)).copied().unwrap_or("other")),
        }
    }
}

/// What a fact is labelled with. A label that does not apply is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Labels {
    /// Whether the copy crossed instances.
    pub hop: Option<Hop>,
    /// The receiver's transport.
    pub to: Option<TransportKind>,
    /// The publisher's transport.
    pub from: Option<TransportKind>,
    /// Whether a publisher hears its own publication.
    pub own: Option<bool>,
    /// The client's group.
    pub group: Option<GroupId>,
    /// The `[[publish]]` entry behind it.
    pub publish: Option<PublishId>,
    /// The `[[request]]` entry behind it.
    pub request: Option<RequestId>,
    /// The server instance the client is connected to.
    pub instance: Option<InstanceTag>,
    /// A stage of connecting or of the bus hop.
    pub stage: Option<Word>,
    /// The class of a loss, the reason of an exclusion, of an unsent message or of a failed request, the kind of a frame
    /// or error: each metric says which of `class`, `reason` and `kind` this is.
    pub detail: Option<Word>,
    /// The stretch of the run it belongs to (of a publication and its copies: that of its due time); only where there
    /// are faults or incidents.
    pub phase: Option<Stretch>,
    /// Whether the client has kept its connection since the last incident began; only where there was one.
    pub bystander: Option<bool>,
}

/// What a publication and its copies are told apart by: the entry behind it, and the stretch its due time lies in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Topic {
    /// The `[[publish]]` entry.
    pub publish: PublishId,
    /// Only where there are faults or incidents.
    pub phase: Option<Stretch>,
}

/// The facts. What is counted or measured of each stands in `metrics::METRICS`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[allow(missing_docs)] // each is named as the metric it feeds; the table in `metrics` describes it
pub enum Fact {
    ClientRequested,
    ClientConnected,
    ClientFailed,
    Connect,
    MessageScheduled,
    MessageSent,
    MessageUnsent,
    MessageRefused,
    MessageUnconfirmed,
    MessageIncomplete,
    Ack,
    SendLag,
    RequestSent,
    /// Answered in time; value: latency from when it was due.
    RequestAnswered,
    RequestFailed,
    RequestTimedOut,
    Due,
    /// A live first copy of a due pair; value: latency from the due time.
    Delivered,
    /// A replayed first copy of a due pair; value: latency from the due time.
    Replayed,
    Lost,
    Excluded,
    Duplicate,
    Reordered,
    Misrouted,
    Ghost,
    Early,
    Late,
    Unowed,
    /// A copy that the server's ids attribute to no publication.
    Unattributed,
    Completion,
    Spread,
    /// A publication whose median cross-instance copy came later than its median same-instance copy; by how much.
    InstanceAdds,
    /// The other way round.
    InstanceSaves,
    HopStage,
    FrameReceived,
    BytesReceived,
    BytesSent,
    SocketRead,
    SocketWrite,
    Error,
    ConnectionLost,
    ReconnectAttempt,
    Recovered,
    NeverRecovered,
    Downtime,
    FirstDelivery,
    /// The instant a connection was cut, where it is known, to the client's noticing.
    Detect,
    /// A copy that was said while its client was cut off, whether or not it was replayed.
    Missed,
    /// What a client waited before an attempt.
    Backoff,
    /// What was waited beyond the chosen back-off.
    BackoffLag,
}

/// One fact: what, about whom, and a number (nanoseconds for times, otherwise an amount).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Observation {
    /// What happened.
    pub fact: Fact,
    /// About whom and how.
    pub labels: Labels,
    /// Nanoseconds, bytes or a count.
    pub value: u64,
}

impl Observation {
    /// A fact that happened `value` times, or took `value` nanoseconds.
    pub fn new(fact: Fact, labels: Labels, value: u64) -> Self {
        Self { fact, labels, value }
    }

    /// What a counter adds for it: 1 where the value is a time, the value where it is an amount.
    pub fn amount(&self) -> u64 {
        if matches!(self.fact, Fact::Delivered | Fact::Replayed | Fact::RequestAnswered) { 1 } else { self.value }
    }
}

/// Whoever wants to know what happens.
pub trait Observe {
    /// Takes note of one observation. On the message path: must not allocate, format, lock or wait.
    fn observe(&mut self, observation: &Observation);
}
