//! A connection's TCP stream under the codec, where system calls and bytes can be counted and the time of the last byte
//! be taken when it really came.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{stats::WorkerStats, time};

/// How long a connection that is a black hole is kept after its death.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// Counts system calls and bytes, and knows when the last byte came.
pub(crate) struct Metered {
    stream: TcpStream,
    stats: Arc<WorkerStats>,
    last_read: u64,
}

impl Metered {
    pub(crate) fn new(stream: TcpStream, stats: Arc<WorkerStats>, now: u64) -> Self {
        Self { stream, stats, last_read: now }
    }

    /// When the last byte came.
    pub(crate) fn last_read(&self) -> u64 {
        self.last_read
    }

    /// The socket itself.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.stream
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
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.stats.reads.add(1);
        let count = buffer.filled().len() - before;
        if count > 0 {
            self.stats.bytes_in.add(count as u64);
            self.last_read = time::micros();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.stats.writes.add(1);
        self.stats.bytes_out.add(count as u64);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
