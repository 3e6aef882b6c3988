//! Opening a stream: one request, or several where the server redirects, and whether the answer is a stream at all.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body_util::Empty;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use hyper::{Request, Response, StatusCode};
use url::Url;

use crate::observe::Word;
use crate::transport::ConnectError;
use crate::transport::caller::Caller;
use crate::transport::ended::unanswered;
use crate::transport::failure::{failure, shown};
use crate::transport::refusal::{BODY_SHOWN, announced, refused};
use crate::transport::request::{host, http_url, request_headers};
use crate::transport::source::Lease;
use crate::transport::stages::Progress;
use crate::transport::stamped::Stamped;
use crate::transport::tap::Exchange;
use crate::transport::target::Target;
use crate::wire::Opening;

/// What an event source asks for.
pub(super) const USUAL: [(&str, &str); 2] = [("Accept", "text/event-stream"), ("Cache-Control", "no-cache")];

/// Redirects followed for one stream, as the Fetch standard has it.
const REDIRECTS: usize = 20;

/// Headers that are for nobody but the origin they were meant for.
const OF_ORIGIN: [&str; 3] = ["authorization", "cookie", "host"];

/// An answer whose head is there.
pub(super) struct Answered {
    pub(super) head: Response<()>,
    pub(super) body: Exchange,
    pub(super) lease: Option<Lease>,
}

/// Opens the stream of `target`, following redirects.
pub(super) async fn open(
    caller: &Caller,
    target: &Target,
    opening: &Opening,
    progress: &mut Progress,
) -> Result<Answered, ConnectError> {
    let mut url = http_url(target, opening);
    let mut headers = request_headers(&url, &USUAL, opening, &caller.headers)?;
    let mut elsewhere: Option<Target> = None;
    for _ in 0..=REDIRECTS {
        let target = elsewhere.as_ref().unwrap_or(target);
        let mut answered = ask(caller, (target, opening.client), &url, &headers, progress).await?;
        let Some(next) = redirect(&answered.head, &url)? else {
            return if is_stream(&answered.head) {
                Ok(answered)
            } else {
                Err(refusal(&url, &answered.head, &mut answered.body).await)
            };
        };
        if next.origin() != url.origin() {
            headers.retain(|(name, _)| !OF_ORIGIN.iter().any(|own| own.eq_ignore_ascii_case(name)));
            headers.insert(0, ("Host".to_owned(), host(&next)));
        }
        let bad = |error: crate::transport::SetupError| failure(Word::UPGRADE, Word::PROTOCOL, error.to_string());
        elsewhere = Some(caller.lines.target(next.clone()).map_err(bad)?);
        url = next;
    }
    let detail = format!("{}: redirected more than {REDIRECTS} times", shown(&http_url(target, opening)));
    Err(failure(Word::UPGRADE, Word::PROTOCOL, detail))
}

/// One request of `client` over a line of its own, up to the head of its answer.
pub(super) async fn ask(
    caller: &Caller,
    (target, client): (&Target, u32),
    url: &Url,
    headers: &[(String, String)],
    progress: &mut Progress,
) -> Result<Answered, ConnectError> {
    let what = shown(url);
    let (line, lease) = caller.lines.open(target, client, progress).await?;
    progress.enter(Word::UPGRADE);
    let line = Stamped::new(line, progress.clock().clone());
    let request = request(url, headers).ok_or_else(|| {
        failure(Word::UPGRADE, Word::HANDSHAKE, format!("{what}: the request has characters that HTTP cannot carry"))
    })?;
    let (head, body) = Exchange::start(line, request).await.map_err(|error| unanswered(&what, &error))?;
    progress.done();
    Ok(Answered { head, body, lease })
}

fn request(url: &Url, headers: &[(String, String)]) -> Option<Request<Empty<Bytes>>> {
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let mut request = Request::get(path).body(Empty::new()).ok()?;
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        request.headers_mut().insert(name, HeaderValue::from_str(value).ok()?);
    }
    Some(request)
}

/// Where the answer sends us on to, if it does.
fn redirect(head: &Response<()>, from: &Url) -> Result<Option<Url>, ConnectError> {
    if !matches!(head.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = head.headers().get(LOCATION) else { return Ok(None) };
    let next = location.to_str().ok().and_then(|location| from.join(location).ok());
    match next.filter(|next| matches!(next.scheme(), "http" | "https")) {
        Some(next) => Ok(Some(next)),
        None => {
            let detail = format!("{}: redirected to what is no http or https URL", shown(from));
            Err(failure(Word::UPGRADE, Word::PROTOCOL, detail))
        }
    }
}

fn is_stream(head: &Response<()>) -> bool {
    let sort = sort(head);
    head.status() == StatusCode::OK && sort.is_some_and(|sort| sort.eq_ignore_ascii_case("text/event-stream"))
}

/// The content type, without parameters.
fn sort(head: &Response<()>) -> Option<&str> {
    let sort = head.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    sort.split(';').next().map(str::trim)
}

/// The failure an answer stands for that is no stream.
pub(super) async fn refusal<E>(
    url: &Url,
    head: &Response<()>,
    body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
) -> ConnectError {
    let mut start = Vec::new();
    while start.len() < announced(head.headers()).min(BODY_SHOWN + 1) {
        // The refusal stands, whether or not the rest of its body comes.
        match body.next().await {
            Some(Ok(chunk)) => start.extend_from_slice(&chunk),
            Some(Err(_)) | None => break,
        }
    }
    let not_this = match sort(head) {
        Some(sort) => format!("no event stream but {}", sort.escape_debug()),
        None => "no event stream, having no content type".to_owned(),
    };
    let mut refused = refused(&shown(url), head.status(), head.headers(), &start, &not_this);
    if head.status() == StatusCode::NO_CONTENT {
        refused.detail.push_str(", by which a server tells clients to stay away");
    }
    refused
}
