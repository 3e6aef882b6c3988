//! JSON Schema, as far as the published ones use it; a keyword that is not known here fails, so that nothing passes
//! unchecked.

use serde_json::{Map, Value};

/// What says something to a reader and nothing to a checker.
const SILENT: &[&str] = &["$schema", "$defs", "title", "description", "default"];

/// The places where `value` is not as `schema` wants it.
pub(crate) fn offences(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, value, "$", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let Value::Object(keywords) = schema else {
        assert_eq!(schema, true, "a schema is an object or `true`");
        return;
    };
    for (keyword, want) in keywords {
        match keyword.as_str() {
            "$ref" => {
                let place = want.as_str().unwrap().strip_prefix('#').unwrap();
                check(root, root.pointer(place).unwrap(), value, at, found);
            }
            "type" if !has_one_of(value, want) => found.push(format!("{at} is no {want}: {value}")),
            "const" if value != want => found.push(format!("{at} is not {want}: {value}")),
            "enum" if !want.as_array().unwrap().contains(value) => {
                found.push(format!("{at} is none of {want}: {value}"))
            }
            "minimum" if value.as_f64().is_some_and(|number| Some(number) < want.as_f64()) => {
                found.push(format!("{at} is below {want}: {value}"))
            }
            "maximum" if value.as_f64().is_some_and(|number| Some(number) > want.as_f64()) => {
                found.push(format!("{at} is above {want}: {value}"))
            }
            "anyOf" | "oneOf" => {
                let fitting = |one: &&Value| {
                    let mut wrong = Vec::new();
                    check(root, one, value, at, &mut wrong);
                    wrong.is_empty()
                };
                let number = want.as_array().unwrap().iter().filter(fitting).count();
                if number == 0 || keyword == "oneOf" && number > 1 {
                    found.push(format!("{at} fits {number} of {keyword}: {value}"));
                }
            }
            "required" => {
                let absent = |key: &&Value| value.get(key.as_str().unwrap()).is_none();
                found.extend(want.as_array().unwrap().iter().filter(absent).map(|key| format!("{at} has no {key}")));
            }
            "properties" | "additionalProperties" => members(root, keywords, keyword, value, at, found),
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                items.for_each(|(n, item)| check(root, want, item, &format!("{at}/{n}"), found));
            }
            "type" | "const" | "enum" | "minimum" | "maximum" | "format" => {}
            silent => assert!(SILENT.contains(&silent), "the keyword {silent} is not checked"),
        }
    }
}

fn members(
    root: &Value,
    keywords: &Map<String, Value>,
    keyword: &str,
    value: &Value,
    at: &str,
    found: &mut Vec<String>,
) {
    let known = keywords.get("properties").and_then(Value::as_object);
    for (key, member) in value.as_object().into_iter().flatten() {
        let place = format!("{at}/{key}");
        match (known.and_then(|known| known.get(key)), keyword) {
            (Some(schema), "properties") => check(root, schema, member, &place, found),
            (None, "additionalProperties") => check(root, &keywords[keyword], member, &place, found),
            _ => {}
        }
    }
}

fn has_one_of(value: &Value, kinds: &Value) -> bool {
    let is = |kind: &Value| match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("no type is called {other}"),
    };
    kinds.as_array().map_or_else(|| is(kinds), |kinds| kinds.iter().any(is))
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let schema = serde_json::json!({
        "type": "object",
        "properties": { "n": { "$ref": "#/$defs/n" }, "one": { "enum": ["a", "b"] }, "list": { "type": "array", "items": { "type": "string" } } },
        "additionalProperties": { "type": "boolean" },
        "required": ["n"],
        "$defs": { "n": { "type": ["integer", "null"], "minimum": 1 } },
    });
    let wrong = |value: Value| offences(&schema, &value);
    assert_eq!(wrong(serde_json::json!({ "n": 1, "one": "a", "list": ["x"], "more": true })), [""; 0]);
    assert_eq!(wrong(serde_json::json!({})), ["$ has no \"n\""]);
    for (value, place) in [
        (serde_json::json!({ "n": 0 }), "$/n"),
        (serde_json::json!({ "n": 1.5 }), "$/n"),
        (serde_json::json!({ "n": null, "one": "c" }), "$/one"),
        (serde_json::json!({ "n": 1, "list": ["x", 3] }), "$/list/1"),
        (serde_json::json!({ "n": 1, "more": 3 }), "$/more"),
    ] {
        assert!(wrong(value.clone())[0].starts_with(place), "{value}: {:?}", wrong(value.clone()));
    }
}
