//! `${NAME}` in a scenario: replaced on the read values, from the command line, `[vars]` and the environment, in this
//! order. `$${` stands for `${`.

use std::ops::Range;

use super::Source;
use super::diagnostic::{Diagnostic, did_you_mean};
use super::document::{Node, Origin, Value};

/// Looks a name up in the environment; passed in, because only the commands read the environment.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Replaces every `${NAME}` in the values of `root`; gives the values that came from the environment.
pub(super) fn expand(
    root: &mut Node,
    source: &Source,
    given: &[(String, String)],
    environment: Environment<'_>,
) -> Result<Vec<String>, Diagnostic> {
    let defaults = root.get("vars").map(|entry| entry.node.entries().to_vec()).unwrap_or_default();
    let mut names: Vec<(String, String)> = Vec::new();
    for entry in defaults {
        let text = match entry.node.value {
            Value::Text(text) => text,
            Value::Integer(integer) => integer.to_string(),
            Value::Float(float) => float.to_string(),
            Value::Bool(truth) => truth.to_string(),
            _ => {
                let message = format!("the variable `{}` must be a text or a number", entry.key);
                return Err(Diagnostic::new(source, entry.node.span, message));
            }
        };
        names.push((entry.key, text));
    }
    let mut known: Vec<String> = names.iter().map(|(name, _)| name.clone()).collect();
    names.extend_from_slice(given);
    let mut expansion = Expansion { source, names, environment, secrets: Vec::new(), asked: Vec::new() };
    expansion.node(root)?;
    known.append(&mut expansion.asked);
    known.sort();
    known.dedup();
    if let Some((name, _)) = given.iter().find(|(name, _)| !known.contains(name)) {
        let help = did_you_mean(name, known.iter().map(String::as_str).collect::<Vec<_>>());
        let message = format!("nothing in this scenario asks for `${{{name}}}`, which -e gives");
        return Err(Diagnostic::without_place(&source.path, message).with_help(help));
    }
    Ok(expansion.secrets)
}

struct Expansion<'a> {
    source: &'a Source,
    /// Later ones win.
    names: Vec<(String, String)>,
    environment: Environment<'a>,
    /// What came from the environment.
    secrets: Vec<String>,
    /// The names that were asked for.
    asked: Vec<String>,
}

impl Expansion<'_> {
    fn node(&mut self, node: &mut Node) -> Result<(), Diagnostic> {
        match &mut node.value {
            Value::Table(entries) => {
                let others = entries.iter_mut().filter(|entry| entry.key != "vars");
                others.into_iter().try_for_each(|entry| self.node(&mut entry.node))
            }
            Value::Array(nodes) => nodes.iter_mut().try_for_each(|node| self.node(node)),
            Value::Text(text) if text.contains("${") => {
                let (expanded, origin) = self.text(text, &node.span)?;
                node.value = Value::Text(expanded);
                node.origin = origin;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn text(&mut self, text: &str, place: &Range<usize>) -> Result<(String, Origin), Diagnostic> {
        let mut expanded = String::new();
        let mut origin = Origin::Written;
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('$') {
                expanded.push_str(&rest[..at - 1]);
                expanded.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            expanded.push_str(&rest[..at]);
            let Some(end) = rest[at..].find('}') else {
                return Err(self.wrong(
                    place,
                    "`${` without `}`",
                    Some("write `$${` for the two characters".to_owned()),
                ));
            };
            let name = &rest[at + 2..at + end];
            let (value, from) = self.value(name, place)?;
            expanded.push_str(&value);
            let whole = at == 0 && end + 1 == text.len();
            origin = match (origin, from) {
                (Origin::Environment, _) | (_, Origin::Environment) => Origin::Environment,
                _ if whole => Origin::Variable,
                _ => origin,
            };
            rest = &rest[at + end + 1..];
        }
        expanded.push_str(rest);
        Ok((expanded, origin))
    }

    fn value(&mut self, name: &str, place: &Range<usize>) -> Result<(String, Origin), Diagnostic> {
        let valid = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !valid {
            let help = "a name has letters, digits and underscores; write `$${` for the two characters".to_owned();
            return Err(self.wrong(place, &format!("`${{{name}}}` is not the name of a variable"), Some(help)));
        }
        self.asked.push(name.to_owned());
        if let Some((_, value)) = self.names.iter().rev().find(|(known, _)| known == name) {
            return Ok((value.clone(), Origin::Variable));
        }
        if let Some(value) = (self.environment)(name) {
            self.secrets.push(value.clone());
            return Ok((value, Origin::Environment));
        }
        let near = did_you_mean(name, self.names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
        let near = near.filter(|help| help.starts_with("did"));
        let help = near.unwrap_or_else(|| format!("give it with `-e {name}=…`, in `[vars]` or in the environment"));
        Err(self.wrong(place, &format!("the variable `{name}` is not defined"), Some(help)))
    }

    fn wrong(&self, place: &Range<usize>, message: &str, help: Option<String>) -> Diagnostic {
        Diagnostic::new(self.source, place.clone(), message).with_help(help)
    }
}
