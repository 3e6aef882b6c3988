//! What the codec is given in place of a socket: bytes that are there already, and a line that may be written to.
//!
//! The codec (tungstenite's) wants blocking calls; these say that they would block, and the task is woken when they
//! would not.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;

use super::stamped::Stamped;

/// Bytes for the codec to read. It writes nowhere: what it has to say stays in it until the next flush.
pub(super) struct Fed<'a>(pub(super) &'a [u8]);

impl Read for Fed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() { blocks() } else { self.0.read(into) }
    }
}

impl Write for Fed<'_> {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        blocks()
    }

    fn flush(&mut self) -> io::Result<()> {
        blocks()
    }
}

/// A line for the codec to write to, for the time of one poll.
pub(super) struct Outlet<'a, 'cx>(pub(super) &'a mut Stamped, pub(super) &'a mut Context<'cx>);

impl Read for Outlet<'_, '_> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        blocks()
    }
}

impl Write for Outlet<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        blocking(Pin::new(&mut *self.0).poll_write(self.1, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        blocking(Pin::new(&mut *self.0).poll_flush(self.1))
    }
}

/// What a blocking call says in place of waiting.
fn blocking<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => blocks(),
    }
}

fn blocks<T>() -> io::Result<T> {
    Err(io::ErrorKind::WouldBlock.into())
}
