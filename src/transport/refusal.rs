//! Answers that refuse an opening request, told in words.

use std::time::Duration;
use tokio_tungstenite::tungstenite::http::{HeaderMap, StatusCode};
use url::Url;

use super::ConnectError;
use super::failure::{escaped, failure};
use crate::observe::Word;

/// Bytes of a refusal's body that are shown.
pub(super) const BODY_SHOWN: usize = 120;

/// Bytes of the body by the head's own account; none where it does not say.
pub(super) fn announced(headers: &HeaderMap) -> usize {
    header(headers, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// The failure an answer stands for: its status, who says so and the start of `body`. A status of 200 is told to be
/// `not_this`, whose sort was expected.
pub(super) fn refused(
    what: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    not_this: &str,
) -> ConnectError {
    let mut detail = format!("{what}: answered {}", status.as_u16());
    if let Some(reason) = status.canonical_reason() {
        detail.push(' ');
        detail.push_str(reason);
    }
    if let Some(server) = header(headers, "server") {
        detail.push_str(&format!(" from {}", escaped(server.as_bytes(), 40)));
    }
    if let Some(location) = header(headers, "location") {
        detail.push_str(&format!(", redirected to {}", escaped(elsewhere(location).as_bytes(), BODY_SHOWN)));
    }
    if status == StatusCode::OK {
        detail.push_str(&format!(", which is {not_this}; is the path right?"));
    }
    if !body.is_empty() {
        detail.push_str(&format!(": \"{}\"", escaped(body, BODY_SHOWN)));
    }
    let failed = failure(Word::UPGRADE, Word::http(status.as_u16()), detail);
    ConnectError { retry_after: retry_after(headers), ..failed }
}

/// `Retry-After` in seconds; a date is not taken, since the two clocks may differ.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    header(headers, "retry-after").and_then(|value| value.trim().parse().ok()).map(Duration::from_secs)
}

/// A location as it may be shown: without user, password, query and fragment, which may carry secrets.
fn elsewhere(location: &str) -> String {
    let place = location.split(['?', '#']).next().unwrap_or_default();
    match Url::parse(place) {
        Ok(mut url) => match url.set_username("").and_then(|()| url.set_password(None)) {
            Ok(()) => url.to_string(),
            Err(()) => url.scheme().to_owned(),
        },
        Err(_) => place.to_owned(),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_place_is_told_without_what_it_is_given_along() {
        let told = |location| elsewhere(location);
        assert_eq!(told("https://u:pw@h:1/p?token=s#access_token=s"), "https://h:1/p");
        assert_eq!(told("/login?next=s#access_token=s"), "/login");
        assert_eq!(told("/login#access_token=s"), "/login");
    }
}
