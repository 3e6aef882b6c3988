//! An open RFC 6455 connection: frames in, frames out, and why it ended.
//!
//! How it comes about stands in `connect`. The codec is tokio-tungstenite's, with small buffers and a bounded one for
//! writing; nothing here waits: a peer that takes no bytes makes [`WebSocket::start_send`] refuse.

use futures_util::{Sink, Stream};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};

use super::source::Lease;
use super::stamped::{Stamped, Traffic};
use super::{CloseReason, Frame, Received};
use crate::time::Timestamp;

/// An open connection.
pub struct WebSocket {
    stream: WebSocketStream<Stamped>,
    /// Why it ended or will end, once that is known.
    end: Option<CloseReason>,
    state: State,
    _source: Option<Lease>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// We asked for the end and wait for the peer to close.
    Closing,
    /// A write failed; what the peer said before that is still to be read.
    Broken,
    Ended,
}

impl WebSocket {
    /// The connection on `stream` after the upgrade, from the local address that `source` keeps taken.
    pub(super) async fn new(stream: Stamped, config: WebSocketConfig, source: Option<Lease>) -> Self {
        let stream = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
        Self { stream, end: None, state: State::Open, _source: source }
    }

    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, CloseReason>> {
        if self.state == State::Ended {
            return Poll::Ready(Err(self.finish(CloseReason::Eof)));
        }
        loop {
            let message = match Pin::new(&mut self.stream).poll_next(cx) {
                Poll::Pending if self.state == State::Broken => return Poll::Ready(Err(self.finish(CloseReason::Eof))),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Err(self.finish(CloseReason::Eof))),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(self.finish(reason(error)))),
                Poll::Ready(Some(Ok(message))) => message,
            };
            let frame = match message {
                Message::Text(text) => Frame::Text(text),
                Message::Binary(bytes) => Frame::Binary(bytes),
                // The codec has queued the pong; polling again writes it.
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
                Message::Close(frame) => {
                    self.end = Some(closed(frame));
                    if self.state == State::Closing {
                        // The server closes the socket first, so that it keeps the TIME_WAIT.
                        continue;
                    }
                    return self.answer_close(cx);
                }
            };
            return Poll::Ready(Ok(Received { frame, at: self.stream.get_ref().last_read() }));
        }
    }

    /// Writes the answer to the peer's close frame as far as the socket takes it, and ends.
    fn answer_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, CloseReason>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            // The reason is the peer's code, whatever becomes of our answer.
            Poll::Pending | Poll::Ready(Ok(()) | Err(_)) => Poll::Ready(Err(self.finish(CloseReason::Eof))),
        }
    }

    pub(super) fn start_send(&mut self, frame: Frame) -> Result<bool, CloseReason> {
        match self.state {
            State::Open => {}
            State::Closing | State::Broken => return Ok(false),
            State::Ended => return Err(self.finish(CloseReason::Eof)),
        }
        let message = match frame {
            Frame::Text(text) => Message::Text(text),
            Frame::Binary(bytes) => Message::Binary(bytes),
        };
        match Pin::new(&mut self.stream).start_send(message) {
            Ok(()) => Ok(true),
            Err(Error::WriteBufferFull(_)) => Ok(false),
            Err(error) => {
                self.break_off(error);
                Ok(false)
            }
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        match self.state {
            State::Open | State::Closing => {}
            State::Broken => return Poll::Ready(Ok(())),
            State::Ended => return Poll::Ready(Err(self.finish(CloseReason::Eof))),
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) => {
                self.break_off(error);
                cx.waker().wake_by_ref();
                Poll::Ready(Ok(()))
            }
        }
    }

    pub(super) fn start_close(&mut self, code: u16) {
        if self.state != State::Open {
            return;
        }
        self.state = State::Closing;
        let code = CloseCode::from(code);
        let frame = code.is_allowed().then(|| CloseFrame { code, reason: "".into() });
        if let Err(error) = Pin::new(&mut self.stream).start_send(Message::Close(frame)) {
            self.break_off(error);
        }
    }

    pub(super) fn last_heard(&self) -> Timestamp {
        self.stream.get_ref().last_read()
    }

    pub(super) fn take_little(&self) {
        self.stream.get_ref().take_little();
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.stream.get_ref().traffic()
    }

    /// A write failed. What the peer said before, a close code above all, is still worth reading.
    fn break_off(&mut self, error: Error) {
        self.state = State::Broken;
        self.end = Some(reason(error));
    }

    /// Ends with the reason known, else with `otherwise`.
    fn finish(&mut self, otherwise: CloseReason) -> CloseReason {
        self.state = State::Ended;
        self.end.get_or_insert(otherwise).clone()
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("state", &self.state).field("end", &self.end).finish_non_exhaustive()
    }
}

fn closed(frame: Option<CloseFrame>) -> CloseReason {
    const NO_STATUS: u16 = 1005;
    match frame {
        Some(frame) => CloseReason::Code(frame.code.into(), frame.reason.as_str().to_owned()),
        None => CloseReason::Code(NO_STATUS, String::new()),
    }
}

fn reason(error: Error) -> CloseReason {
    match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => CloseReason::Eof,
        Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                CloseReason::Reset
            }
            io::ErrorKind::UnexpectedEof => CloseReason::Eof,
            _ => CloseReason::Io(error.to_string()),
        },
        Error::Protocol(error) => CloseReason::Protocol(error.to_string()),
        Error::Capacity(error) => CloseReason::Protocol(error.to_string()),
        error => CloseReason::Protocol(error.to_string()),
    }
}
