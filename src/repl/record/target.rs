//! Where a recording's clients go, as a scenario has it. No secret is written: a variable stands in its place, and a comment
//! says what is to be set.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{put, quoted};
use crate::dialect::Parameters;
use crate::repl::command::Language;

/// Where the scenario's clients go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The bundled server, started for the run.
    Bundled,
    /// A server that is already there: its URL without secrets, whether users show a token, and how it is reached.
    There {
        /// The URL.
        url: String,
        /// Whether there was a token.
        token: bool,
        /// How it is reached.
        way: Way,
    },
}

/// How a server that is already there is reached, as a scenario has it, without secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Keys of `[target]`: headers, TLS files, a proxy and the like.
    pub keys: Parameters,
    /// The `[vars]` that are named there.
    pub vars: Parameters,
    /// Variables that are named there and have no value in the file, each with what it stands for.
    pub unset: BTreeSet<(String, String)>,
    /// Flags that no key of a scenario stands for.
    pub flags: Vec<String>,
}

impl Way {
    fn needs(&mut self, variable: &str, what: &str) {
        self.unset.insert((variable.to_owned(), what.to_owned()));
    }

    /// The token stands in a header, unless that is there already.
    fn show_token(&mut self) {
        let headers = self.keys.entry("headers").or_insert_with(|| Value::Object(Parameters::new()));
        let Value::Object(headers) = headers else { return };
        if headers.keys().all(|name| !name.eq_ignore_ascii_case("authorization")) {
            headers.insert("Authorization".to_owned(), "Bearer ${TOKEN}".into());
            self.needs("TOKEN", "the token that is shown");
        }
    }

    /// What a run has to be given beside the file.
    fn comments(&self) -> String {
        let mut text = String::new();
        if !self.unset.is_empty() {
            text.push_str("# Not written here; set them in the environment before a run:\n");
        }
        let width = self.unset.iter().map(|(variable, _)| variable.len()).max().unwrap_or_default();
        for (variable, what) in &self.unset {
            put(&mut text, format_args!("#   {variable:width$}  {}\n", what.escape_debug()));
        }
        if !self.flags.is_empty() {
            let flags = self.flags.join(" ");
            put(&mut text, format_args!("# Recorded with {}: give that to a run as well.\n", flags.escape_debug()));
        }
        text
    }
}

/// The tables of the scenario that say where its clients go and what they speak there.
pub(super) fn written(goal: &Goal, language: &Language) -> String {
    let Goal::There { url, token, way } = goal else { return "[server]\ninstances = 2\n".to_owned() };
    let (mut way, mut users) = (way.clone(), "");
    match (token, language.name.as_str()) {
        (false, _) => {}
        (true, "room") => {
            way.needs("WSBENCH_JWT_SECRET", "the secret of the server: tokens are minted with it");
            users = "\n[users]\nmint = { secret = \"${WSBENCH_JWT_SECRET}\", claims = { sub = \"u{{n}}\" } }\n";
        }
        (true, _) => way.show_token(),
    }
    let name = Value::from(language.name.as_str());
    let mut text = format!("{}[target]\nurls    = [{}]\ndialect = {name}\n", way.comments(), quoted(url));
    for (key, value) in &way.keys {
        put(&mut text, format_args!("{key:7} = {}\n", inline(value)));
    }
    let mut vars = way.vars;
    vars.extend(language.vars.clone());
    text + &table("target", &with(language)) + users + &table("vars", &vars)
}

/// A value as TOML has it behind `=`; whatever was read as TOML can be written as TOML.
fn inline(value: &Value) -> String {
    toml::Value::try_from(value).map(|value| value.to_string()).unwrap_or_default()
}

/// The parameters of what is spoken, under their key.
fn with(language: &Language) -> Parameters {
    match language.with.is_empty() {
        true => Parameters::new(),
        false => Parameters::from_iter([("with".to_owned(), Value::Object(language.with.clone()))]),
    }
}

fn table(path: &str, table: &Parameters) -> String {
    if table.is_empty() {
        return String::new();
    }
    let text = toml::to_string(&serde_json::json!({ path: table })).unwrap_or_default();
    format!("\n{text}")
}
