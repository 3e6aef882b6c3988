//! Independent streams of randomness from one seed: a draw more in one never shifts another.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a stream of randomness is for.
#[derive(Clone, Copy)]
pub(super) enum For {
    Stays,
    Arrivals,
    Rooms,
    Spacing,
    Talkers,
    Sizes,
    Thinking,
    Filler,
    Transports,
    Addressees,
    Requests,
    Subjects,
}

/// The seed of the stream for `purpose`, of the group or publish entry `entry`, of its member `member`.
pub(super) fn derive(seed: u64, purpose: For, entry: u16, member: u32) -> u64 {
    let place = (purpose as u64) << 48 | u64::from(entry) << 32 | u64::from(member);
    mix(mix(seed).wrapping_add(place))
}

/// A generator seeded with [`derive`].
pub(super) fn rng(seed: u64, purpose: For, entry: u16, member: u32) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(derive(seed, purpose, entry, member))
}

/// SplitMix64.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
