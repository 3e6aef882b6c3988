//! What GitHub's runner is told without being asked: annotations on the scenario's lines, and the job page's summary.

use std::fs::{OpenOptions, canonicalize};
use std::io::Write as _;
use std::path::Path;

use crate::commands::environment;
use crate::output;
use crate::report::Report;

/// Annotations go to stderr, where the runner reads commands too: stdout belongs to the result.
pub(super) fn tell(report: &Report) {
    if !on_github() {
        return;
    }
    let mut text = Vec::new();
    if output::write_annotations(report, &from_root(&report.scenario.path), &mut text).is_ok() {
        anstream::eprint!("{}", String::from_utf8_lossy(&text));
    }
    // Nobody has asked for the summary by name: that it cannot be written fails nothing.
    if let Some(page) = environment("GITHUB_STEP_SUMMARY")
        && let Err(error) = append(&page, report)
    {
        anstream::eprintln!("warning: no summary in {}: {error}", crate::ui::printable(&page));
    }
}

fn on_github() -> bool {
    environment("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Has the runner hide `secret` wherever it stands in its log, from now on.
pub(super) fn hide(secret: &str) {
    let mut text = Vec::new();
    if on_github() && output::write_mask(secret, &mut text).is_ok() {
        anstream::eprint!("{}", String::from_utf8_lossy(&text));
    }
}

fn append(page: &str, report: &Report) -> std::io::Result<()> {
    let mut text = Vec::new();
    output::write_markdown(report, &mut text)?;
    OpenOptions::new().append(true).create(true).open(page)?.write_all(&text)
}

/// A path as the runner wants it: from the root of the repository, wherever the step runs.
fn from_root(path: &str) -> String {
    let within = || {
        let root = canonicalize(environment("GITHUB_WORKSPACE")?).ok()?;
        let file = canonicalize(Path::new(path)).ok()?;
        Some(file.strip_prefix(root).ok()?.to_string_lossy().into_owned())
    };
    within().unwrap_or_else(|| path.to_owned())
}
