//! The engine of the crate `eventsource-client`: its requests, its redirects, its parser, over our lines.
//!
//! Its own reconnecting is off: when a client comes back is decided in one place for all transports, where its law is the
//! policy `eventsource-client`.

use bytes::Bytes;
use eventsource_client::{BoxStream, Client, ClientBuilder, Error, ReconnectOptions, SSE};
use futures_util::StreamExt;
use hyper::{Request, Response};
use launchdarkly_sdk_transport::{HttpTransport, ResponseFuture, TransportError};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use url::Url;

use super::foreign::{Alone, Body, Unbounded};
use super::opening::{Answered, USUAL, ask, refusal};
use super::{Sse, Stream, framed};
use crate::observe::Word;
use crate::time::Clock;
use crate::transport::caller::Caller;
use crate::transport::calls::Calls;
use crate::transport::ended;
use crate::transport::failure::{failure, shown};
use crate::transport::request::{headers_of, host, http_url, request_headers};
use crate::transport::source::Lease;
use crate::transport::stages::Progress;
use crate::transport::tap::Tap;
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
    let asked = http_url(caller.target(url), &opening);
    let headers = request_headers(&asked, &USUAL, &opening, &caller.headers)?;
    let road = Road::new(&caller, opening.client, &clock);
    let mut events = client(&asked, &headers, road.clone())?.stream();
    let opened = async {
        match events.next().await {
            Some(Ok(SSE::Connected(_))) => Ok(()),
            Some(Err(error)) => Err(road.refusal(&asked, error).await),
            Some(Ok(_)) | None => Err(road.refusal(&asked, Error::Eof).await),
        }
    };
    match tokio::time::timeout(caller.timeout, opened).await {
        Ok(opened) => opened?,
        Err(_) => {
            drop(events);
            return Err(road.progress.lock().await.timed_out(caller.timeout, &shown(&asked)));
        }
    }
    let Some(Found { head, tap, lease }) = road.found() else {
        return Err(failure(Word::UPGRADE, Word::OTHER, format!("{}: connected without a request", shown(&asked))));
    };
    let stages = std::mem::replace(&mut *road.progress.lock().await, Progress::new(&clock)).into_stages();
    let events =
        Events { events, unclaimed: road.unclaimed, retry: None, last_event_id: String::new(), limit: caller.limit };
    let stream = Stream { tap, events: super::Events::Crated(events), event: opening.event, _source: lease };
    let sse = Sse::new(stream, calls);
    Ok(Connected { connection: Connection::Sse(Box::new(sse)), stages, headers: headers_of(head.headers()) })
}

fn client(asked: &Url, headers: &[(String, String)], road: Road) -> Result<impl Client + use<>, ConnectError> {
    let unfit = |error: Error| failure(Word::UPGRADE, Word::HANDSHAKE, format!("{}: {error}", shown(asked)));
    let mut builder = ClientBuilder::for_url(asked.as_str()).map_err(unfit)?;
    let implied = host(asked);
    for (name, value) in headers.iter().filter(|(name, value)| !(name == "Host" && *value == implied)) {
        builder = builder.header(name, value).map_err(unfit)?;
    }
    let once = ReconnectOptions::reconnect(false).retry_initial(false).build();
    Ok(builder.reconnect(once).build_with_transport(road))
}

/// The last answer the crate got.
struct Found {
    head: Response<()>,
    tap: Arc<Tap>,
    lease: Option<Lease>,
}

/// How the crate's requests travel, and what they found.
#[derive(Clone)]
struct Road {
    caller: Arc<Caller>,
    /// Whose they are.
    client: u32,
    progress: Arc<tokio::sync::Mutex<Progress>>,
    found: Arc<Mutex<Option<Found>>>,
    /// Bytes given to the crate since it last made something of them.
    unclaimed: Arc<AtomicUsize>,
}

impl Road {
    fn new(caller: &Arc<Caller>, client: u32, clock: &Clock) -> Self {
        let progress = Arc::new(tokio::sync::Mutex::new(Progress::new(clock)));
        Self { caller: Arc::clone(caller), client, progress, found: Arc::default(), unclaimed: Arc::default() }
    }

    fn found(&self) -> Option<Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn answer(self, request: Request<Option<Bytes>>) -> Result<(Response<()>, Body), ConnectError> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| {
            failure(Word::UPGRADE, Word::PROTOCOL, "redirected to a place without a host, which this client needs")
        })?;
        let target = self.caller.lines.target(url.clone());
        let target = target.map_err(|error| failure(Word::UPGRADE, Word::PROTOCOL, error.to_string()))?;
        let mut headers = headers_of(request.headers());
        if !headers.iter().any(|(name, _)| name == "host") {
            headers.insert(0, ("host".to_owned(), host(&url)));
        }
        let mut progress = self.progress.lock().await;
        let Answered { head, body, lease } =
            ask(&self.caller, (&target, self.client), &url, &headers, &mut progress).await?;
        let found = Found { head: head.clone(), tap: Arc::clone(body.tap()), lease };
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok((head, Body::new(body, self.unclaimed, self.caller.limit)))
    }

    /// What went wrong before there was a stream.
    async fn refusal(&self, asked: &Url, error: Error) -> ConnectError {
        let protocol = |why: &str| failure(Word::UPGRADE, Word::PROTOCOL, format!("{}: {why}", shown(asked)));
        match error {
            Error::UnexpectedResponse(_, body) => match self.found() {
                Some(found) => refusal(asked, &found.head, &mut body.into_stream()).await,
                None => protocol("refused"),
            },
            Error::Transport(error) => match error.inner().downcast_ref::<ConnectError>() {
                Some(error) => error.clone(),
                None => protocol(&error.to_string()),
            },
            Error::MalformedLocationHeader(_) => protocol("redirected to what this client takes for no URL"),
            other => protocol(&other.to_string()),
        }
    }
}

impl HttpTransport for Road {
    fn request(&self, request: Request<Option<Bytes>>) -> ResponseFuture {
        let answer = self.clone().answer(request);
        Box::pin(Alone::new(async move {
            let (head, body) = answer.await.map_err(TransportError::new)?;
            Ok(head.map(|()| Box::pin(body) as _))
        }))
    }
}

/// The events of one stream.
pub(super) struct Events {
    events: BoxStream<Result<SSE, Error>>,
    unclaimed: Arc<AtomicUsize>,
    retry: Option<Duration>,
    last_event_id: String,
    limit: usize,
}

impl Events {
    /// The next event, as a frame.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>, wanted: Option<&str>) -> Poll<Result<Frame, CloseReason>> {
        loop {
            match ready!(self.events.poll_next_unpin(cx)) {
                Some(Ok(SSE::Event(event))) => {
                    self.unclaimed.store(0, Ordering::Relaxed);
                    self.retry = event.retry.map(Duration::from_millis).or(self.retry);
                    if let Some(id) = event.id {
                        self.last_event_id = id;
                    }
                    return Poll::Ready(Ok(framed(&event.event_type, event.data.into(), wanted)));
                }
                Some(Ok(SSE::Comment(_) | SSE::Connected(_))) => self.unclaimed.store(0, Ordering::Relaxed),
                Some(Err(error)) => return Poll::Ready(Err(self.reason(&error))),
                None => return Poll::Ready(Err(CloseReason::Eof)),
            }
        }
    }

    pub(super) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    pub(super) fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    fn reason(&self, error: &Error) -> CloseReason {
        match error {
            Error::Eof | Error::UnexpectedEof => CloseReason::Eof,
            Error::Transport(error) if error.inner().is::<Unbounded>() => ended::too_large("an event", self.limit),
            Error::Transport(error) => match error.inner().downcast_ref() {
                Some(error) => ended::stream(error),
                None => CloseReason::Io(error.to_string()),
            },
            Error::InvalidLine(_) | Error::InvalidEvent => CloseReason::Protocol(error.to_string()),
            other => CloseReason::Io(other.to_string()),
        }
    }
}
