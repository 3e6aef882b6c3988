//! One message of a frame, taken apart: what stands before its JSON, and the JSON.

/// A message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    /// All of it.
    pub(super) whole: &'a [u8],
    /// What stands before the JSON; empty where dialects do not say that anything does.
    pub(super) prefix: &'a [u8],
    /// The rest.
    pub(super) json: &'a [u8],
    /// Where the marker can stand.
    pub(super) body: &'a [u8],
}

impl<'a> Message<'a> {
    /// A message that is JSON.
    pub(super) fn json(whole: &'a [u8]) -> Self {
        Self { whole, prefix: &[], json: whole, body: whole }
    }

    /// A message that is bytes, in which nothing is JSON.
    pub(super) fn bytes(whole: &'a [u8]) -> Self {
        Self { whole, prefix: &[], json: &[], body: whole }
    }

    /// A message that begins with something else: up to the first `[`, `{` or `"`, or all of it.
    pub(super) fn prefixed(whole: &'a [u8]) -> Self {
        let at = whole.iter().position(|byte| matches!(byte, b'[' | b'{' | b'"')).unwrap_or(whole.len());
        let (prefix, json) = whole.split_at(at);
        Self { whole, prefix, json, body: if json.is_empty() { whole } else { json } }
    }

    /// A message that is text, in which JSON may stand behind something else.
    pub(super) fn plain(whole: &'a [u8]) -> Self {
        Self { body: whole, ..Self::prefixed(whole) }
    }
}

/// What the text of a message, or of its prefix, must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Exactly this.
    Exactly(String),
    /// This and a number, written `43{{ref}}`.
    Numbered(String),
    /// This and anything, written `MSG *`.
    Starting(String),
}

impl Pattern {
    /// The pattern `text`.
    pub(super) fn new(text: &str) -> Self {
        match (text.strip_suffix("{{ref}}"), text.strip_suffix('*')) {
            (Some(before), _) => Self::Numbered(before.to_owned()),
            (None, Some(before)) => Self::Starting(before.to_owned()),
            (None, None) => Self::Exactly(text.to_owned()),
        }
    }

    /// Whether `text` is like this.
    pub(super) fn fits(&self, text: &[u8]) -> bool {
        match self {
            Self::Exactly(all) => text == all.as_bytes(),
            Self::Starting(before) => text.starts_with(before.as_bytes()),
            Self::Numbered(before) => text
                .strip_prefix(before.as_bytes())
                .is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit)),
        }
    }

    /// The number in `text`, where this has one.
    pub(super) fn number(&self, text: &[u8]) -> Option<u64> {
        let Self::Numbered(before) = self else { return None };
        std::str::from_utf8(text.strip_prefix(before.as_bytes())?).ok()?.parse().ok()
    }
}
