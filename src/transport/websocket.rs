//! An open RFC 6455 connection: frames in, frames out, and why it ended.
//!
//! How it comes about stands in `connect`. The codec is tungstenite's, driven by polls of the one task that owns the
//! connection, with small buffers and a bounded one for writing; nothing here waits: a peer that takes no bytes makes
//! [`WebSocket::start_send`] refuse.

use std::fmt;
use std::io;
use std::task::{Context, Poll, Waker};
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig, WebSocketContext};

use super::polled::{Nowhere, Polled, room};
use super::source::Lease;
use super::stamped::{Stamped, Traffic};
use super::{CloseReason, Frame, Received};
use crate::time::Timestamp;

/// An open connection.
pub struct WebSocket {
    line: Stamped,
    codec: WebSocketContext,
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
    /// The connection on `line` after the upgrade, from the local address that `source` keeps taken.
    pub(super) fn new(line: Stamped, config: WebSocketConfig, source: Option<Lease>) -> Self {
        let codec = WebSocketContext::new(Role::Client, Some(config));
        Self { line, codec, end: None, state: State::Open, _source: source }
    }

    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, CloseReason>> {
        if self.state == State::Ended {
            return Poll::Ready(Err(self.finish(CloseReason::Eof)));
        }
        if self.state == State::Closing
            && let Poll::Ready(Err(reason)) = self.poll_flush(cx)
        {
            return Poll::Ready(Err(reason));
        }
        let mut room = room();
        loop {
            let mut line = Polled::new(&mut self.line, cx, &mut room);
            let read = self.codec.read(&mut line);
            line.finish();
            let message = match read {
                Ok(message) => message,
                Err(error) if would_block(&error) => {
                    return match self.state {
                        State::Broken => Poll::Ready(Err(self.finish(CloseReason::Eof))),
                        _ => Poll::Pending,
                    };
                }
                Err(error) => return Poll::Ready(Err(self.finish(reason(error)))),
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
            return Poll::Ready(Ok(Received { frame, at: self.line.last_read() }));
        }
    }

    /// Writes the answer to the peer's close frame as far as the socket takes it, and ends.
    fn answer_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, CloseReason>> {
        // The reason is the peer's code, whatever becomes of our answer.
        let (Ok(()) | Err(_)) = self.codec.flush(&mut Polled::new(&mut self.line, cx, &mut []));
        Poll::Ready(Err(self.finish(CloseReason::Eof)))
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
        let mut written = self.codec.write(&mut Nowhere, message);
        if let Err(Error::WriteBufferFull(message)) = written {
            // Whoever waits for the socket is the task that polls us, and it flushes after this anyway.
            let mut nobody = Context::from_waker(Waker::noop());
            written = match self.codec.flush(&mut Polled::new(&mut self.line, &mut nobody, &mut [])) {
                Err(error) if !would_block(&error) => Err(error),
                Ok(()) | Err(_) => self.codec.write(&mut Nowhere, *message),
            };
        }
        match written {
            Ok(()) => Ok(true),
            // It is in the codec, and waits for the next flush.
            Err(error) if would_block(&error) => Ok(true),
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
        match self.codec.flush(&mut Polled::new(&mut self.line, cx, &mut [])) {
            Ok(()) | Err(Error::ConnectionClosed) => Poll::Ready(Ok(())),
            Err(error) if would_block(&error) => Poll::Pending,
            Err(error) => {
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
        match self.codec.close(&mut Nowhere, frame) {
            Err(error) if !would_block(&error) => self.break_off(error),
            Ok(()) | Err(_) => {}
        }
    }

    pub(super) fn last_heard(&self) -> Timestamp {
        self.line.last_read()
    }

    pub(super) fn take_traffic(&mut self) -> Traffic {
        self.line.take_traffic()
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

fn would_block(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
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
