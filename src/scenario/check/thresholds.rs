//! `[thresholds]`: kept as written, with their places. Whether their metrics exist is judged by who knows them.

use super::faults::{INCIDENT, STEADY};
use super::{Check, Checked};
use crate::scenario::file::{Fault, File, Threshold, WordOr};
use crate::scenario::{Rule, nearest};

impl Check<'_> {
    pub(super) fn thresholds(&self, file: &File) -> Checked<Vec<Rule>> {
        let mut rules = Vec::new();
        for (metric, written) in &file.thresholds.0 {
            for (at, threshold) in written.items.iter().enumerate() {
                let path = match written.list {
                    true => format!("thresholds.{metric}.{at}"),
                    false => format!("thresholds.{metric}"),
                };
                rules.push(self.rule(metric, &path, threshold, &file.fault)?);
            }
        }
        Ok(rules)
    }

    fn rule(&self, metric: &str, path: &str, written: &WordOr<Threshold>, faults: &[Fault]) -> Checked<Rule> {
        let table = match written {
            WordOr::Word(rule) => {
                Threshold { rule: rule.clone(), during: None, after: None, baseline: None, abort: false }
            }
            WordOr::Table(table) => table.clone(),
        };
        if let Some(during) = &table.during {
            self.during(&format!("{path}.during"), during, faults)?;
        }
        let key_span = self.root.key_span("thresholds", metric);
        let rule_span = match written {
            WordOr::Word(_) => self.root.place(path).span,
            WordOr::Table(_) => self.root.place(&format!("{path}.rule")).span,
        };
        let line = self.source.text[..key_span.start].matches('\n').count() + 1;
        let Threshold { rule, during, after, baseline, abort } = table;
        Ok(Rule { metric: metric.to_owned(), rule, during, after, baseline, abort, line, key_span, rule_span })
    }

    /// A rule may hold for a fault, for an incident nobody declared, or for everything but those.
    fn during(&self, place: &str, during: &str, faults: &[Fault]) -> Checked<()> {
        let names: Vec<&str> = faults.iter().map(|fault| fault.name.as_str()).chain([STEADY]).collect();
        let number = during.strip_prefix(INCIDENT).and_then(|number| number.parse::<u32>().ok());
        if names.contains(&during) || number.is_some_and(|number| number > 0) {
            return Ok(());
        }
        let help = match nearest(during, names.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                format!("there are {}, and `{INCIDENT}1` and so on for what nobody declared", names.join(", "))
            }
        };
        Err(self.wrong(place, format!("no fault is called `{during}`")).with_help(help))
    }
}
