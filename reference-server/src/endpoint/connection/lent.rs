//! A client's stream while HTTP has it: comes back when HTTP lets it go, so that its end can be chosen. What is to follow
//! an upgrade is written together with it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
};

use crate::metered::Metered;

/// How the head of an answer begins after which there is no HTTP any more.
const SWITCHING: &[u8] = b"HTTP/1.1 101 ";

/// See the module.
pub(in crate::endpoint) struct Lent {
    stream: Option<Metered>,
    /// Nothing was written yet: what is written next is the head of an answer.
    fresh: bool,
    /// The head of an answer that lets the client speak another protocol: it waits for what is said first in that.
    held: Vec<u8>,
    giver: Option<oneshot::Sender<Metered>>,
}

impl Lent {
    /// Lends a stream, and says where it comes back.
    pub(super) fn new(stream: Metered) -> (Self, oneshot::Receiver<Metered>) {
        let (giver, returned) = oneshot::channel();
        (Self { stream: Some(stream), fresh: true, held: Vec::new(), giver: Some(giver) }, returned)
    }

    /// The stream, for good: it has become something else than HTTP.
    pub(in crate::endpoint) fn keep(mut self) -> Option<Metered> {
        let mut stream = self.stream.take()?;
        stream.put_ahead(std::mem::take(&mut self.held));
        Some(stream)
    }

    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut Metered>> {
        // It is gone only from one that is consumed.
        self.get_mut().stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(giver), Some(stream)) = (self.giver.take(), self.stream.take()) {
            // Nobody may want it: then it is closed.
            drop(giver.send(stream));
        }
    }
}

impl AsyncRead for Lent {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Lent {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if std::mem::take(&mut this.fresh) && bytes.starts_with(SWITCHING) {
            this.held = bytes.to_vec();
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(this).stream()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match parts.first() {
            // Whether it is held is decided there. It is one piece, and nothing comes behind it.
            Some(head) if self.fresh && head.starts_with(SWITCHING) => self.poll_write(context, head),
            _ => {
                let this = self.get_mut();
                this.fresh = false;
                Pin::new(this).stream()?.poll_write_vectored(context, parts)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(Metered::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}
