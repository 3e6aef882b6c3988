//! What must be in no result: the secrets this run was given, and a word about those given where others can see them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::ci;
use crate::report::{hidden, is_secret, looks_secret};
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
    let said = scenario.login.iter().flat_map(|login| &login.said);
    known.extend(said.filter(|(name, _)| is_secret(name)).map(|(_, value)| value.clone()));
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

/// Shorter than this, in bytes, what a login gives is no secret that could be taken out of texts.
const SHORTEST: usize = 8;

/// Secrets that only become known while the run goes on: what logins give. One more for each.
#[derive(Clone, Debug, Default)]
pub(in crate::commands) struct Learnt {
    all: Arc<Mutex<BTreeSet<String>>>,
    /// Those that the process which coordinates this one has not been told yet, if there is one.
    untold: Option<Arc<Mutex<Vec<String>>>>,
}

impl Learnt {
    /// Secrets to be passed on to the process that coordinates this one: what is written and shown is written there.
    pub(in crate::commands) fn to_be_told() -> Self {
        Self { untold: Some(Arc::default()), ..Self::default() }
    }

    /// Takes note of `secret`, and lets those know who have to hide it: the process that coordinates this one, or GitHub's
    /// runner, in its log.
    pub(super) fn note(&self, secret: &str) {
        if secret.len() < SHORTEST || !self.all.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned())
        {
            return;
        }
        match &self.untold {
            Some(untold) => untold.lock().unwrap_or_else(PoisonError::into_inner).push(secret.to_owned()),
            None => ci::hide(secret),
        }
    }

    /// What has come since the last call and is to be passed on.
    pub(in crate::commands) fn take_untold(&self) -> Vec<String> {
        let take =
            |untold: &Arc<Mutex<Vec<_>>>| std::mem::take(&mut *untold.lock().unwrap_or_else(PoisonError::into_inner));
        self.untold.as_ref().map(take).unwrap_or_default()
    }
}

/// All that must be in no text: what is known from the start, and what is learnt on the way.
#[derive(Clone, Debug, Default)]
pub(in crate::commands) struct Secrets {
    known: Vec<String>,
    learnt: Learnt,
}

impl Secrets {
    /// Those that are `known` already, and all that will be `learnt`.
    pub(in crate::commands) fn new(known: Vec<String>, learnt: Learnt) -> Self {
        Self { known, learnt }
    }

    /// All of them by now.
    pub(in crate::commands) fn all(&self) -> Vec<String> {
        let learnt = self.learnt.all.lock().unwrap_or_else(PoisonError::into_inner);
        self.known.iter().chain(&*learnt).cloned().collect()
    }

    /// `text` without them.
    pub(in crate::commands) fn hide(&self, text: &str) -> String {
        hidden(text, &self.all())
    }
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
