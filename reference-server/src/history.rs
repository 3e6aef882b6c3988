//! Where a room stands: positions, what of a room is missing, and the gate that holds live messages back while that is
//! being found out. Pure.

use std::{collections::VecDeque, fmt};

use bytes::Bytes;

/// The life of a room's numbering. Offsets of different epochs cannot be compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch {
    length: u8,
    text: [u8; 15],
}

/// A place in a room: everything up to and including `offset` has been there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Of the last message; 0 before the first.
    pub offset: u64,
    /// See [`Epoch`].
    pub epoch: Epoch,
}

/// A message of a room's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub offset: u64,
    /// The envelope's tail as the origin built it.
    pub tail: Bytes,
}

impl Epoch {
    /// Takes 1 to 15 characters out of `[a-z0-9]`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let fits = (1..=15).contains(&text.len());
        let plain = text.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        (fits && plain).then(|| {
            let mut buffer = [0; 15];
            buffer[..text.len()].copy_from_slice(text);
            Self { length: text.len() as u8, text: buffer }
        })
    }

    /// Eight random characters. Every numbering needs a new one: whoever begins one cannot know that the last one, which
    /// the broker has lost, was not its own.
    pub fn random() -> Self {
        let bits: u64 = rand::random();
        let mut text = [0; 15];
        for (at, character) in text[..8].iter_mut().enumerate() {
            *character = b"abcdefghijkmnpqrstuvwxyz23456789"[(bits >> (5 * at) & 31) as usize];
        }
        Self { length: 8, text }
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        // Invariant: only ASCII gets in.
        std::str::from_utf8(&self.text[..self.length as usize]).expect("an epoch is ASCII")
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a message relates to what was delivered before it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The one that is due.
    Next,
    /// Delivered already.
    Repeat,
    /// At least one before it is missing.
    Hole,
    /// The numbering has begun anew.
    NewEpoch,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}

impl Position {
    /// A place no room has ever had: the epochs of rooms are longer.
    pub(crate) const UNKNOWN: Self =
        Self { offset: 0, epoch: Epoch { length: 1, text: *b"0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" } };

    /// Judges a message at `at` after everything up to `self` was delivered.
    pub(crate) fn order(&self, at: Position) -> Order {
        match () {
            () if at.epoch != self.epoch => Order::NewEpoch,
            () if at.offset <= self.offset => Order::Repeat,
            () if at.offset == self.offset + 1 => Order::Next,
            () => Order::Hole,
        }
    }
}

/// Holds live messages back, in order, within bounds. When it overflows it holds nothing any more: what it held can be
/// fetched from the history with the rest.
#[derive(Debug)]
pub(crate) struct Gate<T> {
    held: VecDeque<T>,
    bytes: usize,
    overflowed: bool,
}

/// Most messages a gate holds.
const GATE_ENTRIES: usize = 1_000;
/// Most bytes a gate holds.
const GATE_BYTES: usize = 1024 * 1024;

impl<T> Default for Gate<T> {
    fn default() -> Self {
        Self { held: VecDeque::new(), bytes: 0, overflowed: false }
    }
}

impl<T> Gate<T> {
    /// Holds a message back.
    pub(crate) fn hold(&mut self, message: T, bytes: usize) {
        if self.held.len() >= GATE_ENTRIES || self.bytes + bytes > GATE_BYTES {
            *self = Self { overflowed: true, ..Self::default() };
        }
        if !self.overflowed {
            self.bytes += bytes;
            self.held.push_back(message);
        }
    }

    /// Opens the gate: what it held, and whether that is everything that came to it.
    pub(crate) fn open(&mut self) -> (VecDeque<T>, bool) {
        let gate = std::mem::take(self);
        (gate.held, !gate.overflowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64, epoch: &str) -> Position {
        Position { offset, epoch: Epoch::parse(epoch.as_bytes()).unwrap() }
    }

    #[test]
    fn order_is_integer_arithmetic_within_an_epoch() {
        let here = at(5, "k3f9");
        assert_eq!(here.order(at(6, "k3f9")), Order::Next);
        assert_eq!(here.order(at(5, "k3f9")), Order::Repeat);
        assert_eq!(here.order(at(7, "k3f9")), Order::Hole);
        assert_eq!(here.order(at(6, "zzzz")), Order::NewEpoch);
    }

    #[test]
    fn epochs_are_short_and_plain() {
        for bad in [&b""[..], b"UPPER", b"with space", b"\xff", b"0123456789abcdef"] {
            assert_eq!(Epoch::parse(bad), None);
        }
        assert_eq!(Epoch::parse(Epoch::random().as_str().as_bytes()).map(|e| e.length), Some(8));
        assert_ne!(Epoch::random(), Epoch::random());
    }

    #[test]
    fn a_gate_that_overflows_says_so_and_holds_nothing() {
        let mut gate = Gate::default();
        (0..GATE_ENTRIES).for_each(|n| gate.hold(n, 1));
        gate.hold(9_999, 1);
        gate.hold(10_000, 1);
        assert_eq!(gate.open(), (VecDeque::new(), false));
        gate.hold(1, 1);
        assert_eq!(gate.open(), (VecDeque::from([1]), true));
    }
}
