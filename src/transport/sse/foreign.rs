//! Futures and bodies in the form the crate `eventsource-client` asks for: to be shared between threads, though nobody does.

use bytes::Bytes;
use futures_util::Stream;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use launchdarkly_sdk_transport::TransportError;

use crate::transport::tap::Exchange;

/// More than is ever read at once, and so more than may be waiting beside an event of the largest size.
const BESIDE: usize = 64 << 10;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A future that only its owner polls, which is why it may be shared: nobody locks.
pub(super) struct Alone<T>(Mutex<Boxed<T>>);

impl<T> Alone<T> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Mutex::new(Box::pin(future)))
    }
}

impl<T> Future for Alone<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx)
    }
}

/// The body of a stream, for the crate to read; bounded, which the crate is not.
pub(super) struct Body {
    body: Mutex<Exchange>,
    unclaimed: Arc<AtomicUsize>,
    limit: usize,
}

impl Body {
    /// `body`, until more than `limit` bytes are `unclaimed`.
    pub(super) fn new(body: Exchange, unclaimed: Arc<AtomicUsize>, limit: usize) -> Self {
        Self { body: Mutex::new(body), unclaimed, limit }
    }
}

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        let chunk = match ready!(body.poll_chunk(cx)) {
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) => return Poll::Ready(Some(Err(TransportError::new(error)))),
            None => return Poll::Ready(None),
        };
        let unclaimed = self.unclaimed.fetch_add(chunk.len(), Ordering::Relaxed) + chunk.len();
        if unclaimed > self.limit.saturating_add(BESIDE) {
            return Poll::Ready(Some(Err(TransportError::new(Unbounded))));
        }
        Poll::Ready(Some(Ok(chunk)))
    }
}

/// The crate has read more than any event may have and made nothing of it.
#[derive(Debug)]
pub(super) struct Unbounded;

impl fmt::Display for Unbounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event is too large")
    }
}

impl std::error::Error for Unbounded {}
