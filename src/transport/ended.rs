//! Why an HTTP connection ended, from what its client says.

use std::error::Error;
use std::io;
use std::time::Duration;
use url::Url;

use super::failure::{failure, io_failure, shown};
use super::tls::rustls_failure;
use super::{CloseReason, ConnectError};
use crate::observe::Word;

/// A stream broke.
pub(super) fn stream(error: &hyper::Error) -> CloseReason {
    match io_error(error) {
        Some(error) => by_kind(error),
        None if error.is_parse() => CloseReason::Protocol(error.to_string()),
        None if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => CloseReason::Eof,
        None => CloseReason::Io(error.to_string()),
    }
}

/// A request to `url` was not answered.
pub(super) fn call(url: &Url, patience: Duration, error: &reqwest::Error) -> CloseReason {
    let place = shown(url);
    if error.is_connect() {
        let told = match (find::<rustls::Error>(error), io_error(error)) {
            (Some(error), _) => rustls_failure(url.host_str().unwrap_or_default(), error).detail,
            (None, Some(error)) => io_failure(Word::TCP, &place, error).detail,
            (None, None) => format!("{place}: {}", root(error)),
        };
        return CloseReason::Io(told);
    }
    if error.is_timeout() {
        return CloseReason::Io(format!("{place}: not answered within {patience:?}"));
    }
    if error.is_redirect() {
        return CloseReason::Protocol(format!("{place}: {}", root(error)));
    }
    match (io_error(error), find::<hyper::Error>(error)) {
        (Some(error), _) => by_kind(error),
        (None, Some(error)) => stream(error),
        (None, None) => CloseReason::Io(format!("{place}: {}", root(error))),
    }
}

/// A request to `url` that something else waits for, in `stage`, was not answered.
pub(super) fn exchange(stage: Word, url: &Url, patience: Duration, error: &reqwest::Error) -> ConnectError {
    let place = shown(url);
    if error.is_timeout() {
        return failure(stage, Word::TIMEOUT, format!("{place}: not answered within {patience:?}"));
    }
    if let Some(error) = find::<rustls::Error>(error) {
        return ConnectError { stage, ..rustls_failure(url.host_str().unwrap_or_default(), error) };
    }
    if let Some(error) = find::<ConnectError>(error) {
        return ConnectError { stage, ..error.clone() };
    }
    match (io_error(error), find::<hyper::Error>(error)) {
        (Some(error), _) => io_failure(stage, &place, error),
        (None, Some(error)) if error.is_parse() => failure(stage, Word::PROTOCOL, format!("{place}: {}", root(error))),
        (None, Some(_)) => failure(stage, Word::EOF, format!("{place}: the peer closed the connection")),
        (None, None) => failure(stage, Word::OTHER, format!("{place}: {}", root(error))),
    }
}

/// Something is beyond the size agreed.
pub(super) fn too_large(what: &str, limit: usize) -> CloseReason {
    CloseReason::Protocol(format!("{what} is larger than {limit} bytes"))
}

/// An opening request got no answer that could be understood.
pub(super) fn unanswered(what: &str, error: &hyper::Error) -> ConnectError {
    if let Some(error) = io_error(error).filter(|error| error.kind() != io::ErrorKind::UnexpectedEof) {
        return io_failure(Word::UPGRADE, what, error);
    }
    let (kind, why) = if error.is_parse_too_large() {
        (Word::PROTOCOL, "the answer's head is too long")
    } else if error.is_parse() {
        (Word::PROTOCOL, "the answer is not HTTP")
    } else {
        (Word::EOF, "the peer closed the connection without an answer, or in the middle of it")
    };
    failure(Word::UPGRADE, kind, format!("{what}: {why}"))
}

fn by_kind(error: &io::Error) -> CloseReason {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            CloseReason::Reset
        }
        io::ErrorKind::UnexpectedEof => CloseReason::Eof,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => CloseReason::Protocol(error.to_string()),
        _ => CloseReason::Io(error.to_string()),
    }
}

/// The errors behind `error`, itself first. What an error of the socket wraps comes after it, though its source does not.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

fn io_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    chain(error).filter_map(|error| error.downcast_ref()).last()
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// The innermost error, which says what happened; those around it name the URL.
fn root(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}
