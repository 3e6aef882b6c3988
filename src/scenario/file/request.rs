//! `[[request]]` as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::shapes::Course;
use super::traffic::RatePoint;
use super::values::{Arrival, Every, RateText, Time};

/// A stream of requests, each of which is answered.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "request")]
pub(in crate::scenario) struct Request {
    /// Its name, a label on everything that becomes of it.
    pub(in crate::scenario) name: String,
    /// What is asked: a named message of the dialect, such as "history".
    pub(in crate::scenario) message: String,
    /// The group that asks.
    pub(in crate::scenario) from: String,
    /// Ask after every join of a room, also after a reconnect.
    pub(in crate::scenario) on: Option<OnWord>,
    /// How often in total, in place of `on`; or a list of points counted from the end of the warm-up.
    pub(in crate::scenario) rate: Option<Course<RateText, RatePoint>>,
    /// Join the points of the rate by straight lines.
    pub(in crate::scenario) ramp: Option<bool>,
    /// How long each client waits between two requests, in place of `on`.
    pub(in crate::scenario) every: Option<Every>,
    /// How requests are spaced at the rate: "constant", "poisson" or "burst(N)". Default constant.
    pub(in crate::scenario) arrival: Option<Arrival>,
    /// How long after it was due an answer may come. Default 5s.
    pub(in crate::scenario) within: Option<Time>,
}

/// What happens before a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum OnWord {
    /// A room was joined.
    Joined,
}
