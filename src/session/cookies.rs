//! Cookies a server gave a client at the opening, to be shown at the next: what keeps a client on its instance behind a
//! balancer. Names and values only; a client talks to one target, so domains and paths are not looked at.

use std::fmt;

/// At most so many are kept.
const MOST: usize = 32;

/// A client's cookies.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Cookies(Vec<(String, String)>);

impl Cookies {
    /// Takes those out of the response headers of an opening (lower-case names).
    pub(super) fn take(&mut self, headers: &[(String, String)]) {
        for (_, value) in headers.iter().filter(|(name, _)| name == "set-cookie") {
            let mut parts = value.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let over = parts.any(|part| part.eq_ignore_ascii_case("max-age=0"));
            self.0.retain(|(known, _)| known != name);
            if !over {
                self.keep(name, value);
            }
        }
    }

    fn keep(&mut self, name: &str, value: &str) {
        if self.0.len() < MOST {
            self.0.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Takes over those of `others`, in place of its own of the same names.
    pub(super) fn add(&mut self, others: &Self) {
        for (name, value) in &others.0 {
            self.0.retain(|(known, _)| known != name);
            self.keep(name, value);
        }
    }

    /// Their values, which may be secrets.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, value)| value.as_str())
    }

    /// As a request shows them; `None` if there are none.
    pub(super) fn shown(&self) -> Option<String> {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

/// Values may be secrets: only names are shown.
impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_kept_replaced_and_taken_back() {
        let set = |value: &str| ("set-cookie".to_owned(), value.to_owned());
        let mut cookies = Cookies::default();
        assert_eq!(cookies.shown(), None);
        cookies.take(&[set("route=a; Path=/; HttpOnly"), ("server".to_owned(), "x=y".to_owned()), set("n=1")]);
        assert_eq!(cookies.shown().as_deref(), Some("route=a; n=1"));
        cookies.take(&[set("route=b"), set("n=; Max-Age=0"), set("nonsense")]);
        assert_eq!(cookies.shown().as_deref(), Some("route=b"));
        assert_eq!(format!("{cookies:?}"), r#"["route"]"#);
    }
}
