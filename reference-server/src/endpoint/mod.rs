//! What an instance answers over HTTP: WebSocket upgrades on its own port, health and metrics on the admin port.

mod admin;
mod api;
mod body;
pub(crate) mod health;
mod query;
pub(crate) mod ws;

use std::{convert::Infallible, pin::pin, rc::Rc, task::Poll, time::Duration};

use bytes::Bytes;
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderName},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use self::body::Body;
use crate::{peer::Line, worker::Worker};

/// How long a client may take to send its request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Which instance answered; for load testers and for people.
const INSTANCE: HeaderName = HeaderName::from_static("x-wsbench-instance");

type Answer = Response<Body>;

/// Serves HTTP on a connection, on the worker's thread.
pub(crate) fn serve(worker: &Rc<Worker>, stream: TcpStream) {
    let worker = Rc::clone(worker);
    tokio::task::spawn_local(async move {
        // Replies must not wait for more: what belongs together is written together.
        let _best_effort = stream.set_nodelay(true);
        let line = Rc::<Line>::default();
        let service = service_fn(|request| {
            let (worker, line) = (Rc::clone(&worker), Rc::clone(&line));
            async move { Ok::<_, Infallible>(answer(&worker, &line, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_headers(64)
            .max_buf_size(16 * 1024)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let cut = std::future::poll_fn(|context| if line.is_cut(context) { Poll::Ready(()) } else { Poll::Pending });
        tokio::select! {
            // Errors here are the client's: a reset, a timeout, something that is not HTTP.
            _client_gone = connection.as_mut() => return,
            () = cut => return,
            () = worker.drains() => connection.as_mut().graceful_shutdown(),
        }
        let cut = std::future::poll_fn(|context| if line.is_cut(context) { Poll::Ready(()) } else { Poll::Pending });
        tokio::select! {
            _client_gone = connection => {}
            () = cut => {}
        }
    });
}

async fn answer(worker: &Rc<Worker>, line: &Rc<Line>, request: Request<Incoming>) -> Answer {
    if request.uri().path().starts_with(api::PREFIX) {
        // Boxed: most connections come for an upgrade, and should not carry what they do not need.
        return Box::pin(api::answer(worker, line, request)).await;
    }
    ws::answer(worker, request)
}

fn refuse(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = Response::new(Body::from(Bytes::from_static(body.as_bytes())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
