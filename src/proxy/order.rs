//! What a proxy is told, and what it tells: one line of JSON each.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::impairment::{Hit, Impairment};

/// What a proxy is told first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Everything random follows from it.
    pub seed: u64,
    /// How connections are treated.
    pub impairment: Impairment,
    /// Whose, by the numbers of the plan; all others' bytes pass as they come. `None`: everybody's.
    pub clients: Option<Vec<u32>>,
    /// Where the log goes, if one is wanted.
    pub log: Option<PathBuf>,
}

/// What it is told from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Whose connections.
    pub clients: Vec<u32>,
    /// What befalls them.
    pub hit: Hit,
}

/// What it tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Notice {
    /// It listens.
    Ready {
        /// Where.
        address: SocketAddr,
    },
    /// A connection was cut, by itself: nothing passed after this moment.
    Cut {
        /// Whose.
        client: u32,
        /// Nanoseconds of the machine's monotonic clock.
        at: u64,
    },
    /// It has ended, and so has its log.
    Ended {
        /// What became of the log.
        log: Written,
    },
}

/// What became of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Its size.
    pub bytes: u64,
    /// Lines that are not in it, because the disk did not keep up.
    pub missing: u64,
    /// Why it could not be written, if it could not.
    pub problem: Option<String>,
}
