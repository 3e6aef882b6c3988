//! Which rooms the places of a group belong to.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

use super::seed::{For, rng};
use crate::observe::{GroupId, RoomId};
use crate::scenario::{Group, Membership, Pick};

/// The rooms of each of the `places` of a group.
pub(super) fn of_places(seed: u64, id: GroupId, group: &Group, places: u32) -> Vec<Arc<[RoomId]>> {
    let mut assigners: Vec<Assigner<'_>> = group.rooms.iter().map(|set| Assigner::new(set, places)).collect();
    let mut rooms = Vec::new();
    let assigned = (0..places).map(|place| {
        rooms.clear();
        let mut random = rng(seed, For::Rooms, id.0, place);
        for assigner in &mut assigners {
            assigner.assign(place, &mut random, &mut rooms);
        }
        Arc::from(rooms.as_slice())
    });
    assigned.collect()
}

struct Assigner<'s> {
    set: &'s Membership,
    places: u32,
    how: How,
}

enum How {
    Even,
    /// Cumulative weights.
    Zipf(Vec<f64>),
    /// Where each room's seats end, in one row of all seats.
    Seats(Vec<u64>),
}

impl<'s> Assigner<'s> {
    fn new(set: &'s Membership, places: u32) -> Self {
        let how = match &set.pick {
            Pick::Even => How::Even,
            Pick::Zipf(exponent) => {
                let weights = (1..=set.rooms.len()).map(|rank| (rank as f64).powf(-exponent));
                How::Zipf(running(weights, 0.0, |sum, weight| sum + weight))
            }
            Pick::Sizes(sizes) => {
                let seats = apportion(u64::from(places) * u64::from(set.per_client), sizes);
                How::Seats(running(seats.into_iter(), 0, |sum, seats| sum + seats))
            }
        };
        Self { set, places, how }
    }

    /// Appends the rooms of `place`, all different.
    fn assign(&mut self, place: u32, random: &mut ChaCha8Rng, out: &mut Vec<RoomId>) {
        let rooms = &self.set.rooms;
        let wanted = (self.set.per_client as usize).min(rooms.len());
        let first = out.len();
        match &self.how {
            How::Even => {
                let start = u64::from(place) * u64::from(self.set.per_client);
                out.extend((0..wanted as u64).map(|next| rooms[((start + next) % rooms.len() as u64) as usize]));
            }
            How::Zipf(weights) => {
                let total = weights.last().copied().unwrap_or(0.0);
                let mut draws = 0;
                while out.len() < first + wanted && draws < 64 * wanted {
                    let drawn = random.random::<f64>() * total;
                    let room = rooms[weights.partition_point(|weight| *weight <= drawn).min(rooms.len() - 1)];
                    if !out[first..].contains(&room) {
                        out.push(room);
                    }
                    draws += 1;
                }
                fill(rooms, first, first + wanted, out);
            }
            How::Seats(ends) => {
                // A room has at most as many seats as there are places, so seats that far apart are in two rooms.
                for next in 0..wanted as u64 {
                    let seat = u64::from(place) + next * u64::from(self.places);
                    let room = rooms[ends.partition_point(|end| *end <= seat).min(rooms.len() - 1)];
                    if !out[first..].contains(&room) {
                        out.push(room);
                    }
                }
                fill(rooms, first, first + wanted, out);
            }
        }
    }
}

/// Brings `out` to `until` with the first rooms that are not in it yet.
fn fill(rooms: &[RoomId], first: usize, until: usize, out: &mut Vec<RoomId>) {
    for room in rooms {
        if out.len() >= until {
            return;
        }
        if !out[first..].contains(room) {
            out.push(*room);
        }
    }
}

fn running<T: Copy>(items: impl Iterator<Item = T>, zero: T, add: impl Fn(T, T) -> T) -> Vec<T> {
    let mut sum = zero;
    items
        .map(|item| {
            sum = add(sum, item);
            sum
        })
        .collect()
}

/// `total` split in proportion to `weights`: whole numbers that add up to `total`, the largest remainders rounded up.
pub(in crate::scenario) fn apportion(total: u64, weights: &[u32]) -> Vec<u64> {
    let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let product = |weight: u32| u128::from(total) * u128::from(weight);
    let mut shares: Vec<u64> = weights.iter().map(|weight| (product(*weight) / u128::from(sum)) as u64).collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by_key(|at| std::cmp::Reverse(product(weights[*at]) % u128::from(sum)));
    let missing = total - shares.iter().sum::<u64>();
    by_remainder.into_iter().take(missing as usize).for_each(|at| shares[at] += 1);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn shares_add_up_and_are_fair(total in 0u64..100_000, weights in prop::collection::vec(0u32..1_000, 1..20)) {
            let shares = apportion(total, &weights);
            let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
            prop_assert_eq!(shares.iter().sum::<u64>(), if sum == 0 { 0 } else { total });
            for (share, weight) in shares.iter().zip(&weights).filter(|_| sum > 0) {
                let exact = total as f64 * f64::from(*weight) / sum as f64;
                prop_assert!((*share as f64 - exact).abs() <= 1.0);
            }
        }
    }
}
