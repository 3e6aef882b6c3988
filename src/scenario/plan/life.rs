//! What the plan is made of: lives of clients, and what they are to say.

use std::sync::Arc;
use std::time::Duration;

use crate::observe::{ClientId, GroupId, PublishId, RoomId, TransportKind};

/// One client of the run, from its first connect to its leaving. Reconnects happen within a life.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Life {
    /// Its number: its place in [`Plan::lives`].
    pub client: ClientId,
    /// Its group.
    pub group: GroupId,
    /// Its user: nobody else's in this run.
    pub user: u32,
    /// What it connects by.
    pub transport: TransportKind,
    /// Which URL it connects to first, below the number of URLs the plan was made for.
    pub url: u32,
    /// The rooms it enters, in order.
    pub rooms: Arc<[RoomId]>,
    /// Where what is for its user alone goes: numbered as a room, after those of the scenario. Only where there is any.
    pub mailbox: Option<RoomId>,
    /// When it connects.
    pub start: Start,
    /// When it leaves on its own, counted from t0; `None`: it stays to the end.
    pub leave: Option<Duration>,
}

impl Life {
    /// Its rooms in order, and its mailbox.
    pub fn places(&self) -> impl Iterator<Item = RoomId> + '_ {
        self.rooms.iter().copied().chain(self.mailbox)
    }

    /// Whether the plan has it in its rooms at `at`, counted from t0. Lives started before t0 count from t0 on.
    pub fn covers(&self, at: Duration) -> bool {
        self.start.after_t0() <= at && self.leave.is_none_or(|leave| at < leave)
    }
}

/// When a life begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Start {
    /// Before t0; counted from the start of the ramp, which is the start of the run.
    BeforeT0(Duration),
    /// At or after t0; counted from t0.
    AfterT0(Duration),
}

impl Start {
    /// The start on the axis that begins at t0; zero for everything before.
    pub fn after_t0(self) -> Duration {
        match self {
            Self::BeforeT0(_) => Duration::ZERO,
            Self::AfterT0(at) => at,
        }
    }
}

/// One message that is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The stream it belongs to.
    pub publish: PublishId,
    /// Its place in its stream, from 0.
    pub sequence: u64,
    /// When it is due, counted from t0.
    pub due: Duration,
    /// The room it is for.
    pub room: RoomId,
    /// Its place among the publications planned for that room, from 0.
    pub index: u32,
    /// Who says it.
    pub publisher: ClientId,
    /// Bytes of its payload, marker included; of a corpus the number of its line.
    pub size: u32,
}
