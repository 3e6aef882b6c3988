//! Where a run took place.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine, this program and the server's broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Version of this program.
    pub wsbench: String,
    /// What joins the instances.
    pub broker: Broker,
    /// How many instances of the server.
    pub instances: u32,
    /// Operating system and architecture.
    pub os: String,
    /// Cores this process may run on.
    pub cores: u32,
}

/// What joins the instances of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Broker {
    /// Redis, known because this run started the server.
    Redis,
    /// The embedded broker: all instances in one process.
    Memory,
    /// The target is not ours; unknown.
    External,
}

impl Environment {
    /// This program on a machine with `cores`, against a server of `instances` joined by `broker`.
    pub fn new(broker: Broker, instances: u32, cores: u32) -> Self {
        Self {
            wsbench: env!("CARGO_PKG_VERSION").to_owned(),
            broker,
            instances,
            os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cores,
        }
    }
}
