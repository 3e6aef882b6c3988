//! What a run amounts to, as data: the engine's last word, from which reports are made.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::turns::Turn;
use crate::metrics::{Names, Snapshot};
use crate::observe::Word;

/// Everything known when a run has ended.
#[derive(Debug)]
pub struct Outcome {
    /// Why it ended.
    pub end: End,
    /// Totals of the measured phase; connecting, errors and frames of the whole run.
    pub totals: Snapshot,
    /// The names behind the numbers in [`Self::totals`].
    pub names: Names,
    /// The two sides of the identity, counted separately.
    pub identity: Identity,
    /// Whether the generator can be believed.
    pub health: Health,
    /// The first failure of each stage and kind.
    pub errors: Vec<ErrorSample>,
    /// The first few frames that meant nothing to the dialect, escaped.
    pub unknown_frames: Vec<String>,
    /// How long the measured phase lasted.
    pub measured: Duration,
    /// Members connected per instance name when the measured phase ended.
    pub instances: Vec<(String, u64)>,
    /// Faults and incidents, in the order of their instants; [`Stretch`](crate::observe::Stretch) counts in it.
    pub incidents: Vec<Incident>,
    /// Connections that ended without anybody's wish, outside planned faults, the most frequent kind first.
    pub closes: Vec<Close>,
    /// What had been recorded at the moments of [`Setup::marks`](super::Setup::marks) that the run came to, in order.
    pub marks: Vec<Mark>,
}

/// A moment, counted from the start of the measured phase, and everything that had been recorded by then.
pub type Mark = (Duration, Arc<Snapshot>);

/// Endings of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Close {
    /// How they ended.
    pub kind: Word,
    /// How many.
    pub count: u64,
    /// The one instance they all were on, if there are others.
    pub instance: Option<String>,
    /// How long the connections had lived.
    pub age: Middle,
    /// How long nothing had been heard on them.
    pub idle: Middle,
    /// How they ended and what they have in common, in words.
    pub words: String,
}

/// The middle nine tenths of a distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Middle {
    /// A twentieth is less.
    pub p5: Duration,
    /// Half is less.
    pub p50: Duration,
    /// A twentieth is more.
    pub p95: Duration,
}

/// A fault that was planned, or an incident that was found: at least 1 % of the clients lost within a second.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// The fault's name, or `incident-1`.
    pub name: String,
    /// Whether it was planned.
    pub declared: bool,
    /// What was done, in words; of a found incident what its losses have in common.
    pub what: String,
    /// Its instant, counted from the start of the measured phase, nanoseconds.
    pub at_ns: i64,
    /// When every client it cut was back (or the next one began, or the run ended), likewise.
    pub until_ns: i64,
    /// Connections lost to it.
    pub lost: u64,
    /// Of those, back in all their rooms.
    pub recovered: u64,
    /// Of those, not back by the end.
    pub never: u64,
    /// Attempts to come back.
    pub attempts: u64,
    /// Attempts that failed, by stage and kind.
    pub failures: Vec<(Word, Word, u64)>,
    /// How the connections ended, by kind.
    pub causes: Vec<(Word, u64)>,
    /// Attempts per 100 ms from its instant on, at most ten minutes of them.
    pub herd: Vec<u32>,
    /// When 50, 95, 99 and 100 % of those lost were back, counted from its instant; `None` if that share never was.
    pub back: [Option<Duration>; 4],
    /// Why it could not be carried out, if it could not.
    pub failure: Option<String>,
    /// With what status its command ended, if it is one that did.
    pub exit_status: Option<i32>,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It ran its course.
    Complete,
    /// A signal: 130 or 143 is the exit code.
    Interrupted(u8),
    /// A threshold asked for it.
    Aborted(String),
    /// The target cannot be measured (nobody got in, nothing recognised); the reason and the remedy.
    Failed(String),
}

/// `due = delivered + lost + excluded`, each counted on its own path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// From the plan and the send log.
    pub due: u64,
    /// From arrivals.
    pub delivered: u64,
    /// From settling.
    pub lost: u64,
    /// From settling.
    pub excluded: u64,
}

impl Identity {
    /// Whether the two sides agree.
    pub fn holds(&self) -> bool {
        self.due == self.delivered + self.lost + self.excluded
    }
}

/// The first failure of a stage and kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorSample {
    /// Where.
    pub stage: Word,
    /// What.
    pub kind: Word,
    /// In words, without secrets.
    pub detail: String,
    /// When, counted from the start of the measured phase (negative before it), nanoseconds.
    pub at_ns: i64,
    /// To whom: group name and number.
    pub client: String,
}

/// Whether the generator can be believed, and the figures that decided it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Empty when it can be believed; else each reason with what to try.
    pub reasons: Vec<String>,
    /// The processes that are the generator: this one, and those that carry clients for it. What they used is added up.
    pub processes: u32,
    /// CPU seconds in the measured phase.
    pub cpu_seconds: f64,
    /// The same as a share of one core.
    pub cpu_share: f64,
    /// Cores the generator may run on.
    pub cores: u32,
    /// Share of the machine's time taken by the hypervisor.
    pub steal_share: f64,
    /// How long its threads were ready to run and had no core.
    pub run_queue_wait_seconds: f64,
    /// Largest resident size.
    pub rss_peak_bytes: u64,
    /// Clients at their most.
    pub clients: u64,
    /// How late a worker's loop came round, nanoseconds.
    pub loop_lag_p99: u64,
    /// How late a thread that only sleeps woke up, nanoseconds.
    pub hiccup_p99: u64,
    /// Most file descriptors in use, and the limit.
    pub fds: (u64, u64),
}

impl Health {
    /// Whether the result can be believed.
    pub fn is_healthy(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// One second of the run, as it passes.
#[derive(Debug)]
pub struct Tick {
    /// Counted from the start of the measured phase; negative before it. Nanoseconds.
    pub at_ns: i64,
    /// Which phase.
    pub phase: Phase,
    /// What was recorded since the tick before.
    pub delta: Snapshot,
    /// Clients in all their rooms right now.
    pub clients: u64,
    /// Clients asked for, right now.
    pub asked: u64,
    /// What was measured in each turn since the tick before, where there are turns.
    pub turns: BTreeMap<u32, Turn>,
    /// The marks taken so far.
    pub marks: Vec<Mark>,
}

/// The phases of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Clients of ramps connect and join.
    Connect,
    /// Publishing, not measured.
    WarmUp,
    /// Measured.
    Measure,
    /// Nothing is published; copies still count.
    Drain,
}
