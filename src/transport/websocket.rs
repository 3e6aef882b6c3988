//! An open RFC 6455 connection: frames in, frames out, and why it ended.
//!
//! How it comes about stands in `connect`. Whole messages are read by the `inlet`; everything else is the codec's
//! (tungstenite), driven by polls of the one task that owns the connection, with a bounded buffer for writing. Nothing
//! here waits: a peer that takes no bytes makes [`WebSocket::start_send`] refuse.

use std::fmt;
use std::io;
use std::task::{Context, Poll, Waker};
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig, WebSocketContext};

use super::codec::{Fed, Outlet};
use super::inlet::{Inlet, Piece};
use super::source::Lease;
use super::stamped::{Stamped, Traffic};
use super::{CloseReason, Frame, Received};
use crate::time::Timestamp;

/// An open connection.
pub struct WebSocket {
    line: Stamped,
    inlet: Inlet,
    state: State,
    /// The codec may hold something to write.
    unflushed: bool,
    codec: WebSocketContext,
    /// Why it ended or will end, once that is known.
    end: Option<CloseReason>,
    _source: Option<Lease>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// We asked for the end and wait for the peer to close.
    Closing,
    /// A write failed; what the peer said before that is still to be read. It may have come to the socket without the
    /// runtime knowing: so often more it is asked.
    Broken(u8),
    Ended,
}

/// How often the runtime looks at a broken socket before nothing more is expected of it: once may have been before the
/// failure.
const LOOKS: u8 = 2;

impl WebSocket {
    /// The connection on `line` after the upgrade, of which `early` was read already, from the local address that
    /// `source` keeps taken.
    pub(super) fn new(line: Stamped, early: Vec<u8>, config: WebSocketConfig, source: Option<Lease>) -> Self {
        let inlet = Inlet::new(early, config.max_message_size.unwrap_or(usize::MAX));
        let codec = WebSocketContext::new(Role::Client, Some(config));
        Self { line, inlet, state: State::Open, unflushed: false, codec, end: None, _source: source }
    }

    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, CloseReason>> {
        if self.state == State::Ended {
            return Poll::Ready(Err(self.finish(CloseReason::Eof)));
        }
        loop {
            let read = match self.inlet.poll_next(&mut self.line, cx) {
                Poll::Pending => return self.nothing_to_read(cx),
                Poll::Ready(read) => read,
            };
            let message = match read {
                // Behind a close frame nothing counts; behind a write that failed, what was under way does.
                Ok(Some(Piece::Message(frame))) if self.end.is_none() || self.has_broken() => {
                    return self.received(frame);
                }
                Ok(None | Some(Piece::Message(_))) => return Poll::Ready(Err(self.finish(CloseReason::Eof))),
                Err(error) => return Poll::Ready(Err(self.finish(reason(Error::Io(error))))),
                Ok(Some(Piece::ForCodec(bytes))) => match self.codec.read(&mut Fed(&bytes)) {
                    Ok(message) => message,
                    Err(error) if would_block(&error) => continue,
                    Err(error) => return Poll::Ready(Err(self.finish(reason(error)))),
                },
            };
            let frame = match message {
                Message::Text(text) => Frame::Text(text),
                Message::Binary(bytes) => Frame::Binary(bytes),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {
                    // The codec has the pong ready.
                    self.unflushed = true;
                    continue;
                }
                Message::Close(frame) => {
                    self.end = Some(closed(frame));
                    if self.state == State::Closing {
                        // The server closes the socket first, so that it keeps the TIME_WAIT.
                        continue;
                    }
                    return self.answer_close(cx);
                }
            };
            return self.received(frame);
        }
    }

    fn received(&self, frame: Frame) -> Poll<Result<Received, CloseReason>> {
        Poll::Ready(Ok(Received { frame, at: self.line.last_read() }))
    }

    /// Writes what answers control frames before the wait for more.
    fn nothing_to_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, CloseReason>> {
        if !self.has_broken()
            && let Poll::Ready(Err(end)) = self.poll_flush(cx)
        {
            return Poll::Ready(Err(end));
        }
        match self.state {
            State::Broken(0) => Poll::Ready(Err(self.finish(CloseReason::Eof))),
            State::Broken(looks) => {
                self.state = State::Broken(looks - 1);
                wake_after_a_look(cx);
                Poll::Pending
            }
            State::Open | State::Closing | State::Ended => Poll::Pending,
        }
    }

    /// Writes the answer to the peer's close frame as far as the socket takes it, and ends.
    fn answer_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, CloseReason>> {
        // The reason is the peer's code, whatever becomes of our answer.
        let (Ok(()) | Err(_)) = self.codec.flush(&mut Outlet(&mut self.line, cx));
        Poll::Ready(Err(self.finish(CloseReason::Eof)))
    }

    pub(super) fn start_send(&mut self, frame: Frame) -> Result<bool, CloseReason> {
        match self.state {
            State::Open => {}
            State::Closing | State::Broken(_) => return Ok(false),
            State::Ended => return Err(self.finish(CloseReason::Eof)),
        }
        let message = match frame {
            Frame::Text(text) => Message::Text(text),
            Frame::Binary(bytes) => Message::Binary(bytes),
            // A socket carries messages; requests go over HTTP.
            Frame::Beside(_) | Frame::Call(_) | Frame::Answer(_) => return Ok(false),
        };
        self.unflushed = true;
        let mut written = self.codec.write(&mut Fed(&[]), message);
        if let Err(Error::WriteBufferFull(message)) = written {
            // Whoever waits for the socket is the task that polls us, and it flushes after this anyway.
            let mut nobody = Context::from_waker(Waker::noop());
            written = match self.codec.flush(&mut Outlet(&mut self.line, &mut nobody)) {
                Err(error) if !would_block(&error) => Err(error),
                Ok(()) | Err(_) => self.codec.write(&mut Fed(&[]), *message),
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
            State::Broken(_) => return Poll::Ready(Ok(())),
            State::Ended => return Poll::Ready(Err(self.finish(CloseReason::Eof))),
        }
        if !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        match self.codec.flush(&mut Outlet(&mut self.line, cx)) {
            Ok(()) | Err(Error::ConnectionClosed) => {
                self.unflushed = false;
                Poll::Ready(Ok(()))
            }
            Err(error) if would_block(&error) => Poll::Pending,
            Err(error) => {
                self.break_off(error);
                wake_after_a_look(cx);
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
        self.unflushed = true;
        match self.codec.close(&mut Fed(&[]), frame) {
            Err(error) if !would_block(&error) => self.break_off(error),
            Ok(()) | Err(_) => {}
        }
    }

    /// Whether a write has failed: nobody knows what became of what was handed over and not known to be written.
    pub(super) fn has_broken(&self) -> bool {
        matches!(self.state, State::Broken(_))
    }

    pub(super) fn last_heard(&self) -> Timestamp {
        self.line.last_read()
    }

    pub(super) fn take_little(&self) {
        self.line.take_little();
    }

    pub(super) fn reset_when_dropped(&self) {
        self.line.reset_when_dropped();
    }

    pub(super) fn take_traffic(&mut self) -> Traffic {
        self.line.take_traffic()
    }

    /// A write failed. What the peer said before, a close code above all, is still worth reading.
    fn break_off(&mut self, error: Error) {
        self.state = State::Broken(LOOKS);
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

/// Has the task polled again when the runtime has looked at its sockets: a plain wake would be earlier.
fn wake_after_a_look(cx: &mut Context<'_>) {
    let mut look = std::pin::pin!(tokio::task::yield_now());
    if look.as_mut().poll(cx).is_ready() {
        cx.waker().wake_by_ref();
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
