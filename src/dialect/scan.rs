//! One forward pass over the frames a room client receives by the thousand, without a JSON parser.
//!
//! It understands objects whose values before `content` are plain numbers and strings without escapes, which is what
//! the bundled server writes. Anything else is `None`, and the caller parses properly.

use super::{Delivery, Stamps};

/// The delivery in `frame`, if it looks exactly like one: `{"type":"message", …, "content": …}`, or `"notify"`.
pub(super) fn message(frame: &[u8]) -> Option<Delivery<'_>> {
    let rest = frame.strip_prefix(br#"{"type":""#)?;
    let rest = rest.strip_prefix(br#"message","#).or_else(|| rest.strip_prefix(br#"notify","#))?;
    let mut scan = Scan { rest };
    let (mut offset, mut replayed) = (None, false);
    let (mut ingress, mut published, mut subscribed, mut fanned_out) = (None, None, None, None);
    loop {
        match scan.key()? {
            // Without history there are no positions.
            b"off" | b"ep" if scan.null() => {}
            b"off" => offset = Some(scan.number()?),
            b"tsub" => subscribed = Some(scan.number()?),
            b"tout" => fanned_out = Some(scan.number()?),
            b"tin" => ingress = Some(scan.number()?),
            b"tpub" => published = Some(scan.number()?),
            b"rp" => replayed = scan.number()? == 1,
            b"ep" | b"via" | b"room" | b"user" | b"id" | b"from" | b"org" | b"timestamp" => {
                scan.string()?;
            }
            b"content" => break,
            _ => return None,
        }
        scan.byte(b',')?;
    }
    let stamps =
        || Some(Stamps { ingress: ingress?, published: published?, subscribed: subscribed?, fanned_out: fanned_out? });
    Some(Delivery { body: scan.rest, stamps: stamps(), offset, replayed })
}

/// The reference in `frame`, if it is an acknowledgement: `{"type":"ack","ref":N, …}`.
pub(super) fn ack(frame: &[u8]) -> Option<u64> {
    let mut scan = Scan { rest: frame.strip_prefix(br#"{"type":"ack","ref":"#)? };
    let reference = scan.number()?;
    matches!(scan.rest.first(), Some(b',' | b'}')).then_some(reference)
}

/// The reference in `frame`, if it answers a question that may have a long answer: its keys up to the reference are
/// read, and nothing of what was asked for.
pub(super) fn reply(frame: &[u8]) -> Option<u64> {
    const KINDS: [&[u8]; 2] = [br#"{"type":"history","#, br#"{"type":"presence","#];
    let mut scan = Scan { rest: KINDS.iter().find_map(|kind| frame.strip_prefix(*kind))? };
    loop {
        match scan.key()? {
            b"ref" => return scan.number(),
            b"off" | b"ep" if scan.null() => {}
            b"off" => drop(scan.number()?),
            b"room" | b"ep" => drop(scan.string()?),
            _ => return None,
        }
        scan.byte(b',')?;
    }
}

/// What is left to read.
struct Scan<'a> {
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    /// A key and its colon.
    fn key(&mut self) -> Option<&'a [u8]> {
        let key = self.string()?;
        self.byte(b':')?;
        Some(key)
    }

    /// A string without escapes. Here they have a few bytes each, for which a vectorised search costs more than it saves.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.byte(b'"')?;
        let end = self.rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.byte(b'"')?;
        Some(text)
    }

    /// A whole number of at most 19 digits: none of those is too large.
    fn number(&mut self) -> Option<u64> {
        let (mut number, mut digits) = (0u64, 0);
        while let Some(digit @ b'0'..=b'9') = self.rest.get(digits) {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            digits += 1;
        }
        self.rest = &self.rest[digits..];
        (1..=19).contains(&digits).then_some(number)
    }

    /// Skips `null`, if it is next.
    fn null(&mut self) -> bool {
        let rest = self.rest.strip_prefix(b"null");
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Exactly this byte.
    fn byte(&mut self, byte: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }
}
