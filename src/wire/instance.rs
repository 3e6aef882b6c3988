//! Where a server tells which of its instances a connection ended up on.

use serde_json::Value;

/// One place to look; of several the first that answers counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceRule {
    /// A response header of the opening; its name in lower case.
    Header(String),
    /// A cookie that the opening sets: what a balancer keeps clients at an instance by.
    Cookie(String),
    /// A JSON Pointer into what the server says.
    Pointer {
        /// The pointer.
        pointer: String,
        /// In which of its words.
        within: Within,
    },
    /// The address that was connected to: each is one instance.
    Url,
}

/// In which of a server's words its instance is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// What it says first.
    Welcome,
    /// The acknowledgement of a join.
    Join,
}

impl InstanceRule {
    /// The name that the opening's response `headers` (lower-case names) or its address tell; never for a pointer.
    pub fn at_opening(&self, headers: &[(String, String)], address: &str) -> Option<String> {
        let found = match self {
            Self::Header(name) => named(headers, name).next()?.to_owned(),
            Self::Cookie(name) => {
                let pairs = named(headers, "set-cookie").filter_map(|line| line.split(';').next()?.split_once('='));
                pairs.filter(|(known, _)| known.trim() == name).map(|(_, value)| value.trim().to_owned()).next()?
            }
            Self::Url => address.to_owned(),
            Self::Pointer { .. } => return None,
        };
        (!found.is_empty()).then_some(found)
    }

    /// Whether it is answered only in what the server says.
    pub fn is_told_later(&self) -> bool {
        matches!(self, Self::Pointer { .. })
    }

    /// The name that a message tells in which the server says `words`; the JSON in it may stand behind a prefix.
    pub fn in_words(&self, words: Within, message: &[u8]) -> Option<String> {
        let Self::Pointer { pointer, within } = self else { return None };
        if *within != words {
            return None;
        }
        let start = memchr::memchr2(b'{', b'[', message)?;
        let first = serde_json::Deserializer::from_slice(&message[start..]).into_iter::<Value>().next()?.ok()?;
        match first.pointer(pointer)? {
            Value::String(name) if !name.is_empty() => Some(name.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// The values of the headers called `name`.
fn named<'a>(headers: &'a [(String, String)], name: &'a str) -> impl Iterator<Item = &'a str> {
    headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_opening_tells_by_header_by_cookie_and_by_address() {
        let told =
            headers(&[("x-pod", " chat-1 "), ("set-cookie", "a=b; Path=/"), ("set-cookie", "route=n2; HttpOnly")]);
        let of = |rule: InstanceRule| rule.at_opening(&told, "10.0.0.1:80");
        assert_eq!(of(InstanceRule::Header("x-pod".to_owned())).as_deref(), Some("chat-1"));
        assert_eq!(of(InstanceRule::Cookie("route".to_owned())).as_deref(), Some("n2"));
        assert_eq!(of(InstanceRule::Url).as_deref(), Some("10.0.0.1:80"));
        assert_eq!(of(InstanceRule::Header("x-node".to_owned())), None);
        assert_eq!(of(InstanceRule::Cookie("rout".to_owned())), None);
        assert_eq!(InstanceRule::Header("e".to_owned()).at_opening(&headers(&[("e", "")]), ""), None);
    }

    #[test]
    fn words_tell_by_pointer_behind_whatever_prefix() {
        let rule = InstanceRule::Pointer { pointer: "/1/node".to_owned(), within: Within::Join };
        assert_eq!(rule.in_words(Within::Join, b"42[\"joined\",{\"node\":\"n1\"}]").as_deref(), Some("n1"));
        assert_eq!(rule.in_words(Within::Join, b"42[\"joined\",{\"node\":7}] and more").as_deref(), Some("7"));
        for silent in [&b"42[\"joined\",{}]"[..], b"", b"{", b"[1,{\"node\":\"\"}]", b"[1,{\"node\":null}]"] {
            assert_eq!(rule.in_words(Within::Join, silent), None);
        }
        assert_eq!(rule.in_words(Within::Welcome, b"[1,{\"node\":\"n1\"}]"), None, "only where it is looked for");
        assert_eq!(rule.at_opening(&[], "a"), None);
    }
}
