//! Draws that depend on nothing but what they are made from: the same seed and words give the same draw in every run,
//! process and version. Pure.

/// A draw in the making.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(0xcbf2_9ce4_8422_2325).word(&seed.to_le_bytes())
    }

    /// Makes the draw depend on this, too (FNV-1a; the length keeps neighbouring words apart).
    pub(super) fn word(self, bytes: &[u8]) -> Self {
        let eat = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Self((bytes.len() as u64).to_le_bytes().iter().chain(bytes).fold(self.0, eat))
    }

    /// 64 random bits (the finaliser of SplitMix64).
    pub(super) fn bits(self) -> u64 {
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A uniform number in `[0, 1)`.
    pub(super) fn unit(self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_and_reproducible() {
        let draw = |seed, n: u32| Dice::new(seed).word(b"room").word(&n.to_le_bytes()).unit();
        assert_eq!(draw(1, 1), draw(1, 1));
        assert_ne!(draw(1, 1), draw(2, 1));
        let mut tenths = [0; 10];
        (0..100_000).for_each(|n| tenths[(draw(7, n) * 10.0) as usize] += 1);
        assert!(tenths.iter().all(|&count| (9_600..=10_400).contains(&count)), "{tenths:?}");
    }

    #[test]
    fn words_do_not_run_together() {
        assert_ne!(Dice::new(0).word(b"ab").word(b"c").bits(), Dice::new(0).word(b"a").word(b"bc").bits());
    }
}
