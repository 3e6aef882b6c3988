//! A client's connection before anything is known of it: refused when there are too many, TLS where that is wanted,
//! then HTTP/1.1 or, by ALPN, HTTP/2. Everything here has a time limit.

mod lent;
mod lines;
mod refusal;

use std::{
    convert::Infallible,
    os::fd::AsRawFd,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::Poll,
};

use hyper::{
    Request,
    body::Incoming,
    server::conn::{http1, http2},
    service::{Service, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpStream, sync::oneshot};
use tokio_rustls::TlsAcceptor;

pub(super) use self::lent::Lent;
use self::{
    lines::{Lines, Local},
    refusal::refuse,
};
use super::Answer;
use crate::{
    faults::How,
    metered::Metered,
    peer::{Line, Severed},
    stream::Stream,
    time, tls,
    worker::Worker,
};

/// Headers of a request.
const HEADERS: usize = 64;
/// Bytes of a request's head; more is 431.
const HEAD_BYTES: usize = 16 * 1024;
/// Requests at once over one connection of HTTP/2.
const STREAMS: u32 = 128;

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
    let (lent, mut returned) = lend(&worker, stream);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limit)
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(lent, service(&worker, &Lines::new(&line)))
        .with_upgrades();
    carry(&worker, &line, connection, |connection| connection.graceful_shutdown()).await;
    if let (Some(severed), Some(stream)) = (line.take_severed(), returned.try_recv().ok()) {
        // Boxed: hardly any connection ends this way, and all would carry what it needs.
        Box::pin(sever(&worker, stream, severed)).await;
    }
}

/// HTTP/2: streams of events share one connection. A client that says nothing is asked whether it is still there.
async fn two(worker: Rc<Worker>, stream: Stream) {
    let config = &worker.shared.config;
    let (interval, timeout) = (config.ping_interval, config.ping_timeout);
    let line = Rc::<Line>::default();
    let lines = Lines::new(&line);
    let connection = http2::Builder::new(Local::new(&worker, &lines))
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES as u32)
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(interval)
        .keep_alive_timeout(timeout)
        .serve_connection(lend(&worker, stream).0, service(&worker, &lines));
    carry(&worker, &line, connection, |connection| connection.graceful_shutdown()).await;
}

fn lend(worker: &Worker, stream: Stream) -> (TokioIo<Lent>, oneshot::Receiver<Metered>) {
    let (lent, returned) = Lent::new(Metered::new(stream, Arc::clone(&worker.stats), time::micros()));
    (TokioIo::new(lent), returned)
}

/// Answers requests, whichever version of HTTP they come by.
fn service(
    worker: &Rc<Worker>,
    lines: &Lines,
) -> impl Service<Request<Incoming>, Response = Answer, Error = Infallible, Future: 'static> + use<> {
    let (worker, lines) = (Rc::clone(worker), lines.clone());
    service_fn(move |request| {
        let (worker, lines) = (Rc::clone(&worker), lines.clone());
        async move { Ok(super::answer(&worker, &lines.current(), request).await) }
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

/// Ends a connection, which HTTP has let go of, as it is wanted.
async fn sever(worker: &Worker, mut stream: Metered, severed: Severed) {
    match severed {
        Severed::Slow => {}
        Severed::Lost => stream.forget(),
        Severed::Asked(user, cut) => {
            let how = cut.how;
            stream.hang_up(how);
            worker.has_cut(&user, cut);
            if how == How::Fin {
                stream.run_out(time::as_micros(worker.shared.config.drain.close_grace)).await;
            }
        }
    }
}
