//! A client's connection before anything is known of it: refused when there are too many, TLS where that is wanted,
//! then HTTP/1.1 or, by ALPN, HTTP/2. Everything here has a time limit.

use std::{
    convert::Infallible,
    os::fd::AsRawFd,
    pin::{Pin, pin},
    rc::Rc,
    task::Poll,
    time::Duration,
};

use hyper::{
    Request,
    body::Incoming,
    server::conn::{http1, http2},
    service::{Service, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

use super::Answer;
use crate::{peer::Line, stream::Stream, tls, worker::Worker};

/// Headers of a request.
const HEADERS: usize = 64;
/// Bytes of a request's head; more is 431.
const HEAD_BYTES: usize = 16 * 1024;
/// Requests at once over one connection of HTTP/2.
const STREAMS: u32 = 128;
/// Refusals under way; what comes then is closed without one.
const REFUSALS: usize = 32;
/// How long a refused client may take to read why.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// The answer when there is no room for another connection.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n\
    content-length: 20\r\nretry-after: 1\r\nconnection: close\r\n\r\nToo Many Connections";

/// Serves a connection, on the worker's thread.
pub(crate) fn serve(worker: &Rc<Worker>, stream: TcpStream) {
    // Descriptors are given lowest first: a high one means that all below are in use, by whichever instance.
    if stream.as_raw_fd() >= worker.shared.last_descriptor {
        return refuse(worker, stream);
    }
    // Replies must not wait for more: what belongs together is written together.
    let _best_effort = stream.set_nodelay(true);
    let worker = Rc::clone(worker);
    match worker.shared.tls.clone() {
        None => tokio::task::spawn_local(one(worker, Stream::Plain(stream))),
        Some(acceptor) => tokio::task::spawn_local(encrypted(worker, acceptor, stream)),
    };
}

async fn encrypted(worker: Rc<Worker>, acceptor: TlsAcceptor, stream: TcpStream) {
    let limit = worker.shared.config.limits.header_timeout;
    // Errors here are the client's: it does not speak TLS, not with us, or not in time.
    let Ok(Ok(stream)) = tokio::time::timeout(limit, acceptor.accept(stream)).await else { return };
    let two = stream.get_ref().1.alpn_protocol() == Some(tls::H2);
    let stream = Stream::Tls(Box::new(stream));
    if two { Box::pin(self::two(worker, stream)).await } else { Box::pin(one(worker, stream)).await }
}

/// HTTP/1.1, out of which a WebSocket may come.
async fn one(worker: Rc<Worker>, stream: Stream) {
    let limit = worker.shared.config.limits.header_timeout;
    let line = Rc::<Line>::default();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limit)
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service(&worker, &line))
        .with_upgrades();
    carry(&worker, &line, connection, |connection| connection.graceful_shutdown()).await;
}

/// Answers requests, whichever version of HTTP they come by.
fn service(
    worker: &Rc<Worker>,
    line: &Rc<Line>,
) -> impl Service<Request<Incoming>, Response = Answer, Error = Infallible, Future: 'static> + use<> {
    let (worker, line) = (Rc::clone(worker), Rc::clone(line));
    service_fn(move |request| {
        let (worker, line) = (Rc::clone(&worker), Rc::clone(&line));
        async move { Ok(super::answer(&worker, &line, request).await) }
    })
}

/// Runs a connection to its end: the client's, a cut, or, once the instance goes away, that of the answers under way.
async fn carry<C: Future>(worker: &Worker, line: &Line, connection: C, stop: impl FnOnce(Pin<&mut C>)) {
    let mut connection = pin!(connection);
    let cut = || std::future::poll_fn(|context| if line.is_cut(context) { Poll::Ready(()) } else { Poll::Pending });
    tokio::select! {
        // Errors here are the client's: a reset, a timeout, something that is not HTTP.
        _client_gone = connection.as_mut() => return,
        () = cut() => return,
        () = worker.drains() => stop(connection.as_mut()),
    }
    tokio::select! {
        _client_gone = connection => {}
        () = cut() => {}
    }
}

/// HTTP/2: streams of events share one connection. A client that says nothing is asked whether it is still there.
async fn two(worker: Rc<Worker>, stream: Stream) {
    let config = &worker.shared.config;
    let (interval, timeout) = (config.ping_interval, config.ping_timeout);
    let line = Rc::<Line>::default();
    let connection = http2::Builder::new(Local)
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES as u32)
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(interval)
        .keep_alive_timeout(timeout)
        .serve_connection(TokioIo::new(stream), service(&worker, &line));
    carry(&worker, &line, connection, |connection| connection.graceful_shutdown()).await;
}

/// Runs what HTTP/2 needs to run on the worker's own thread.
#[derive(Clone, Copy)]
struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move { drop(future.await) });
    }
}

/// Says that there is no room, and closes. TLS would cost more than there is: those clients just see the end.
fn refuse(worker: &Rc<Worker>, mut stream: TcpStream) {
    worker.stats.refused.add(1);
    let under_way = Rc::clone(&worker.refusals);
    if Rc::strong_count(&under_way) > REFUSALS || worker.shared.tls.is_some() {
        return;
    }
    tokio::task::spawn_local(async move {
        let farewell = async {
            stream.write_all(FULL).await?;
            stream.shutdown().await?;
            // A close over unread bytes would be a reset, which could overtake the answer.
            let mut nothing = [0; 512];
            while stream.read(&mut nothing).await? > 0 {}
            std::io::Result::Ok(())
        };
        // Gone or out of time: either way it is over.
        let _over = tokio::time::timeout(REFUSAL_TIME, farewell).await;
        drop(under_way);
    });
}
