//! `[[clients]]`, `[[publish]]` and `[thresholds]` as they are written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::shapes::{Course, OneOrMany, Shapes, WordOr};
use super::values::{Arrival, Every, PickText, RateText, Reserved, Sizes, StayText, Time, Whole};

/// A group of clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "clients")]
pub(in crate::scenario) struct Clients {
    /// Its name.
    pub(in crate::scenario) name: String,
    /// How many; or a list of points after t0 between which the number moves in straight lines.
    pub(in crate::scenario) count: Option<Course<Whole<1>, CountPoint>>,
    /// Over how long they are started, before t0. Default: 500 a second.
    pub(in crate::scenario) ramp: Option<Time>,
    /// New clients arrive after t0, in place of `count`.
    pub(in crate::scenario) arrive: Option<Arrive>,
    /// How long a client stays before it leaves on its own: "5m", "1m..5m", "exponential(12m)". In a group with a count
    /// a new user then takes its place.
    pub(in crate::scenario) stay: Option<StayText>,
    /// The transport, or shares of several in percent. Default websocket.
    pub(in crate::scenario) transport: Option<WordOr<Transport>>,
    /// What reads server-sent events: this program by itself (default), or the crate `eventsource-client`, whose users
    /// then see what theirs will.
    pub(in crate::scenario) sse: Option<SseEngine>,
    /// The rooms its clients enter.
    pub(in crate::scenario) rooms: Option<OneOrMany<RoomSet>>,
    /// How a client proves who it is. Default first-message where users have tokens, else none.
    pub(in crate::scenario) auth: Option<Auth>,
    /// What a client does about a lost connection: the name of a policy, or a table. Default full-jitter.
    pub(in crate::scenario) reconnect: Option<WordOr<Reconnect>>,
}

/// So many clients at a moment.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct CountPoint {
    /// When, after t0.
    pub(in crate::scenario) at: Time,
    /// How many.
    pub(in crate::scenario) n: Whole<0>,
}

/// New clients arrive.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Arrive {
    /// How often, or a list of points after t0.
    pub(in crate::scenario) rate: Course<RateText, RatePoint>,
    /// Join the points of the rate by straight lines.
    #[serde(default)]
    pub(in crate::scenario) ramp: bool,
    /// How arrivals are spaced. Default poisson.
    pub(in crate::scenario) arrival: Option<Arrival>,
}

/// From a moment on, this rate.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RatePoint {
    /// When.
    pub(in crate::scenario) at: Time,
    /// How often.
    pub(in crate::scenario) rate: RateText,
}

/// Shares in percent.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Transport {
    /// WebSocket.
    #[serde(default)]
    pub(in crate::scenario) websocket: f64,
    /// Server-sent events; what such a client says goes over HTTP.
    #[serde(default)]
    pub(in crate::scenario) sse: f64,
    /// Long polling; what such a client says goes over HTTP.
    #[serde(default)]
    pub(in crate::scenario) longpoll: f64,
}

impl Shapes for Transport {
    const EXPECTED: &'static str =
        "\"websocket\", \"sse\", \"longpoll\" or shares such as `{ websocket = 80, sse = 20 }`";
}

/// Who reads server-sent events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::scenario) enum SseEngine {
    /// This program's own reader, after the standard.
    Own,
    /// The crate.
    EventsourceClient,
}

/// A set of rooms.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RoomSet {
    /// How many rooms.
    pub(in crate::scenario) count: Option<Whole<1>>,
    /// How many of them each client enters. Default 1.
    pub(in crate::scenario) per_client: Option<Whole<1>>,
    /// Their name; `{n}` is the room's number, from 0. Default room-{n}.
    pub(in crate::scenario) name: Option<String>,
    /// How a client's rooms are picked: "even" (in turn) or "zipf(1.1)" (a few are popular). Default even.
    pub(in crate::scenario) pick: Option<PickText>,
    /// The first rooms have these many members of this group; the rest share the others.
    pub(in crate::scenario) sizes: Option<Vec<SizePoint>>,
    /// The rooms of another group, picked in the same way.
    pub(in crate::scenario) same_as: Option<String>,
}

impl Shapes for RoomSet {
    const EXPECTED: &'static str = "a table such as `{ count = 10 }` or `{ same_as = \"listeners\" }`";
}

/// So many rooms with so many members each.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct SizePoint {
    /// How many rooms.
    pub(in crate::scenario) rooms: Whole<1>,
    /// How many members each of them has.
    pub(in crate::scenario) members: Whole<1>,
}

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::scenario) enum Auth {
    /// `?token=` on the URL.
    QueryToken,
    /// The first message after the upgrade.
    FirstMessage,
    /// `Authorization: Bearer`.
    Header,
    /// A cookie named `token`.
    Cookie,
    /// Nobody asks.
    None,
}

/// What a client does about a lost connection.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Reconnect {
    /// none, browser, full-jitter, equal-jitter, decorrelated, fixed, eventsource, eventsource-client,
    /// socket.io, phoenix or centrifuge. Default full-jitter.
    pub(in crate::scenario) policy: Option<String>,
    /// The first delay the policy counts from. Default 500ms.
    pub(in crate::scenario) base: Option<Time>,
    /// The longest delay. Default 20s.
    pub(in crate::scenario) cap: Option<Time>,
    /// When it gives up, counted from the loss. Default 5m.
    pub(in crate::scenario) give_up: Option<Time>,
    /// Whether it asks for what it missed. Default true.
    pub(in crate::scenario) resume: Option<bool>,
    /// Which URL it tries. Default next.
    pub(in crate::scenario) failover: Option<FailoverWord>,
    /// Whether it heeds what the server says about coming back: the bounds of a drain, `Retry-After`. Default true for
    /// the jittered policies and fixed, false for those that stand for other people's clients.
    pub(in crate::scenario) hints: Option<bool>,
    /// Whether it shows cookies it was given again (keep) or every connection is like the first (fresh). Default keep.
    pub(in crate::scenario) cookies: Option<CookiesWord>,
}

impl Shapes for Reconnect {
    const EXPECTED: &'static str = "the name of a policy or a table such as `{ policy = \"full-jitter\" }`";
}

/// What becomes of cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum CookiesWord {
    /// Shown again.
    Keep,
    /// Forgotten.
    Fresh,
}

/// Which URL a client tries after a loss.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum FailoverWord {
    /// The next in the list.
    Next,
    /// The same.
    Same,
    /// Any, seeded.
    Random,
}

/// A stream of publications.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "publish")]
pub(in crate::scenario) struct Publish {
    /// Its name, a label on everything it causes.
    pub(in crate::scenario) name: String,
    /// The group that speaks.
    pub(in crate::scenario) from: String,
    /// How often in total; or a list of points counted from the end of the warm-up.
    pub(in crate::scenario) rate: Option<Course<RateText, RatePoint>>,
    /// Join the points of the rate by straight lines.
    pub(in crate::scenario) ramp: Option<bool>,
    /// How long each client thinks between two messages, in place of `rate`.
    pub(in crate::scenario) every: Option<Every>,
    /// How publications are spaced at the rate: "constant", "poisson" or "burst(N)". Default constant.
    pub(in crate::scenario) arrival: Option<Arrival>,
    /// Bytes of text in each. Default 128B.
    pub(in crate::scenario) size: Option<SizeValue>,
    /// What is said, in place of `size`.
    pub(in crate::scenario) text: Option<Text>,
    /// To which rooms: "rooms" (the talker's in turn) or the name of one. Default rooms.
    pub(in crate::scenario) to: Option<WordOr<To>>,
    /// Who speaks: "http" for the backend (not built yet).
    pub(in crate::scenario) via: Option<Reserved>,
    /// A named message of the dialect, in place of the plain one: one of its `publish_as`.
    pub(in crate::scenario) message: Option<String>,
    /// Whether the talker gets a copy of its own. Default: as the dialect has it.
    pub(in crate::scenario) echo: Option<bool>,
}

/// Bytes of text.
pub(in crate::scenario) type SizeValue = super::values::SizeText;

/// What is said.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Text {
    /// Its size: "128B" or "lognormal(120B, 0.8)".
    pub(in crate::scenario) size: Option<Sizes>,
    /// A file whose lines are said in turn.
    pub(in crate::scenario) file: Option<String>,
}

/// Other destinations.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct To {
    /// Notify a random user of this group.
    pub(in crate::scenario) user_of: String,
}

impl Shapes for To {
    const EXPECTED: &'static str = "\"rooms\", \"by-size\", the name of a room or `{ user_of = \"group\" }`";
}

/// A rule with conditions.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Threshold {
    /// The rule: "< 100ms".
    pub(in crate::scenario) rule: String,
    /// Judge only this: the name of a fault, "incident-1" and so on for those nobody declared, or "steady".
    pub(in crate::scenario) during: Option<String>,
    /// Judge only what came after this: a fault, "incident-1" and so on, or a time such as "10s" from the end of warm-up.
    pub(in crate::scenario) after: Option<String>,
    /// A saved result beside the scenario: the rule is about this run's count, or cost, as a share of that one's: "<= 110%".
    pub(in crate::scenario) baseline: Option<String>,
    /// End the run at once when it breaks. Default false.
    #[serde(default)]
    pub(in crate::scenario) abort: bool,
}

impl Shapes for Threshold {
    const EXPECTED: &'static str = "a rule such as \"< 100ms\" or a table such as `{ rule = \"< 1s\" }`";
}
