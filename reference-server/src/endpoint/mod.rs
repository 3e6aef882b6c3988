//! What an instance answers over HTTP: WebSocket upgrades on its own port, health and metrics on the admin port.

mod admin;
pub(crate) mod health;
mod query;
pub(crate) mod ws;

use std::{convert::Infallible, rc::Rc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode, header, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use crate::worker::Worker;

/// How long a client may take to send its request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

type Answer = Response<Full<Bytes>>;

/// Serves HTTP on a connection, on the worker's thread.
pub(crate) fn serve(worker: &Rc<Worker>, stream: TcpStream) {
    let worker = Rc::clone(worker);
    tokio::task::spawn_local(async move {
        // Replies must not wait for more: what belongs together is written together.
        let _best_effort = stream.set_nodelay(true);
        let service = service_fn(move |request| {
            let answer = ws::answer(&worker, request);
            std::future::ready(Ok::<_, Infallible>(answer))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_headers(64)
            .max_buf_size(16 * 1024)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        // Errors here are the client's: a reset, a timeout, something that is not HTTP.
        let _client_gone = connection.await;
    });
}

fn refuse(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
