//! The opening handshake of RFC 6455: the request, and whether the answer is an upgrade.
//!
//! Done here rather than by the codec, so that a refusal keeps its status, its server's name and the start of its
//! body, and so that the codec starts on an empty buffer of the size asked for: handed bytes that came early it would
//! size its reads by them.

use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::handshake::client::{Response, generate_key};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse;
use tokio_tungstenite::tungstenite::http::HeaderMap;
use url::Url;

use super::ConnectError;
use super::failure::{escaped, failure, io_failure};
use super::network::header_problem;
use crate::observe::Word;
use crate::wire::Opening;

/// More than any server sends in a head.
const MAX_HEAD: usize = 64 << 10;
/// Bytes of a refusal's body that are shown.
const BODY_SHOWN: usize = 120;

/// The URL of the request: the target's, with what the dialect adds.
pub(super) fn request_url(target: &Url, opening: &Opening) -> Url {
    let mut url = target.clone();
    if matches!(url.path(), "" | "/") && !opening.path.is_empty() {
        url.set_path(&opening.path);
    }
    if !opening.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&opening.query);
    }
    url
}

/// A request ready to be sent, and what its answer must show.
pub(super) struct Request {
    head: Vec<u8>,
    accept: String,
    subprotocols: Vec<String>,
}

impl Request {
    /// The opening request for `url`; the headers of the scenario (`headers`) win over those of the dialect.
    pub(super) fn new(url: &Url, opening: &Opening, headers: &[(String, String)]) -> Result<Self, ConnectError> {
        for (name, value) in &opening.headers {
            if let Some(problem) = header_problem(name, value) {
                return Err(failure(Word::UPGRADE, Word::HANDSHAKE, format!("header {name:?}: {problem}")));
            }
        }
        let key = generate_key();
        let mut all = vec![("Host".to_owned(), host(url))];
        if let Some(credentials) = credentials(url) {
            all.push(("Authorization".to_owned(), credentials));
        }
        if !opening.subprotocols.is_empty() {
            all.push(("Sec-WebSocket-Protocol".to_owned(), opening.subprotocols.join(", ")));
        }
        for (name, value) in opening.headers.iter().chain(headers) {
            put(&mut all, name, value);
        }
        let mut head = format!("GET {} HTTP/1.1\r\n", &url[url::Position::BeforePath..url::Position::AfterQuery]);
        for (name, value) in &all {
            for part in [name, ": ", value, "\r\n"] {
                head.push_str(part);
            }
        }
        head.push_str("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
        head.push_str(&format!("Sec-WebSocket-Key: {key}\r\n\r\n"));
        let offered = all.iter().find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"));
        let subprotocols = offered.map_or(Vec::new(), |(_, list)| list.split(',').map(|p| p.trim().into()).collect());
        Ok(Self { head: head.into_bytes(), accept: derive_accept_key(key.as_bytes()), subprotocols })
    }

    /// Sends the request and reads the answer. Returns the answer's headers and whatever came after them.
    pub(super) async fn exchange(
        self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        what: &str,
    ) -> Result<(Vec<(String, String)>, Vec<u8>), ConnectError> {
        let failed = |error: std::io::Error| io_failure(Word::UPGRADE, what, &error);
        stream.write_all(&self.head).await.map_err(failed)?;
        stream.flush().await.map_err(failed)?;
        let mut buffer = Vec::with_capacity(1024);
        let (size, response) = read_head(stream, &mut buffer, what).await?;
        let rest = buffer.split_off(size);
        if response.status().as_u16() != 101 {
            return Err(refusal(stream, &response, rest, what).await);
        }
        self.verify(response.headers())
            .map_err(|(kind, why)| failure(Word::UPGRADE, kind, format!("{what}: {why}")))?;
        Ok((headers_of(response.headers()), rest))
    }

    fn verify(&self, headers: &HeaderMap) -> Result<(), (Word, String)> {
        let get = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let has_token = |name: &str, token: &str| {
            let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
        };
        let handshake = |why: &str| Err((Word::HANDSHAKE, why.to_owned()));
        if !has_token("upgrade", "websocket") || !has_token("connection", "upgrade") {
            return handshake("answered 101, but without \"Upgrade: websocket\" and \"Connection: Upgrade\"");
        }
        match get("sec-websocket-accept") {
            Some(accept) if accept.trim() == self.accept => {}
            Some(_) => return Err((Word::ACCEPT_KEY, "answered 101 with a wrong Sec-WebSocket-Accept".to_owned())),
            None => return Err((Word::ACCEPT_KEY, "answered 101 without Sec-WebSocket-Accept".to_owned())),
        }
        if let Some(extension) = get("sec-websocket-extensions") {
            let why = format!("the server insists on an extension nobody offered: {}", extension.escape_debug());
            return Err((Word::HANDSHAKE, why));
        }
        match get("sec-websocket-protocol") {
            None if !self.subprotocols.is_empty() => handshake("the server chose none of the sub-protocols offered"),
            Some(chosen) if !self.subprotocols.iter().any(|offered| offered == chosen) => {
                handshake("the server chose a sub-protocol that was not offered")
            }
            _ => Ok(()),
        }
    }
}

/// `value` under `name`, in place of what was there; cookies are added.
fn put(all: &mut Vec<(String, String)>, name: &str, value: &str) {
    match all.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        Some((known, cookies)) if known.eq_ignore_ascii_case("cookie") => {
            cookies.push_str("; ");
            cookies.push_str(value);
        }
        Some((_, known)) => value.clone_into(known),
        None => all.push((name.to_owned(), value.to_owned())),
    }
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// `user:password@` of a URL as basic authentication.
pub(super) fn credentials(url: &Url) -> Option<String> {
    use base64::Engine as _;
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decode = |text: &str| percent_decoded(text);
    let mut pair = decode(url.username());
    pair.push(b':');
    pair.extend(decode(url.password().unwrap_or_default()));
    Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = text.get(at + 1..at + 3).filter(|_| byte == b'%');
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// Reads until the head of a response is complete.
pub(super) async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    what: &str,
) -> Result<(usize, Response), ConnectError> {
    let broken = |why: String| failure(Word::UPGRADE, Word::PROTOCOL, format!("{what}: {why}"));
    loop {
        let got = stream.read_buf(buffer).await.map_err(|error| io_failure(Word::UPGRADE, what, &error))?;
        if got == 0 {
            let why = if buffer.is_empty() { "without an answer" } else { "in the middle of its answer" };
            let detail = format!("{what}: the peer closed the connection {why}");
            return Err(failure(Word::UPGRADE, Word::EOF, detail));
        }
        match Response::try_parse(buffer) {
            Ok(Some(parsed)) => return Ok(parsed),
            Ok(None) if buffer.len() < MAX_HEAD => {}
            Ok(None) | Err(Error::Capacity(CapacityError::TooManyHeaders)) => {
                return Err(broken("the answer's head is too long".to_owned()));
            }
            Err(_) => {
                return Err(broken(format!("the answer is not HTTP: \"{}\"", escaped(buffer, BODY_SHOWN))));
            }
        }
    }
}

/// The answer was no upgrade: its status, who says so, and the start of the body.
async fn refusal(
    stream: &mut (impl AsyncRead + Unpin),
    response: &Response,
    mut body: Vec<u8>,
    what: &str,
) -> ConnectError {
    let status = response.status();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let announced = header("content-length").and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
    while body.len() < announced.min(BODY_SHOWN + 1) {
        // The refusal stands, whether or not the rest of its body comes.
        match stream.read_buf(&mut body).await {
            Ok(got) if got > 0 => {}
            _ => break,
        }
    }
    let mut detail = format!("{what}: answered {}", status.as_u16());
    if let Some(reason) = status.canonical_reason() {
        detail.push(' ');
        detail.push_str(reason);
    }
    if let Some(server) = header("server") {
        detail.push_str(&format!(" from {}", escaped(server.as_bytes(), 40)));
    }
    if let Some(location) = header("location") {
        let place = location.split('?').next().unwrap_or_default();
        detail.push_str(&format!(", redirected to {}", escaped(place.as_bytes(), BODY_SHOWN)));
    }
    if status.as_u16() == 200 {
        detail.push_str(", which is no WebSocket; is the path right?");
    }
    if !body.is_empty() {
        detail.push_str(&format!(": \"{}\"", escaped(&body, BODY_SHOWN)));
    }
    let retry_after = header("retry-after").and_then(retry_after);
    ConnectError { retry_after, ..failure(Word::UPGRADE, Word::http(status.as_u16()), detail) }
}

/// `Retry-After` in seconds; a date is not taken, since the two clocks may differ.
pub(super) fn retry_after(value: &str) -> Option<Duration> {
    value.trim().parse().ok().map(Duration::from_secs)
}

fn headers_of(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
}
