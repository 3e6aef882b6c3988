//! Whose turn it is when: pairs of blocks, each pair's order by a fair coin.

use std::ops::Range;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::block::Side;

/// The turns of both sides, counted from the first block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    block: Duration,
    first: Vec<Side>,
}

impl Schedule {
    /// As many pairs of blocks of length `block` as fit into `within`. The same seed gives the same coins.
    pub fn new(block: Duration, within: Duration, seed: u64) -> Self {
        let pairs = within.as_nanos() / (2 * block.as_nanos()).max(1);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let coin = |_| if rng.random::<bool>() { Side::Base } else { Side::New };
        Self { block, first: (0..pairs).map(coin).collect() }
    }

    /// How many pairs.
    pub fn pairs(&self) -> usize {
        self.first.len()
    }

    /// How long all of them take.
    pub fn length(&self) -> Duration {
        2 * self.block * u32::try_from(self.pairs()).unwrap_or(u32::MAX)
    }

    /// The turns of `side`, in order: the `k`-th belongs to pair `k`.
    pub fn turns(&self, side: Side) -> Vec<Range<Duration>> {
        let turn = |(pair, first): (u32, &Side)| {
            let start = self.block * (2 * pair + u32::from(*first != side));
            start..start + self.block
        };
        (0..).zip(&self.first).map(turn).collect()
    }

    /// When pair number `pair` is over.
    pub fn end_of(&self, pair: u32) -> Duration {
        2 * self.block * (pair + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_alternate_by_fair_coins_and_fill_the_time() {
        let (block, within) = (Duration::from_millis(400), Duration::from_secs(800));
        let schedule = Schedule::new(block, within, 3);
        assert_eq!((schedule.pairs(), schedule.length()), (1_000, within));
        let (base, new) = (schedule.turns(Side::Base), schedule.turns(Side::New));
        let mut all: Vec<_> = base.iter().chain(&new).map(|turn| (turn.start, turn.end)).collect();
        all.sort_unstable();
        assert!(all.windows(2).all(|two| two[0].1 == two[1].0), "gaps or overlaps");
        let first = base.iter().zip(&new).filter(|(base, new)| base.start < new.start).count();
        assert!((430..570).contains(&first), "{first}");
        assert_eq!(schedule, Schedule::new(block, within, 3));
        assert_ne!(schedule, Schedule::new(block, within, 4));
        assert!(new.iter().zip(0..).all(|(turn, pair)| turn.end <= schedule.end_of(pair)));
    }
}
