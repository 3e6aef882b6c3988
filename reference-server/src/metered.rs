//! A connection's stream, under HTTP and then under the codec, where reads, writes and bytes can be counted, the time of the last byte be
//! taken when it really came, and a message without end be noticed.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{faults::How, stats::WorkerStats, stream::Stream, time};

/// How long a connection that is a black hole is kept after its death.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// What is gathered at most before it is written.
const GATHERED: usize = 8 * 1024;

/// See the module.
pub(crate) struct Metered {
    stream: Stream,
    stats: Arc<WorkerStats>,
    last_read: u64,
    /// Goes out with what is written next, or with the next flush: a system call less. Gone once it is written.
    ahead: Vec<u8>,
    /// What is written waits for more.
    gathering: bool,
    /// Bytes that may still come before the codec has to have made a message of them.
    allowance: u64,
}

/// More bytes than the largest message can need, and still no message: fragments without end.
#[derive(Debug, thiserror::Error)]
#[error("a message without end")]
pub(crate) struct Endless;

impl Metered {
    pub(crate) fn new(stream: Stream, stats: Arc<WorkerStats>, now: u64) -> Self {
        Self { stream, stats, last_read: now, ahead: Vec::new(), gathering: false, allowance: u64::MAX }
    }

    /// Writes these bytes with those that are written next, or flushed.
    pub(crate) fn put_ahead(&mut self, bytes: Vec<u8>) {
        self.ahead = bytes;
    }

    /// Whether what is written from now on waits for what comes behind it, or for a flush. It waits here and not in the
    /// codec, whose buffer would keep for good the size of the longest burst.
    pub(crate) fn gather(&mut self, gathering: bool) {
        self.gathering = gathering;
    }

    /// Writes what is to be written first, with the begin of `bytes` as far as it fits; how many of them.
    fn poll_write_ahead(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let parts = [io::IoSlice::new(&self.ahead), io::IoSlice::new(bytes)];
            let count = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, &parts))?;
            self.wrote(count);
            if count >= self.ahead.len() {
                return Poll::Ready(Ok(count - std::mem::take(&mut self.ahead).len()));
            }
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.ahead.drain(..count);
        }
    }

    fn wrote(&self, count: usize) {
        self.stats.writes.add(1);
        self.stats.bytes_out.add(count as u64);
    }

    /// Lets so many bytes more through.
    pub(crate) fn allow(&mut self, bytes: u64) {
        self.allowance = bytes;
    }

    /// When the last byte came.
    pub(crate) fn last_read(&self) -> u64 {
        self.last_read
    }

    /// The socket itself.
    pub(crate) fn tcp(&self) -> &TcpStream {
        self.stream.tcp()
    }

    /// Reads past the codec and the counters into nothing; ready at the end of the stream.
    pub(crate) fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut nothing = [MaybeUninit::uninit(); 1024];
        loop {
            let mut buffer = ReadBuf::uninit(&mut nothing);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }

    /// Keeps the socket, unheard, until the client goes; at most for [`FORGOTTEN`].
    pub(crate) fn forget(mut self) {
        tokio::task::spawn_local(async move {
            let gone = std::future::poll_fn(|context| self.poll_discard(context));
            let _cut = tokio::time::timeout(FORGOTTEN, gone).await;
        });
    }

    /// Ends the stream without a word, as far as that can be done at once: a reset comes with the drop, and behind the
    /// end of the stream the client may go on talking; see [`Self::run_out`].
    pub(crate) fn hang_up(&self, how: How) {
        let socket = SockRef::from(self.tcp());
        // Fails only if the client was faster.
        let _gone = match how {
            How::Rst => socket.set_linger(Some(Duration::ZERO)),
            _ => socket.shutdown(std::net::Shutdown::Write),
        };
    }

    /// Reads past what still comes, for `grace` microseconds at most: a reset, as a drop over unread bytes is, could
    /// overtake the end of the stream.
    pub(crate) async fn run_out(&mut self, grace: u64) {
        let end = std::future::poll_fn(|context| self.poll_discard(context));
        let _cut = tokio::time::timeout_at(time::deadline(time::micros() + grace), end).await;
    }

    /// Whether a read would find something, the end included.
    pub(crate) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_read_ready(context)
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.allowance == 0 {
            return Poll::Ready(Err(io::Error::other(Endless)));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.stats.reads.add(1);
        let count = buffer.filled().len() - before;
        if count > 0 {
            self.stats.bytes_in.add(count as u64);
            self.last_read = time::micros();
            self.allowance = self.allowance.saturating_sub(count as u64);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.gathering && self.ahead.len() + bytes.len() <= GATHERED {
            self.ahead.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        if !self.ahead.is_empty() {
            match ready!(self.poll_write_ahead(context, bytes))? {
                0 if !bytes.is_empty() => {}
                count => return Poll::Ready(Ok(count)),
            }
        }
        let count = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.wrote(count);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.ahead.is_empty() {
            ready!(self.poll_write_ahead(context, &[]))?;
        }
        let count = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, parts))?;
        self.wrote(count);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            ready!(self.poll_write_ahead(context, &[]))?;
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            ready!(self.poll_write_ahead(context, &[]))?;
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
