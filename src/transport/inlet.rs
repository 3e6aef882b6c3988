//! Reading: whole messages straight out of what the socket had, everything else for the codec.
//!
//! Most of what a client receives is messages in one frame, read whole. Those are taken from a buffer on the stack,
//! which is warm whoever reads, and leave the connection's own memory untouched. Frames that are split over reads,
//! fragments, control frames and whatever breaks the protocol go to the codec, cut so that it never holds a byte
//! beyond the frame it is given.

use bytes::Bytes;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

use crate::wire::Frame;

/// Bytes taken from the kernel at once.
const TAKEN: usize = 16 << 10;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A message in one frame.
    Message(Frame),
    /// Part of a frame, or a frame that is not a message by itself.
    ForCodec(Bytes),
}

/// Where the reading of one connection stands.
pub(super) struct Inlet {
    /// Read and not yet handed out.
    early: Bytes,
    /// Bytes the codec still lacks of the frame it was given the start of.
    owed: u64,
    /// A message in fragments is under way in the codec.
    fragments: bool,
    /// Larger messages are the codec's to refuse.
    limit: usize,
}

impl Inlet {
    /// Starts with `early`, which was read already.
    pub(super) fn new(early: Vec<u8>, limit: usize) -> Self {
        Self { early: early.into(), owed: 0, fragments: false, limit }
    }

    /// The next piece of what `line` brings; `None` at its end.
    pub(super) fn poll_next(
        &mut self,
        line: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Piece>>> {
        loop {
            if let Some(piece) = self.take() {
                return Poll::Ready(Ok(Some(piece)));
            }
            let mut room = [MaybeUninit::uninit(); TAKEN];
            let mut taken = ReadBuf::uninit(&mut room);
            // What is left is less than a frame's head.
            taken.put_slice(&self.early);
            ready!(Pin::new(&mut *line).poll_read(cx, &mut taken))?;
            let taken = taken.filled();
            if taken.len() == self.early.len() {
                return Poll::Ready(Ok(None));
            }
            if let Some((message, size)) = self.first(taken) {
                self.early = copied(&taken[size..]);
                return Poll::Ready(Ok(Some(Piece::Message(message))));
            }
            self.early = copied(taken);
        }
    }

    /// The next piece of what was read already; `None` when that is too little to tell.
    fn take(&mut self) -> Option<Piece> {
        if self.early.is_empty() {
            return None;
        }
        if self.owed == 0 {
            let head = Head::read(&self.early)?;
            if let Some(size) = self.whole(&head, self.early.len()) {
                let frame = self.early.split_to(size);
                let message = head.message(frame.slice(head.size..));
                return Some(message.map_or(Piece::ForCodec(frame), Piece::Message));
            }
            self.owed = (head.size as u64).saturating_add(head.payload);
            if head.is_data() {
                self.fragments = !head.is_final();
            }
        }
        let size = usize::try_from(self.owed).unwrap_or(usize::MAX).min(self.early.len());
        self.owed -= size as u64;
        Some(Piece::ForCodec(self.early.split_to(size)))
    }

    /// The message at the start of `bytes`, if it is whole and nothing is in its way, and the size of its frame.
    fn first(&self, bytes: &[u8]) -> Option<(Frame, usize)> {
        if self.owed > 0 {
            return None;
        }
        let head = Head::read(bytes)?;
        let size = self.whole(&head, bytes.len())?;
        Some((head.message(Bytes::copy_from_slice(&bytes[head.size..size]))?, size))
    }

    /// The size of the frame behind `head`, if it is a message by itself and `available` bytes hold all of it.
    fn whole(&self, head: &Head, available: usize) -> Option<usize> {
        let payload = usize::try_from(head.payload).ok().filter(|payload| *payload <= self.limit)?;
        let size = head.size + payload;
        (head.is_plain_message() && !self.fragments && size <= available).then_some(size)
    }
}

fn copied(bytes: &[u8]) -> Bytes {
    if bytes.is_empty() { Bytes::new() } else { Bytes::copy_from_slice(bytes) }
}

/// The head of a frame (RFC 6455, 5.2).
struct Head {
    first: u8,
    masked: bool,
    payload: u64,
    /// Bytes of the head itself.
    size: usize,
}

const FINAL: u8 = 0x80;
const OPCODE: u8 = 0x0f;
const TEXT: u8 = 1;
const BINARY: u8 = 2;

impl Head {
    /// The head at the start of `bytes`; `None` when there are too few.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let masked = second & 0x80 != 0;
        let (payload, size) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?), 10),
            short => (u64::from(short), 2),
        };
        let size = if masked { size + 4 } else { size };
        (bytes.len() >= size).then_some(Self { first, masked, payload, size })
    }

    fn is_final(&self) -> bool {
        self.first & FINAL != 0
    }

    /// Whether it is text, binary or the continuation of one.
    fn is_data(&self) -> bool {
        self.first & OPCODE <= BINARY
    }

    /// Whether it is a text or binary message in one frame, as a server sends them.
    fn is_plain_message(&self) -> bool {
        matches!(self.first & !FINAL, TEXT | BINARY) && self.is_final() && !self.masked
    }

    /// The message of a plain frame; `None` if it claims to be text and is not.
    fn message(&self, payload: Bytes) -> Option<Frame> {
        match self.first & OPCODE {
            TEXT => payload.try_into().ok().map(Frame::Text),
            _ => Some(Frame::Binary(payload)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::codec::Fed;
    use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};
    use std::collections::VecDeque;
    use std::task::Waker;
    use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig, WebSocketContext};

    /// A line that brings these chunks, one a read, then nothing for now, or its end.
    struct Chunks(VecDeque<Vec<u8>>);

    impl AsyncRead for Chunks {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            if let Some(chunk) = self.0.pop_front() {
                buf.put_slice(&chunk);
            }
            Poll::Ready(Ok(()))
        }
    }

    const LIMIT: usize = 5_000;

    fn codec() -> WebSocketContext {
        let config = WebSocketConfig::default().max_message_size(Some(LIMIT)).max_frame_size(Some(LIMIT));
        WebSocketContext::new(Role::Client, Some(config.read_buffer_size(64)))
    }

    /// What the codec alone makes of everything, up to the first error.
    fn by_codec(bytes: &[u8]) -> Vec<String> {
        let (mut codec, mut fed, mut said) = (codec(), Fed(bytes), Vec::new());
        loop {
            match codec.read(&mut fed) {
                Ok(message) => said.push(message.to_string() + kind(&message)),
                Err(tokio_tungstenite::tungstenite::Error::Io(_)) => return said,
                Err(error) => {
                    said.push(error.to_string());
                    return said;
                }
            }
        }
    }

    /// What inlet and codec make of it together, and whether the inlet handed out messages itself.
    fn by_inlet(chunks: Vec<Vec<u8>>) -> (Vec<String>, usize) {
        let (mut inlet, mut codec, mut said, mut own) = (Inlet::new(Vec::new(), LIMIT), codec(), Vec::new(), 0);
        let (mut line, mut cx) = (Chunks(chunks.into()), Context::from_waker(Waker::noop()));
        while let Poll::Ready(Ok(Some(piece))) = inlet.poll_next(&mut line, &mut cx) {
            match piece {
                Piece::Message(frame) => {
                    own += 1;
                    let message = match frame {
                        Frame::Text(text) => Message::Text(text),
                        Frame::Binary(bytes) => Message::Binary(bytes),
                    };
                    said.push(message.to_string() + kind(&message));
                }
                Piece::ForCodec(bytes) => {
                    let mut fed = Fed(&bytes);
                    match codec.read(&mut fed) {
                        Ok(message) => said.push(message.to_string() + kind(&message)),
                        Err(tokio_tungstenite::tungstenite::Error::Io(_)) => {}
                        Err(error) => {
                            said.push(error.to_string());
                            return (said, own);
                        }
                    }
                    assert!(fed.0.is_empty(), "the codec takes exactly what it is given");
                }
            }
        }
        (said, own)
    }

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Text(_) => " text",
            Message::Binary(_) => " binary",
            Message::Ping(_) => " ping",
            Message::Pong(_) => " pong",
            _ => " other",
        }
    }

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..126 => frame.push(short as u8),
            long => {
                frame.push(126);
                frame.extend_from_slice(&(long as u16).to_be_bytes());
            }
        }
        frame.extend_from_slice(payload);
        frame
    }

    /// Frames as peers send them, and now and then one that is wrong.
    fn frames() -> impl Strategy<Value = Vec<u8>> {
        let text = prop_oneof!["[a-zé]{0,300}", "[a-z]{0,3}"].prop_map(|text| frame(0x81, text.as_bytes()));
        let binary = proptest::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| frame(0x82, &bytes));
        let control = (prop_oneof![Just(0x89), Just(0x8a)], "[a-z]{0,20}").prop_map(|(op, t)| frame(op, t.as_bytes()));
        let fragments = ("[a-z]{0,99}", "[a-z]{0,9}", "[a-z]{0,99}").prop_map(|(start, ping, rest)| {
            [frame(0x01, start.as_bytes()), frame(0x89, ping.as_bytes()), frame(0x80, rest.as_bytes())].concat()
        });
        let large = (LIMIT - 2..LIMIT + 2).prop_map(|size| frame(0x81, &vec![b'x'; size]));
        let wrong = (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..20)).prop_map(|(op, b)| frame(op, &b));
        prop_oneof![8 => text, 4 => binary, 3 => control, 3 => fragments, 1 => large, 1 => wrong]
    }

    proptest! {
        #[test]
        fn it_reads_what_the_codec_alone_would(
            frames in proptest::collection::vec(frames(), 0..20),
            cuts in proptest::collection::vec(0usize..9_000, 0..12),
        ) {
            let bytes = frames.concat();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.extend((0..bytes.len()).step_by(TAKEN - 100));
            cuts.sort_unstable();
            cuts.dedup();
            let chunks = cuts.windows(2).map(|cut| bytes[cut[0]..cut[1]].to_vec()).collect();
            prop_assert_eq!(by_inlet(chunks).0, by_codec(&bytes));
        }
    }

    #[test]
    fn whole_messages_do_not_go_through_the_codec() {
        let bytes = [frame(0x81, b"one"), frame(0x82, b"two"), frame(0x81, &[b'x'; 400])].concat();
        assert_eq!(by_inlet(vec![bytes.clone()]).1, 3);
        assert_eq!(by_inlet(vec![bytes[..1].to_vec(), bytes[1..].to_vec()]).1, 3, "a head may come in two reads");
        assert_eq!(by_inlet(vec![bytes[..20].to_vec(), bytes[20..].to_vec()]).1, 2);
    }
}
