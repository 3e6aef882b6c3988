//! Why a conversation ended or never began, in words: what the code means and what to do about it.

use crate::observe::Word;
use crate::transport::ConnectError;
use crate::wire::CloseReason;

/// Codes of RFC 6455 and of the bundled server.
const CODES: &[(u16, &str)] = &[
    (1000, "a normal end"),
    (1001, "the other side is going away"),
    (1002, "the other side says that the protocol was broken"),
    (1003, "the other side does not take this kind of data"),
    (1005, "no code was given"),
    (1006, "the connection broke without a close frame"),
    (1007, "a text was not valid UTF-8"),
    (1008, "a rule of the other side's was broken: look at the token (/token) and the origin"),
    (1009, "a message was too large"),
    (1011, "the other side ran into an error of its own"),
    (1012, "the server is being restarted"),
    (1013, "the server has too much to do: try again later"),
    (4001, "not authenticated: /token shows one that is valid"),
    (4002, "not authenticated in time: --token, --jwt-secret-file or /token shows who you are"),
    (4102, "too many frames in too short a time"),
    (4201, "nothing was heard from here for too long"),
    (4202, "too slow: too much was waiting to be read"),
    (4204, "the token has expired: /token shows a new one"),
];

/// Codes after which a connection may well come about again.
const PASSING: [u16; 8] = [1001, 1006, 1011, 1012, 1013, 1014, 4201, 4202];

/// Whether an end is none that would come again: the connection broke, or the server goes away or is in trouble.
pub(super) fn is_passing(reason: &CloseReason) -> bool {
    match reason {
        CloseReason::Code(code, _) => PASSING.contains(code),
        CloseReason::Eof | CloseReason::Reset | CloseReason::Silent | CloseReason::Io(_) => true,
        CloseReason::Status(status) => *status >= 500,
        CloseReason::Protocol(_) => false,
    }
}

/// Why no connection came about, in words.
pub(super) fn refusal(error: &ConnectError) -> String {
    let remedy = match error.kind {
        kind if kind == Word::http(401) || kind == Word::http(403) => "; --token and /token show a token, -b cookies",
        kind if kind == Word::http(404) => "; is the path right? --dialect, or --room, adds that of a protocol",
        _ => "",
    };
    format!("{error}{remedy}")
}

/// The reason in words.
pub(super) fn words(reason: &CloseReason) -> String {
    let meaning = match reason {
        CloseReason::Code(code, _) => CODES.iter().find(|(known, _)| known == code).map(|(_, words)| *words),
        CloseReason::Eof | CloseReason::Reset => Some("nobody said goodbye"),
        CloseReason::Status(401 | 403) => Some("look at the token: /token shows another"),
        CloseReason::Status(_) | CloseReason::Protocol(_) | CloseReason::Silent | CloseReason::Io(_) => None,
    };
    let own = match reason {
        CloseReason::Code(3000..=3999, _) if meaning.is_none() => Some("a code of a library or framework"),
        CloseReason::Code(4000..=4999, _) if meaning.is_none() => Some("a code of the application's own"),
        _ => meaning,
    };
    own.map_or_else(|| reason.to_string(), |meaning| format!("{reason}: {meaning}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_explained() {
        let code = |code, text: &str| words(&CloseReason::Code(code, text.to_owned()));
        assert_eq!(code(1000, ""), "closed 1000: a normal end");
        assert!(code(1012, "later").starts_with("closed 1012 (later): the server is being restarted"));
        assert_eq!(code(4999, "\u{1b}"), "closed 4999 (\\u{1b}): a code of the application's own");
        assert!(words(&CloseReason::Reset).contains("1006"));
    }

    #[test]
    fn what_would_come_again_is_no_passing_end() {
        let code = |code| is_passing(&CloseReason::Code(code, String::new()));
        assert!(code(1012) && code(1001) && is_passing(&CloseReason::Reset) && is_passing(&CloseReason::Status(502)));
        assert!(!code(1000) && !code(1008) && !code(4001) && !code(4999) && !is_passing(&CloseReason::Status(401)));
    }
}
