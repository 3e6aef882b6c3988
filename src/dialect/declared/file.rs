//! Dialect files: TOML with the keys of the machine, the parameters it leaves to the scenario, and what it builds on. The
//! built-in dialects are such files, embedded.

use serde_json::{Map, Value};
use std::ops::Range;
use std::sync::Arc;

use super::compile::compile;
use super::filling;
use crate::dialect::{Dialect, DialectEntry, DialectError, Parameters, Signs};

/// One built-in dialect: the file of its name.
macro_rules! builtin {
    ($name:literal, $help:literal, $signs:expr) => {
        DialectEntry {
            name: $name,
            help: $help,
            keys: &[],
            file: Some(include_str!(concat!("../builtin/", $name, ".toml"))),
            signs: $signs,
            make: |parameters| make($name, include_str!(concat!("../builtin/", $name, ".toml")), parameters),
        }
    };
}

const fn known(called: &'static str, messages: &'static [(&'static str, &'static str)]) -> Option<Signs> {
    Some(Signs { called, messages })
}

pub(in crate::dialect) const SOCKETIO: DialectEntry =
    builtin!("socketio-v5", "Socket.IO 3 and 4", known("Socket.IO", &[("0{", "\"sid\":"), ("40{", "\"sid\":")]));
pub(in crate::dialect) const GRAPHQL: DialectEntry = builtin!(
    "graphql-transport-ws",
    "GraphQL subscriptions as the package graphql-ws speaks them",
    known("graphql-ws", &[("{", "\"type\":\"connection_ack\"")])
);
pub(in crate::dialect) const ACTIONCABLE: DialectEntry = builtin!(
    "actioncable-v1",
    "Rails' Action Cable",
    known(
        "Action Cable",
        &[
            ("{\"type\":\"welcome\"}", ""),
            ("{\"type\":\"welcome\",\"sid\":", ""),
            ("{\"type\":\"ping\",\"message\":", "")
        ]
    )
);
pub(in crate::dialect) const NATS: DialectEntry =
    builtin!("nats", "NATS over WebSocket", known("NATS", &[("INFO {", "\"server_id\":")]));
pub(in crate::dialect) const MQTT: DialectEntry = builtin!("mqtt-ws", "MQTT 3.1.1 over WebSocket", None);
pub(in crate::dialect) const HONO: DialectEntry =
    builtin!("hono-article", "the article's server: a room per URL, no acknowledgements", None);
pub(in crate::dialect) const PHOENIX: DialectEntry = builtin!(
    "phoenix-v2",
    "Phoenix channels, serializer 2.0.0",
    known("Phoenix channels", &[("[", "\"phx_reply\""), ("[", "\"presence_state\"")])
);
pub(in crate::dialect) const CENTRIFUGO: DialectEntry = builtin!(
    "centrifugo-v5",
    "Centrifugo and centrifuge, JSON, with recovery by offset and epoch",
    known("Centrifugo", &[("{", "\"connect\":{\"client\":")])
);
pub(in crate::dialect) const SIGNALR: DialectEntry = builtin!(
    "signalr-json",
    "ASP.NET Core SignalR, JSON, without negotiation",
    known("SignalR", &[("{}\u{1e}", ""), ("{\"type\":", "\u{1e}")])
);
pub(in crate::dialect) const PUSHER: DialectEntry = builtin!(
    "pusher-v7",
    "Pusher Channels 7; publishing by its HTTP API",
    known("Pusher Channels", &[("{", "\"event\":\"pusher:connection_established\"")])
);
pub(in crate::dialect) const MERCURE: DialectEntry = builtin!("mercure", "a Mercure hub: a topic per room", None);
pub(in crate::dialect) const SSE: DialectEntry =
    builtin!("sse", "server-sent events, a stream per room; publishing by a request", None);

/// The dialect that the file `text` describes, with the parameters of `[target.with]`.
///
/// # Errors
/// [`DialectError::File`] for what is wrong in the text, [`DialectError::Parameter`] for what is wrong in `with`.
pub(in crate::dialect) fn make(
    name: &'static str,
    text: &str,
    with: &Parameters,
) -> Result<Arc<dyn Dialect>, DialectError> {
    let mut own = parse(text)?;
    let mut base = own.remove("extends").map_or_else(|| Ok(Map::new()), |base| based_on(&base, text))?;
    let taken = |file: &mut Parameters, key: &str| match file.remove(key) {
        None => Ok(Map::new()),
        Some(Value::Object(table)) => Ok(table),
        Some(_) => Err(wrong(text, key, "must be a table")),
    };
    let declared = merged(taken(&mut base, "parameters")?, taken(&mut own, "parameters")?);
    let (base_choices, own_choices) = (taken(&mut base, "choices")?, taken(&mut own, "choices")?);
    let choices = merged(base_choices.clone(), own_choices.clone());
    let values = filling::fill(&declared, with, text)?;
    let picked = filling::picked(&choices, &declared, &values, text)?;
    // What the file says by itself goes over what it builds on, whatever is chosen there.
    let said = filling::said(&base_choices, &picked).into_iter().chain([own]);
    let said = said.chain(filling::said(&own_choices, &picked));
    let mut file = said.fold(base, merged);
    file.remove("help");
    filling::all_heeded(&file, &choices, &declared, with)?;
    let unfilled = file.clone();
    let filled = file.into_iter().map(|(key, value)| (key, filling::filled(value, &values))).collect();
    let overridden = with.iter().filter(|(key, _)| !declared.contains_key(*key));
    let own = overridden.map(|(key, value)| (key.clone(), value.clone())).collect();
    compile(name, &merged(filled, own)).map_err(|error| match error {
        DialectError::Parameter { key, problem } if !given(with, &key) => {
            match filling::blamed(&unfilled, &key, &declared, with) {
                Some(parameter) => {
                    DialectError::Parameter { key: parameter.to_owned(), problem: format!("with it `{key}` {problem}") }
                }
                None => wrong_in(text, &chosen_places(&key, &picked), &key, &problem),
            }
        }
        error => error,
    })
}

/// Where the value of `key` may stand in a file: by itself, or in what is chosen.
fn chosen_places(key: &str, picked: &[(&str, &str)]) -> Vec<String> {
    let chosen = picked.iter().map(|(parameter, value)| format!("choices.{parameter}.{value}.{key}"));
    chosen.chain([key.to_owned()]).collect()
}

/// What parameters the file `text` declares: name, default if there is one, help.
pub(in crate::dialect) fn declares(text: &str) -> Vec<(String, Option<String>, String)> {
    let Ok(mut file) = parse(text) else { return Vec::new() };
    let declared = file.remove("parameters").and_then(|table| table.as_object().cloned()).unwrap_or_default();
    let of = |table: &Value, key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
    let one = |(name, table): (String, Value)| (name, of(&table, "default"), of(&table, "help").unwrap_or_default());
    declared.into_iter().map(one).collect()
}

fn parse(text: &str) -> Result<Parameters, DialectError> {
    toml::from_str(text).map_err(|error| DialectError::File {
        span: error.span().unwrap_or_default(),
        problem: error.message().to_owned(),
    })
}

fn based_on(base: &Value, text: &str) -> Result<Parameters, DialectError> {
    let entries = || crate::dialect::DIALECTS.iter().filter(|entry| entry.file.is_some());
    match entries().find(|entry| Some(entry.name) == base.as_str()).and_then(|entry| entry.file) {
        Some(file) => parse(file),
        None => {
            let names: Vec<&str> = entries().map(|entry| entry.name).collect();
            Err(wrong(text, "extends", &format!("must be one of {}", names.join(", "))))
        }
    }
}

/// `base` with what `own` says over it, table by table; conditions are replaced whole.
fn merged(mut base: Parameters, own: Parameters) -> Parameters {
    for (key, value) in own {
        let value = match (base.remove(&key), value) {
            (Some(Value::Object(base)), Value::Object(own)) if key != "when" => Value::Object(merged(base, own)),
            (_, value) => value,
        };
        base.insert(key, value);
    }
    base
}

fn given(with: &Parameters, key: &str) -> bool {
    with.contains_key(key.split('.').next().unwrap_or(key))
}

/// What is wrong with the value of `key` in `text`.
pub(super) fn wrong(text: &str, key: &str, problem: &str) -> DialectError {
    wrong_in(text, &[key.to_owned()], key, problem)
}

/// The same, where the value stands at one of these places, the most of which there is.
fn wrong_in(text: &str, places: &[String], key: &str, problem: &str) -> DialectError {
    let found = places.iter().map(|place| found(text, place)).min_by_key(|(_, missing)| *missing);
    let (span, _) = found.unwrap_or_default();
    DialectError::File { span, problem: format!("`{key}`: {problem}") }
}

/// Where the value of `key` stands in `text`; of the last table on the way, when it is not there, and how many steps more
/// it would be.
fn found(text: &str, key: &str) -> (Range<usize>, usize) {
    let Ok(table) = toml::de::DeTable::parse(text) else { return (0..0, usize::MAX) };
    let (mut found, mut table) = (0..0, Some(table.into_inner()));
    let mut missing = key.split('.').count();
    for step in key.split('.') {
        let Some(value) = table.take().and_then(|mut table| table.remove(step)) else { break };
        missing -= 1;
        found = value.span();
        table = match value.into_inner() {
            toml::de::DeValue::Table(table) => Some(table),
            _ => None,
        };
    }
    (found, missing)
}
