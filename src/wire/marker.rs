//! The marker: fixed-width opaque text inside a payload, by which a receiver recognises a publication.
//!
//! It is found by a byte scan, so a server that re-quotes, batches or wraps the payload still relays it, and no JSON is parsed
//! to learn whose message arrived.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::memmem::Finder;

use super::InstanceTag;

/// What a publication says about itself. `(room, index)` is its identity within the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Marker {
    /// The room it was meant for: below 2^24.
    pub room: u32,
    /// Its place among the publications planned for that room.
    pub index: u32,
    /// The client that said it: below 2^24.
    pub publisher: u32,
    /// The server instance the publisher was connected to when it said it.
    pub instance: InstanceTag,
    /// When it was handed to the socket, counted from t0; below 78 hours.
    pub sent: Duration,
}

/// Bytes of marker text in every payload; no payload may be smaller.
pub const MARKER_LEN: usize = MARKER_PREFIX.len() + 36;

/// What every marker starts with; a payload without it holds none.
pub const MARKER_PREFIX: &[u8; 4] = b"wsb1";
const RAW: usize = 27;

/// Writes and finds the markers of one run.
#[derive(Clone, Debug)]
pub struct Markers {
    run: [u8; 3],
    key: u64,
    finder: Finder<'static>,
}

impl Markers {
    /// The markers of the run identified by `run`; another run's markers are not recognised.
    pub fn new(run: u64) -> Self {
        let key = mix(run, 0x9e37_79b9_7f4a_7c15);
        let [a, b, c, ..] = mix(key, run).to_le_bytes();
        Self { run: [a, b, c], key, finder: Finder::new(MARKER_PREFIX) }
    }

    /// The marker's text: [`MARKER_LEN`] bytes of `[A-Za-z0-9_-]`.
    pub fn write(&self, marker: &Marker) -> [u8; MARKER_LEN] {
        let mut raw = [0u8; RAW];
        raw[0..3].copy_from_slice(&self.run);
        raw[3..6].copy_from_slice(&marker.room.to_le_bytes()[..3]);
        raw[6..10].copy_from_slice(&marker.index.to_le_bytes());
        raw[10..13].copy_from_slice(&marker.publisher.to_le_bytes()[..3]);
        raw[13..17].copy_from_slice(&marker.instance.0.to_le_bytes());
        raw[17..23].copy_from_slice(&crate::time::nanos(marker.sent).to_le_bytes()[..6]);
        let check = self.check(&raw);
        raw[23..27].copy_from_slice(&check);
        let mut text = [0u8; MARKER_LEN];
        text[..4].copy_from_slice(MARKER_PREFIX);
        let written = URL_SAFE_NO_PAD.encode_slice(raw, &mut text[4..]);
        debug_assert_eq!(written, Ok(36));
        text
    }

    /// The first marker of this run in `payload`. Mostly that is what a quoted text begins with: there it is looked for
    /// before the search.
    pub fn find(&self, payload: &[u8]) -> Option<Marker> {
        let at = |at: usize| self.read(payload.get(at + MARKER_PREFIX.len()..at + MARKER_LEN)?);
        let quoted = payload.get(1..).is_some_and(|text| text.starts_with(MARKER_PREFIX));
        quoted.then(|| at(1)).flatten().or_else(|| self.finder.find_iter(payload).find_map(at))
    }

    fn read(&self, text: &[u8]) -> Option<Marker> {
        let raw = decoded(text)?;
        if raw[0..3] != self.run || raw[23..27] != self.check(&raw) {
            return None;
        }
        let three = |at: usize| u32::from_le_bytes([raw[at], raw[at + 1], raw[at + 2], 0]);
        let four = |at: usize| u32::from_le_bytes([raw[at], raw[at + 1], raw[at + 2], raw[at + 3]]);
        Some(Marker {
            room: three(3),
            index: four(6),
            publisher: three(10),
            instance: InstanceTag(four(13)),
            sent: Duration::from_nanos(u64::from(three(17)) | (u64::from(three(20)) << 24)),
        })
    }

    fn check(&self, raw: &[u8; RAW]) -> [u8; 4] {
        let words = raw[..23].chunks(8).map(|chunk| {
            let mut word = [0u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        let sum = words.fold(self.key, mix);
        let [a, b, c, d, ..] = sum.to_le_bytes();
        [a, b, c, d]
    }
}

/// What each byte stands for in URL-safe base64; no digit has the highest bit.
const DIGITS: [u8; 256] = {
    let (mut digits, mut at) = ([NO_DIGIT; 256], 0);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    while at < alphabet.len() {
        digits[alphabet[at] as usize] = at as u8;
        at += 1;
    }
    digits
};
const NO_DIGIT: u8 = 0x80;

/// The bytes behind a marker's text, of whose length a general decoder knows nothing: that takes twice as long.
fn decoded(text: &[u8]) -> Option<[u8; RAW]> {
    let mut raw = [0u8; RAW];
    let mut seen = 0;
    for (four, three) in text.chunks_exact(4).zip(raw.chunks_exact_mut(3)) {
        let mut word = 0;
        for byte in four {
            let digit = DIGITS[usize::from(*byte)];
            seen |= digit;
            word = word << 6 | u32::from(digit);
        }
        three.copy_from_slice(&word.to_be_bytes()[1..]);
    }
    (seen & NO_DIGIT == 0).then_some(raw)
}

/// One round of a 64-bit mixer: every input bit reaches every output bit.
fn mix(state: u64, word: u64) -> u64 {
    let mut x = (state ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 32;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn a_marker_survives_any_wrapping(
            room in 0u32..1 << 24, index in any::<u32>(), publisher in 0u32..1 << 24, instance in any::<u32>(),
            sent in 0u64..1 << 48, before in ".{0,40}", after in ".{0,40}", run in any::<u64>(),
        ) {
            let markers = Markers::new(run);
            let marker = Marker { room, index, publisher, instance: InstanceTag(instance), sent: Duration::from_nanos(sent) };
            let text = String::from_utf8(markers.write(&marker).to_vec()).unwrap();
            let wrapped = serde_json::to_string(&format!("{before}wsb1{text}{after}")).unwrap();
            prop_assert_eq!(markers.find(wrapped.as_bytes()), Some(marker));
        }

        #[test]
        fn a_changed_byte_is_noticed(at in 0usize..MARKER_LEN, to in any::<u8>(), run in any::<u64>()) {
            let markers = Markers::new(run);
            let marker = Marker { room: 3, index: 7, publisher: 9, instance: InstanceTag::of("a"), sent: Duration::from_millis(5) };
            let mut text = markers.write(&marker);
            let changed = text[at] != to;
            text[at] = to;
            prop_assert_eq!(markers.find(&text), (!changed).then_some(marker));
        }

        #[test]
        fn noise_is_never_a_marker(noise in any::<Vec<u8>>()) {
            let mut payload = b"wsb1".to_vec();
            payload.extend(noise);
            prop_assert_eq!(Markers::new(1).find(&payload), None);
        }
    }

    proptest! {
        #[test]
        fn its_text_is_base64(raw in any::<[u8; RAW]>(), at in 0usize..36, to in any::<u8>()) {
            let mut text = URL_SAFE_NO_PAD.encode(raw).into_bytes();
            prop_assert_eq!(decoded(&text), Some(raw));
            text[at] = to;
            let general = URL_SAFE_NO_PAD.decode(&text).ok();
            prop_assert_eq!(decoded(&text).map(|raw| raw.to_vec()), general);
        }
    }

    #[test]
    fn another_run_is_not_ours() {
        let marker = Marker { room: 1, index: 2, publisher: 3, instance: InstanceTag::UNKNOWN, sent: Duration::ZERO };
        assert_eq!(Markers::new(1).find(&Markers::new(2).write(&marker)), None);
    }
}
