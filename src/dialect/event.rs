//! What a received frame means, whatever the protocol.

use std::sync::Arc;
use std::time::Duration;

use crate::wire::Frame;

/// A place in a room's history: an offset within an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Position {
    /// The offset of the last message seen.
    pub offset: u64,
    /// The epoch the offset counts in; empty when the protocol has none.
    pub epoch: Arc<str>,
}

/// The server's own stamps on a delivery, in microseconds of its monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// The publisher's frame was read by the origin instance.
    pub ingress: u64,
    /// Just before the origin instance handed it to the bus.
    pub published: u64,
    /// The delivering instance got it from the bus.
    pub subscribed: u64,
    /// The delivering instance began its fan-out.
    pub fanned_out: u64,
}

/// A copy of somebody's publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery<'a> {
    /// Where the marker stands, if this is one of ours; the server's id of the message, where that takes its place.
    pub body: &'a [u8],
    /// The server's stamps, if it gives them.
    pub stamps: Option<Stamps>,
    /// The message's offset in its room, if the protocol numbers them.
    pub offset: Option<u64>,
    /// Whether it was replayed from history rather than delivered live.
    pub replayed: bool,
}

/// What a received frame means.
#[derive(Debug, PartialEq)]
pub enum Event<'a> {
    /// The server introduces itself.
    Welcome {
        /// The name of the instance.
        instance: Option<&'a str>,
        /// Identity of the server's monotonic clock (the machine's boot id).
        clock: Option<&'a str>,
        /// How often the server pings.
        ping_interval: Option<Duration>,
        /// How long it may be silent.
        ping_timeout: Option<Duration>,
    },
    /// The token was accepted.
    AuthAccepted,
    /// The token was refused, in the server's words.
    AuthRefused(&'a str),
    /// A join was acknowledged.
    Joined {
        /// Which request, if the protocol says.
        reference: Option<u64>,
        /// Which room, if the protocol says.
        room: Option<&'a str>,
        /// The position from which on everything is heard.
        position: Option<Position>,
        /// The instance, if it is told here.
        instance: Option<&'a str>,
    },
    /// A copy of somebody's publication (or of something that looks like one).
    Delivery(Delivery<'a>),
    /// A request was accepted: a publication, or a join or question in a protocol whose answers say no more than which
    /// request they belong to.
    Acked {
        /// Which.
        reference: u64,
    },
    /// What the server calls a publication, where copies are recognised by that
    /// ([`Marking::Correlate`](super::Marking)); the acknowledgement it stands in follows.
    Named {
        /// Which request.
        reference: u64,
        /// The server's id of it.
        id: &'a str,
    },
    /// A room has been heard up to this offset, where no marker in a copy names the room
    /// ([`Marking::Correlate`](super::Marking)); the copy follows.
    HeardUpTo {
        /// Which room.
        room: &'a str,
        /// The copy's offset in it.
        offset: u64,
    },
    /// A request was refused.
    Refused {
        /// Which, if the protocol says.
        reference: Option<u64>,
        /// The server's code for it.
        code: &'a str,
        /// The server does not know whether it happened.
        unconfirmed: bool,
    },
    /// A poll was answered; what was said follows as deliveries.
    Polled {
        /// Which poll.
        reference: u64,
        /// Where to go on.
        position: Position,
        /// The instance, if it is told here.
        instance: Option<&'a str>,
    },
    /// An answer to some other request of ours.
    Reply {
        /// Which, if the protocol says.
        reference: Option<u64>,
    },
    /// A value that this connection keeps, and what follows can name ([`Dialect::keeping`](super::Dialect)).
    Saved {
        /// Which one.
        place: usize,
        /// The value.
        value: &'a str,
    },
    /// Somebody came or went.
    Presence,
    /// A sign of life; `answer` is owed, if any.
    Heartbeat {
        /// The frame to send back.
        answer: Option<Frame>,
    },
    /// The server is about to close; reconnect after a delay within these bounds.
    Drain {
        /// Shortest delay.
        min: Duration,
        /// Longest delay.
        max: Duration,
    },
    /// Messages of a room are missing and will not come.
    Gap {
        /// Which room.
        room: Option<&'a str>,
    },
    /// Nothing this dialect knows.
    Unknown,
}
