//! Who may come in: `?token=` before the upgrade or the first message after it, and which origins.

use std::sync::Arc;

use crate::{
    config::AuthMode,
    time,
    token::{Secret, TokenError},
};

/// A user who has proved to be one.
#[derive(Debug, PartialEq)]
pub(crate) struct User {
    /// The user's name as a JSON string, quotes included: ready for the wire.
    pub(crate) json: Arc<str>,
    /// Until when the proof is good, in seconds since 1970.
    pub(crate) expires: u64,
}

/// What the handshake's query says about the client.
#[derive(Debug, PartialEq)]
pub(crate) enum Admission {
    /// Proved by the query.
    Proved(Arc<User>),
    /// Must prove it with the first message.
    FirstMessage,
    /// 401.
    Refused,
}

/// Verifies tokens against the shared secret.
#[derive(Debug)]
pub(crate) struct Authenticator {
    secret: Secret,
    mode: AuthMode,
}

impl Authenticator {
    pub(crate) fn new(secret: Secret, mode: AuthMode) -> Self {
        Self { secret, mode }
    }

    /// Decides on a handshake with this `?token=`, if any.
    pub(crate) fn admit(&self, token: Option<&str>) -> Admission {
        match (self.mode, token) {
            (AuthMode::FirstMessage, _) | (AuthMode::Both, None) => Admission::FirstMessage,
            (AuthMode::Query, None) => Admission::Refused,
            (AuthMode::Both | AuthMode::Query, Some(token)) => {
                self.verify(token).map_or(Admission::Refused, Admission::Proved)
            }
        }
    }

    /// Whether a `?token=` is looked at.
    pub(crate) fn reads_query(&self) -> bool {
        self.mode != AuthMode::FirstMessage
    }

    /// Verifies a token as of now.
    pub(crate) fn verify(&self, token: &str) -> Result<Arc<User>, TokenError> {
        let claims = self.secret.verify(token, time::unix_seconds())?;
        let json = serde_json::Value::String(claims.sub).to_string().into();
        Ok(Arc::new(User { json, expires: claims.exp }))
    }
}

/// Whether a request with this `Origin` may open a socket.
pub(crate) fn origin_allowed(origin: Option<&str>, allowed: &[String]) -> bool {
    match origin {
        None => true,
        Some(origin) if allowed.is_empty() => is_loopback(origin),
        Some(origin) => allowed.iter().any(|entry| entry == "*" || entry.eq_ignore_ascii_case(origin)),
    }
}

fn is_loopback(origin: &str) -> bool {
    let Some((_, authority)) = origin.split_once("://") else { return false };
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => authority.split(':').next().unwrap_or(""),
    };
    host == "localhost" || host == "::1" || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_decide_what_a_missing_token_means() {
        let admit = |mode, token| Authenticator::new(Secret::new("k"), mode).admit(token);
        assert_eq!(admit(AuthMode::Both, None), Admission::FirstMessage);
        assert_eq!(admit(AuthMode::Query, None), Admission::Refused);
        assert_eq!(admit(AuthMode::Both, Some("")), Admission::Refused);
        assert_eq!(admit(AuthMode::FirstMessage, Some("bad")), Admission::FirstMessage);
        let token = Secret::new("k").mint("a\"b", u64::MAX);
        let user = Arc::new(User { json: r#""a\"b""#.into(), expires: u64::MAX });
        assert_eq!(admit(AuthMode::Query, Some(&token)), Admission::Proved(user));
    }

    #[test]
    fn origins_are_loopback_unless_listed() {
        let check = |origin, allowed: &[&str]| {
            origin_allowed(origin, &allowed.iter().map(|&s| s.to_owned()).collect::<Vec<_>>())
        };
        assert!(check(None, &[]) && check(None, &["https://a.example"]));
        assert!(check(Some("http://localhost:3000"), &[]) && check(Some("http://127.0.0.1"), &[]));
        assert!(check(Some("http://[::1]:80"), &[]));
        assert!(!check(Some("https://a.example"), &[]) && !check(Some("null"), &[]));
        assert!(!check(Some("http://127.0.0.1.evil.example"), &[]) && !check(Some("http://localhost.evil"), &[]));
        assert!(check(Some("https://a.example"), &["https://a.example"]) && check(Some("null"), &["*"]));
        assert!(!check(Some("http://localhost"), &["https://a.example"]));
    }
}
