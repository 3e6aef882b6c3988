//! What the places of a group connect by: exact shares, dealt out in seeded disorder, so that every room and every
//! instance gets its mixture.

use rand::seq::SliceRandom;

use super::rooms::apportion;
use super::seed::{For, rng};
use crate::observe::{GroupId, TransportKind};
use crate::scenario::Group;

/// The transport of each of the `places` of a group.
pub(super) fn of_places(seed: u64, id: GroupId, group: &Group, places: u32) -> Vec<TransportKind> {
    let weights: Vec<u32> = group.transports.iter().map(|(_, weight)| *weight).collect();
    let shares = apportion(u64::from(places), &weights);
    let kinds = group.transports.iter().zip(shares);
    let mut all: Vec<TransportKind> = kinds.flat_map(|((kind, _), share)| (0..share).map(|_| *kind)).collect();
    all.shuffle(&mut rng(seed, For::Transports, id.0, 0));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Overrides, Source, parse};

    #[test]
    fn shares_are_exact_and_mixed() {
        let text = "[server]\n[[clients]]\nname = 'all'\ncount = 1000\nrooms = { count = 10 }\n\
                    transport = { websocket = 80, sse = 15, longpoll = 5 }";
        let scenario = parse(Source::new("test.toml", text), &Overrides::default(), &|_| None).unwrap();
        let dealt = of_places(7, GroupId(0), &scenario.groups[0], 1_000);
        let count = |kind| dealt.iter().filter(|other| **other == kind).count();
        let all = [TransportKind::WebSocket, TransportKind::Sse, TransportKind::LongPoll].map(count);
        assert_eq!(all, [800, 150, 50]);
        let first = dealt[..200].iter().filter(|kind| **kind == TransportKind::Sse).count();
        assert!((15..=45).contains(&first), "{first} of the first 200");
        assert_eq!(dealt, of_places(7, GroupId(0), &scenario.groups[0], 1_000), "the same seed deals the same");
    }
}
