//! What an instance answers over HTTP: WebSocket upgrades on its own port, health and metrics on the admin port.

mod admin;
mod api;
mod body;
mod conformance;
mod connection;
pub(crate) mod health;
mod query;
pub(crate) mod ws;

use std::rc::Rc;

use bytes::Bytes;
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderName},
};

use self::body::Body;
pub(crate) use self::connection::serve;
use crate::{peer::Line, worker::Worker};

/// Which instance answered; for load testers and for people.
const INSTANCE: HeaderName = HeaderName::from_static("x-wsbench-instance");

/// The boot id of the machine, as in `welcome`: whether a client may compare stamps with its own clock.
const CLOCK: HeaderName = HeaderName::from_static("x-wsbench-clock");

/// How long silence may be, as in `welcome`.
const PING_INTERVAL: HeaderName = HeaderName::from_static("x-wsbench-ping-interval-ms");

type Answer = Response<Body>;

/// Answers one request, whichever version of HTTP it came by.
async fn answer(worker: &Rc<Worker>, line: &Rc<Line>, request: Request<Incoming>) -> Answer {
    if request.uri().path().starts_with(api::PREFIX) {
        // Boxed: most connections come for an upgrade, and should not carry what they do not need.
        return Box::pin(api::answer(worker, line, request)).await;
    }
    if conformance::is_meant(worker, request.uri().path()) {
        return conformance::answer(worker, request);
    }
    ws::answer(worker, request)
}

fn refuse(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = Response::new(Body::from(Bytes::from_static(body.as_bytes())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
