//! The wire: what clients may say and every frame they are told. JSON text frames, built by hand so that the order of
//! keys is what `PROTOCOL.md` promises. Pure.

mod answers;
mod event;
mod frames;
mod inbound;

pub(crate) use answers::{batch, history, presence, published, roster};
pub(crate) use event::{Encoded, Medium, Transport, event, mark, parse_position, parts};
pub(crate) use frames::{
    AUTH_SUCCESS, Head, Tail, To, Welcome, ack, addressee, connected, drain, drain_reason, error, gap, joined, left,
    pong, subject,
};
pub(crate) use inbound::Inbound;

use crate::broker::PublishError;

/// Whether a room may be called this.
pub(crate) fn is_room_name(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b':' | b'-');
    (1..=128).contains(&name.len()) && name.bytes().all(plain)
}

impl From<PublishError> for Code {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Unavailable => Self::Unavailable,
            PublishError::Unconfirmed => Self::Unconfirmed,
        }
    }
}

/// What can go wrong with a frame while the connection lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Malformed,
    UnknownType,
    Unsupported,
    BadRoom,
    NotJoined,
    Limit,
    RateLimited,
    Unavailable,
    Unconfirmed,
}

impl Code {
    /// Code, text, and whether the same frame may succeed later.
    fn describe(self) -> (&'static str, &'static str, bool) {
        match self {
            Self::Malformed => ("malformed", "not a JSON object of the right shape", false),
            Self::UnknownType => ("unknown_type", "no such type of frame", false),
            Self::Unsupported => ("unsupported", "not offered by this server", false),
            Self::BadRoom => ("bad_room", "a room name is 1 to 128 of A-Z a-z 0-9 _ . : -", false),
            Self::NotJoined => ("not_joined", "join the room first", false),
            Self::Limit => ("limit", "too many rooms", false),
            Self::RateLimited => ("rate_limited", "too many frames", true),
            Self::Unavailable => ("unavailable", "the broker does not answer; nothing was sent", true),
            Self::Unconfirmed => ("unconfirmed", "the broker did not confirm; it may still be delivered", true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Epoch, Position};

    const CODES: [Code; 9] = [
        Code::Malformed,
        Code::UnknownType,
        Code::Unsupported,
        Code::BadRoom,
        Code::NotJoined,
        Code::Limit,
        Code::RateLimited,
        Code::Unavailable,
        Code::Unconfirmed,
    ];

    #[test]
    fn every_error_code_is_documented_with_what_can_be_done() {
        let document = include_str!("../../PROTOCOL.md");
        for (code, _, retryable) in CODES.map(Code::describe) {
            let row = document.lines().find(|line| line.starts_with(&format!("| `{code}` |")));
            assert!(row.is_some_and(|row| row.ends_with(&format!("| {retryable} |"))), "{code}: {row:?}");
        }
    }

    #[test]
    fn frames_are_json_whatever_goes_in() {
        let position = Some(Position { offset: 7, epoch: Epoch::parse(b"k3f9").unwrap() });
        let mut frames =
            vec![drain(1, 2, 3), pong(None, None, 1, 2), pong(Some("1"), Some("2.5"), 1, 2), left("r", None)];
        for position in [None, position] {
            for reference in [None, Some(r#""x\"y""#)] {
                frames.push(joined("r", position, reference, "a"));
                frames.push(ack(reference.unwrap_or("1"), "r", position, r#""id""#));
            }
            frames.push(gap(Some("r"), position, None));
            frames.push(gap(Some("r"), None, position));
            for replayed in [false, true] {
                let head = Head { kind: "message", position, via: "b", tsub: 1, tout: 2, replayed };
                frames.push(head.encode(br#""room":"r","content":null}"#).unwrap());
            }
        }
        frames.extend(CODES.map(|code| error(code, Some("null"))));
        for frame in frames {
            let value: serde_json::Value = serde_json::from_str(&frame).unwrap_or_else(|e| panic!("{e} in {frame}"));
            assert!(value["type"].is_string() && frame.starts_with(r#"{"type":""#), "{frame}");
        }
    }
}
