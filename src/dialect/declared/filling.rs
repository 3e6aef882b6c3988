//! The parameters of a dialect file: which values they have, what the file says besides with some of them, and how they are
//! put in.

use serde_json::Value;

use super::file::wrong;
use super::parameters::is_key;
use crate::dialect::{DialectError, Parameters};

/// The values of the declared parameters.
pub(super) fn fill(
    declared: &Parameters,
    with: &Parameters,
    text: &str,
) -> Result<Vec<(String, String)>, DialectError> {
    let unknown = with.keys().find(|key| !declared.contains_key(*key) && !is_key(key));
    if let Some(key) = unknown {
        let names: Vec<&str> = declared.keys().map(String::as_str).collect();
        let likeness = |name: &&&str| strsim::jaro_winkler(name, key);
        let near = names.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|name| likeness(name) > 0.8);
        let hint = near.map_or(String::new(), |near| format!("did you mean {near:?}? "));
        let problem = format!("is not known; {hint}this dialect's own are: {}", names.join(", "));
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

/// Which of `[choices.PARAMETER.VALUE]` are chosen: parameter, value. A parameter's default needs no table.
pub(super) fn picked<'a>(
    choices: &Parameters,
    declared: &'a Parameters,
    values: &'a [(String, String)],
    text: &str,
) -> Result<Vec<(&'a str, &'a str)>, DialectError> {
    let mut picked = Vec::new();
    for (name, possible) in choices {
        let place = format!("choices.{name}");
        let possible = possible.as_object().filter(|possible| possible.values().all(Value::is_object));
        let possible = possible.ok_or_else(|| wrong(text, &place, "must be a table of tables"))?;
        let parameter = declared.get_key_value(name).map(|(name, parameter)| (name.as_str(), parameter.get("default")));
        let (Some((name, Some(usual))), Some((_, value))) = (parameter, values.iter().find(|(known, _)| known == name))
        else {
            return Err(wrong(text, &place, "needs a parameter of that name with a default"));
        };
        if *usual != **value && !possible.contains_key(value) {
            let usual = usual.as_str().unwrap_or_default();
            let others = possible.keys().map(String::as_str).filter(|other| *other != usual);
            let known = std::iter::once(usual).chain(others).collect::<Vec<_>>().join(", ");
            return Err(DialectError::Parameter { key: name.to_owned(), problem: format!("must be one of {known}") });
        }
        picked.push((name, value.as_str()));
    }
    Ok(picked)
}

/// What these choices say.
pub(super) fn said(choices: &Parameters, picked: &[(&str, &str)]) -> Vec<Parameters> {
    let table = |(name, value): &(&str, &str)| choices.get(*name)?.get(*value)?.as_object().cloned();
    picked.iter().filter_map(table).collect()
}

/// Refuses a parameter that is given and would change nothing.
pub(super) fn all_heeded(
    file: &Parameters,
    choices: &Parameters,
    declared: &Parameters,
    with: &Parameters,
) -> Result<(), DialectError> {
    let own = with.keys().filter(|name| declared.contains_key(*name) && !choices.contains_key(*name));
    for name in own {
        let slot = format!("{{{{{name}}}}}");
        if file.iter().any(|(key, value)| key.contains(&slot) || names(value, &slot)) {
            continue;
        }
        let pairs =
            choices.iter().flat_map(|(choice, of)| of.as_object().into_iter().flatten().map(move |one| (choice, one)));
        let heeding = pairs.filter(|(_, (_, said))| names(said, &slot));
        let heeding: Vec<String> = heeding.map(|(choice, (value, _))| format!("`{choice} = \"{value}\"`")).collect();
        let problem = match heeding.is_empty() {
            true => "is named nowhere in the file".to_owned(),
            false => format!("is looked at only with {}", heeding.join(" or ")),
        };
        return Err(DialectError::Parameter { key: name.clone(), problem });
    }
    Ok(())
}

/// The parameter that was given and stands in the value of `key`, which is wrong with it.
pub(super) fn blamed<'a>(file: &Parameters, key: &str, declared: &Parameters, with: &'a Parameters) -> Option<&'a str> {
    let mut steps = key.split('.');
    let value = steps.next().and_then(|step| file.get(step));
    let value = steps.try_fold(value?, |value, step| value.get(step))?;
    let own = with.keys().filter(|name| declared.contains_key(*name));
    own.map(String::as_str).find(|name| names(value, &format!("{{{{{name}}}}}")))
}

/// Whether a text in `value`, or a key, holds `slot`.
fn names(value: &Value, slot: &str) -> bool {
    match value {
        Value::String(text) => text.contains(slot),
        Value::Array(list) => list.iter().any(|value| names(value, slot)),
        Value::Object(table) => table.iter().any(|(key, value)| key.contains(slot) || names(value, slot)),
        _ => false,
    }
}

/// `value` with the parameters put in wherever a text names them, keys of tables included.
pub(super) fn filled(value: Value, values: &[(String, String)]) -> Value {
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
