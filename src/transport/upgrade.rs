//! The opening handshake of RFC 6455: the request, and whether the answer is an upgrade.
//!
//! Done here rather than by the codec, so that a refusal keeps its status, its server's name and the start of its
//! body, and so that the codec starts on an empty buffer of the size asked for: handed bytes that came early it would
//! size its reads by them.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::handshake::client::{Response, generate_key};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse;
use tokio_tungstenite::tungstenite::http::{HeaderMap, StatusCode};
use url::Url;

use super::ConnectError;
use super::failure::{escaped, failure, io_failure};
use super::refusal::{BODY_SHOWN, announced, refused};
use super::request::{headers_of, request_headers};
use crate::observe::Word;
use crate::wire::Opening;

/// More than any server sends in a head.
const MAX_HEAD: usize = 64 << 10;

/// A request ready to be sent, and what its answer must show.
pub(super) struct Request {
    head: Vec<u8>,
    accept: String,
    subprotocols: Vec<String>,
}

impl Request {
    /// The opening request for `url`; the headers of the scenario (`headers`) win over those of the dialect.
    pub(super) fn new(url: &Url, opening: &Opening, headers: &[(String, String)]) -> Result<Self, ConnectError> {
        let key = generate_key();
        let offered = opening.subprotocols.join(", ");
        let subprotocols = [("Sec-WebSocket-Protocol", offered.as_str())];
        let usual = if offered.is_empty() { &[] } else { &subprotocols[..] };
        let all = request_headers(url, usual, opening, headers)?;
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
            return Err(refusal(stream, &response, [&buffer, &rest], what).await);
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

/// The words behind the status in the first line of `head`, where they are the server's own.
fn own_reason(head: &[u8], status: StatusCode) -> &[u8] {
    let line = head.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let reason = line.splitn(3, |byte| *byte == b' ').nth(2).unwrap_or_default().trim_ascii();
    let usual = status.canonical_reason().unwrap_or_default();
    if reason.eq_ignore_ascii_case(usual.as_bytes()) { &[] } else { reason }
}

/// The answer was no upgrade: its status, who says so, and the start of the body; where there is none, what stands behind
/// the status. Of the answer, `head` and the rest have been read.
async fn refusal(
    stream: &mut (impl AsyncRead + Unpin),
    response: &Response,
    [head, rest]: [&[u8]; 2],
    what: &str,
) -> ConnectError {
    let mut body = rest.to_vec();
    while body.len() < announced(response.headers()).min(BODY_SHOWN + 1) {
        // The refusal stands, whether or not the rest of its body comes.
        match stream.read_buf(&mut body).await {
            Ok(got) if got > 0 => {}
            _ => break,
        }
    }
    let words = if body.is_empty() { own_reason(head, response.status()) } else { &body };
    refused(what, response.status(), response.headers(), words, "no WebSocket")
}
