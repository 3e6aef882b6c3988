//! `/conformance/echo`: everything comes back through the same codec, for conformance suites. Only where faults are
//! offered; nobody has to prove who they are, and frames may come as fast as they like. `?max_message=BYTES` sets the
//! limit of this connection.

use std::rc::Rc;

use hyper::{Request, StatusCode, body::Incoming};

use super::{Answer, ws};
use crate::{session::echo, worker::Worker};

/// Largest message a query may ask for.
const MOST: usize = 64 * 1024 * 1024;

/// Whether this is for here.
pub(super) fn is_meant(worker: &Worker, path: &str) -> bool {
    path == "/conformance/echo" && worker.shared.faults.is_some()
}

/// Answers one request.
pub(super) fn answer(worker: &Rc<Worker>, request: Request<Incoming>) -> Answer {
    let asked = request.uri().query().and_then(max_message);
    let limit = asked.unwrap_or(worker.shared.config.limits.message);
    if !(125..=MOST).contains(&limit) {
        return ws::refused(worker, StatusCode::BAD_REQUEST, "max_message is 125 to 67108864");
    }
    ws::upgrade(worker, request, move |worker, stream, read| echo::run(worker, stream, read, limit))
}

fn max_message(query: &str) -> Option<usize> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("max_message="))?;
    Some(value.parse().unwrap_or(0))
}
