//! The HTTP side of the rooms: streams of events, long polls, publications, notifications. Which path is what, and what
//! is common to their answers.

mod caller;
mod poll;
mod presence;
mod publish;
mod seat;
mod stream;

use std::rc::Rc;

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
};

pub(super) use self::stream::Stream;
use self::{caller::Caller, seat::Seat};
use super::{Answer, Body, CLOCK, INSTANCE, PING_INTERVAL, query, refuse};
use crate::{
    broker::PublishError,
    history::Position,
    peer::Line,
    protocol::{self, Code},
    worker::Worker,
};

/// How the API begins.
pub(super) const PREFIX: &str = "/api/";

/// Why a request is not answered with what it asks for.
struct Refusal {
    status: StatusCode,
    body: Bytes,
    json: bool,
}

impl Refusal {
    fn plain(status: StatusCode, body: &'static str) -> Self {
        Self { status, body: Bytes::from_static(body.as_bytes()), json: false }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        let status = match code {
            Code::Unavailable | Code::Limit => StatusCode::SERVICE_UNAVAILABLE,
            Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Code::Unconfirmed => StatusCode::GATEWAY_TIMEOUT,
            Code::Unsupported => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, body: protocol::error(code, None).into(), json: true }
    }
}

impl From<PublishError> for Refusal {
    fn from(error: PublishError) -> Self {
        Code::from(error).into()
    }
}

/// What a path asks for.
#[derive(Debug, PartialEq)]
enum Resource {
    Events,
    RoomEvents(String),
    Poll(String),
    Presence(String),
    Messages(String),
    Notify(String),
}

/// A request, as far as it concerns the API.
struct Asked<'a> {
    worker: &'a Rc<Worker>,
    line: &'a Rc<Line>,
    request: Request<Incoming>,
    caller: Caller,
}

/// Answers one request.
pub(super) async fn answer(worker: &Rc<Worker>, line: &Rc<Line>, request: Request<Incoming>) -> Answer {
    worker.stats.requests.add(1);
    let origin = caller::origin(request.headers(), &worker.shared.config.allow_origin);
    let preflight = request.method() == Method::OPTIONS;
    let allowed = origin.as_ref().ok().cloned();
    let answered = match origin {
        Ok(_) if preflight => Ok(preflight_answer()),
        Ok(origin) => respond(worker, line, request, &origin).await,
        Err(refusal) => Err(refusal),
    };
    let mut answer = answered.unwrap_or_else(|refusal| {
        worker.stats.requests_refused.add(1);
        refused(refusal)
    });
    if let Ok(name) = HeaderValue::try_from(&*worker.shared.name) {
        answer.headers_mut().insert(INSTANCE, name);
    }
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store"));
    if let Some(origin) = allowed {
        origin.permit(answer.headers_mut());
    }
    answer
}

async fn respond(
    worker: &Rc<Worker>,
    line: &Rc<Line>,
    request: Request<Incoming>,
    origin: &caller::Origin,
) -> Result<Answer, Refusal> {
    let (resource, method) = resource(request.uri().path())?;
    if request.method() != method {
        return Err(Refusal::plain(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"));
    }
    let caller = Caller::authenticate(&worker.shared.authenticator, &request, origin)?;
    let asked = Asked { worker, line, request, caller };
    match resource {
        Resource::Events => stream::personal(asked).map(|answer| introduce(worker, answer)),
        Resource::RoomEvents(room) => stream::room(asked, &room).map(|answer| introduce(worker, answer)),
        Resource::Poll(room) => poll::poll(asked, &room).await.map(|answer| introduce(worker, answer)),
        Resource::Presence(room) => presence::presence(asked, &room).await,
        Resource::Messages(room) => publish::message(asked, &room).await,
        Resource::Notify(user) => publish::notify(asked, &user).await,
    }
}

/// Says in headers what sockets are told by `welcome`.
fn introduce(worker: &Worker, mut answer: Answer) -> Answer {
    let shared = &worker.shared;
    let interval = shared.config.ping_interval.as_millis().to_string();
    for (name, value) in [(CLOCK, shared.clock.as_str()), (PING_INTERVAL, &interval)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

/// What a path means, and the method that goes with it.
fn resource(path: &str) -> Result<(Resource, Method), Refusal> {
    let not_found = || Refusal::plain(StatusCode::NOT_FOUND, "Not Found");
    let rest = path.strip_prefix(PREFIX).ok_or_else(not_found)?;
    if rest == "events" {
        return Ok((Resource::Events, Method::GET));
    }
    let parts: Vec<&str> = rest.split('/').collect();
    let ["rooms" | "users", name, verb] = parts[..] else { return Err(not_found()) };
    let name = query::percent_decode(name).map(String::from).unwrap_or_default();
    let (resource, method): (fn(String) -> Resource, _) = match (parts[0], verb) {
        ("rooms", "events") => (Resource::RoomEvents, Method::GET),
        ("rooms", "poll") => (Resource::Poll, Method::GET),
        ("rooms", "presence") => (Resource::Presence, Method::GET),
        ("rooms", "messages") => (Resource::Messages, Method::POST),
        ("users", "notify") => (Resource::Notify, Method::POST),
        _ => return Err(not_found()),
    };
    if parts[0] == "rooms" && !protocol::is_room_name(&name) {
        return Err(Code::BadRoom.into());
    }
    if name.is_empty() || name.len() > 256 {
        return Err(Refusal::plain(StatusCode::BAD_REQUEST, "Bad User Name"));
    }
    Ok((resource(name), method))
}

/// Where a client says it has come to. What cannot be a position is one nobody knows.
fn position(text: &str) -> Option<Position> {
    let text = text.trim();
    (!text.is_empty()).then(|| protocol::parse_position(text).unwrap_or(Position::UNKNOWN))
}

fn json(body: String) -> Answer {
    let mut answer = Response::new(Body::from(Bytes::from(body)));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn refused(refusal: Refusal) -> Answer {
    let Refusal { status, body, json } = refusal;
    let mut answer = refuse(status, "");
    if json {
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    // A second gives everybody at least one publication more.
    if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&status) {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    *answer.body_mut() = Body::from(body);
    answer
}

/// What a browser asks before it sends anything out of the ordinary.
fn preflight_answer() -> Answer {
    let mut answer = Response::new(Body::from(Bytes::new()));
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let permit = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, last-event-id"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    let headers: &mut HeaderMap = answer.headers_mut();
    permit.into_iter().for_each(|(name, value)| drop(headers.insert(name, HeaderValue::from_static(value))));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_resources() {
        let good = |path| resource(path).map_err(|refusal| refusal.status);
        assert_eq!(good("/api/events"), Ok((Resource::Events, Method::GET)));
        assert_eq!(good("/api/rooms/a%3Ab/events"), Ok((Resource::RoomEvents("a:b".into()), Method::GET)));
        assert_eq!(good("/api/rooms/r/messages"), Ok((Resource::Messages("r".into()), Method::POST)));
        assert_eq!(good("/api/users/a%20b/notify"), Ok((Resource::Notify("a b".into()), Method::POST)));
        for bad in ["/api/rooms//poll", "/api/rooms/%21notify/events", "/api/users//notify"] {
            assert_eq!(good(bad), Err(StatusCode::BAD_REQUEST), "{bad}");
        }
        for unknown in ["/api/", "/api/rooms/r", "/api/rooms/r/notify", "/api/users/u/poll", "/api/rooms/r/poll/x"] {
            assert_eq!(good(unknown), Err(StatusCode::NOT_FOUND), "{unknown}");
        }
    }
}
