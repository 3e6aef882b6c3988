//! What was asked for: a scenario file, read (`file`), checked (`check`) and turned into what it means ([`Scenario`]),
//! and from there into the whole schedule of the population (`plan`).
//!
//! Nothing validates twice: what stands in a [`Scenario`] is known to be possible.

use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;

use crate::observe::{GroupId, PublishId, RequestId};

pub mod builtin;
mod check;
mod clients;
mod deserialize;
mod diagnostic;
mod document;
mod explain;
mod fault;
mod file;
pub mod gate;
mod json;
mod login;
pub mod plan;
mod proxy;
mod publish;
mod request;
mod rule;
mod target;
mod users;
mod variables;

pub use check::{Overrides, Owned, load, parse};
pub use clients::{Failover, Group, Membership, Pick, Population, Reconnect, Stay};
pub use diagnostic::{Diagnostic, did_you_mean, nearest};
pub use explain::{
    CLIENT_BYTES, Instances, Limits, MOST_PROCESSES, Needs, SERVER_CLIENT_BYTES, explain, mean_expected,
};
pub use fault::{Cut, Deed, Fault, InstanceAction, RedisAction};
pub use gate::Gate;
pub use login::Login;
pub use proxy::Proxy;
pub use publish::{Cadence, Publish, Text, To};
pub use request::{Occasion, Request};
pub use rule::{Rule, RulePart};
pub use target::{BrokerChoice, Bundled, Foreign, Network, Target, TlsFiles};
pub use users::{Claim, Users};
pub use variables::Environment;

/// The JSON Schema of scenario files, from the types that read them.
pub fn schema() -> serde_json::Value {
    file::schema()
}

/// A scenario that has been checked.
#[derive(Debug)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Everything random in the plan follows from this.
    pub seed: u64,
    /// Where it was read from.
    pub source: Source,
    /// The phases of the run.
    pub times: Times,
    /// Whom to talk to.
    pub target: Target,
    /// The fault proxy between clients and target, if there is one.
    pub proxy: Option<Proxy>,
    /// Where users come from.
    pub users: Users,
    /// What they ask for before they connect, if they do.
    pub login: Option<Login>,
    /// Every room of the run; [`RoomId`] counts in it.
    pub rooms: Vec<String>,
    /// The `[[clients]]`; [`GroupId`] counts in it.
    pub groups: Vec<Group>,
    /// The `[[publish]]`; [`PublishId`] counts in it.
    pub publishes: Vec<Publish>,
    /// The `[[request]]`; [`RequestId`] counts in it.
    pub requests: Vec<Request>,
    /// The `[[fault]]`, in the order of their moments.
    pub faults: Vec<Fault>,
    /// What the gate is told.
    pub gate: Gate,
    /// The `[thresholds]`, in the order of the file.
    pub thresholds: Vec<Rule>,
}

impl Scenario {
    /// What user `n` says to log in, if users do.
    pub fn login_of(&self, n: u32) -> Option<crate::wire::Ask> {
        self.login.as_ref().map(|login| login.ask(&self.users, n))
    }

    /// How long the clients that are there before t0 take to be started.
    pub fn longest_ramp(&self) -> Duration {
        let ramp = |group: &Group| match &group.population {
            Population::Ramp { over, .. } => *over,
            Population::Steps(points) => {
                let first = points.first().map_or(0, |(_, n)| *n);
                Duration::from_secs_f64(f64::from(first) / f64::from(plan::RAMP_PER_SECOND))
            }
            Population::Arrive { .. } => Duration::ZERO,
        };
        self.groups.iter().map(ramp).max().unwrap_or_default()
    }
}

/// The text a scenario came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path as it was given, or `@builtin`.
    pub path: String,
    /// The text before any expansion.
    pub text: Arc<str>,
    /// SHA-256 of the text, hex.
    pub sha256: String,
}

impl Source {
    /// The text read from `path`.
    pub fn new(path: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let sha256 = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { path: path.into(), text, sha256 }
    }
}

/// The time axis: t0 is when every client of a ramp has joined or failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// From t0: published, not measured.
    pub warm_up: Duration,
    /// Measured.
    pub duration: Duration,
    /// Nothing is published; copies still count.
    pub drain: Duration,
    /// How long after its due time a copy may take before its pair counts as lost.
    pub settle: Duration,
    /// How long after its planned start a client may take to join before it holds up t0 no longer.
    pub join_timeout: Duration,
}

impl Times {
    /// From t0 to the end of publishing: warm-up and measured phase.
    pub fn published(&self) -> Duration {
        self.warm_up + self.duration
    }

    /// From t0 to the end of the run.
    pub fn total(&self) -> Duration {
        self.published() + self.drain
    }
}

/// The `[[publish]]` entry numbered `id`.
impl std::ops::Index<PublishId> for Scenario {
    type Output = Publish;
    fn index(&self, id: PublishId) -> &Publish {
        &self.publishes[usize::from(id.0)]
    }
}

/// The `[[request]]` entry numbered `id`.
impl std::ops::Index<RequestId> for Scenario {
    type Output = Request;
    fn index(&self, id: RequestId) -> &Request {
        &self.requests[usize::from(id.0)]
    }
}

/// The `[[clients]]` entry numbered `id`.
impl std::ops::Index<GroupId> for Scenario {
    type Output = Group;
    fn index(&self, id: GroupId) -> &Group {
        &self.groups[usize::from(id.0)]
    }
}
