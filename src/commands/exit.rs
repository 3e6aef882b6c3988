//! The table of exit codes, and the one error type of the command line.

use std::fmt;
use std::process::ExitCode;

/// Exit codes are API. Those of a finished run (0, 4, 99, 130, 143) come from its report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// An internal error, an asked-for output could not be written, or the self-test found a report that is not true.
    Internal = 1,
    /// Usage, or a scenario or result that is not valid.
    Usage = 2,
    /// The target or the set-up.
    Setup = 3,
    /// The measurement is not to be believed, in a gate or the self-test.
    Untrustworthy = 4,
    /// No verdict is possible.
    Inconclusive = 97,
    /// The gate found new slower than base.
    Regression = 98,
    /// What was asked to hold does not.
    Threshold = 99,
}

/// The table as `--help` shows it.
pub(super) const TABLE: &str = "\
Exit codes:
    0  everything asked for held
    1  internal error, an output could not be written, or the self-test missed
    2  usage, or the scenario or result is not valid
    3  target or set-up: refused, DNS, TLS, HTTP status, limits, Redis, port
    4  the measurement is not trustworthy (with --strict, in a gate, in the self-test)
   97  no verdict: the gate is inconclusive, or `compare` was asked about latency
   98  the gate found a regression
   99  a threshold failed
  130  interrupted (143: terminated), after all outputs were written";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a command ended early: the code, and what to print.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) message: String,
    /// The message is a rendered diagnostic that brings its own `error:`.
    pub(super) rendered: bool,
}

impl Failure {
    pub(super) fn usage(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string(), rendered: false }
    }

    pub(super) fn setup(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Setup, message: message.to_string(), rendered: false }
    }

    pub(super) fn inconclusive(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Inconclusive, message: message.to_string(), rendered: false }
    }

    /// The same, its message as `change` makes it.
    pub(super) fn saying(self, change: impl FnOnce(&str) -> String) -> Self {
        Self { message: change(&self.message), ..self }
    }

    pub(super) fn internal(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Internal, message: message.to_string(), rendered: false }
    }
}

/// What every command gives.
pub(super) type Done = Result<ExitCode, Failure>;
