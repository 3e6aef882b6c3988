//! `[users].login` as it is written.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

use super::values::{RateText, Time, Whole};

/// A login call, before the first connection of each user.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "login")]
pub(in crate::scenario) struct Login {
    /// Where: an http or https URL. The target's TLS set-up, proxy and source addresses hold for it too, its headers do
    /// not.
    pub(in crate::scenario) url: String,
    /// What it does. Default POST where there is a body, else GET.
    pub(in crate::scenario) method: Option<MethodWord>,
    /// Request headers; values are templates ({{user.name}}). With a body, Content-Type is application/json by default.
    #[serde(default)]
    pub(in crate::scenario) headers: BTreeMap<String, String>,
    /// The body, a template: {{user.COLUMN}} {{n}} {{uuid}} {{rand:1..10}} {{pick:FILE}}
    /// {{hmac_sha256:KEY:TEXT}}. What is put in is escaped as the content type wants it.
    pub(in crate::scenario) body: Option<String>,
    /// Where the token stands in the answer, a JSON Pointer such as "/access_token". It is shown as `auth` of the clients
    /// says. Without it, only cookies are taken, and there must be one.
    pub(in crate::scenario) token: Option<String>,
    /// Log in before every connection, not only before the first. Default false.
    #[serde(default)]
    pub(in crate::scenario) again: bool,
    /// How long an answer may take. Default 10s.
    pub(in crate::scenario) within: Option<Time>,
    /// How many logins there may be at the same time. Default 50.
    pub(in crate::scenario) at_once: Option<Whole<1>>,
    /// How often one may begin, all users together. Default: whenever there is a place.
    pub(in crate::scenario) rate: Option<RateText>,
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(in crate::scenario) enum MethodWord {
    /// Fetch.
    Get,
    /// Hand in.
    Post,
    /// Put in place.
    Put,
}
