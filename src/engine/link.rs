//! What coordinator and workers tell each other: plan, batches and rows, all of it plain values. A worker may be a thread of
//! this process or of another one (`processes`): what is said is the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::books::SendReport;
use super::incidents::ClientEvent;
use super::outcome::ErrorSample;
use super::turns::Turn;
use crate::ledger::Row;
use crate::metrics::{Histogram, Snapshot};
use crate::observe::Stretch;
use crate::time::Timestamp;
use crate::wire::InstanceTag;

/// An order to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum ToWorker {
    /// Start the clients of ramps, counted from then.
    Ramp(Timestamp),
    /// Everybody has joined or failed: the schedule counts from then.
    Schedule(Timestamp),
    /// What other workers' talkers sent (each with the number of the worker it is from).
    Peers(Arc<[(usize, SendReport)]>),
    /// A stretch begins (or is known by now to have begun) then.
    Stretch(Timestamp, Stretch),
    /// When it is this moment, hand over what is recorded by then: it belongs to the mark of this number.
    Mark(u32, Timestamp),
    /// After what is due by now, however late that is, nothing is said and nobody comes any more.
    StopSpeaking,
    /// Say what became of every publication; `Finish` follows once all have.
    Settle,
    /// Close every window, dismiss the clients, end.
    Finish,
}

/// How far a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Stage {
    Running,
    /// It has reported every publication's fate.
    Settled,
    /// It has handed over its last rows.
    Finished,
    /// Its clients are gone.
    Gone,
}

/// A worker's account since its last one; figures without a delta are totals.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FromWorker {
    pub(super) worker: usize,
    pub(super) stage: Stage,
    pub(super) rows: Vec<Row>,
    pub(super) reports: Vec<SendReport>,
    pub(super) snapshot: Option<Snapshot>,
    /// The snapshot is everything up to this mark.
    pub(super) mark: Option<u32>,
    pub(super) ready: u64,
    pub(super) asked: u64,
    /// Clients of ramps that have neither joined nor failed.
    pub(super) undecided: u64,
    /// Per group: asked for, and been in all rooms.
    pub(super) groups: Vec<(u64, u64)>,
    /// Deliveries recognised so far, in any phase.
    pub(super) recognised: u64,
    pub(super) errors: Vec<ErrorSample>,
    pub(super) unknown: Vec<String>,
    /// Names of instances and clients on each.
    pub(super) instances: BTreeMap<InstanceTag, (String, u64)>,
    pub(super) lag: Option<Histogram>,
    /// What was measured in each turn since the last snapshot, where there are turns: among threads only.
    #[serde(skip)]
    pub(super) turns: BTreeMap<u32, Turn>,
    pub(super) events: Vec<ClientEvent>,
}
