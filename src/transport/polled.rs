//! A line as the codec wants to see it: calls that would block say so, and the task is woken when they would not.
//!
//! What the kernel has is taken at once, into a buffer that is on the stack and therefore warm, whoever reads; the
//! codec's own buffer, one per connection, can then be small. What the codec leaves goes back to the line.

use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::stamped::Stamped;

/// Bytes taken from the kernel at once.
const TAKEN: usize = 16 << 10;

/// Room for what is taken at once.
pub(super) type Taken = [MaybeUninit<u8>; TAKEN];

/// Room for what is taken at once, empty.
pub(super) const fn room() -> Taken {
    [MaybeUninit::uninit(); TAKEN]
}

/// A line lent to the codec for the time of one poll.
pub(super) struct Polled<'a, 'cx> {
    line: &'a mut Stamped,
    cx: &'a mut Context<'cx>,
    taken: ReadBuf<'a>,
    /// How much of `taken` the codec has had.
    given: usize,
}

impl<'a, 'cx> Polled<'a, 'cx> {
    /// Lends `line`, with `room` to read into.
    pub(super) fn new(line: &'a mut Stamped, cx: &'a mut Context<'cx>, room: &'a mut [MaybeUninit<u8>]) -> Self {
        Self { line, cx, taken: ReadBuf::uninit(room), given: 0 }
    }

    /// Gives back what the codec left.
    pub(super) fn finish(self) {
        let left = &self.taken.filled()[self.given..];
        if !left.is_empty() {
            self.line.unread(left);
        }
    }
}

/// What a blocking call says in place of waiting.
fn blocking<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Read for Polled<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let early = self.line.read_early(into);
        if early > 0 {
            return Ok(early);
        }
        if self.given == self.taken.filled().len() {
            self.taken.clear();
            self.given = 0;
            blocking(Pin::new(&mut *self.line).poll_read(self.cx, &mut self.taken))?;
        }
        let left = &self.taken.filled()[self.given..];
        let size = left.len().min(into.len());
        into[..size].copy_from_slice(&left[..size]);
        self.given += size;
        Ok(size)
    }
}

impl Write for Polled<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        blocking(Pin::new(&mut *self.line).poll_write(self.cx, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        blocking(Pin::new(&mut *self.line).poll_flush(self.cx))
    }
}

/// No line: what is written stays in the codec until the next flush.
pub(super) struct Nowhere;

impl Read for Nowhere {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Nowhere {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}
