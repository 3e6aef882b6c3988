//! What a query says. Pure.

use std::borrow::Cow;

/// The value of a parameter; empty where it has none, or one that cannot be decoded.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let value = query.split('&').find_map(|pair| match pair.split_once('=') {
        Some((key, value)) if key == name => Some(value),
        None if pair == name => Some(""),
        _ => None,
    })?;
    Some(percent_decode(value).unwrap_or_default())
}

/// The text behind percent signs, if there is any.
pub(super) fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            decoded.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            decoded.push(first);
            rest = tail;
        }
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_and_decoded() {
        let token = |query| parameter(query, "token").map(Cow::into_owned);
        assert_eq!(token("a=1&token=x.y-z&b").as_deref(), Some("x.y-z"));
        assert_eq!(token("token").as_deref(), Some(""));
        assert_eq!(token("token=").as_deref(), Some(""));
        assert_eq!(token("token=%41%2E").as_deref(), Some("A."));
        assert_eq!(token("token=%4").as_deref(), Some(""));
        assert_eq!(token("tokens=1"), None);
    }
}
