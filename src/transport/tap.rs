//! A line under an HTTP client that stays within reach: its stamps, its traffic and its socket.
//!
//! The client (hyper's) owns what it reads from, and hands the chunks it reads to the body through a channel of its own.
//! Both are polled by one task, so only the socket has to wake that task; what they have to tell each other is noted
//! and acted on before the poll ends. Without that, each chunk would cost the task one poll more.

use bytes::Bytes;
use futures_util::Stream;
use http_body_util::Empty;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::rt::ReadBufCursor;
use hyper::{Request, Response};
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::stamped::{Stamped, Traffic};
use crate::time::Timestamp;

/// The largest head of an answer, and the most that is read at once.
const MAX_BUFFER: usize = 64 << 10;

/// Bytes taken from the kernel at once.
const TAKEN: usize = 16 << 10;

/// The line, shared by the client that reads it and the connection that asks about it.
pub(super) struct Tap {
    // Never contended: all who hold it are polled by one task.
    state: Mutex<State>,
    /// Client and body have something to tell each other.
    nudged: AtomicBool,
}

struct State {
    line: Stamped,
    /// Who polls, and is to be woken by the socket.
    task: Waker,
}

impl Tap {
    /// When the last byte was read.
    pub(super) fn last_read(&self) -> Timestamp {
        self.state().line.last_read()
    }

    /// What passed since the last call.
    pub(super) fn take_traffic(&self) -> Traffic {
        self.state().line.take_traffic()
    }

    /// Shrinks the socket's receive buffer as far as the kernel allows.
    pub(super) fn take_little(&self) {
        self.state().line.take_little();
    }

    /// Has the kernel reset the connection when it is dropped.
    pub(super) fn reset_when_dropped(&self) {
        self.state().line.reset_when_dropped();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_line<T>(&self, poll: impl FnOnce(Pin<&mut Stamped>, &mut Context<'_>) -> T) -> T {
        let state = &mut *self.state();
        poll(Pin::new(&mut state.line), &mut Context::from_waker(&state.task))
    }
}

impl Wake for Tap {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.nudged.store(true, Ordering::Relaxed);
    }
}

/// What the client is given to read from and to write to.
struct Reached(Arc<Tap>);

impl hyper::rt::Read for Reached {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, mut into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let mut room = [MaybeUninit::uninit(); TAKEN];
        let most = into.remaining().min(TAKEN);
        let mut taken = ReadBuf::uninit(&mut room[..most]);
        let polled = self.0.with_line(|line, cx| line.poll_read(cx, &mut taken));
        into.put_slice(taken.filled());
        polled
    }
}

impl hyper::rt::Write for Reached {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.with_line(|line, cx| line.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.with_line(|line, cx| line.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.with_line(|line, cx| line.poll_shutdown(cx))
    }
}

/// An answer whose body is being read.
pub(super) struct Exchange {
    tap: Arc<Tap>,
    nudge: Waker,
    /// Gone when it has ended.
    connection: Option<Connection<Reached, Empty<Bytes>>>,
    /// Dropping it would tell the connection that nothing more is wanted.
    _sender: SendRequest<Empty<Bytes>>,
    body: Incoming,
}

impl Exchange {
    /// Sends `request` over `line` and waits for the head of the answer.
    pub(super) async fn start(line: Stamped, request: Request<Empty<Bytes>>) -> hyper::Result<(Response<()>, Self)> {
        let state = Mutex::new(State { line, task: Waker::noop().clone() });
        let tap = Arc::new(Tap { state, nudged: AtomicBool::new(false) });
        let nudge = Waker::from(Arc::clone(&tap));
        let shaken = Builder::new().max_buf_size(MAX_BUFFER).handshake(Reached(Arc::clone(&tap))).await?;
        let (mut sender, connection) = shaken;
        let mut connection = Some(connection);
        let mut answer = pin!(sender.send_request(request));
        let answer = poll_fn(|cx| drive(&tap, &nudge, &mut connection, cx.waker(), |cx| answer.as_mut().poll(cx)));
        let (head, body) = answer.await?.into_parts();
        Ok((Response::from_parts(head, ()), Self { tap, nudge, connection, _sender: sender, body }))
    }

    /// The line it comes over.
    pub(super) fn tap(&self) -> &Arc<Tap> {
        &self.tap
    }

    /// The next chunk of the body; `None` at its end.
    pub(super) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Bytes>>> {
        let Self { tap, nudge, connection, body, .. } = self;
        drive(tap, nudge, connection, cx.waker(), |cx| {
            loop {
                match Pin::new(&mut *body).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        // Trailers are of no interest.
                        if let Ok(chunk) = frame.into_data() {
                            return Poll::Ready(Some(Ok(chunk)));
                        }
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
    }
}

impl Stream for Exchange {
    type Item = hyper::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_chunk(cx)
    }
}

/// Polls `wanted`, and the connection it depends on, until there is nothing left to do before the socket is ready.
fn drive<T>(
    tap: &Arc<Tap>,
    nudge: &Waker,
    connection: &mut Option<Connection<Reached, Empty<Bytes>>>,
    task: &Waker,
    mut wanted: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    tap.state().task.clone_from(task);
    let mut inner = Context::from_waker(nudge);
    loop {
        if let Poll::Ready(ready) = wanted(&mut inner) {
            return Poll::Ready(ready);
        }
        tap.nudged.store(false, Ordering::Relaxed);
        let Some(open) = connection else { return Poll::Pending };
        if Pin::new(open).poll(&mut inner).is_ready() {
            // What went wrong, the answer or the body tells.
            *connection = None;
            tap.nudged.store(true, Ordering::Relaxed);
        }
        if !tap.nudged.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
    }
}
