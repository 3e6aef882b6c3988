//! What must be in no result: the secrets this run was given, and a word about those given where others can see them.

use crate::report::{is_secret, looks_secret};
use crate::scenario::{Overrides, Scenario, Target, Users};
use crate::ui::Progress;

/// The secrets that are known: of headers, URLs, users and variables.
pub(in crate::commands) fn known(scenario: &Scenario, over: &Overrides) -> Vec<String> {
    let mut known = Vec::new();
    if let Target::Foreign(foreign) = &scenario.target {
        let headers = foreign.network.headers.iter().filter(|(name, _)| is_secret(name));
        for (_, value) in headers {
            known.push(value.clone());
            // `Bearer TOKEN`, `a=1; b=2`: a server may repeat a part.
            known.extend(value.split([' ', ';', '=']).filter(|part| part.len() >= 8).map(str::to_owned));
        }
        for url in &foreign.urls {
            known.extend(url.password().map(str::to_owned));
            known.extend(url.query_pairs().filter(|(name, _)| is_secret(name)).map(|(_, value)| value.into_owned()));
        }
    }
    match &scenario.users {
        Users::Numbered => {}
        Users::Minted { secret, .. } => known.push(secret.clone()),
        Users::Rows { columns, rows, .. } => {
            for (at, _) in columns.iter().enumerate().filter(|(_, name)| is_secret(name)) {
                known.extend(rows.iter().filter_map(|row| row.get(at).cloned()));
            }
        }
    }
    known.extend(
        over.vars.iter().filter(|(name, value)| is_secret(name) || looks_secret(value)).map(|var| var.1.clone()),
    );
    known
}

/// Warns of a token on the command line.
pub(super) fn warn(over: &Overrides, progress: &mut Progress) {
    for (name, value) in &over.vars {
        if looks_secret(value) {
            progress.notice(&format!(
                "warning: the value of -e {name} looks like a token, and everybody on this machine sees it in `ps`: put \
                 it into the environment as {name}"
            ));
        }
    }
}
