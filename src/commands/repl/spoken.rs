//! What a scenario's target speaks, as the scenario has it: before any variable is replaced, so that it holds no secret.

use std::path::Path;

use serde_json::Value;

use crate::dialect::Parameters;
use crate::repl::command::Language;
use crate::scenario::{Scenario, Source, Target};

/// What the target of `scenario` speaks; the variables that are `given` are not kept.
pub(super) fn by(scenario: &Scenario, given: &[(String, String)]) -> Language {
    let Target::Foreign(foreign) = &scenario.target else {
        return Language { name: "room".to_owned(), with: Parameters::new(), vars: Parameters::new() };
    };
    let mut written = read(&scenario.source);
    let mut target = table(&mut written, "target");
    let with = table(&mut target, "with");
    let named = Value::Object(with.clone()).to_string();
    let mut vars = table(&mut written, "vars");
    vars.retain(|name, _| named.contains(&format!("${{{name}}}")) && given.iter().all(|(given, _)| given != name));
    let name = match target.get("dialect").and_then(Value::as_str).filter(|name| name.ends_with(".toml")) {
        Some(file) => beside(&scenario.source, file),
        None => foreign.dialect.name().to_owned(),
    };
    Language { name, with, vars }
}

/// The text of a scenario that was found valid.
pub(super) fn read(source: &Source) -> Parameters {
    let json = serde_json::from_str(&source.text);
    json.ok().or_else(|| toml::from_str(&source.text).ok()).unwrap_or_default()
}

/// The table `key`, taken out of another; an empty one where there is none.
pub(super) fn table(of: &mut Parameters, key: &str) -> Parameters {
    match of.remove(key) {
        Some(Value::Object(table)) => table,
        _ => Parameters::new(),
    }
}

/// A file beside the scenario by a name that holds anywhere.
fn beside(source: &Source, name: &str) -> String {
    absolute(&Path::new(&source.path).parent().unwrap_or(Path::new("")).join(name))
}

/// A path that holds anywhere.
pub(super) fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or(path.to_owned()).display().to_string()
}
