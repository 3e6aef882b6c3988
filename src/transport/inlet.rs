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
mod tests;
