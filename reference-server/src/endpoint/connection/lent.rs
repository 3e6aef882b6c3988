//! A client's stream while HTTP has it: comes back when HTTP lets it go, so that its end can be chosen.

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

/// See the module.
pub(in crate::endpoint) struct Lent {
    stream: Option<Metered>,
    giver: Option<oneshot::Sender<Metered>>,
}

impl Lent {
    /// Lends a stream, and says where it comes back.
    pub(super) fn new(stream: Metered) -> (Self, oneshot::Receiver<Metered>) {
        let (giver, returned) = oneshot::channel();
        (Self { stream: Some(stream), giver: Some(giver) }, returned)
    }

    /// The stream, for good: it has become something else than HTTP.
    pub(in crate::endpoint) fn keep(mut self) -> Option<Metered> {
        self.stream.take()
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
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(context, parts)
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
