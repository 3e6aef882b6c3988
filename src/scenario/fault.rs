//! What goes wrong on purpose, and when.

use std::time::Duration;

use crate::observe::GroupId;
use crate::proxy::Hit;

/// A `[[fault]]` entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Its name, for `during` and the report.
    pub name: String,
    /// When, counted from the end of the warm-up.
    pub at: Duration,
    /// What.
    pub deed: Deed,
}

/// What a fault does.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// A seeded share of a group's connections is cut.
    Disconnect {
        /// Whose.
        clients: GroupId,
        /// How many of them, of `(0, 100]`.
        percent: f64,
        /// How.
        how: Cut,
    },
    /// An instance of the bundled server is hit.
    Instance {
        /// Which, from 0.
        index: u16,
        /// By what.
        action: InstanceAction,
    },
    /// The private Redis of the bundled server is hit.
    Redis(RedisAction),
    /// A seeded share of a group's clients reads no faster than this from then on.
    Slow {
        /// Whose.
        clients: GroupId,
        /// How many of them, of `(0, 100]`.
        percent: f64,
        /// Bytes per second.
        read: u64,
    },
    /// Something befalls a seeded share of a group's connections at the fault proxy.
    Proxy {
        /// Whose.
        clients: GroupId,
        /// How many of them, of `(0, 100]`.
        percent: f64,
        /// What.
        hit: Hit,
    },
    /// A command is run on this machine.
    Command {
        /// The program and its arguments.
        argv: Vec<String>,
        /// It is killed after this time.
        timeout: Duration,
    },
}

impl Deed {
    /// How long what it hits is away or stands still: zero where only connections are concerned, `None` for good.
    pub fn outage(&self) -> Option<Duration> {
        match *self {
            Self::Disconnect { .. } | Self::Slow { .. } | Self::Command { .. } => Some(Duration::ZERO),
            Self::Proxy { hit: Hit::Stall { lasting, .. }, .. } => Some(lasting),
            Self::Proxy { .. } => Some(Duration::ZERO),
            Self::Instance { action, .. } => match action {
                InstanceAction::Kill { restart_after } | InstanceAction::Drain { restart_after } => restart_after,
                InstanceAction::Stop(time) => Some(time),
            },
            Self::Redis(RedisAction::Pause(time) | RedisAction::Kill(time)) => Some(time),
        }
    }
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The stream ends without a close frame.
    Fin,
    /// The connection is reset.
    Rst,
    /// Nothing passes any more, and nobody says so.
    Blackhole,
    /// A close frame with this code.
    Close(u16),
}

/// What happens to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceAction {
    /// SIGKILL; started again this long after it, if at all.
    Kill {
        /// After how long.
        restart_after: Option<Duration>,
    },
    /// SIGTERM: it drains; started again this long after it, if at all.
    Drain {
        /// After how long.
        restart_after: Option<Duration>,
    },
    /// SIGSTOP for this long.
    Stop(Duration),
}

/// What happens to Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisAction {
    /// SIGSTOP for this long.
    Pause(Duration),
    /// SIGKILL; started again, empty, after this long.
    Kill(Duration),
}
