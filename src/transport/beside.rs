//! Requests beside a socket: what is said goes over the one or the other, by the kind of frame; answers come with the messages.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use url::Url;

use super::caller::Caller;
use super::calls::Calls;
use super::network::{NetworkConfig, SetupError};
use super::stamped::Traffic;
use super::websocket::WebSocket;
use super::{CloseReason, Connected, Connecting, Connection, Frame, Received, Transport, connect};
use crate::observe::TransportKind;
use crate::time::{Clock, Timestamp};
use crate::wire::Opening;

/// Sockets to `urls`, each with requests beside it.
///
/// # Errors
/// When a URL, a header or a file of the configuration cannot be used.
pub(super) fn websocket(urls: Vec<Url>, config: NetworkConfig) -> Result<Arc<dyn Transport>, SetupError> {
    let caller = Caller::beside(urls.clone(), config.clone())?;
    Ok(Arc::new(Sockets { sockets: connect::websocket(urls, config)?, caller }))
}

/// The transport.
struct Sockets {
    sockets: Arc<dyn Transport>,
    caller: Arc<Caller>,
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sockets.fmt(f)
    }
}

impl Transport for Sockets {
    fn kind(&self) -> TransportKind {
        TransportKind::WebSocket
    }

    fn connect(&self, url: usize, opening: &Opening, clock: &Clock) -> Connecting {
        let connecting = self.sockets.connect(url, opening, clock);
        let calls = Calls::new(Arc::clone(&self.caller), url, clock.clone());
        Box::pin(async move {
            let connected = connecting.await?;
            let connection = match connected.connection {
                Connection::WebSocket(socket) => Connection::Beside(Box::new(Beside { socket, calls })),
                other => other,
            };
            Ok(Connected { connection, ..connected })
        })
    }
}

/// A socket and the requests beside it. It lives as long as the socket does.
#[derive(Debug)]
pub struct Beside {
    pub(super) socket: Box<WebSocket>,
    calls: Calls,
}

impl Beside {
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, CloseReason>> {
        match self.calls.poll_next(cx) {
            Poll::Ready(Some(received)) => Poll::Ready(Ok(received)),
            Poll::Ready(None) | Poll::Pending => self.socket.poll_receive(cx),
        }
    }

    pub(super) fn start_send(&mut self, frame: Frame) -> Result<bool, CloseReason> {
        match frame {
            Frame::Call(call) => Ok(self.calls.start(&call)),
            frame => self.socket.start_send(frame),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        self.calls.poll_flush(cx);
        self.socket.poll_flush(cx)
    }

    /// On the socket: an answer comes over another line, and says nothing about this one.
    pub(super) fn last_heard(&self) -> Timestamp {
        self.socket.last_heard()
    }

    pub(super) fn take_traffic(&mut self) -> Traffic {
        let mut traffic = self.socket.take_traffic();
        traffic.add(self.calls.take_traffic());
        traffic
    }
}
