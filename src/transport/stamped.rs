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
    /// Bytes that were read together with the answer to the opening request; handed out first.
    early: Vec<u8>,
}

/// What passed a connection so far.
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

impl Stamped {
    /// Shrinks the receive buffer as far as the kernel allows.
    pub(super) fn take_little(&self) {
        let socket = match &self.line {
            Line::Plain(tcp) => tcp,
            Line::Tls(tls) => tls.get_ref().0,
        };
        // A socket that refuses keeps its buffer: the reader is slow all the same.
        socket2::SockRef::from(socket).set_recv_buffer_size(1).ok();
    }

    /// Starts counting on `line`.
    pub(super) fn new(line: Line, clock: Clock) -> Self {
        let last_read = clock.now();
        Self { line, clock, last_read, traffic: Traffic::default(), early: Vec::new() }
    }

    /// When the last byte was read; before the first one, when the connection was made.
    pub(super) fn last_read(&self) -> Timestamp {
        self.last_read
    }

    /// What passed so far.
    pub(super) fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Hands `bytes`, already read and counted, to the next reader first.
    pub(super) fn unread(&mut self, bytes: &[u8]) {
        self.early = bytes.to_vec();
    }

    fn serve_early(&mut self, buf: &mut ReadBuf<'_>) {
        let served = self.early.len().min(buf.remaining());
        buf.put_slice(&self.early[..served]);
        self.early.drain(..served);
        if self.early.is_empty() {
            self.early = Vec::new();
        }
    }
}

impl AsyncRead for Stamped {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            self.serve_early(buf);
            return Poll::Ready(Ok(()));
        }
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
