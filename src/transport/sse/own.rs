//! Our own engine: the body goes through the decoder of `event_stream`.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::{Sse, Stream, framed, opening};
use crate::time::Clock;
use crate::transport::caller::Caller;
use crate::transport::calls::Calls;
use crate::transport::ended;
use crate::transport::event_stream::{Decoder, TooLarge};
use crate::transport::failure::shown;
use crate::transport::request::{headers_of, http_url};
use crate::transport::stages::Progress;
use crate::transport::tap::Exchange;
use crate::transport::{CloseReason, ConnectError, Connected, Connection};
use crate::wire::{Frame, Opening};

/// Opens a stream of the target's address number `url`.
pub(super) async fn connect(
    caller: Arc<Caller>,
    url: usize,
    opening: Opening,
    clock: Clock,
    calls: Calls,
) -> Result<Connected, ConnectError> {
    let target = caller.target(url);
    let mut progress = Progress::new(&clock);
    let opened = opening::open(&caller, target, &opening, &mut progress);
    let Ok(opened) = tokio::time::timeout(caller.timeout, opened).await else {
        return Err(progress.timed_out(caller.timeout, &shown(&http_url(target, &opening))));
    };
    let opening::Answered { head, body, lease } = opened?;
    let tap = Arc::clone(body.tap());
    let events = Events { body, decoder: Decoder::new(caller.limit), limit: caller.limit };
    let stream = Stream { tap, events: super::Events::Own(Box::new(events)), event: opening.event, _source: lease };
    let sse = Sse::new(stream, calls);
    let headers = headers_of(head.headers());
    Ok(Connected { connection: Connection::Sse(Box::new(sse)), stages: progress.into_stages(), headers })
}

/// The events of one stream.
pub(super) struct Events {
    body: Exchange,
    decoder: Decoder,
    limit: usize,
}

impl Events {
    /// The next event, as a frame.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>, wanted: Option<&str>) -> Poll<Result<Frame, CloseReason>> {
        loop {
            match self.decoder.next() {
                Ok(Some(event)) => return Poll::Ready(Ok(framed(&event.name, event.data, wanted))),
                Ok(None) => {}
                Err(TooLarge) => return Poll::Ready(Err(ended::too_large("an event", self.limit))),
            }
            match ready!(self.body.poll_chunk(cx)) {
                Some(Ok(chunk)) => self.decoder.feed(chunk),
                Some(Err(error)) => return Poll::Ready(Err(ended::stream(&error))),
                None => return Poll::Ready(Err(CloseReason::Eof)),
            }
        }
    }

    pub(super) fn retry(&self) -> Option<Duration> {
        self.decoder.retry()
    }

    pub(super) fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }
}
