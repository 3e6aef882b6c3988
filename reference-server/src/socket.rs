//! A WebSocket with its one owner: reads, writes, pings and timers of a connection in a single poll, so that nothing
//! is handed between tasks. Everything that waits is fed to the codec and written at once.

mod codec;
mod farewell;
#[cfg(test)]
mod fuzz;

use std::{
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio::time::Sleep;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Error, Message, Utf8Bytes, protocol::Role},
};

use crate::{metered::Metered, peer::Peer, stats::WorkerStats, time};

/// Frames handed up before what waits is written.
const READ_SLICE: u32 = 32;

/// See the module.
pub(crate) struct Socket {
    stream: WebSocketStream<Metered>,
    peer: Rc<Peer>,
    stats: Arc<WorkerStats>,
    sleep: Pin<Box<Sleep>>,
    wakes_at: u64,
    /// The timer has been polled since it was set: it will wake us, there is no need to poll it again.
    armed: bool,
    reading: bool,
    /// The codec may hold frames it has read already.
    buffered: bool,
    ping_due: bool,
    unflushed: bool,
    /// Says and hears nothing any more.
    muted: bool,
    slice: u32,
    /// Bytes in which a message must be whole.
    allowance: u64,
}

/// What happened on a connection.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A text frame.
    Text(Utf8Bytes),
    /// A binary frame.
    Binary(Bytes),
    /// A ping, which is answered already, or a pong.
    Control,
    /// The peer's state has changed: see [`Peer::take_signal`].
    Signal,
    /// The time given to [`Socket::wake_at`] has come.
    Timer,
    /// Nothing more will come.
    Ended(End),
}

/// Why nothing more will come.
#[derive(Debug)]
pub(crate) enum End {
    /// The closing handshake is done, or the peer is gone.
    Gone,
    /// The peer broke a rule and is to be told by this close code.
    Fault(u16, &'static str),
}

impl Socket {
    pub(crate) async fn new(
        mut metered: Metered,
        read_already: Bytes,
        peer: Rc<Peer>,
        stats: Arc<WorkerStats>,
        max_message: usize,
    ) -> Self {
        let config = codec::config(max_message);
        let now = time::micros();
        metered.allow(codec::allowance(max_message));
        // Copied, so that the handshake's larger buffer does not live on as this connection's.
        let read_already = read_already.to_vec();
        let stream = WebSocketStream::from_partially_read(metered, read_already, Role::Server, Some(config)).await;
        let sleep = Box::pin(tokio::time::sleep_until(time::deadline(now)));
        Self {
            stream,
            peer,
            stats,
            sleep,
            wakes_at: u64::MAX,
            armed: false,
            reading: true,
            buffered: true,
            ping_due: false,
            // The answer to the handshake may wait to be written with the first frames, or without any.
            unflushed: true,
            muted: false,
            slice: 0,
            allowance: codec::allowance(max_message),
        }
    }

    /// The next thing that happens. Meanwhile, what waits is written.
    pub(crate) async fn next(&mut self) -> Happening {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// Sets the only timer; `u64::MAX` for none.
    pub(crate) fn wake_at(&mut self, at: u64) {
        if at != self.wakes_at {
            self.wakes_at = at;
            if at != u64::MAX {
                self.sleep.as_mut().reset(time::deadline(at));
                self.armed = false;
            }
        }
    }

    /// Stops or goes on reading.
    pub(crate) fn set_reading(&mut self, reading: bool) {
        self.reading = reading;
    }

    /// Sends a ping as soon as possible.
    pub(crate) fn ping(&mut self) {
        self.ping_due = true;
    }

    /// When the last byte came.
    pub(crate) fn last_read(&self) -> u64 {
        self.stream.get_ref().last_read()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Happening> {
        self.peer.register(context);
        if self.peer.take_signal() {
            return Poll::Ready(Happening::Signal);
        }
        if self.muted {
            return self.poll_muted(context);
        }
        if self.slice < READ_SLICE
            && let Poll::Ready(happening) = self.poll_read(context)
        {
            self.slice += 1;
            return Poll::Ready(happening);
        }
        if std::mem::take(&mut self.slice) >= READ_SLICE {
            // There may be more to read: come back after writing.
            context.waker().wake_by_ref();
        }
        if let Poll::Ready(Err(_)) = self.poll_write(context) {
            return Poll::Ready(Happening::Ended(End::Gone));
        }
        self.poll_timer(context)
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<Happening> {
        if self.wakes_at == u64::MAX || (self.armed && !self.sleep.is_elapsed()) {
            return Poll::Pending;
        }
        self.armed = true;
        ready!(self.sleep.as_mut().poll(context));
        self.wakes_at = u64::MAX;
        Poll::Ready(Happening::Timer)
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Happening> {
        while self.reading {
            if !self.buffered {
                // Most polls are there to write. The codec would clear its whole read buffer to find nothing.
                if ready!(self.stream.get_ref().poll_read_ready(context)).is_err() {
                    return Poll::Ready(Happening::Ended(End::Gone));
                }
                self.buffered = true;
            }
            let Poll::Ready(read) = Pin::new(&mut self.stream).poll_next(context) else {
                self.buffered = false;
                return Poll::Pending;
            };
            let happening = match read {
                Some(Ok(Message::Text(text))) => Happening::Text(text),
                Some(Ok(Message::Binary(bytes))) => Happening::Binary(bytes),
                // Pings and closes are answered by the codec with the next flush; after a close the stream ends.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                    self.unflushed = true;
                    return Poll::Ready(Happening::Control);
                }
                Some(Ok(_)) => {
                    self.unflushed = true;
                    continue;
                }
                Some(Err(error)) => Happening::Ended(codec::fault(&error)),
                None => Happening::Ended(End::Gone),
            };
            if matches!(happening, Happening::Text(_) | Happening::Binary(_)) {
                self.stats.frames_in.add(1);
                let allowance = self.allowance;
                self.stream.get_mut().allow(allowance);
            }
            return Poll::Ready(happening);
        }
        Poll::Pending
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            ready!(Pin::new(&mut self.stream).poll_ready(context))?;
            let message = if std::mem::take(&mut self.ping_due) {
                Message::Ping(Bytes::new())
            } else if let Some(outgoing) = self.peer.next() {
                self.stats.deliveries.add(u64::from(outgoing.delivery));
                Message::Text(outgoing.frame)
            } else {
                break;
            };
            self.stats.frames_out.add(1);
            self.unflushed = true;
            let more = self.peer.has_waiting();
            self.stream.get_mut().gather(more);
            Pin::new(&mut self.stream).start_send(message)?;
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Sends a message past the queue, and waits until it is written.
    pub(crate) async fn say(&mut self, message: Message) -> Result<(), Error> {
        std::future::poll_fn(|context| self.poll_write(context)).await?;
        self.stats.frames_out.add(1);
        Pin::new(&mut self.stream).start_send(message)?;
        std::future::poll_fn(|context| Pin::new(&mut self.stream).poll_flush(context)).await
    }
}
