//! Groups of clients: how many, when, in which rooms, and what they do about a lost connection.

use std::sync::Arc;
use std::time::Duration;

use crate::backoff::Policy;
use crate::dialect::AuthStyle;
use crate::observe::{RoomId, TransportKind};
use crate::profile::{RateShape, Spacing};

/// A `[[clients]]` entry.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// How many, when.
    pub population: Population,
    /// Which rooms each client enters: so many of each of these sets.
    pub rooms: Vec<Membership>,
    /// How long a client stays before it leaves on its own; `None`: to the end. In a group with a count a new user
    /// then takes its place; where clients arrive, arrivals alone decide who comes.
    pub stay: Option<Stay>,
    /// What its clients connect by: shares, of which at least one is above zero.
    pub transports: Vec<(TransportKind, u32)>,
    /// How it proves who it is.
    pub auth: AuthStyle,
    /// What it does about a lost connection.
    pub reconnect: Reconnect,
}

/// How many clients there are, and when.
#[derive(Clone, Debug)]
pub enum Population {
    /// A fixed number, started along a ramp before t0.
    Ramp {
        /// How many.
        count: u32,
        /// Over how long they are started.
        over: Duration,
    },
    /// The number moves after t0 in straight lines between these points `(at, n)`, in order; before the first it is
    /// the first's, after the last the last's. Who came last leaves first.
    Steps(Vec<(Duration, u32)>),
    /// New clients arrive after t0.
    Arrive {
        /// How often.
        rate: Arc<dyn RateShape>,
        /// How arrivals are spaced.
        spacing: Spacing,
    },
}

/// A set of rooms and how a group's clients are spread over it.
#[derive(Clone, Debug, PartialEq)]
pub struct Membership {
    /// The rooms.
    pub rooms: Vec<RoomId>,
    /// How many of them each client enters.
    pub per_client: u32,
    /// How they are picked.
    pub pick: Pick,
}

/// How a client's rooms are picked.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// In turn.
    Even,
    /// Seeded, Zipf-distributed with this exponent over the rooms in their order.
    Zipf(f64),
    /// So many members for each room, in the order of the set; taken as shares when the group has another size.
    Sizes(Vec<u32>),
}

/// A distribution of stays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stay {
    /// Always this long.
    Constant(Duration),
    /// Exponential with this mean.
    Exponential(Duration),
    /// Uniform between the two.
    Uniform(Duration, Duration),
}

/// What a client does about a lost connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconnect {
    /// How long it waits before each attempt.
    pub policy: Policy,
    /// When it gives up, counted from the loss.
    pub give_up: Duration,
    /// Whether it asks for what it missed.
    pub resume: bool,
    /// Which URL it tries next.
    pub failover: Failover,
    /// Whether it heeds what the server says about coming back: a drain's bounds, `Retry-After`.
    pub hints: bool,
    /// Whether it shows the cookies it was given again; otherwise every connection is like the first.
    pub keeps_cookies: bool,
}

/// Which URL a client tries after a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failover {
    /// The next in the list.
    Next,
    /// The same.
    Same,
    /// Any, seeded.
    Random,
}
