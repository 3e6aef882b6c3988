//! Dialect files: TOML with the keys of the machine, the parameters it leaves to the scenario, and what it builds on. The
//! built-in dialects are such files, embedded.

use serde_json::{Map, Value};
use std::ops::Range;
use std::sync::Arc;

use super::{compile, parameters::is_key};
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
    let mut file = parse(text)?;
    let base = file.remove("extends");
    if let Some(base) = base {
        file = merged(based_on(&base, text)?, file);
    }
    file.remove("help");
    let ways = file.remove("ways");
    let declared = match file.remove("parameters") {
        None => Map::new(),
        Some(Value::Object(declared)) => declared,
        Some(_) => return Err(wrong(text, "parameters", "must be a table")),
    };
    let values = fill(&declared, with, text)?;
    if let Some(ways) = ways {
        file = merged(file, way(&ways, &declared, &values, text)?);
    }
    let filled = file.into_iter().map(|(key, value)| (key, filled(value, &values))).collect();
    let overridden = with.iter().filter(|(key, _)| !declared.contains_key(*key));
    let own = overridden.map(|(key, value)| (key.clone(), value.clone())).collect();
    compile(name, &merged(filled, own)).map_err(|error| match error {
        DialectError::Parameter { key, problem } if !given(with, &key) => wrong(text, &key, &problem),
        error => error,
    })
}

/// What the file says over the rest where the parameter `way` asks for it; nothing by default.
fn way(
    ways: &Value,
    declared: &Parameters,
    values: &[(String, String)],
    text: &str,
) -> Result<Parameters, DialectError> {
    let ways = ways.as_object().ok_or_else(|| wrong(text, "ways", "must be a table of tables"))?;
    let usual = declared.get("way").and_then(|way| way.get("default")).and_then(Value::as_str);
    let usual = usual.ok_or_else(|| wrong(text, "ways", "needs a parameter `way` with a default"))?;
    let chosen = values.iter().find(|(name, _)| name == "way").map_or(usual, |(_, value)| value.as_str());
    match ways.get(chosen) {
        Some(Value::Object(own)) => Ok(own.clone()),
        Some(_) => Err(wrong(text, &format!("ways.{chosen}"), "must be a table")),
        None if chosen == usual => Ok(Map::new()),
        None => {
            let known = std::iter::once(usual).chain(ways.keys().map(String::as_str)).collect::<Vec<_>>().join(", ");
            Err(DialectError::Parameter { key: "way".to_owned(), problem: format!("must be one of {known}") })
        }
    }
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

/// The values of the declared parameters.
fn fill(declared: &Parameters, with: &Parameters, text: &str) -> Result<Vec<(String, String)>, DialectError> {
    let unknown = with.keys().find(|key| !declared.contains_key(*key) && !is_key(key));
    if let Some(key) = unknown {
        let names: Vec<&str> = declared.keys().map(String::as_str).collect();
        let problem = format!("is not known; this dialect's own are: {}", names.join(", "));
        return Err(DialectError::Parameter { key: key.clone(), problem });
    }
    let one = |(name, table): (&String, &Value)| {
        let place = format!("parameters.{name}");
        let Some(table) = table.as_object() else { return Err(wrong(text, &place, "must be a table")) };
        if let Some(key) = table.keys().find(|key| !["default", "help"].contains(&key.as_str())) {
            return Err(wrong(text, &format!("{place}.{key}"), "is not known; there are: default, help"));
        }
        let of = |problem: &str| DialectError::Parameter { key: name.clone(), problem: problem.to_owned() };
        let value = with.get(name).or_else(|| table.get("default"));
        let value = value.ok_or_else(|| of("is missing; this dialect needs it"))?;
        let value = value.as_str().ok_or_else(|| of("must be a string"))?;
        Ok((name.clone(), value.to_owned()))
    };
    declared.iter().map(one).collect()
}

/// `value` with the parameters put in wherever a text names them, keys of tables included.
fn filled(value: Value, values: &[(String, String)]) -> Value {
    match value {
        Value::String(text) => Value::String(put_in(&text, values)),
        Value::Array(list) => Value::Array(list.into_iter().map(|value| filled(value, values)).collect()),
        Value::Object(table) => {
            Value::Object(table.into_iter().map(|(key, value)| (put_in(&key, values), filled(value, values))).collect())
        }
        plain => plain,
    }
}

/// A parameter stands as it is outside of a JSON string, escaped within one. What a value names is not looked at again.
fn put_in(text: &str, values: &[(String, String)]) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let found = values
            .iter()
            .find_map(|(name, value)| Some((value, after.strip_prefix(name.as_str())?.strip_prefix("}}")?)));
        let Some((value, after_slot)) = found else {
            out.push_str("{{");
            rest = after;
            continue;
        };
        let read = &text[..text.len() - rest.len() + before.len()];
        match read.bytes().filter(|byte| *byte == b'"').count() % 2 {
            0 => out.push_str(value),
            _ => crate::dialect::quote::push_escaped(&mut out, value),
        }
        rest = after_slot;
    }
    out + rest
}

fn given(with: &Parameters, key: &str) -> bool {
    with.contains_key(key.split('.').next().unwrap_or(key))
}

fn wrong(text: &str, key: &str, problem: &str) -> DialectError {
    DialectError::File { span: place(text, key), problem: format!("`{key}`: {problem}") }
}

/// Where the value of `key` stands in `text`; of the last table on the way, when it is not there.
fn place(text: &str, key: &str) -> Range<usize> {
    let Ok(table) = toml::de::DeTable::parse(text) else { return 0..0 };
    let (mut found, mut table) = (0..0, Some(table.into_inner()));
    for step in key.split('.') {
        let Some(value) = table.take().and_then(|mut table| table.remove(step)) else { break };
        found = value.span();
        table = match value.into_inner() {
            toml::de::DeValue::Table(table) => Some(table),
            _ => None,
        };
    }
    found
}
