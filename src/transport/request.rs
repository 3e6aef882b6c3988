//! What every opening request is made of: its URL and its headers.

use tokio_tungstenite::tungstenite::http::HeaderMap;
use url::Url;

use super::ConnectError;
use super::failure::failure;
use super::network::header_problem;
use super::target::Target;
use crate::observe::Word;
use crate::wire::Opening;

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

/// The URL of a request over HTTP, where the dialect's path is the one that counts: each room, and each thing to be said,
/// has its own.
pub(super) fn http_url(target: &Target, opening: &Opening) -> Url {
    let mut url = target.url.clone();
    let changed = url.set_scheme(if target.tls { "https" } else { "http" });
    debug_assert!(changed.is_ok(), "ws is to http as wss is to https");
    if !opening.path.is_empty() {
        url.set_path(&opening.path);
    }
    if !opening.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&opening.query);
    }
    url.set_fragment(None);
    url
}

/// The headers of the request for `url`: `usual` ones and the URL's credentials, then those of the dialect, then those
/// of the scenario (`headers`), each of which replaces what was there.
pub(super) fn request_headers(
    url: &Url,
    usual: &[(&str, &str)],
    opening: &Opening,
    headers: &[(String, String)],
) -> Result<Vec<(String, String)>, ConnectError> {
    for (name, value) in &opening.headers {
        if let Some(problem) = header_problem(name, value) {
            return Err(failure(Word::UPGRADE, Word::HANDSHAKE, format!("header {name:?}: {problem}")));
        }
    }
    let mut all = vec![("Host".to_owned(), host(url))];
    if let Some(credentials) = credentials(url) {
        all.push(("Authorization".to_owned(), credentials));
    }
    all.extend(usual.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    for (name, value) in opening.headers.iter().chain(headers) {
        put(&mut all, name, value);
    }
    Ok(all)
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

pub(super) fn host(url: &Url) -> String {
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

/// Response headers as text.
pub(super) fn headers_of(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
}
