//! How a session's target is reached, as a scenario has it: in the file's own words, variables and all, where there is a
//! file; in the flags' otherwise. A secret that stands there is not taken over: a variable takes its place.

use serde_json::Value;

use super::spoken::{absolute, read, table};
use crate::dialect::Parameters;
use crate::repl::Way;
use crate::report::{hidden, is_secret, looks_secret};
use crate::scenario::{Foreign, Overrides, Scenario, TlsFiles};

/// Keys of `[target]` that are taken over as they are.
const AS_WRITTEN: [&str; 3] = ["resolve", "source_ips", "instance"];

/// How `foreign`, the target of `scenario`, is reached with these flags.
pub(super) fn to(foreign: &Foreign, scenario: &Scenario, over: &Overrides) -> Way {
    let mut file = read(&scenario.source);
    let (vars, target) = (table(&mut file, "vars"), table(&mut file, "target"));
    let mut found = Found { way: Way::default(), vars, over };
    let headers = found.headers(foreign, &target);
    found.put("headers", headers);
    let tls = found.tls(&foreign.network.tls, &target);
    found.put("tls", tls);
    found.proxy(&target);
    for key in AS_WRITTEN {
        if let Some(value) = target.get(key) {
            let value = found.kept(value.clone(), key);
            found.way.keys.insert(key.to_owned(), value);
        }
    }
    found.flags(foreign);
    found.way
}

/// What is found on the way.
struct Found<'a> {
    way: Way,
    /// The `[vars]` of the file.
    vars: Parameters,
    over: &'a Overrides,
}

impl Found<'_> {
    fn put(&mut self, key: &str, table: Parameters) {
        if !table.is_empty() {
            self.way.keys.insert(key.to_owned(), Value::Object(table));
        }
    }

    fn headers(&mut self, foreign: &Foreign, target: &Parameters) -> Parameters {
        let mut headers = Parameters::new();
        for (name, value) in &foreign.network.headers {
            let by_flag = self.over.headers.iter().any(|(flag, _)| flag.eq_ignore_ascii_case(name));
            let written = target.get("headers").and_then(|headers| headers.get(name)).and_then(Value::as_str);
            let text = match written.filter(|_| !by_flag) {
                Some(written) => written.to_owned(),
                None => outright(value),
            };
            let what = format!("the header {name}");
            let shown =
                if tells(name, &text) { self.masked(&variable(name), &what) } else { self.kept(text.into(), &what) };
            headers.insert(name.clone(), shown);
        }
        headers
    }

    fn tls(&mut self, files: &TlsFiles, target: &Parameters) -> Parameters {
        let mut tls = Parameters::new();
        for (key, file) in [("ca", &files.ca), ("cert", &files.cert), ("key", &files.key)] {
            if let Some(file) = file {
                tls.insert(key.to_owned(), outright(absolute(file)).into());
            }
        }
        if let Some(name) = target.get("tls").and_then(|tls| tls.get("server_name")) {
            let name = self.kept(name.clone(), "the name the server's certificate has");
            tls.insert("server_name".to_owned(), name);
        }
        tls
    }

    fn proxy(&mut self, target: &Parameters) {
        let written = target.get("proxy").and_then(Value::as_str);
        let Some(text) = self.over.proxy.as_deref().map(outright).or(written.map(str::to_owned)) else { return };
        let what = "the URL of the proxy";
        let tells = hidden(&text, &[]) != text;
        let shown = if tells { self.masked("PROXY", what) } else { self.kept(text.into(), what) };
        self.way.keys.insert("proxy".to_owned(), shown);
    }

    fn flags(&mut self, foreign: &Foreign) {
        if foreign.network.tls.insecure {
            self.way.flags.push("-k".to_owned());
        }
        let pairs = foreign.network.connect_to.iter();
        self.way.flags.extend(pairs.map(|(from, to)| format!("--connect-to {from}:{to}")));
    }

    /// A variable in place of a secret.
    fn masked(&mut self, variable: &str, what: &str) -> Value {
        self.way.unset.insert((variable.to_owned(), what.to_owned()));
        format!("${{{variable}}}").into()
    }

    /// `value` as it stands, its variables seen to: those of the file go along unless they are secrets or were given anew.
    fn kept(&mut self, value: Value, what: &str) -> Value {
        for name in variables(&value.to_string()) {
            let given = self.over.vars.iter().any(|(given, _)| *given == name);
            let known = self.vars.get(&name).filter(|_| !given && !is_secret(&name));
            if let Some(known) = known.filter(|value| !value.as_str().is_some_and(looks_secret)) {
                self.way.vars.insert(name, known.clone());
            } else {
                self.way.unset.insert((name, what.to_owned()));
            }
        }
        value
    }
}

/// A text that is meant to the letter, as a scenario has it.
fn outright(text: impl AsRef<str>) -> String {
    text.as_ref().replace("${", "$${")
}

/// The variable that stands for a header.
fn variable(header: &str) -> String {
    header.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// Names of schemes, which stand before a secret.
const SCHEMES: [&str; 4] = ["apikey", "basic", "bearer", "token"];

/// Whether the header `name: text` holds a secret; a variable is none.
fn tells(name: &str, text: &str) -> bool {
    let named = variables(text);
    if named.is_empty() {
        let line = format!("{name}: {text}");
        return hidden(&line, &[]) != line || looks_secret(text);
    }
    let rest = named.iter().fold(text.to_owned(), |rest, name| rest.replace(&format!("${{{name}}}"), ""));
    let values = rest.split([' ', ';', ',']).map(|part| part.rsplit('=').next().unwrap_or_default());
    let mut others = values.filter(|value| !value.is_empty() && !SCHEMES.contains(&value.to_lowercase().as_str()));
    is_secret(name) && others.next().is_some()
}

/// The variables that `text` names.
fn variables(text: &str) -> Vec<String> {
    let begins = text.match_indices("${").filter(|(at, _)| !text[..*at].ends_with('$'));
    begins.filter_map(|(at, _)| text[at + 2..].split_once('}')).map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_tells_a_secret_unless_variables_stand_for_it() {
        let told = [("Authorization", "Bearer abc"), ("Cookie", "sid=${SID}; key=abc"), ("x-api-key", "7")];
        let untold = [("Authorization", "Bearer ${TOKEN}"), ("Cookie", "sid=${SID}"), ("Origin", "https://a.example")];
        assert!(told.iter().all(|(name, text)| tells(name, text)));
        assert!(untold.iter().all(|(name, text)| !tells(name, text)));
    }

    #[test]
    fn variables_are_found_and_what_looks_like_one_is_not() {
        assert_eq!(variables("Bearer ${TOKEN}, ${A} $${B} ${"), ["TOKEN", "A"]);
        assert_eq!(outright("a ${x}"), "a $${x}");
        assert_eq!(variable("X-Api-Key"), "X_API_KEY");
    }
}
