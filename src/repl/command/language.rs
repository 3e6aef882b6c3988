//! What `/dialect` is given: a name, and the parameters a scenario has under `[target.with]`.

use serde_json::Value;

use super::Language;
use crate::dialect::Parameters;

/// `NAME KEY=VALUE…`. A key of a table is written with a dot, a value that holds spaces or is no text as TOML has it:
/// `event=chat`, `event="chat message"`, `after_welcome=true`, `deliver.when={ "/type" = "chat" }`.
pub(super) fn read(rest: &str) -> Result<Language, String> {
    let mut words = split(rest)?.into_iter();
    let name = words.next().ok_or("NAME is missing")?;
    let mut with = Parameters::new();
    for word in words {
        let (key, value) = word.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
            format!("`{}` is no parameter: write KEY=VALUE, and a value that holds spaces in quotes", word)
        })?;
        put(&mut with, key, self::value(value))?;
    }
    Ok(Language { name, with, vars: Parameters::new() })
}

/// Puts `value` at `key`, table in table.
fn put(with: &mut Parameters, key: &str, value: Value) -> Result<(), String> {
    match key.split_once('.') {
        None => {
            with.insert(key.to_owned(), value);
            Ok(())
        }
        Some((table, rest)) => match with.entry(table).or_insert_with(|| Value::Object(Parameters::new())) {
            Value::Object(inner) => put(inner, rest, value),
            _ => Err(format!("`{table}` has a value already and cannot be a table too")),
        },
    }
}

/// What TOML would make of it, where that is a text, a flag, a list or a table; anything else is a text as it stands.
fn value(written: &str) -> Value {
    let read: Option<Parameters> = toml::from_str(&format!("value = {written}")).ok();
    match read.and_then(|mut table| table.remove("value")) {
        Some(value @ (Value::String(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_))) => value,
        _ => Value::from(written),
    }
}

/// Splits at white space that is neither in quotes nor in brackets; quotes stay.
fn split(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote, mut depth) = (Vec::new(), String::new(), None, 0u32);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth = depth.saturating_sub(1),
            (None, c) if c.is_whitespace() && depth == 0 => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            (None, _) => {}
        }
        word.push(c);
    }
    match quote {
        Some(open) => Err(format!("a quote {open} is not closed")),
        None => {
            words.extend((!word.is_empty()).then_some(word));
            Ok(words)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parameters_are_texts_unless_toml_has_them_otherwise() {
        let language =
            read(r#"json event=chat say="chat message" n=5 after_welcome=true deliver.when={ "/type" = "chat" } data={"a":1}"#)
                .unwrap();
        assert_eq!(language.name, "json");
        let with = json!({
            "event": "chat", "say": "chat message", "n": "5", "after_welcome": true,
            "deliver": { "when": { "/type": "chat" } }, "data": "{\"a\":1}",
        });
        assert_eq!(Value::Object(language.with), with);
    }

    #[test]
    fn what_is_no_parameter_is_told_with_the_remedy() {
        assert_eq!(read("").unwrap_err(), "NAME is missing");
        assert!(read("nats room").unwrap_err().contains("write KEY=VALUE"));
        assert!(read("nats a=1 a.b=2").unwrap_err().contains("`a` has a value already"));
        assert!(read("nats a=\"b").unwrap_err().contains("not closed"));
    }
}
