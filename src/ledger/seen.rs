//! Which publications of a room one client has received: a low-water mark and one bit for each above it.

use std::collections::VecDeque;

/// While everything arrives in order this is one integer; bits exist only between the first hole and the newest copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    low: u32,
    /// Index of the first bit of `bits`, a multiple of 64; meaningless when `bits` is empty.
    start: u32,
    bits: VecDeque<u64>,
}

impl Seen {
    /// Nothing from `low` on has been seen; everything below counts as seen.
    pub(super) fn from(low: u32) -> Self {
        Self { low, start: 0, bits: VecDeque::new() }
    }

    pub(super) fn contains(&self, index: u32) -> bool {
        if index < self.low {
            return true;
        }
        if self.bits.is_empty() {
            return false;
        }
        let at = index - self.start;
        self.bits.get((at / 64) as usize).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    /// Notes `index`; gives whether that is news.
    pub(super) fn insert(&mut self, index: u32) -> bool {
        if self.contains(index) {
            return false;
        }
        if self.bits.is_empty() {
            if index == self.low {
                self.low += 1;
                return true;
            }
            self.start = self.low & !63;
            self.bits.push_back((1 << (self.low - self.start)) - 1);
        }
        let at = index - self.start;
        let word = (at / 64) as usize;
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] |= 1 << (at % 64);
        self.raise();
        true
    }

    /// Everything below `floor` is settled and counts as seen.
    pub(super) fn raise_to(&mut self, floor: u32) {
        if floor <= self.low {
            return;
        }
        self.low = floor;
        while !self.bits.is_empty() && self.start + 64 <= floor {
            self.bits.pop_front();
            self.start += 64;
        }
        if let Some(first) = self.bits.front_mut() {
            *first |= (1 << (floor.max(self.start) - self.start)) - 1;
            self.raise();
        }
    }

    /// Moves the mark over everything contiguous and drops the words below it.
    fn raise(&mut self) {
        while let Some(first) = self.bits.front() {
            let ones = first.trailing_ones();
            self.low = self.low.max(self.start + ones);
            if ones < 64 {
                break;
            }
            self.bits.pop_front();
            self.start += 64;
        }
        if self.bits.iter().skip(1).all(|word| *word == 0)
            && self.bits.front().is_some_and(|first| first.count_ones() == first.trailing_ones())
        {
            self.bits.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert_eq, proptest};
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_set(low in 0u32..200, steps in proptest::collection::vec(0u32..400, 0..300)) {
            let mut seen = Seen::from(low);
            let mut model: BTreeSet<u32> = (0..low).collect();
            for index in steps {
                prop_assert_eq!(seen.insert(index), model.insert(index));
            }
            for index in 0..500 {
                prop_assert_eq!(seen.contains(index), model.contains(&index), "{}", index);
            }
        }
    }

    proptest! {
        #[test]
        fn a_raised_floor_counts_as_seen(steps in proptest::collection::vec((0u32..400, 0u32..300), 0..100)) {
            let mut seen = Seen::default();
            let mut model: BTreeSet<u32> = BTreeSet::new();
            for (index, floor) in steps {
                seen.raise_to(floor);
                model.extend(0..floor);
                prop_assert_eq!(seen.insert(index), model.insert(index));
            }
            for index in 0..500 {
                prop_assert_eq!(seen.contains(index), model.contains(&index), "{}", index);
            }
        }
    }

    #[test]
    fn in_order_needs_no_bits() {
        let mut seen = Seen::default();
        (0..10_000).for_each(|index| assert!(seen.insert(index)));
        assert_eq!((seen.low, seen.bits.capacity()), (10_000, 0));
    }
}
