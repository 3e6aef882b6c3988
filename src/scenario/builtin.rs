//! The scenarios that are shipped inside the program.

use super::{Diagnostic, Source, did_you_mean};

/// Their names and texts: `wsbench run @name`.
pub const BUILTINS: &[(&str, &str)] = &[("quickstart", include_str!("../../scenarios/quickstart.toml"))];

/// The text of the shipped scenario `name`.
pub(super) fn source(name: &str) -> Result<Source, Diagnostic> {
    let found = BUILTINS.iter().find(|(builtin, _)| *builtin == name);
    found.map(|(name, text)| Source::new(format!("@{name}"), *text)).ok_or_else(|| {
        let help = did_you_mean(name, BUILTINS.iter().map(|(name, _)| *name));
        Diagnostic::without_place(format!("@{name}"), "no scenario of this name is shipped").with_help(help)
    })
}
