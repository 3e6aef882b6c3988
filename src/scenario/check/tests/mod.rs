//! Wrong input, and what its writer reads about it; and what right input comes to mean.

use super::{Overrides, parse};
use crate::scenario::{Diagnostic, Scenario, Source};

mod faults;
mod gate;
mod logins;
mod meaning;
mod overrides;
mod owned;
mod proxy;
mod requests;
mod sayings;
mod variables;
mod wrong;
mod wrong_groups;
mod wrong_targets;

/// A scenario that is right; tests break one thing in it.
const RIGHT: &str = r#"name = "chat"

[run]
duration = "20s"

[server]
instances = 2

[[clients]]
name  = "listeners"
count = 90
rooms = { count = 10, name = "room-{n}" }

[[clients]]
name  = "talkers"
count = 10
rooms = { same_as = "listeners" }

[[publish]]
name = "chat"
from = "talkers"
rate = "200/s"
size = "128B"

[thresholds]
"delivery.p99" = "< 100ms"
"#;

/// The right scenario with `from` replaced by `to`.
fn with(from: &str, to: &str) -> String {
    assert!(RIGHT.contains(from), "{from} is not in the text");
    RIGHT.replacen(from, to, 1)
}

fn check(text: &str) -> Result<Scenario, Diagnostic> {
    parse(Source::new("chat.toml", text), &Overrides::default(), &|_| None)
}

/// Place, message and help on one line.
fn brief(wrong: &Diagnostic) -> String {
    let help = wrong.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
    format!("{}:{} {}{help}", wrong.line, wrong.column, wrong.message)
}

/// What is said about each of `cases`: (what is replaced, by what, place and message and help).
fn judge(cases: &[(&str, &str, &str)]) {
    let said: Vec<String> =
        cases.iter().map(|(from, to, _)| brief(&check(&with(from, to)).map(drop).expect_err(to))).collect();
    let expected: Vec<&str> = cases.iter().map(|(_, _, expected)| *expected).collect();
    assert_eq!(said, expected);
}
