//! Names to addresses: asked once per run, then remembered.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

use super::ConnectError;
use super::failure::failure;
use super::stages::Progress;
use crate::observe::Word;

/// The addresses of one name and port.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    all: Vec<SocketAddr>,
    /// The one that answered last, or the turn when every address is a target.
    next: AtomicUsize,
}

impl Addresses {
    /// The address whose turn it is.
    pub(super) fn in_turn(&self) -> Vec<SocketAddr> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.all.get(turn % self.all.len().max(1)).copied().into_iter().collect()
    }

    /// All addresses, the one that answered last first.
    pub(super) fn preferred_first(&self) -> Vec<SocketAddr> {
        let mut all = self.all.clone();
        let preferred = self.next.load(Ordering::Relaxed).min(all.len());
        all.rotate_left(preferred);
        all
    }

    /// Remembers which one answered.
    pub(super) fn prefer(&self, answered: SocketAddr) {
        let index = self.all.iter().position(|address| *address == answered);
        self.next.store(index.unwrap_or(0), Ordering::Relaxed);
    }
}

/// What is known of one name and port.
pub(super) type Cell = Arc<OnceCell<Addresses>>;

/// Remembers every answer for as long as it lives; failures are asked again.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    // Locked once per connect, never on the path of a message.
    known: Mutex<HashMap<(String, u16), Cell>>,
}

impl Resolver {
    /// The addresses of `host` and `port`. Timed as a stage only when the name had to be asked for.
    pub(super) async fn resolve(&self, host: &str, port: u16, progress: &mut Progress) -> Result<Cell, ConnectError> {
        let cell = self.cell(host, port);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = bare.parse::<IpAddr>() {
            let found = Addresses { all: vec![SocketAddr::new(ip, port)], next: AtomicUsize::new(0) };
            cell.get_or_init(|| async { found }).await;
            return Ok(cell);
        }
        if cell.initialized() {
            return Ok(cell);
        }
        progress.enter(Word::DNS);
        cell.get_or_try_init(|| look_up(host, port)).await?;
        progress.done();
        Ok(cell)
    }

    fn cell(&self, host: &str, port: u16) -> Cell {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry((host.to_owned(), port)).or_default().clone()
    }
}

async fn look_up(host: &str, port: u16) -> Result<Addresses, ConnectError> {
    let no_address = |why: &dyn std::fmt::Display| failure(Word::DNS, Word::NO_ADDRESS, format!("{host}: {why}"));
    let found: io::Result<Vec<_>> = tokio::net::lookup_host((host, port)).await.map(Iterator::collect);
    match found {
        Ok(all) if all.is_empty() => Err(no_address(&"the name has no address")),
        Ok(all) => Ok(Addresses { all, next: AtomicUsize::new(0) }),
        Err(error) => Err(no_address(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Addresses, Resolver};
    use crate::observe::Word;
    use crate::time::Clock;
    use crate::transport::stages::Progress;
    use std::net::SocketAddr;

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, last], 80))
    }

    #[test]
    fn every_address_has_its_turn_or_the_one_that_answered_comes_first() {
        let each = Addresses { all: vec![address(1), address(2)], ..Addresses::default() };
        let turns: Vec<_> = (0..3).flat_map(|_| each.in_turn()).collect();
        assert_eq!(turns, [address(1), address(2), address(1)]);
        let once = Addresses { all: vec![address(1), address(2), address(3)], ..Addresses::default() };
        assert_eq!(once.preferred_first()[0], address(1));
        once.prefer(address(2));
        assert_eq!(once.preferred_first(), [address(2), address(3), address(1)]);
    }

    #[tokio::test]
    async fn a_name_is_asked_for_once() {
        let resolver = Resolver::default();
        let stages = async |host: &str| {
            let mut progress = Progress::new(&Clock::real());
            assert!(resolver.resolve(host, 80, &mut progress).await.unwrap().initialized());
            progress.into_stages().into_iter().map(|(stage, _)| stage).collect::<Vec<_>>()
        };
        assert_eq!(stages("localhost").await, [Word::DNS]);
        assert_eq!(stages("localhost").await, []);
        assert_eq!(stages("[::1]").await, []);
    }
}
