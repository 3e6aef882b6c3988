//! Requests without a stream, for long polling: what the server says comes as the answer to a poll.
//!
//! Connecting makes no request and never fails; a line is opened with the first call. Each connection has a client and so
//! lines of its own, kept alive between its calls.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use url::Url;

use super::caller::Caller;
use super::calls::Calls;
use super::failure::shown;
use super::network::{NetworkConfig, SetupError};
use super::stamped::Traffic;
use super::{CloseReason, Connected, Connecting, Connection, Frame, Received, Stages, Transport};
use crate::observe::TransportKind;
use crate::time::{Clock, Timestamp};
use crate::wire::Opening;

/// Requests to `urls`.
///
/// # Errors
/// When a URL, a header or a file of the configuration cannot be used.
pub(super) fn http(urls: Vec<Url>, config: NetworkConfig) -> Result<Arc<dyn Transport>, SetupError> {
    Ok(Arc::new(Polls(Caller::new(urls, config)?)))
}

/// The transport.
struct Polls(Arc<Caller>);

impl fmt::Debug for Polls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.targets.iter().map(|target| shown(&target.url))).finish()
    }
}

impl Transport for Polls {
    fn kind(&self) -> TransportKind {
        TransportKind::LongPoll
    }

    fn connect(&self, url: usize, _opening: &Opening, clock: &Clock) -> Connecting {
        let calls = Calls::new(Arc::clone(&self.0), url, clock.clone());
        let connection = Connection::Http(Box::new(Http { calls, state: State::Open }));
        Box::pin(async { Ok(Connected { connection, stages: Stages::new(), headers: Vec::new() }) })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// We are leaving; what was said to the server is still seen through.
    Closing,
    Ended,
}

/// Requests of one client.
pub struct Http {
    calls: Calls,
    state: State,
}

/// There is nothing but our own wish that ends it.
fn closed() -> CloseReason {
    CloseReason::Code(1000, String::new())
}

impl Http {
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, CloseReason>> {
        if self.state == State::Ended {
            return Poll::Ready(Err(closed()));
        }
        match self.calls.poll_next(cx) {
            Poll::Ready(Some(received)) => Poll::Ready(Ok(received)),
            Poll::Ready(None) if self.state == State::Closing => {
                self.state = State::Ended;
                Poll::Ready(Err(closed()))
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    pub(super) fn start_send(&mut self, frame: Frame) -> Result<bool, CloseReason> {
        match (self.state, frame) {
            (State::Ended, _) => Err(closed()),
            (State::Open, Frame::Call(call)) => Ok(self.calls.start(&call)),
            // Everything that is said is a request.
            _ => Ok(false),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        if self.state == State::Ended {
            return Poll::Ready(Err(closed()));
        }
        self.calls.poll_flush(cx);
        Poll::Ready(Ok(()))
    }

    pub(super) fn start_close(&mut self) {
        if self.state == State::Open {
            self.state = State::Closing;
            self.calls.give_up_polls();
        }
    }

    pub(super) fn last_heard(&self) -> Timestamp {
        self.calls.last_heard()
    }

    /// Bodies only: what is around them, the client keeps to itself.
    pub(super) fn take_traffic(&mut self) -> Traffic {
        self.calls.take_traffic()
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("state", &self.state).field("calls", &self.calls).finish()
    }
}

#[cfg(test)]
mod tests;
