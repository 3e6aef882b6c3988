//! What was asked for: a scenario file, read (`file`), checked (`check`) and turned into what it means ([`Scenario`]),
//! and from there into the whole schedule of the population (`plan`).
//!
//! Nothing validates twice: what stands in a [`Scenario`] is known to be possible.

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::backoff::Policy;
use crate::dialect::{AuthStyle, Dialect};
use crate::observe::{GroupId, PublishId, RoomId};
use crate::profile::{RateShape, Spacing};
use crate::template::Template;

pub mod builtin;
mod check;
mod deserialize;
mod diagnostic;
mod document;
mod explain;
mod file;
mod json;
pub mod plan;
mod users;
mod variables;

pub use check::{Overrides, load, parse};
pub use diagnostic::{Diagnostic, did_you_mean, nearest};
pub use explain::{Limits, Needs, explain};
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
    /// Where users come from.
    pub users: Users,
    /// Every room of the run; [`RoomId`] counts in it.
    pub rooms: Vec<String>,
    /// The `[[clients]]`; [`GroupId`] counts in it.
    pub groups: Vec<Group>,
    /// The `[[publish]]`; [`PublishId`] counts in it.
    pub publishes: Vec<Publish>,
    /// The `[thresholds]`, in the order of the file.
    pub thresholds: Vec<Rule>,
}

impl Scenario {
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

/// Whom to talk to.
#[derive(Clone, Debug)]
pub enum Target {
    /// The bundled room server, started for this run.
    Bundled(Bundled),
    /// A server that is already there.
    Foreign(Box<Foreign>),
}

impl Target {
    /// How many URLs clients spread over, as far as it is known before any name is resolved.
    pub fn urls(&self) -> usize {
        match self {
            Self::Bundled(bundled) => usize::from(bundled.instances),
            Self::Foreign(foreign) => foreign.urls.len(),
        }
    }
}

/// How the bundled server is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundled {
    /// How many instances.
    pub instances: u16,
    /// What joins them.
    pub broker: BrokerChoice,
}

/// What joins the instances of the bundled server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerChoice {
    /// Redis if there is any, else memory.
    Auto,
    /// Redis or nothing.
    Redis,
    /// The embedded broker, all instances in one process.
    Memory,
}

/// A server that is already there.
#[derive(Clone)]
pub struct Foreign {
    /// Where; `ws://` or `wss://`.
    pub urls: Vec<url::Url>,
    /// What it speaks.
    pub dialect: Arc<dyn Dialect>,
    /// How to reach it.
    pub network: Network,
}

impl Foreign {
    /// The URLs as they may be shown: without user, password and query, which may carry secrets.
    pub fn shown(&self) -> Vec<String> {
        let port = |url: &url::Url| url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let show = |url: &url::Url| {
            format!("{}://{}{}{}", url.scheme(), url.host_str().unwrap_or_default(), port(url), url.path())
        };
        self.urls.iter().map(show).collect()
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut foreign = f.debug_struct("Foreign");
        foreign
            .field("urls", &self.shown())
            .field("dialect", &self.dialect.name())
            .field("network", &self.network)
            .finish()
    }
}

/// How to reach a target: everything a transport needs beside the URL.
#[derive(Clone, Default)]
pub struct Network {
    /// Request headers. Never printed: they may carry secrets.
    pub headers: Vec<(String, String)>,
    /// Files of the TLS set-up and the name to verify.
    pub tls: TlsFiles,
    /// An HTTP proxy to `CONNECT` through.
    pub proxy: Option<url::Url>,
    /// `host:port` → `host:port`, as curl's `--connect-to`.
    pub connect_to: Vec<(String, String)>,
    /// Every address of a name is a target.
    pub resolve_each: bool,
    /// Local addresses to connect from, in turn.
    pub source_ips: Vec<std::net::IpAddr>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Network").field("headers", &headers).field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// Files of the TLS set-up and the name to verify.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Trust these roots (PEM) in place of the system's.
    pub ca: Option<std::path::PathBuf>,
    /// Client certificate (PEM).
    pub cert: Option<std::path::PathBuf>,
    /// Client key (PEM).
    pub key: Option<std::path::PathBuf>,
    /// The name to verify in place of the URL's host.
    pub server_name: Option<String>,
    /// Verify nothing (only by flag).
    pub insecure: bool,
}

/// Where users come from. User `n` belongs to the life planned with it, also through its reconnects.
#[derive(Clone)]
pub enum Users {
    /// Users `u0`, `u1`, … with tokens minted with the secret of the server this run starts, or without tokens.
    Numbered,
    /// One user per row (CSV or JSON lines), column `user` and, if there is one, `token`.
    Rows {
        /// Column names.
        columns: Vec<String>,
        /// Values, a row per user.
        rows: Vec<Vec<String>>,
        /// Start again at the first row when they run out.
        cycle: bool,
    },
    /// Tokens minted with a secret that target and scenario share.
    Minted {
        /// The HS256 secret. Never printed.
        secret: String,
        /// The claims; `sub` names the user.
        claims: Vec<(String, Claim)>,
    },
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbered => f.write_str("Numbered"),
            Self::Rows { columns, rows, cycle } => {
                let mut rows_only = f.debug_struct("Rows");
                rows_only.field("columns", columns).field("rows", &rows.len()).field("cycle", cycle).finish()
            }
            Self::Minted { .. } => f.debug_struct("Minted").finish_non_exhaustive(),
        }
    }
}

/// A claim of a minted token.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// A text, expanded per user.
    Text(Template),
    /// Anything else, as it is.
    Value(serde_json::Value),
}

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
    /// Always this one.
    Room(RoomId),
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

/// A threshold as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The key: metric, selector, quantile, perhaps a ratio.
    pub metric: String,
    /// The rule: `< 100ms`.
    pub rule: String,
    /// Only this incident.
    pub during: Option<String>,
    /// End the run at once when it breaks.
    pub abort: bool,
    /// Its line in the file.
    pub line: usize,
    /// The bytes of its key in the file.
    pub key_span: Range<usize>,
    /// The bytes of the rule itself.
    pub rule_span: Range<usize>,
}

/// The part of a threshold an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulePart {
    /// The metric, its selector or its quantile.
    Metric,
    /// The comparison and its bound.
    Rule,
}

impl Rule {
    /// Something wrong with this threshold of the scenario read from `source`.
    pub fn at(&self, part: RulePart, source: &Source, message: impl Into<String>) -> Diagnostic {
        let span = match part {
            RulePart::Metric => &self.key_span,
            RulePart::Rule => &self.rule_span,
        };
        Diagnostic::new(source, span.clone(), message)
    }
}

/// The `[[publish]]` entry numbered `id`.
impl std::ops::Index<PublishId> for Scenario {
    type Output = Publish;
    fn index(&self, id: PublishId) -> &Publish {
        &self.publishes[usize::from(id.0)]
    }
}

/// The `[[clients]]` entry numbered `id`.
impl std::ops::Index<GroupId> for Scenario {
    type Output = Group;
    fn index(&self, id: GroupId) -> &Group {
        &self.groups[usize::from(id.0)]
    }
}
