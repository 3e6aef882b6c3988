//! `[server]`, `[target]` and `[users]` as they are written.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

use super::login::Login;
use super::values::{Time, Whole};

/// The bundled room server, started for this run.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "server")]
pub(in crate::scenario) struct Server {
    /// How many instances. Default 2.
    pub(in crate::scenario) instances: Option<Whole<1>>,
    /// What joins them. Default auto.
    pub(in crate::scenario) broker: Option<Broker>,
    /// Between two pings to a client. Default 30s, at least 100ms.
    pub(in crate::scenario) ping_interval: Option<Time>,
    /// Silence after which a client counts as dead. Default 60s, at least 100ms. Clients give a server up that has been
    /// silent for both together.
    pub(in crate::scenario) ping_timeout: Option<Time>,
}

/// What joins the instances of the bundled server.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum Broker {
    /// Redis where there is any, else memory.
    Auto,
    /// Redis or nothing.
    Redis,
    /// The embedded broker, all instances in one process.
    Memory,
}

/// A server that is already there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "target")]
pub(in crate::scenario) struct Target {
    /// Its addresses, `ws://` or `wss://`; clients spread over them.
    pub(in crate::scenario) urls: Vec<String>,
    /// The protocol it speaks. Default room.
    pub(in crate::scenario) dialect: Option<String>,
    /// Parameters of the dialect: the application's own names.
    #[serde(default)]
    pub(in crate::scenario) with: serde_json::Map<String, serde_json::Value>,
    /// Headers of the opening request.
    #[serde(default)]
    pub(in crate::scenario) headers: BTreeMap<String, String>,
    /// Files of the TLS set-up.
    pub(in crate::scenario) tls: Option<Tls>,
    /// An HTTP proxy to connect through; "env" takes it from the environment.
    pub(in crate::scenario) proxy: Option<String>,
    /// Which addresses of a name are targets. Default first.
    pub(in crate::scenario) resolve: Option<Resolve>,
    /// Local addresses to connect from, in turn.
    #[serde(default)]
    pub(in crate::scenario) source_ips: Vec<String>,
    /// Where a server tells which instance a connection is on. The first that answers counts, read again after every
    /// reconnect; without any, what the dialect knows.
    #[serde(default)]
    pub(in crate::scenario) instance: Vec<InstancePlace>,
}

/// One place where a server tells its instance: exactly one of header, cookie, pointer and url.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "instance_place")]
pub(in crate::scenario) struct InstancePlace {
    /// A response header of the opening request, such as x-pod.
    pub(in crate::scenario) header: Option<String>,
    /// A cookie that the opening sets, such as a balancer's.
    pub(in crate::scenario) cookie: Option<String>,
    /// A JSON Pointer into what the server says, such as /data/node.
    pub(in crate::scenario) pointer: Option<String>,
    /// In what it says the pointer leads somewhere. Default join.
    #[serde(rename = "in")]
    pub(in crate::scenario) within: Option<Words>,
    /// Each of the urls is one instance, called by host and port.
    pub(in crate::scenario) url: Option<bool>,
}

/// What a server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum Words {
    /// What it says first.
    Welcome,
    /// The acknowledgement of a join.
    Join,
}

/// Which addresses of a name are targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum Resolve {
    /// The first that answers.
    First,
    /// Every one: a headless service.
    Each,
}

/// Files of the TLS set-up and the name to verify.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "tls")]
pub(in crate::scenario) struct Tls {
    /// Trust these roots (PEM) in place of the system's.
    pub(in crate::scenario) ca: Option<String>,
    /// Client certificate (PEM).
    pub(in crate::scenario) cert: Option<String>,
    /// Client key (PEM).
    pub(in crate::scenario) key: Option<String>,
    /// The name to verify in place of the URL's host.
    pub(in crate::scenario) server_name: Option<String>,
}

/// Where users come from. One row is one user; a client keeps its row, also through reconnects.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "users")]
pub(in crate::scenario) struct Users {
    /// A CSV file with a header; column `user` names the user, column `token`, if any, is its token.
    pub(in crate::scenario) csv: Option<String>,
    /// A file of JSON objects, one a line, with `user` and perhaps `token`.
    pub(in crate::scenario) jsonl: Option<String>,
    /// Tokens are minted here.
    pub(in crate::scenario) mint: Option<Mint>,
    /// What each user asks for before it connects: a token, or cookies.
    pub(in crate::scenario) login: Option<Login>,
    /// What happens when there are fewer rows than clients. Default no.
    pub(in crate::scenario) reuse: Option<Reuse>,
}

/// HS256 tokens minted with a secret shared with the target.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "mint")]
pub(in crate::scenario) struct Mint {
    /// The secret; best a variable of the environment.
    pub(in crate::scenario) secret: String,
    /// Claims; texts are templates (`{{n}}`). `exp` is added. Default: sub = "u{{n}}".
    #[serde(default)]
    pub(in crate::scenario) claims: serde_json::Map<String, serde_json::Value>,
}

/// What happens when there are fewer rows than clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum Reuse {
    /// It is an error, before the first connect.
    No,
    /// Start again at the first row.
    Cycle,
}
