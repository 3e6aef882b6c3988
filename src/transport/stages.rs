//! Timing the stages of one connect.

use std::time::Duration;

use super::failure::failure;
use super::{ConnectError, Stages};
use crate::observe::Word;
use crate::time::{Clock, Timestamp};

/// Where a connect stands.
#[derive(Debug)]
pub(super) struct Progress {
    clock: Clock,
    stage: Word,
    entered: Timestamp,
    done: Stages,
}

impl Progress {
    /// A connect that starts now.
    pub(super) fn new(clock: &Clock) -> Self {
        // Four stages at most: dns, tcp, tls, upgrade.
        Self { clock: clock.clone(), stage: Word::TCP, entered: clock.now(), done: Vec::with_capacity(4) }
    }

    /// The clock stages are timed by.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Begins `stage`.
    pub(super) fn enter(&mut self, stage: Word) {
        self.stage = stage;
        self.entered = self.clock.now();
    }

    /// Ends the stage entered last.
    pub(super) fn done(&mut self) {
        self.done.push((self.stage, self.clock.now().since(self.entered)));
    }

    /// The stages that happened.
    pub(super) fn into_stages(self) -> Stages {
        self.done
    }

    /// The whole connect took longer than `limit`.
    pub(super) fn timed_out(&self, limit: Duration, what: &str) -> ConnectError {
        let waiting = match self.stage {
            Word::DNS => "the name was not resolved",
            Word::TCP => "nobody answered",
            Word::TLS => "the TLS handshake did not end",
            _ => "the upgrade was not answered",
        };
        failure(self.stage, Word::TIMEOUT, format!("{what}: {waiting} within {limit:?}"))
    }
}
