//! Reading files: the scenario itself and the ones it names, which stand beside it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::scenario::Source;
use crate::scenario::diagnostic::Diagnostic;

/// The scenario at `path`.
pub(in crate::scenario) fn read_source(path: &str) -> Result<Source, Diagnostic> {
    let text = fs::read_to_string(path).map_err(|error| {
        let help = (error.kind() == std::io::ErrorKind::NotFound).then(|| {
            "shipped scenarios are called `@quickstart` and so on; `wsbench run --list` names them".to_owned()
        });
        Diagnostic::without_place(path, format!("cannot read the scenario: {}", reason(&error))).with_help(help)
    })?;
    Ok(Source::new(path, text))
}

/// The text of `name`, a file beside the scenario `source`, or the reason why there is none.
pub(in crate::scenario) fn beside(source: &Source, name: &str) -> Result<String, String> {
    let path = resolve(source, name);
    fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {}", path.display(), reason(&error)))
}

/// The lines of `name` that are not empty.
pub(in crate::scenario) fn lines(source: &Source, name: &str) -> Result<Vec<String>, String> {
    let text = beside(source, name)?;
    let lines: Vec<String> = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    if lines.is_empty() { Err(format!("{name} is empty")) } else { Ok(lines) }
}

/// Where a file named in the scenario is: relative names count from the scenario's own directory.
pub(in crate::scenario) fn resolve(source: &Source, name: &str) -> PathBuf {
    Path::new(&source.path).parent().unwrap_or(Path::new("")).join(name)
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        _ => error.to_string(),
    }
}
