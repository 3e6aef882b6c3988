//! From bytes that came in to pieces with the moment each of them goes out. Pure: what it gives follows from what it is
//! told, and from its seed.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::impairment::Impairment;
use crate::time::{Timestamp, nanos};

/// Where bandwidth is short, a piece is as much as passes in this time: a burst no longer than it looks like a line.
const GRAIN: Duration = Duration::from_millis(10);

/// Bytes that go out at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The bytes.
    pub(super) bytes: Bytes,
    /// How many went before them.
    pub(super) from: u64,
    /// When they came in.
    pub(super) read: Timestamp,
    /// When they are to go out, stalls left aside.
    pub(super) due: Timestamp,
}

/// One way of one connection.
#[derive(Debug)]
pub(super) struct Shaper {
    rng: ChaCha8Rng,
    /// Bytes taken in.
    passed: u64,
    /// When the last piece goes out: no later one goes sooner.
    last: Timestamp,
}

impl Shaper {
    /// Nothing has passed yet; everything random follows from `seed`.
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), passed: 0, last: Timestamp::default() }
    }

    /// Cuts `bytes`, read at `read`, into pieces.
    pub(super) fn pieces(&mut self, mut bytes: Bytes, read: Timestamp, how: &Impairment) -> Vec<Piece> {
        let mut free = self.held_until(read, how).max(self.last);
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let size = self.size(how).min(bytes.len());
            let bytes = bytes.split_to(size);
            let from = self.passed;
            self.passed += size as u64;
            free = free + how.bandwidth.map_or(Duration::ZERO, |rate| transmission(size as u64, rate));
            pieces.push(Piece { bytes, from, read, due: free });
        }
        self.last = free;
        pieces
    }

    /// When the end of the stream, seen at `read`, is to be passed on.
    pub(super) fn end(&mut self, read: Timestamp, how: &Impairment) -> Timestamp {
        self.held_until(read, how).max(self.last)
    }

    /// Turns one bit of `bytes` over; gives its byte's place in the stream.
    pub(super) fn corrupt(&mut self, bytes: &mut BytesMut) -> Option<u64> {
        let at = (!bytes.is_empty()).then(|| self.rng.random_range(0..bytes.len()))?;
        bytes[at] ^= 1 << self.rng.random_range(0..8);
        Some(self.passed + at as u64)
    }

    fn held_until(&mut self, read: Timestamp, how: &Impairment) -> Timestamp {
        let spread = match nanos(how.jitter.min(how.delay)) {
            0 => Duration::ZERO,
            jitter => Duration::from_nanos(self.rng.random_range(0..=2 * jitter)),
        };
        read + how.delay.saturating_sub(how.jitter) + spread
    }

    fn size(&mut self, how: &Impairment) -> usize {
        let slice = how.slice.map(|(least, most)| self.rng.random_range(least.max(1)..=most.max(least).max(1)));
        let grain = how.bandwidth.map(|rate| (rate / per_second(GRAIN)).max(1));
        let size = slice.into_iter().chain(grain).min().unwrap_or(u64::MAX);
        usize::try_from(size).unwrap_or(usize::MAX)
    }
}

/// How often `time` fits into a second.
fn per_second(time: Duration) -> u64 {
    1_000_000_000 / nanos(time)
}

fn transmission(size: u64, rate: u64) -> Duration {
    let nanos = u128::from(size) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_nanos(1_000_000_000 + millis * 1_000_000)
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn bytes(size: usize) -> Bytes {
        Bytes::from_iter((0..size).map(|at| at as u8))
    }

    /// The sizes of the pieces, and when they go out, in milliseconds after they came.
    fn shaped(shaper: &mut Shaper, size: usize, read: Timestamp, how: &Impairment) -> Vec<(usize, f64)> {
        let pieces = shaper.pieces(bytes(size), read, how);
        assert_eq!(pieces.iter().flat_map(|piece| piece.bytes.to_vec()).collect::<Vec<_>>(), bytes(size));
        pieces.iter().map(|piece| (piece.bytes.len(), piece.due.since(read).as_secs_f64() * 1e3)).collect()
    }

    #[test]
    fn nothing_is_done_to_what_is_not_impaired() {
        let mut shaper = Shaper::new(1);
        assert_eq!(shaped(&mut shaper, 100_000, at(0), &Impairment::default()), [(100_000, 0.0)]);
        let [piece] = &shaper.pieces(bytes(7), at(1), &Impairment::default())[..] else { panic!() };
        assert_eq!((piece.from, piece.read, piece.due), (100_000, at(1), at(1)));
    }

    #[test]
    fn jitter_stays_within_its_bounds_and_never_changes_the_order() {
        let how = Impairment { delay: ms(20), jitter: ms(5), ..Impairment::default() };
        let mut shaper = Shaper::new(1);
        let (mut last, mut held) = (at(0), Vec::new());
        for read in (0..1_000).map(at) {
            let due = shaper.pieces(bytes(1), read, &how)[0].due;
            assert!(due >= last, "the order is kept");
            last = due;
            held.push(due.since(read));
        }
        assert!(held.iter().all(|held| (ms(15)..=ms(25)).contains(held)));
        // Waiting for the one before makes it a little more than the delay in the mean.
        let mean = held.iter().sum::<Duration>() / 1_000;
        assert!((ms(20)..ms(25)).contains(&mean), "{mean:?}");
        assert!(held.iter().min().unwrap() < &ms(17) && held.iter().max().unwrap() > &ms(23));
    }

    #[test]
    fn a_narrow_line_takes_its_time_and_remembers_it() {
        let how = Impairment { delay: ms(100), bandwidth: Some(10_000), ..Impairment::default() };
        let mut shaper = Shaper::new(1);
        assert_eq!(shaped(&mut shaper, 250, at(0), &how), [(100, 110.0), (100, 120.0), (50, 125.0)]);
        assert_eq!(shaped(&mut shaper, 50, at(20), &how), [(50, 110.0)], "the line is busy until 125 ms");
        assert_eq!(shaped(&mut shaper, 50, at(900), &how), [(50, 105.0)], "and free again");
        assert_eq!(shaper.end(at(901), &how), at(1_005), "the end comes after everything");
    }

    #[test]
    fn slices_are_as_long_as_they_may_be() {
        let how = Impairment { slice: Some((1, 100)), ..Impairment::default() };
        let sizes: Vec<usize> =
            shaped(&mut Shaper::new(1), 10_000, at(0), &how).iter().map(|(size, _)| *size).collect();
        assert!(sizes.iter().all(|size| (1..=100).contains(size)));
        assert!((150..270).contains(&sizes.len()), "{} pieces of 50 bytes in the mean", sizes.len());
        assert_eq!(sizes, shaped(&mut Shaper::new(1), 10_000, at(0), &how).iter().map(|(s, _)| *s).collect::<Vec<_>>());
    }

    #[test]
    fn one_bit_is_turned_over() {
        let mut shaper = Shaper::new(3);
        shaper.pieces(bytes(1_000), at(0), &Impairment::default());
        let mut turned = BytesMut::from(&bytes(64)[..]);
        let place = shaper.corrupt(&mut turned).unwrap() as usize - 1_000;
        let differing: Vec<usize> = (0..64).filter(|at| turned[*at] != bytes(64)[*at]).collect();
        assert_eq!(differing, [place]);
        assert_eq!((turned[place] ^ bytes(64)[place]).count_ones(), 1);
        assert_eq!(shaper.corrupt(&mut BytesMut::new()), None);
    }
}
