//! The WebSocket handshake: everything that can be refused is refused before the upgrade, with a status that says why.

use std::{borrow::Cow, rc::Rc};

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
    upgrade::OnUpgrade,
};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    Answer, Body, INSTANCE,
    connection::Lent,
    query::{parameter, percent_decode},
    refuse,
};
use crate::{
    auth::{self, Admission},
    history::{Epoch, Position},
    metered::Metered,
    protocol,
    session::{self, Visitor},
    worker::Worker,
};

/// Answers one request.
pub(crate) fn answer(worker: &Rc<Worker>, request: Request<Incoming>) -> Answer {
    match admit(worker, &request) {
        Ok(visitor) => upgrade(worker, request, |worker, stream, read| session::run(worker, stream, read, visitor)),
        Err((status, body)) => refused(worker, status, body),
    }
}

/// Answers with 101 if that is what the request asks for, and has `run` run the connection.
pub(super) fn upgrade<F: Future<Output = ()> + 'static>(
    worker: &Rc<Worker>,
    mut request: Request<Incoming>,
    run: impl FnOnce(Rc<Worker>, Metered, Bytes) -> F + 'static,
) -> Answer {
    let upgrade = hyper::upgrade::on(&mut request);
    match accept_key(request.headers()).and_then(|accept| room_for_another(worker).map(|()| accept)) {
        Ok(accept) => {
            welcome(worker, upgrade, run);
            worker.stats.accepted.add(1);
            switch_protocols(worker, accept)
        }
        Err((status, body)) => refused(worker, status, body),
    }
}

pub(super) fn refused(worker: &Worker, status: StatusCode, body: &'static str) -> Answer {
    worker.stats.refused.add(1);
    refuse(status, body)
}

type Refusal = (StatusCode, &'static str);

fn admit(worker: &Worker, request: &Request<Incoming>) -> Result<Visitor, Refusal> {
    let home = room_of(request.uri().path())?;
    if request.method() != Method::GET {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"));
    }
    let shared = &worker.shared;
    let token = request.uri().query().and_then(token_of);
    let user = match shared.authenticator.admit(token.as_deref()) {
        Admission::Proved(user) => Some(user),
        Admission::FirstMessage => None,
        Admission::Refused => return Err((StatusCode::UNAUTHORIZED, "Unauthorized")),
    };
    let origin = request.headers().get(header::ORIGIN).map(|value| value.to_str().unwrap_or(""));
    if !auth::origin_allowed(origin, &shared.config.allow_origin) {
        return Err((StatusCode::FORBIDDEN, "Origin Not Allowed"));
    }
    let from = request.uri().query().and_then(position_of);
    Ok(Visitor { user, home, from })
}

fn room_for_another(worker: &Worker) -> Result<(), Refusal> {
    let shared = &worker.shared;
    if shared.is_draining() {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "Going Away"));
    }
    if shared.stats.connections() >= shared.max_connections as i64 {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "Too Many Connections"));
    }
    Ok(())
}

/// The room in a path: `None` for `/ws`.
fn room_of(path: &str) -> Result<Option<String>, Refusal> {
    if path == "/ws" {
        return Ok(None);
    }
    let not_found = (StatusCode::NOT_FOUND, "Not Found");
    let room = path.strip_prefix("/ws/rooms/").ok_or(not_found)?;
    match percent_decode(room) {
        Some(room) if protocol::is_room_name(&room) => Ok(Some(room.into_owned())),
        _ => Err((StatusCode::BAD_REQUEST, "Bad Room Name")),
    }
}

/// The token in a query; what cannot be decoded is one that will not verify.
fn token_of(query: &str) -> Option<Cow<'_, str>> {
    parameter(query, "token")
}

/// Where a query says the client has come to in the room of the path.
fn position_of(query: &str) -> Option<Position> {
    let offset = parameter(query, "off")?.parse().ok()?;
    let epoch = Epoch::parse(parameter(query, "ep")?.as_bytes())?;
    Some(Position { offset, epoch })
}

fn accept_key(headers: &HeaderMap) -> Result<String, Refusal> {
    let has = |name: HeaderName, wanted: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(wanted))
    };
    if !has(header::CONNECTION, "upgrade") || !has(header::UPGRADE, "websocket") {
        return Err((StatusCode::UPGRADE_REQUIRED, "WebSocket Upgrade Required"));
    }
    if !has(header::SEC_WEBSOCKET_VERSION, "13") {
        return Err((StatusCode::BAD_REQUEST, "WebSocket Version 13 Required"));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or((StatusCode::BAD_REQUEST, "WebSocket Key Missing"))?;
    Ok(derive_accept_key(key.as_bytes()))
}

fn switch_protocols(worker: &Worker, accept: String) -> Answer {
    let mut answer = Response::new(Body::from(Bytes::new()));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    // Base64 is always a valid header value, and so is the name, which is checked when the instance starts.
    if let (Ok(accept), Ok(name)) = (HeaderValue::try_from(accept), HeaderValue::try_from(&*worker.shared.name)) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        headers.insert(INSTANCE, name);
    }
    answer
}

/// Runs the connection once the upgrade is through.
fn welcome<F: Future<Output = ()> + 'static>(
    worker: &Rc<Worker>,
    upgrade: OnUpgrade,
    run: impl FnOnce(Rc<Worker>, Metered, Bytes) -> F + 'static,
) {
    let counted = Counted::new(worker);
    tokio::task::spawn_local(async move {
        let Ok(upgraded) = upgrade.await else { return };
        // The stream is always the one `serve` put in.
        let Ok(parts) = upgraded.downcast::<TokioIo<Lent>>() else { return };
        let Some(stream) = parts.io.into_inner().keep() else { return };
        let worker = counted.keep();
        // Boxed: the task is as small as a pointer while the upgrade is under way, and nothing of it stays after.
        Box::pin(run(worker, stream, parts.read_buf)).await;
    });
}

/// A connection in the gauge; uncounted if the upgrade fails.
struct Counted(Option<Rc<Worker>>);

impl Counted {
    fn new(worker: &Rc<Worker>) -> Self {
        worker.stats.connections.add(1);
        Self(Some(Rc::clone(worker)))
    }

    /// From now on the session counts.
    fn keep(mut self) -> Rc<Worker> {
        // Invariant: taken only here and on drop, and this consumes it.
        self.0.take().expect("a counted connection has its worker")
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(worker) = &self.0 {
            worker.stats.connections.add(-1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_rooms() {
        assert_eq!(room_of("/ws"), Ok(None));
        assert_eq!(room_of("/ws/rooms/a.b:c-1_X"), Ok(Some("a.b:c-1_X".into())));
        assert_eq!(room_of("/ws/rooms/a%3Ab"), Ok(Some("a:b".into())));
        for bad in ["/ws/rooms/", "/ws/rooms/a/b", "/ws/rooms/a%20b", "/ws/rooms/%zz", "/ws/rooms/%C3%A4"] {
            assert_eq!(room_of(bad).map_err(|r| r.0), Err(StatusCode::BAD_REQUEST), "{bad}");
        }
        assert_eq!(room_of(&format!("/ws/rooms/{}", "x".repeat(129))).map_err(|r| r.0), Err(StatusCode::BAD_REQUEST));
        for unknown in ["/", "/ws/", "/wss", "/ws/room/x"] {
            assert_eq!(room_of(unknown).map_err(|r| r.0), Err(StatusCode::NOT_FOUND), "{unknown}");
        }
    }
}
