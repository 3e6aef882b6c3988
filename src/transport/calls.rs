//! Requests beside a stream, and those of long polling: each is sent, answered in whole, and told.
//!
//! The client is reqwest's, one for each connection, so that one user's requests share keep-alive connections with
//! nobody else's. It is made with the first request.

use bytes::{Bytes, BytesMut};
use futures_util::stream::{FuturesUnordered, StreamExt};
use reqwest::header::HeaderMap;
use reqwest::{Client, Request, StatusCode};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::caller::{Caller, Opened};
use super::ended;
use super::refusal::retry_after;
use super::stamped::Traffic;
use super::{CloseReason, Frame, Received};
use crate::time::{Clock, Timestamp};
use crate::wire::{Answer, Call, Response};

/// Requests under way at once before more are refused; polls, of which each room has one, are none of them.
const AT_ONCE: usize = 64;

/// How long a request may take, answer and all: servers hold a poll for half a minute or so.
const PATIENCE: Duration = Duration::from_secs(90);

/// A request under way.
struct UnderWay {
    waits: bool,
    answer: Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

/// An answer, when it was complete, and what passed for it.
struct Outcome {
    answer: Answer,
    at: Timestamp,
    traffic: Traffic,
}

impl Future for UnderWay {
    type Output = Outcome;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.answer.as_mut().poll(cx)
    }
}

/// The requests of one connection.
pub(super) struct Calls {
    caller: Arc<Caller>,
    /// The target's number.
    url: usize,
    clock: Clock,
    opened: Option<Opened>,
    under_way: FuturesUnordered<UnderWay>,
    /// Some have not been polled yet, so they have not left either.
    unsent: bool,
    done: VecDeque<Outcome>,
    last_heard: Timestamp,
    traffic: Traffic,
}

impl Calls {
    /// Requests to the target's address number `url`.
    pub(super) fn new(caller: Arc<Caller>, url: usize, clock: Clock) -> Self {
        Self {
            caller,
            url,
            opened: None,
            under_way: FuturesUnordered::new(),
            unsent: false,
            done: VecDeque::new(),
            last_heard: clock.now(),
            traffic: Traffic::default(),
            clock,
        }
    }

    /// Takes a request on, to be sent with the next flush; `false` when too many are under way.
    pub(super) fn start(&mut self, call: &Call) -> bool {
        if !call.waits && self.busy() >= AT_ONCE {
            return false;
        }
        match self.exchange(call) {
            Ok(exchange) => {
                self.under_way.push(UnderWay { waits: call.waits, answer: Box::pin(exchange.run()) });
            }
            Err(reason) => {
                let answer = Answer { reference: call.reference, outcome: Err(reason) };
                self.done.push_back(Outcome { answer, at: self.clock.now(), traffic: Traffic::default() });
            }
        }
        self.unsent = true;
        true
    }

    /// Requests that are not answered yet, or whose answer nobody has fetched; without polls.
    fn busy(&self) -> usize {
        self.under_way.iter().filter(|call| !call.waits).count() + self.done.len()
    }

    fn exchange(&mut self, call: &Call) -> Result<Exchange, CloseReason> {
        let request = self.caller.request(self.url, call)?;
        let client = match &self.opened {
            Some(opened) => opened.client.clone(),
            None => self.opened.insert(self.caller.open(self.url)?).client.clone(),
        };
        let (limit, clock) = (self.caller.limit, self.clock.clone());
        Ok(Exchange { request, client, reference: call.reference, limit, clock })
    }

    /// Sends what was taken on.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) {
        if std::mem::take(&mut self.unsent) {
            while let Poll::Ready(Some(outcome)) = self.under_way.poll_next_unpin(cx) {
                self.done.push_back(outcome);
            }
            if !self.done.is_empty() {
                cx.waker().wake_by_ref();
            }
        }
    }

    /// The next answer; `None` when nothing is under way.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Received>> {
        let outcome = match self.done.pop_front() {
            Some(outcome) => Some(outcome),
            None => ready!(self.under_way.poll_next_unpin(cx)),
        };
        Poll::Ready(outcome.map(|Outcome { answer, at, traffic }| {
            if answer.outcome.is_ok() {
                self.last_heard = at;
            }
            self.traffic.add(traffic);
            Received { frame: Frame::Answer(Box::new(answer)), at }
        }))
    }

    /// Gives up polls that wait for their answer: nobody wants to hear it. What was said to the server is still seen
    /// through.
    pub(super) fn give_up_polls(&mut self) {
        let under_way = std::mem::take(&mut self.under_way);
        self.under_way = under_way.into_iter().filter(|call| !call.waits).collect();
        self.unsent = true;
    }

    /// When the last answer was complete; before the first one, when the connection was made.
    pub(super) fn last_heard(&self) -> Timestamp {
        self.last_heard
    }

    /// What passed since the last call, bodies only.
    pub(super) fn take_traffic(&mut self) -> Traffic {
        std::mem::take(&mut self.traffic)
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").field("under_way", &self.under_way.len()).finish_non_exhaustive()
    }
}

/// One request on its way to an answer.
struct Exchange {
    request: Request,
    client: Client,
    reference: u64,
    limit: usize,
    clock: Clock,
}

impl Exchange {
    async fn run(self) -> Outcome {
        let Self { mut request, client, reference, limit, clock } = self;
        *request.timeout_mut() = Some(PATIENCE);
        let url = request.url().clone();
        let written = request.body().and_then(|body| body.as_bytes()).map_or(0, <[u8]>::len) as u64;
        let mut traffic = Traffic { written, writes: 1, ..Traffic::default() };
        let outcome = match answered(&client, request, limit, &mut traffic).await {
            Ok((status, headers, body)) => {
                Ok(Response { status: status.as_u16(), body, retry_after: retry_after(&headers) })
            }
            Err(Broken::Http(error)) => Err(ended::call(&url, PATIENCE, &error)),
            Err(Broken::TooLarge) => Err(ended::too_large("an answer", limit)),
        };
        Outcome { answer: Answer { reference, outcome }, at: clock.now(), traffic }
    }
}

/// Why there is no whole answer.
pub(super) enum Broken {
    Http(reqwest::Error),
    TooLarge,
}

impl From<reqwest::Error> for Broken {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error)
    }
}

/// The answer to `request`: its status, its headers, and all of its body.
pub(super) async fn answered(
    client: &Client,
    request: Request,
    limit: usize,
    traffic: &mut Traffic,
) -> Result<(StatusCode, HeaderMap, Bytes), Broken> {
    let mut response = client.execute(request).await?;
    let mut body = Bytes::new();
    while let Some(piece) = response.chunk().await? {
        traffic.reads += 1;
        traffic.read += piece.len() as u64;
        if body.len() + piece.len() > limit {
            return Err(Broken::TooLarge);
        }
        body = if body.is_empty() { piece } else { joined(body, &piece) };
    }
    Ok((response.status(), std::mem::take(response.headers_mut()), body))
}

fn joined(start: Bytes, more: &[u8]) -> Bytes {
    let mut all = BytesMut::from(start);
    all.extend_from_slice(more);
    all.freeze()
}
