//! The same envelopes as events of a stream (`text/event-stream`): `id:` is where the room stands, `data:` the frame.

use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::history::{Epoch, Position};

/// How a connection is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    /// WebSocket frames.
    Frames,
    /// Events of a stream.
    Events,
}

/// How a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    WebSocket,
    Sse,
    LongPoll,
}

impl Transport {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
            Self::LongPoll => "longpoll",
        }
    }

    pub(crate) fn medium(self) -> Medium {
        match self {
            Self::WebSocket => Medium::Frames,
            Self::Sse | Self::LongPoll => Medium::Events,
        }
    }
}

/// Something for many connections, encoded once for each medium among them.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    pub(crate) frame: Utf8Bytes,
    /// Only where somebody wants it.
    pub(crate) event: Option<Utf8Bytes>,
}

impl Encoded {
    /// A frame, and if `streams` listen, the event with this position.
    pub(crate) fn new(frame: Utf8Bytes, streams: bool, position: Option<Position>) -> Self {
        let event = streams.then(|| event(position, None, &frame));
        Self { frame, event }
    }

    /// What a connection of this medium is sent. `None` if nobody of it was known when this was encoded.
    pub(crate) fn over(&self, medium: Medium) -> Option<Utf8Bytes> {
        match medium {
            Medium::Frames => Some(self.frame.clone()),
            Medium::Events => self.event.clone(),
        }
    }
}

/// One event. Raw line ends, which JSON allows between tokens, become further `data:` lines.
pub(crate) fn event(position: Option<Position>, retry_ms: Option<u128>, frame: &str) -> Utf8Bytes {
    let mut out = String::with_capacity(frame.len() + 48);
    push_id(&mut out, position);
    if let Some(retry) = retry_ms {
        out.push_str(&format!("retry: {retry}\n"));
    }
    let mut rest = frame;
    while let Some(end) = rest.find(['\n', '\r']) {
        push_data(&mut out, &rest[..end]);
        let width = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[end + width..];
    }
    push_data(&mut out, rest);
    out.push('\n');
    out.into()
}

/// Moves a stream's position without an event: clients remember it, nobody is told.
pub(crate) fn mark(position: Option<Position>) -> Utf8Bytes {
    let mut out = String::new();
    push_id(&mut out, position);
    out.push_str(":\n\n");
    out.into()
}

/// The position and the frame of an event made here.
pub(crate) fn parts(event: &str) -> (Option<Position>, String) {
    let field = |name: &'static str| event.lines().filter_map(move |line| line.strip_prefix(name));
    let position = field("id: ").next().and_then(parse_position);
    (position, field("data: ").collect::<Vec<_>>().join("\n"))
}

/// A position as `epoch:offset`.
pub(crate) fn parse_position(text: &str) -> Option<Position> {
    let (epoch, offset) = text.split_once(':')?;
    let digits = offset.bytes().all(|c| c.is_ascii_digit());
    let offset = offset.parse().ok().filter(|_| digits)?;
    Some(Position { offset, epoch: Epoch::parse(epoch.as_bytes())? })
}

fn push_id(out: &mut String, position: Option<Position>) {
    if let Some(position) = position {
        out.push_str(&format!("id: {position}\n"));
    }
}

fn push_data(out: &mut String, line: &str) {
    out.push_str("data: ");
    out.push_str(line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64) -> Option<Position> {
        Some(Position { offset, epoch: Epoch::parse(b"k3f9").unwrap() })
    }

    #[test]
    fn events_carry_position_and_frame() {
        assert_eq!(event(at(7), None, "{}").as_str(), "id: k3f9:7\ndata: {}\n\n");
        assert_eq!(event(None, Some(2_000), "{}").as_str(), "retry: 2000\ndata: {}\n\n");
        assert_eq!(mark(at(7)).as_str(), "id: k3f9:7\n:\n\n");
        assert_eq!(parts(&event(at(7), Some(1), "{\"a\":\n1}")), (at(7), "{\"a\":\n1}".to_owned()));
    }

    #[test]
    fn no_line_end_in_a_frame_ends_the_event() {
        let event = event(None, None, "{\"a\"\r\n:\r1\n,\n\n\"b\":2}");
        assert_eq!(event.as_str(), "data: {\"a\"\ndata: :\ndata: 1\ndata: ,\ndata: \ndata: \"b\":2}\n\n");
    }

    #[test]
    fn positions_are_read_as_they_are_written() {
        assert_eq!(parse_position("k3f9:42"), at(42));
        assert_eq!(parse_position(&at(42).unwrap().to_string()), at(42));
        for bad in
            ["", ":", "k3f9", "k3f9:", ":1", "K:1", "k3f9:-1", "k3f9:+1", "k3f9:1:2", "k3f9:99999999999999999999"]
        {
            assert_eq!(parse_position(bad), None, "{bad}");
        }
    }
}
