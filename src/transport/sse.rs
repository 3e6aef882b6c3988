//! Streams of server-sent events, and what is said beside them.
//!
//! A stream carries nothing to the server, so what the client says goes as requests of their own. Two engines read
//! streams: our own, which keeps the standard, and the crate `eventsource-client`, whose users are to be had as they are.
//! `docs/sse.md` says where the two part ways.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use url::Url;

use super::caller::Caller;
use super::calls::Calls;
use super::failure::shown;
use super::network::{NetworkConfig, SetupError};
use super::source::Lease;
use super::stamped::Traffic;
use super::tap::Tap;
use super::{CloseReason, Connecting, Frame, Received, Transport};
use crate::observe::TransportKind;
use crate::time::{Clock, Timestamp};
use crate::wire::{Opening, Requests};

mod crated;
mod foreign;
mod opening;
mod own;

/// Streams of `urls`, read by our own engine.
///
/// # Errors
/// When a URL, a header or a file of the configuration cannot be used.
pub(super) fn sse(urls: Vec<Url>, config: NetworkConfig) -> Result<Arc<dyn Transport>, SetupError> {
    streams(urls, config, TransportKind::Sse)
}

/// Streams of `urls`, read by the crate `eventsource-client`.
///
/// # Errors
/// When a URL, a header or a file of the configuration cannot be used.
pub(super) fn eventsource_client(urls: Vec<Url>, config: NetworkConfig) -> Result<Arc<dyn Transport>, SetupError> {
    streams(urls, config, TransportKind::EventsourceClient)
}

fn streams(urls: Vec<Url>, config: NetworkConfig, kind: TransportKind) -> Result<Arc<dyn Transport>, SetupError> {
    let caller = Caller::new(urls.clone(), config.clone())?;
    let beside = match &config.requests {
        Requests::To(_) => Caller::beside(urls, config)?,
        Requests::Usual | Requests::Target => Arc::clone(&caller),
    };
    Ok(Arc::new(Streams { caller, beside, kind }))
}

/// The transport.
struct Streams {
    /// Opens the streams.
    caller: Arc<Caller>,
    /// Makes the requests beside them.
    beside: Arc<Caller>,
    /// By which engine.
    kind: TransportKind,
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.caller.targets.iter().map(|target| shown(&target.url))).finish()
    }
}

impl Transport for Streams {
    fn kind(&self) -> TransportKind {
        self.kind
    }

    fn connect(&self, url: usize, opening: &Opening, clock: &Clock) -> Connecting {
        let (caller, opening, clock) = (Arc::clone(&self.caller), opening.clone(), clock.clone());
        let calls = Calls::new(Arc::clone(&self.beside), url, clock.clone());
        match self.kind {
            TransportKind::EventsourceClient => Box::pin(crated::connect(caller, url, opening, clock, calls)),
            _ => Box::pin(own::connect(caller, url, opening, clock, calls)),
        }
    }
}

/// A stream that is open: how it is read, and what it is read from.
struct Stream {
    tap: Arc<Tap>,
    events: Events,
    /// How the events are called that carry messages; without it all do.
    event: Option<Arc<str>>,
    _source: Option<Lease>,
}

/// Who makes events of what is read.
enum Events {
    Own(Box<own::Events>),
    Crated(crated::Events),
}

impl Events {
    /// The next event, as a frame: beside the conversation if its name is not the one `wanted`.
    fn poll_next(&mut self, cx: &mut Context<'_>, wanted: Option<&str>) -> Poll<Result<Frame, CloseReason>> {
        match self {
            Self::Own(events) => events.poll_next(cx, wanted),
            Self::Crated(events) => events.poll_next(cx, wanted),
        }
    }

    fn retry(&self) -> Option<Duration> {
        match self {
            Self::Own(events) => events.retry(),
            Self::Crated(events) => events.retry(),
        }
    }

    fn last_event_id(&self) -> &str {
        match self {
            Self::Own(events) => events.last_event_id(),
            Self::Crated(events) => events.last_event_id(),
        }
    }
}

/// The frame of an event called `name`; one without a name is a `message`, as the standard has it.
fn framed(name: &str, data: Utf8Bytes, wanted: Option<&str>) -> Frame {
    let name = if name.is_empty() { "message" } else { name };
    if wanted.is_some_and(|wanted| wanted != name) { Frame::Beside(data) } else { Frame::Text(data) }
}

/// What a stream leaves behind.
struct Left {
    retry: Option<Duration>,
    last_event_id: String,
    last_heard: Timestamp,
    traffic: Traffic,
}

enum State {
    Open(Stream),
    /// We closed it; what was said to the server is still seen through.
    Closing(Left),
    Ended(Left, CloseReason),
}

/// A stream and the requests beside it.
pub struct Sse {
    state: State,
    calls: Calls,
}

impl Sse {
    fn new(stream: Stream, calls: Calls) -> Self {
        Self { state: State::Open(stream), calls }
    }

    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, CloseReason>> {
        if let State::Ended(_, reason) = &self.state {
            return Poll::Ready(Err(reason.clone()));
        }
        let pending = match self.calls.poll_next(cx) {
            Poll::Ready(Some(received)) => return Poll::Ready(Ok(received)),
            Poll::Ready(None) => false,
            Poll::Pending => true,
        };
        match &mut self.state {
            State::Open(stream) => match ready!(stream.events.poll_next(cx, stream.event.as_deref())) {
                Ok(frame) => Poll::Ready(Ok(Received { frame, at: stream.tap.last_read() })),
                Err(reason) => Poll::Ready(Err(self.end(reason))),
            },
            State::Closing(_) if pending => Poll::Pending,
            // As a socket that closed cleanly.
            State::Closing(_) | State::Ended(..) => Poll::Ready(Err(self.end(CloseReason::Code(1000, String::new())))),
        }
    }

    pub(super) fn start_send(&mut self, frame: Frame) -> Result<bool, CloseReason> {
        match (&self.state, frame) {
            (State::Ended(_, reason), _) => Err(reason.clone()),
            (State::Open(_), Frame::Call(call)) => Ok(self.calls.start(&call)),
            // A stream carries nothing to the server.
            _ => Ok(false),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        if let State::Ended(_, reason) = &self.state {
            return Poll::Ready(Err(reason.clone()));
        }
        self.calls.poll_flush(cx);
        Poll::Ready(Ok(()))
    }

    /// Ends the stream, as a page does that closes its event source: there is no goodbye over HTTP.
    pub(super) fn start_close(&mut self) {
        if matches!(self.state, State::Open(_)) {
            self.state = State::Closing(self.leave());
            self.calls.give_up_polls();
        }
    }

    pub(super) fn take_little(&self) {
        if let State::Open(stream) = &self.state {
            stream.tap.take_little();
        }
    }

    pub(super) fn reset_when_dropped(&self) {
        if let State::Open(stream) = &self.state {
            stream.tap.reset_when_dropped();
        }
    }

    /// On the stream: an answer beside it comes over another line, and says nothing about this one.
    pub(super) fn last_heard(&self) -> Timestamp {
        match &self.state {
            State::Open(stream) => stream.tap.last_read(),
            State::Closing(left) | State::Ended(left, _) => left.last_heard,
        }
    }

    pub(super) fn take_traffic(&mut self) -> Traffic {
        let mut traffic = match &mut self.state {
            State::Open(stream) => stream.tap.take_traffic(),
            State::Closing(left) | State::Ended(left, _) => std::mem::take(&mut left.traffic),
        };
        traffic.add(self.calls.take_traffic());
        traffic
    }

    pub(super) fn retry(&self) -> Option<Duration> {
        match &self.state {
            State::Open(stream) => stream.events.retry(),
            State::Closing(left) | State::Ended(left, _) => left.retry,
        }
    }

    pub(super) fn last_event_id(&self) -> &str {
        match &self.state {
            State::Open(stream) => stream.events.last_event_id(),
            State::Closing(left) | State::Ended(left, _) => &left.last_event_id,
        }
    }

    fn end(&mut self, reason: CloseReason) -> CloseReason {
        self.state = State::Ended(self.leave(), reason.clone());
        reason
    }

    /// What is worth keeping when the stream goes.
    fn leave(&mut self) -> Left {
        Left {
            retry: self.retry(),
            last_event_id: self.last_event_id().to_owned(),
            last_heard: self.last_heard(),
            traffic: self.take_traffic(),
        }
    }
}

impl fmt::Debug for Sse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match &self.state {
            State::Open(_) => None,
            State::Closing(_) => Some(&CloseReason::Eof),
            State::Ended(_, reason) => Some(reason),
        };
        f.debug_struct("Sse").field("end", &end).field("calls", &self.calls).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
