//! Who asks, and from where: bearer, `?token=` or cookie, and the origins a browser may read the answer from.

use std::{borrow::Cow, sync::Arc};

use hyper::{
    HeaderMap, Request, StatusCode,
    header::{self, HeaderValue},
};

use super::{Refusal, query::parameter};
use crate::auth::{self, Authenticator, User};

/// A user, proved by a token.
pub(super) struct Caller {
    pub(super) user: Arc<User>,
}

/// Where a request comes from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// No page of another site has sent it.
    None,
    /// A page that may send cookies and read the answer.
    Trusted(HeaderValue),
    /// Some page, where every origin is let in: it may read the answer, but cookies prove nothing.
    Any(HeaderValue),
}

/// Reads the origin of a request; 403 if it is not one that is let in.
pub(super) fn origin(headers: &HeaderMap, allowed: &[String]) -> Result<Origin, Refusal> {
    let Some(value) = headers.get(header::ORIGIN) else { return Ok(Origin::None) };
    let text = value.to_str().unwrap_or("");
    if !auth::origin_allowed(Some(text), allowed) {
        return Err(Refusal::plain(StatusCode::FORBIDDEN, "Origin Not Allowed"));
    }
    let named = allowed.is_empty() || allowed.iter().any(|entry| entry.eq_ignore_ascii_case(text));
    Ok(if named { Origin::Trusted(value.clone()) } else { Origin::Any(value.clone()) })
}

impl Origin {
    /// Lets the page read the answer.
    pub(super) fn permit(self, headers: &mut HeaderMap) {
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
        let value = match self {
            Self::None => return,
            Self::Trusted(value) => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
                value
            }
            Self::Any(value) => value,
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
        let exposed = "x-wsbench-instance, x-wsbench-clock, x-wsbench-ping-interval-ms, retry-after";
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    }
}

impl Caller {
    /// Verifies the first token there is, in this order: `Authorization: Bearer`, `?token=`, the cookie `token`.
    pub(super) fn authenticate<B>(
        authenticator: &Authenticator,
        request: &Request<B>,
        origin: &Origin,
    ) -> Result<Self, Refusal> {
        let headers = request.headers();
        let query =
            || request.uri().query().filter(|_| authenticator.reads_query()).and_then(|q| parameter(q, "token"));
        let cookie = || cookie(headers).filter(|_| !matches!(origin, Origin::Any(_)));
        let token = bearer(headers).map(Cow::Borrowed).or_else(query).or_else(|| cookie().map(Cow::Borrowed));
        let user = token.and_then(|token| authenticator.verify(&token).ok());
        user.map(|user| Self { user }).ok_or_else(|| Refusal::plain(StatusCode::UNAUTHORIZED, "Unauthorized"))
    }
}

/// The token of an `Authorization` header. One that is of another kind is a token that will not verify.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or("");
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Some(token.trim()),
        _ => Some(""),
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix("token="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::AuthMode, token::Secret};

    fn who(mode: AuthMode, uri: &str, headers: &[(&str, &str)]) -> Option<String> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let origin = origin(request.headers(), &["https://a.example".into(), "*".into()]).ok()?;
        let caller = Caller::authenticate(&Authenticator::new(Secret::new("k"), mode), &request, &origin).ok()?;
        Some(caller.user.json.to_string())
    }

    #[test]
    fn the_first_token_there_is_decides() {
        let token = |user| Secret::new("k").mint(user, u64::MAX);
        let (bearer, cookie) = (format!("Bearer {}", token("b")), format!("x=1; token={}; y", token("c")));
        let uri = format!("/api/events?token={}", token("q"));
        let all = [("authorization", bearer.as_str()), ("cookie", cookie.as_str())];
        assert_eq!(who(AuthMode::Both, &uri, &all).as_deref(), Some(r#""b""#));
        assert_eq!(who(AuthMode::Both, &uri, &all[1..]).as_deref(), Some(r#""q""#));
        assert_eq!(who(AuthMode::FirstMessage, &uri, &all[1..]).as_deref(), Some(r#""c""#));
        assert_eq!(who(AuthMode::Both, "/", &all[1..]).as_deref(), Some(r#""c""#));
        assert_eq!(who(AuthMode::Both, &uri, &[("authorization", "Basic x")]), None, "a bad one is not passed over");
        assert_eq!(who(AuthMode::Both, "/", &[]), None);
    }

    #[test]
    fn cookies_prove_nothing_from_pages_that_are_not_named() {
        let cookie = format!("token={}", Secret::new("k").mint("c", u64::MAX));
        let from = |origin| who(AuthMode::Both, "/", &[("cookie", &cookie), ("origin", origin)]);
        assert!(from("https://a.example").is_some());
        assert!(from("https://b.example").is_none());
    }
}
