//! What an instance answers over HTTP: WebSocket upgrades on its own port, health and metrics on the admin port.

mod admin;
mod conformance;
mod connection;
pub(crate) mod health;
mod query;
pub(crate) mod ws;

use std::rc::Rc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, StatusCode, body::Incoming, header};

pub(crate) use self::connection::serve;
use crate::worker::Worker;

type Answer = Response<Full<Bytes>>;

/// Answers one request, whichever version of HTTP it came by.
fn answer(worker: &Rc<Worker>, request: Request<Incoming>) -> Answer {
    if conformance::is_meant(worker, request.uri().path()) {
        return conformance::answer(worker, request);
    }
    ws::answer(worker, request)
}

fn refuse(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
