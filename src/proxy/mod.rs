//! A proxy that stands between the clients of a run and its target, and treats what passes badly: IO without meaning.
//!
//! Bytes pass untouched unless told otherwise, whatever they carry. Each connection begins with a [`crate::detour`]. One
//! thread does everything, so that a moment read is a moment acted upon: the time between read and write, which the log
//! tells of every piece, is the delay it really added.
//!
//! It knows connections by the numbers of their clients in the plan, and nothing of what they are for; whom something
//! befalls is decided by whoever orders it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use rustc_hash::FxHashSet;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use crate::time::Clock;

mod connection;
mod impairment;
mod lane;
mod link;
mod log;
mod order;
mod shaper;
mod timers;

#[cfg(test)]
mod tests;

pub use impairment::{Direction, Hit, Impairment, Way};
pub use log::Log;
pub use order::{Notice, Order, Setup, Written};

use link::{Link, Spell};
use timers::Timers;

/// Bytes taken from a socket at once.
const TAKEN: usize = 64 * 1024;

/// Between two tries to accept, when there is no descriptor left.
const BREATH: Duration = Duration::from_millis(10);

/// What all connections share.
struct Proxy {
    clock: Clock,
    timers: Rc<Timers>,
    seed: u64,
    impairment: Impairment,
    concerned: Option<FxHashSet<u32>>,
    buffer: RefCell<Box<[u8]>>,
    log: Option<Log>,
    notices: SyncSender<Notice>,
    links: RefCell<BTreeMap<u64, Rc<Link>>>,
    /// What goes on for a while, and for whom: connections that come later have their part in it.
    spells: RefCell<Vec<(FxHashSet<u32>, Spell)>>,
    numbers: Cell<u64>,
}

/// Serves clients that come to `listener`, and does what it is told, until nobody can tell it anything any more. Gives how
/// many lines are missing in the log.
///
/// # Errors
/// When the kernel gives no alarm.
pub async fn run(
    listener: TcpListener,
    setup: Setup,
    orders: mpsc::Receiver<Order>,
    notices: SyncSender<Notice>,
    log: Option<Log>,
) -> io::Result<u64> {
    let clock = Clock::real();
    let proxy = Rc::new(Proxy {
        timers: Rc::new(Timers::new(clock.clone())),
        clock,
        seed: setup.seed,
        impairment: setup.impairment,
        concerned: setup.clients.map(|clients| clients.into_iter().collect()),
        buffer: RefCell::new(vec![0; TAKEN].into_boxed_slice()),
        log,
        notices,
        links: RefCell::default(),
        spells: RefCell::default(),
        numbers: Cell::new(0),
    });
    {
        // Dropping the set ends every connection.
        let connections = LocalSet::new();
        connections.run_until(serve(&proxy, &listener, orders)).await?;
    }
    Ok(Rc::into_inner(proxy).and_then(|proxy| proxy.log).map_or(0, Log::end))
}

async fn serve(proxy: &Rc<Proxy>, listener: &TcpListener, mut orders: mpsc::Receiver<Order>) -> io::Result<()> {
    let accept = async {
        loop {
            match listener.accept().await {
                Ok((client, _)) => drop(tokio::task::spawn_local(connection::serve(Rc::clone(proxy), client))),
                // Descriptors come back when connections end.
                Err(_) => proxy.clock.sleep_until(proxy.clock.now() + BREATH).await,
            }
        }
    };
    let obey = async {
        while let Some(order) = orders.recv().await {
            proxy.carry_out(&order);
        }
    };
    tokio::select! {
        biased;
        rung = proxy.timers.ring() => rung,
        () = obey => Ok(()),
        () = accept => Ok(()),
    }
}

impl Proxy {
    /// A connection of `client` comes.
    fn admit(&self, client: u32) -> Rc<Link> {
        let now = self.clock.now();
        let number = self.numbers.get();
        self.numbers.set(number + 1);
        let concerned = self.concerned.as_ref().is_none_or(|concerned| concerned.contains(&client));
        let usual = if concerned { self.impairment } else { Impairment::default() };
        let spells = self.spells.borrow();
        let spells = spells.iter().filter(|(whose, spell)| whose.contains(&client) && spell.until > now);
        let link = Rc::new(Link::new(number, client, usual, spells.map(|(_, spell)| *spell).collect()));
        self.links.borrow_mut().insert(number, Rc::clone(&link));
        link
    }

    /// A connection is over.
    fn dismiss(&self, link: &Link) {
        self.links.borrow_mut().remove(&link.number);
    }

    fn carry_out(&self, order: &Order) {
        let now = self.clock.now();
        let clients: FxHashSet<u32> = order.clients.iter().copied().collect();
        let links = self.links.borrow();
        let hit = links.values().filter(|link| clients.contains(&link.client));
        hit.for_each(|link| link.suffer(&order.hit, now));
        let mut spells = self.spells.borrow_mut();
        spells.retain(|(_, spell)| spell.until > now);
        spells.extend(Spell::of(&order.hit, now).map(|spell| (clients, spell)));
    }

    /// Tells what happened. Who listens has room for more than there are connections.
    fn tell(&self, notice: Notice) {
        self.notices.try_send(notice).ok();
    }
}
