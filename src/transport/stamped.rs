//! The stream under the codec: plain or TLS, stamped at every read.
//!
//! The codec yields several messages per read, so the moment of arrival is only known here.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::time::{Clock, Timestamp};

/// What carries the bytes. TLS is boxed: a plain connection does not pay for its state.
pub(super) enum Line {
    /// TCP.
    Plain(TcpStream),
    /// TLS over TCP.
    Tls(Box<TlsStream<TcpStream>>),
}

macro_rules! on_line {
    ($self:ident, $stream:ident => $call:expr) => {
        match &mut $self.get_mut().line {
            Line::Plain($stream) => $call,
            Line::Tls($stream) => $call,
        }
    };
}

/// A line that notes when it was last read and counts what passes.
pub(super) struct Stamped {
    line: Line,
    clock: Clock,
    last_read: Timestamp,
    traffic: Traffic,
}

/// What passed a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
    /// Successful reads.
    pub reads: u64,
    /// Successful writes.
    pub writes: u64,
}

impl Traffic {
    /// Adds what passed another connection, or this one at another time.
    pub fn add(&mut self, more: Self) {
        self.read += more.read;
        self.written += more.written;
        self.reads += more.reads;
        self.writes += more.writes;
    }
}

impl Stamped {
    /// Shrinks the receive buffer as far as the kernel allows.
    pub(super) fn take_little(&self) {
        // A socket that refuses keeps its buffer: the reader is slow all the same.
        self.socket().set_recv_buffer_size(1).ok();
    }

    /// Has the kernel reset the connection when it is dropped.
    pub(super) fn reset_when_dropped(&self) {
        // A socket that refuses is ended in good order: the connection is gone all the same.
        self.socket().set_linger(Some(std::time::Duration::ZERO)).ok();
    }

    fn socket(&self) -> socket2::SockRef<'_> {
        socket2::SockRef::from(match &self.line {
            Line::Plain(tcp) => tcp,
            Line::Tls(tls) => tls.get_ref().0,
        })
    }

    /// Starts counting on `line`.
    pub(super) fn new(line: Line, clock: Clock) -> Self {
        let last_read = clock.now();
        Self { line, clock, last_read, traffic: Traffic::default() }
    }

    /// When the last byte was read; before the first one, when the connection was made.
    pub(super) fn last_read(&self) -> Timestamp {
        self.last_read
    }

    /// What passed since the last call.
    pub(super) fn take_traffic(&mut self) -> Traffic {
        std::mem::take(&mut self.traffic)
    }
}

impl AsyncRead for Stamped {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let this = self.as_mut();
        let result = on_line!(this, stream => Pin::new(stream).poll_read(cx, buf));
        let got = buf.filled().len() - before;
        if got > 0 {
            self.last_read = self.clock.now();
            self.traffic.read += got as u64;
            self.traffic.reads += 1;
        }
        result
    }
}

impl AsyncWrite for Stamped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.as_mut();
        let result = on_line!(this, stream => Pin::new(stream).poll_write(cx, bytes));
        if let Poll::Ready(Ok(taken)) = result {
            self.traffic.written += taken as u64;
            self.traffic.writes += 1;
        }
        result
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_line!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_line!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
