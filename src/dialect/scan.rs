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

    /// A string without escapes.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.byte(b'"')?;
        let end = end_of_string(self.rest)?;
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

/// Where the first quote or backslash is. Eight bytes at a time: strings here have a few bytes each, for which a
/// vectorised search costs more than it saves.
fn end_of_string(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    // The top bit of each byte that is zero; above the lowest of those it may be set in vain.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let (eights, rest) = text.as_chunks::<8>();
    for (at, eight) in eights.iter().enumerate() {
        let word = u64::from_le_bytes(*eight);
        let ends = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if ends != 0 {
            return Some(at * 8 + ends.trailing_zeros() as usize / 8);
        }
    }
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some(eights.len() * 8 + end)
}

#[cfg(test)]
mod tests {
    use super::end_of_string;
    use proptest::prelude::{Strategy, prop_assert_eq, prop_oneof, proptest};

    /// Bytes among which those that end a string are frequent, and those that differ from them by one bit.
    fn byte() -> impl Strategy<Value = u8> {
        prop_oneof![0u8..=255, prop_oneof![0x20u8..0x25, 0x5au8..0x5f, 0xa0u8..0xa5, 0xdau8..0xdf]]
    }

    proptest! {
        #[test]
        fn a_string_ends_at_its_first_quote_or_backslash(text in proptest::collection::vec(byte(), 0..40)) {
            let first = text.iter().position(|byte| matches!(byte, b'"' | b'\\'));
            prop_assert_eq!(end_of_string(&text), first);
        }
    }
}
