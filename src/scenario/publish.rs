//! Streams of publications: who says what, how often, to which room.

use std::sync::Arc;
use std::time::Duration;

use crate::dialect::Saying;
use crate::observe::{GroupId, RoomId};
use crate::profile::{RateShape, Spacing};

/// A `[[publish]]` entry.
#[derive(Clone, Debug)]
pub struct Publish {
    /// Its name, a label on everything it causes.
    pub name: String,
    /// Who speaks.
    pub from: GroupId,
    /// How often: in total, or each client by itself.
    pub rate: Cadence,
    /// How publications are spaced at that rate.
    pub spacing: Spacing,
    /// To which of the talker's rooms.
    pub to: To,
    /// What is said.
    pub text: Text,
    /// By which message of the dialect, if not by the plain one.
    pub message: Option<Saying>,
    /// Whether whoever says it is owed a copy too.
    pub echo: bool,
}

/// How often publications are due.
#[derive(Clone, Debug)]
pub enum Cadence {
    /// In total, over all talkers, counted from t0.
    Total(Arc<dyn RateShape>),
    /// Each talker thinks between two messages: uniform between the two.
    Think(Duration, Duration),
}

/// Which room a publication goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// The talker's rooms in turn.
    Rooms,
    /// One of the talker's rooms, the likelier the more members it has.
    BySize,
    /// Always this one.
    Room(RoomId),
    /// Nobody's room but one user's own: a random client of this group that is there.
    UserOf(GroupId),
}

/// What the payload is made of. Every payload carries the marker.
#[derive(Clone, Debug)]
pub enum Text {
    /// Filler to this many bytes, marker included.
    Size(u32),
    /// Log-normal sizes: median and sigma, at least the marker.
    LogNormal {
        /// The median size in bytes.
        median: u32,
        /// Sigma of the underlying normal distribution.
        sigma: f64,
    },
    /// Lines of a corpus in turn, the marker in front.
    Corpus(Arc<[String]>),
}

impl Text {
    /// An upper bound of what almost every payload takes, in bytes; of a log-normal size four sigmas above the median.
    pub fn largest(&self) -> usize {
        match self {
            Self::Size(bytes) => *bytes as usize,
            Self::LogNormal { median, sigma } => (f64::from(*median) * (4.0 * sigma).exp()) as usize,
            Self::Corpus(lines) => crate::wire::MARKER_LEN + 1 + lines.iter().map(String::len).max().unwrap_or(0),
        }
    }
}
