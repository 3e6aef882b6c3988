//! How badly a proxied connection is treated. Values; what they do to bytes is `shaper`'s business.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::human::bytes;
use crate::units::print_duration;

/// One of the two ways bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// From the client to the target.
    Up,
    /// From the target to the client.
    Down,
}

impl Way {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::Up, Self::Down];

    /// As logs have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// Which ways something concerns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the client to the target.
    Up,
    /// From the target to the client.
    Down,
    /// Both ways.
    #[default]
    Both,
}

impl Direction {
    /// Whether it concerns `way`.
    pub fn covers(self, way: Way) -> bool {
        matches!((self, way), (Self::Both, _) | (Self::Up, Way::Up) | (Self::Down, Way::Down))
    }
}

/// What befalls the bytes of a connection. The default is nothing: they pass as soon as they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impairment {
    /// How long they are held.
    pub delay: Duration,
    /// By how much more or less, at random and evenly, never out of order; at most the delay.
    pub jitter: Duration,
    /// As many of them pass in a second.
    pub bandwidth: Option<u64>,
    /// They pass in pieces of at least and at most so many.
    pub slice: Option<(u64, u64)>,
    /// Which ways.
    pub direction: Direction,
}

impl Impairment {
    /// Whether it does anything at all.
    pub fn is_none(&self) -> bool {
        *self == Self { direction: self.direction, ..Self::default() }
    }
}

/// As prose has it: `20ms ± 5ms late, 64 KiB/s, in pieces of 1 B to 100 B, downwards`.
impl fmt::Display for Impairment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let jitter = (!self.jitter.is_zero()).then(|| format!(" ± {}", print_duration(self.jitter)));
        let late = |jitter: String| format!("{}{jitter} late", print_duration(self.delay));
        let pieces = |(least, most): (u64, u64)| match least == most {
            true => format!("in pieces of {}", bytes(least)),
            false => format!("in pieces of {} to {}", bytes(least), bytes(most)),
        };
        let way = match self.direction {
            Direction::Up => Some("upwards".to_owned()),
            Direction::Down => Some("downwards".to_owned()),
            Direction::Both => None,
        };
        let parts = [
            (!self.delay.is_zero()).then(|| late(jitter.unwrap_or_default())),
            self.bandwidth.map(|rate| format!("{}/s", bytes(rate))),
            self.slice.map(pieces),
            way,
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// Something that befalls connections at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hit {
    /// Both sides see the end of the stream.
    Fin,
    /// Both sides see a reset, as soon as so many more bytes have reached the client.
    Reset {
        /// How many.
        after: u64,
    },
    /// Nothing passes any more, and nobody says so.
    HalfOpen,
    /// Nothing passes for a while.
    Stall {
        /// Which ways.
        direction: Direction,
        /// For how long.
        lasting: Duration,
    },
    /// One bit of the next bytes is turned over, each way concerned.
    Corrupt {
        /// Which ways.
        direction: Direction,
    },
    /// They are treated otherwise for a while.
    Impair {
        /// How.
        impairment: Impairment,
        /// For how long.
        lasting: Duration,
    },
}

impl Hit {
    /// How long it lasts by itself.
    pub fn lasting(&self) -> Duration {
        match *self {
            Self::Stall { lasting, .. } | Self::Impair { lasting, .. } => lasting,
            Self::Fin | Self::Reset { .. } | Self::HalfOpen | Self::Corrupt { .. } => Duration::ZERO,
        }
    }
}
