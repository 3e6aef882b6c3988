//! What was written: the serde types of a scenario file, and reading it. Nothing here knows whether it makes sense
//! together; that is `check`.
//!
//! The comments on the fields are the descriptions in the published JSON Schema.

use schemars::JsonSchema;
use serde::Deserialize;

#[macro_use]
mod text;

mod fault;
mod gate;
mod load;
mod login;
mod proxy;
mod request;
mod shapes;
mod target;
mod traffic;
mod values;

pub(super) use fault::{Disconnect, Fault, Instance, InstanceWord, Pace, Redis, RedisWord, Slow};
pub(super) use gate::{CountsWord, Gate};
pub(super) use load::{beside, lines, read_source, resolve};
pub(super) use login::{Login, MethodWord};
pub(super) use proxy::{DirectionWord, Proxy, ProxyFault, ProxyWord, Slice};
pub(super) use request::{OnWord, Request};
pub(super) use shapes::{Course, OneOrMany, Ordered, WordOr};
pub(super) use target::{Broker, InstancePlace, Mint, Resolve, Reuse, Server, Target, Tls, Users, Words};
pub(super) use traffic::{
    Arrive, Auth, Clients, CookiesWord, FailoverWord, Publish, RatePoint, Reconnect, RoomSet, SseEngine, Threshold,
};
pub(super) use values::{Arrival, Every, Lengths, RateText, Time};

use shapes::Scalar;

/// A wsbench scenario: who talks to whom, how often, for how long, and what must hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "scenario")]
#[schemars(title = "wsbench scenario")]
pub(super) struct File {
    /// Where the schema of this file is; for editors.
    #[serde(rename = "$schema")]
    #[allow(dead_code)]
    pub(super) schema: Option<String>,
    /// Its name; the file's name by default.
    pub(super) name: Option<String>,
    /// Everything random follows from it: same seed, same due times. Default 42.
    #[schemars(schema_with = "seed_schema")]
    pub(super) seed: Option<u64>,
    /// Defaults of the variables `${NAME}`; `-e NAME=VALUE` beats them, they beat the environment.
    #[serde(default)]
    #[allow(dead_code)]
    pub(super) vars: Ordered<Scalar>,
    /// How long.
    #[serde(default)]
    pub(super) run: Run,
    /// Start the bundled room server for this run.
    pub(super) server: Option<Server>,
    /// Talk to a server that is already there.
    pub(super) target: Option<Target>,
    /// Put a proxy of wsbench's own between clients and target, and let it delay, narrow or slice what passes.
    pub(super) proxy: Option<Proxy>,
    /// Where users come from.
    pub(super) users: Option<Users>,
    /// Groups of clients.
    #[serde(default)]
    pub(super) clients: Vec<Clients>,
    /// Streams of publications.
    #[serde(default)]
    pub(super) publish: Vec<Publish>,
    /// Requests and their answers, beside the broadcast.
    #[serde(default)]
    pub(super) request: Vec<Request>,
    /// What goes wrong on purpose, and when.
    #[serde(default)]
    pub(super) fault: Vec<Fault>,
    /// What the regression gate is told here rather than on its command line.
    pub(super) gate: Option<Gate>,
    /// What must hold: metric = rule.
    #[serde(default)]
    pub(super) thresholds: Ordered<OneOrMany<WordOr<Threshold>>>,
}

/// The time axis. From t0, when every client of a ramp has joined or failed: `warm_up`, `duration`, `drain`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "run")]
pub(super) struct Run {
    /// Published but not measured. Default 3s.
    pub(super) warm_up: Option<Time>,
    /// Measured. Default 20s.
    pub(super) duration: Option<Time>,
    /// Nothing is published any more; copies still count. Default 3s.
    pub(super) drain: Option<Time>,
    /// How long after its due time a copy may take before it counts as lost; at most to the end of the drain. Default 60s.
    pub(super) settle: Option<Time>,
    /// How long after its planned start a client may take to join before the others wait for it no longer. Default 30s.
    pub(super) join_timeout: Option<Time>,
}

fn seed_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": format!("^{}$", text::VARIABLE) },
        ]
    })
}

/// The JSON Schema of scenarios, from the types that read them.
pub(super) fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(File);
    admit_variables(&mut schema);
    schema.to_value()
}

/// `${NAME}` may stand for any scalar: also for numbers, truth values and the names of a choice.
fn admit_variables(schema: &mut schemars::Schema) {
    schemars::transform::transform_subschemas(&mut admit_variables, schema);
    let variable = serde_json::json!({ "type": "string", "pattern": format!("^{}$", text::VARIABLE) });
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(serde_json::Value::Array(choices)) = object.get_mut("oneOf")
        && choices.iter().all(|choice| choice.get("const").is_some())
    {
        choices.push(variable);
        return;
    }
    let scalar = |name: &serde_json::Value| ["boolean", "number"].map(Some).contains(&name.as_str());
    if object.get("type").is_some_and(|kind| kind.as_array().map_or(scalar(kind), |kinds| scalar(&kinds[0]))) {
        let kind = object.remove("type");
        object.insert("anyOf".to_owned(), serde_json::json!([{ "type": kind }, variable]));
    }
}
