//! What is in store for one connection: how it is treated now, and what is to befall it.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::sync::Notify;

use super::impairment::{Direction, Hit, Impairment, Way};
use crate::time::Timestamp;

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Both sides see the end of the stream.
    Fin,
    /// Both sides see a reset.
    Reset,
    /// Neither sees anything.
    HalfOpen,
}

impl Cut {
    /// As logs have it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::HalfOpen => "half-open",
        }
    }
}

/// Something that goes on for a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spell {
    pub(super) what: Trouble,
    pub(super) until: Timestamp,
}

/// What goes on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    /// Nothing passes.
    Stall(Direction),
    /// It is treated like this in place of the usual.
    Impair(Impairment),
}

impl Spell {
    /// The spell that `hit` brings, if it lasts.
    pub(super) fn of(hit: &Hit, now: Timestamp) -> Option<Self> {
        match *hit {
            Hit::Stall { direction, lasting } => Some(Self { what: Trouble::Stall(direction), until: now + lasting }),
            Hit::Impair { impairment, lasting } => {
                Some(Self { what: Trouble::Impair(impairment), until: now + lasting })
            }
            Hit::Fin | Hit::Reset { .. } | Hit::HalfOpen | Hit::Corrupt { .. } => None,
        }
    }
}

/// One connection, as orders see it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) number: u64,
    pub(super) client: u32,
    usual: Impairment,
    spells: RefCell<Vec<Spell>>,
    corrupt: [Cell<bool>; 2],
    fuse: Cell<Option<u64>>,
    cut: Cell<Option<Cut>>,
    cut_now: Notify,
    changed: Notify,
}

impl Link {
    /// A connection of `client`, treated as `usual` but for `spells`.
    pub(super) fn new(number: u64, client: u32, usual: Impairment, spells: Vec<Spell>) -> Self {
        Self {
            number,
            client,
            usual,
            spells: RefCell::new(spells),
            corrupt: Default::default(),
            fuse: Cell::new(None),
            cut: Cell::new(None),
            cut_now: Notify::new(),
            changed: Notify::new(),
        }
    }

    /// Whether it is treated badly all along.
    pub(super) fn is_impaired(&self) -> bool {
        !self.usual.is_none()
    }

    /// Something befalls it.
    pub(super) fn suffer(&self, hit: &Hit, now: Timestamp) {
        match *hit {
            Hit::Fin => self.cut_by(Cut::Fin),
            Hit::HalfOpen => self.cut_by(Cut::HalfOpen),
            Hit::Reset { after: 0 } => self.cut_by(Cut::Reset),
            Hit::Reset { after } => self.fuse.set(Some(after)),
            Hit::Corrupt { direction } => {
                Way::BOTH
                    .into_iter()
                    .filter(|way| direction.covers(*way))
                    .for_each(|way| self.corrupt_flag(way).set(true));
            }
            Hit::Stall { .. } | Hit::Impair { .. } => {
                let mut spells = self.spells.borrow_mut();
                spells.retain(|spell| spell.until > now);
                spells.extend(Spell::of(hit, now));
                self.changed.notify_waiters();
            }
        }
    }

    fn cut_by(&self, cut: Cut) {
        self.cut.set(Some(cut));
        self.cut_now.notify_one();
    }

    /// Ready when it is to be cut.
    pub(super) async fn cut(&self) -> Cut {
        loop {
            if let Some(cut) = self.cut.get() {
                return cut;
            }
            self.cut_now.notified().await;
        }
    }

    /// Ready when what is in store for it has changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How bytes going this way are treated now; the later of two spells decides.
    pub(super) fn impairment(&self, way: Way, now: Timestamp) -> Impairment {
        let spells = self.spells.borrow();
        let current = spells.iter().rev().filter(|spell| spell.until > now).find_map(|spell| match spell.what {
            Trouble::Impair(impairment) => Some(impairment).filter(|one| one.direction.covers(way)),
            Trouble::Stall(_) => None,
        });
        let usual = || Some(self.usual).filter(|usual| usual.direction.covers(way));
        current.or_else(usual).unwrap_or_default()
    }

    /// Until when nothing passes this way; a moment that is over if something does.
    pub(super) fn stalled_until(&self, way: Way) -> Timestamp {
        let spells = self.spells.borrow();
        let stalls = spells.iter().filter(|spell| matches!(spell.what, Trouble::Stall(stall) if stall.covers(way)));
        stalls.map(|spell| spell.until).max().unwrap_or_default()
    }

    /// Whether the bytes that come next are to be corrupted; asked once.
    pub(super) fn take_corruption(&self, way: Way) -> bool {
        self.corrupt_flag(way).take()
    }

    fn corrupt_flag(&self, way: Way) -> &Cell<bool> {
        match way {
            Way::Up => &self.corrupt[0],
            Way::Down => &self.corrupt[1],
        }
    }

    /// Takes `size` bytes towards the client off the fuse; gives how many of them may go if it burns down with them.
    pub(super) fn burn(&self, size: u64) -> Option<u64> {
        let left = self.fuse.get()?;
        if size >= left {
            return Some(left);
        }
        self.fuse.set(Some(left - size));
        None
    }
}

/// How long a peer that was sent the end of the stream may take to answer with its own.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_nanos(1_000_000_000 + millis * 1_000_000)
    }

    fn delay(millis: u64, direction: Direction) -> Impairment {
        Impairment { delay: Duration::from_millis(millis), direction, ..Impairment::default() }
    }

    #[test]
    fn a_spell_takes_the_place_of_the_usual_and_passes() {
        let link = Link::new(0, 0, delay(5, Direction::Both), Vec::new());
        let impairment = delay(50, Direction::Down);
        link.suffer(&Hit::Impair { impairment, lasting: Duration::from_millis(100) }, at(0));
        let delays = |now| Way::BOTH.map(|way| link.impairment(way, now).delay.as_millis());
        assert_eq!((delays(at(1)), delays(at(100))), ([5, 50], [5, 5]));
        link.suffer(&Hit::Stall { direction: Direction::Up, lasting: Duration::from_millis(30) }, at(10));
        assert_eq!(Way::BOTH.map(|way| link.stalled_until(way)), [at(40), Timestamp::default()]);
        assert_eq!(delays(at(20)), [5, 50], "a stall leaves the rest as it is");
    }

    #[test]
    fn a_fuse_burns_down_once() {
        let link = Link::new(0, 0, Impairment::default(), Vec::new());
        assert_eq!(link.burn(1_000), None, "there is none");
        link.suffer(&Hit::Reset { after: 10 }, at(0));
        assert_eq!((link.burn(4), link.burn(5), link.burn(7)), (None, None, Some(1)));
    }
}
