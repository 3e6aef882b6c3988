//! By what the first messages of a server are known, where nobody has said what it speaks.

use super::DIALECTS;
use crate::wire::Frame;

/// What people call a protocol, and what its servers' first messages look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signs {
    /// Its name among people.
    pub called: &'static str,
    /// Each by itself is enough: what a message begins with, and what else it holds.
    pub messages: &'static [(&'static str, &'static str)],
}

/// The protocol that `frame` looks like: what people call it, and the dialect. No sign is proof.
pub fn recognise(frame: &Frame) -> Option<(&'static str, &'static str)> {
    let message = std::str::from_utf8(frame.bytes()).ok()?;
    DIALECTS.iter().find_map(|entry| {
        let signs = entry.signs?;
        let fits = |(begins, holds): &(&str, &str)| message.starts_with(begins) && message.contains(holds);
        signs.messages.iter().any(fits).then_some((signs.called, entry.name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_what_they_say_first() {
        let known = |text: &'static str| recognise(&Frame::text(text)).map(|(_, dialect)| dialect);
        for (text, dialect) in [
            (r#"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[],"pingInterval":25000}"#, "socketio-v5"),
            ("INFO {\"server_id\":\"N\",\"version\":\"2.10\"}\r\n", "nats"),
            (r#"{"type":"welcome","sid":"x"}"#, "actioncable-v1"),
            (r#"{"type":"welcome"}"#, "actioncable-v1"),
            (r#"{"type":"ping","message":1763991600}"#, "actioncable-v1"),
            (r#"["1","1","room:a","phx_reply",{"status":"ok","response":{}}]"#, "phoenix-v2"),
            (r#"{"type":"connection_ack"}"#, "graphql-transport-ws"),
            (r#"{"id":1,"connect":{"client":"5b","version":"5.4.9"}}"#, "centrifugo-v5"),
            (r#"{"event":"pusher:connection_established","data":"{}"}"#, "pusher-v7"),
            ("{}\u{1e}", "signalr-json"),
            ("{\"type\":6}\u{1e}", "signalr-json"),
            (r#"{"type":"welcome","instance":"a","clock":"1f0c","user":"ada"}"#, "room"),
        ] {
            assert_eq!(known(text), Some(dialect), "{text}");
        }
        for text in ["hello", "0", "{}", "[1,2]", r#"{"type":"message"}"#, "INFO: started"] {
            assert_eq!(known(text), None, "{text}");
        }
    }
}
