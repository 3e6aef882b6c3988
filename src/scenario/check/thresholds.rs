//! `[thresholds]`: kept as written, with their places. Whether their metrics exist is judged by who knows them.

use super::{Check, Checked};
use crate::scenario::Rule;
use crate::scenario::file::{File, Threshold, WordOr};

impl Check<'_> {
    pub(super) fn thresholds(&self, file: &File) -> Checked<Vec<Rule>> {
        let mut rules = Vec::new();
        for (metric, written) in &file.thresholds.0 {
            for (at, threshold) in written.items.iter().enumerate() {
                let path = match written.list {
                    true => format!("thresholds.{metric}.{at}"),
                    false => format!("thresholds.{metric}"),
                };
                rules.push(self.rule(metric, &path, threshold)?);
            }
        }
        Ok(rules)
    }

    fn rule(&self, metric: &str, path: &str, written: &WordOr<Threshold>) -> Checked<Rule> {
        let table = match written {
            WordOr::Word(rule) => Threshold { rule: rule.clone(), during: None, abort: false },
            WordOr::Table(table) => table.clone(),
        };
        if let Some(during) = table.during.as_deref().filter(|during| *during != "steady") {
            let help = "there is only `steady`: faults are not built yet".to_owned();
            let message = format!("no fault is called `{during}`");
            return Err(self.wrong(&format!("{path}.during"), message).with_help(help));
        }
        let key_span = self.root.key_span("thresholds", metric);
        let rule_span = match written {
            WordOr::Word(_) => self.root.place(path).span,
            WordOr::Table(_) => self.root.place(&format!("{path}.rule")).span,
        };
        let line = self.source.text[..key_span.start].matches('\n').count() + 1;
        let (metric, rule) = (metric.to_owned(), table.rule);
        Ok(Rule { metric, rule, during: table.during, abort: table.abort, line, key_span, rule_span })
    }
}
