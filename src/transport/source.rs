//! Local addresses to connect from: the scenario's in turn, or on loopback as many as are needed of a block 127.0.B.x.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Connections from one loopback address before the next one is used: well below the kernel's 28,000 ports per
/// address, because the search for a free one slows down long before they run out.
const PER_ADDRESS: u32 = 12_000;
const LOOPBACKS: usize = 64;

/// Where connections come from.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    given: Arc<[IpAddr]>,
    turn: Arc<AtomicUsize>,
    loopback: Arc<[AtomicU32]>,
    block: u8,
}

/// A local address to bind to (none: the kernel's choice), taken for as long as the lease lives.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// The address to bind to.
    pub(super) address: Option<IpAddr>,
    /// To be kept with the connection.
    pub(super) lease: Option<Lease>,
}

/// Counts one connection on a loopback address until it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    counts: Arc<[AtomicU32]>,
    index: usize,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.counts[self.index].fetch_sub(1, Ordering::Relaxed);
    }
}

impl Sources {
    /// From `given` in turn; when there are none, from anywhere, and on loopback from the block 127.0.`block`.x.
    pub(super) fn new(given: &[IpAddr], block: u8) -> Self {
        let loopback = (0..LOOPBACKS).map(|_| AtomicU32::new(0)).collect();
        Self { given: given.into(), turn: Arc::default(), loopback, block }
    }

    /// The address for the next connection to `target`.
    pub(super) fn next(&self, target: IpAddr) -> Source {
        let fitting = || self.given.iter().filter(|given| given.is_ipv4() == target.is_ipv4());
        let count = fitting().count();
        if count > 0 {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % count;
            return Source { address: fitting().nth(turn).copied(), lease: None };
        }
        match target {
            // Elsewhere only 127.0.0.1 exists.
            IpAddr::V4(v4) if v4.is_loopback() && cfg!(target_os = "linux") => self.loopback(),
            _ => Source::default(),
        }
    }

    /// The first loopback address with room left; the first one of all is left to the kernel, so that nothing changes
    /// for those who need no second.
    fn loopback(&self) -> Source {
        let free = |count: &AtomicU32| {
            count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < PER_ADDRESS).then_some(n + 1)).is_ok()
        };
        let Some(index) = self.loopback.iter().position(free) else { return Source::default() };
        let last = u8::try_from(index + 1).unwrap_or(1);
        let chosen = IpAddr::V4(Ipv4Addr::new(127, 0, self.block, last));
        let address = (index > 0 || self.block > 0).then_some(chosen);
        Source { address, lease: Some(Lease { counts: self.loopback.clone(), index }) }
    }
}

#[cfg(test)]
mod tests {
    use super::{PER_ADDRESS, Sources};
    use std::net::IpAddr;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn given_addresses_of_the_right_family_come_in_turn() {
        let sources = Sources::new(&[ip("10.0.0.1"), ip("fd00::1"), ip("10.0.0.2")], 0);
        let taken: Vec<_> = (0..3).map(|_| sources.next(ip("10.9.9.9")).address).collect();
        assert_eq!(taken, [Some(ip("10.0.0.1")), Some(ip("10.0.0.2")), Some(ip("10.0.0.1"))]);
        assert_eq!(sources.next(ip("fd00::9")).address, Some(ip("fd00::1")));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_second_loopback_address_is_used_when_the_first_is_full_and_given_back() {
        let sources = Sources::new(&[], 0);
        let mut held: Vec<_> = (0..PER_ADDRESS).map(|_| sources.next(ip("127.0.0.1"))).collect();
        assert!(held.iter().all(|source| source.address.is_none()));
        assert_eq!(sources.next(ip("127.0.0.1")).address, Some(ip("127.0.0.2")));
        held.pop();
        assert_eq!(sources.next(ip("127.0.0.1")).address, None);
        assert_eq!(sources.next(ip("10.0.0.1")).address, None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn another_block_shares_no_address_with_the_first() {
        let sources = Sources::new(&[], 2);
        let mut held: Vec<_> = (0..PER_ADDRESS).map(|_| sources.next(ip("127.0.0.1"))).collect();
        assert!(held.iter().all(|source| source.address == Some(ip("127.0.2.1"))));
        held.push(sources.next(ip("127.0.0.1")));
        assert_eq!(held.last().unwrap().address, Some(ip("127.0.2.2")));
    }
}
