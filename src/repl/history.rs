//! What was typed before, kept in a file from one session to the next; a line that may hold a secret is never kept.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use crate::report::{hidden, looks_secret};

/// So many lines are kept.
pub(super) const LINES: usize = 1_000;

/// Words that tell of a secret nearby.
const TELLTALE: [&str; 6] = ["token", "secret", "password", "passwd", "authorization", "bearer"];

/// Whether a line may be kept.
pub(super) fn may_keep(line: &str) -> bool {
    // What a browser copies holds cookies as a rule.
    if line.starts_with("curl ") {
        return false;
    }
    let small = line.to_lowercase();
    // Quotes, braces and the like end a word: a token is most often a value of JSON.
    let mut words = line.split(|c: char| !(c.is_ascii_alphanumeric() || "-_+=.".contains(c)));
    let tells = TELLTALE.iter().any(|word| small.contains(word)) || words.any(looks_secret);
    !tells && hidden(line, &[]) == line
}

/// The file, or nothing where there is no place for one.
pub(super) struct History(Option<PathBuf>);

impl History {
    pub(super) fn at(path: Option<PathBuf>) -> Self {
        Self(path)
    }

    /// The lines that were kept, oldest first; the file is cut to so many.
    pub(super) fn read(&self) -> Vec<String> {
        let text = self.0.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        let kept = &all[all.len().saturating_sub(LINES)..];
        if let (Some(path), true) = (&self.0, all.len() > 2 * LINES) {
            // A file that cannot be cut is only longer than need be.
            std::fs::write(path, kept.join("\n") + "\n").ok();
        }
        kept.iter().map(|line| unfolded(line)).collect()
    }

    /// Keeps a line, if it may be kept. A history that cannot be written is none.
    pub(super) fn keep(&self, line: &str) {
        let Some(path) = self.0.as_ref().filter(|_| may_keep(line)) else { return };
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).ok();
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        file.and_then(|mut file| writeln!(file, "{}", folded(line))).ok();
    }
}

fn folded(line: &str) -> String {
    line.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "")
}

fn unfolded(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(c) = letters.next() {
        match (c, c == '\\') {
            (_, true) => match letters.next() {
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            (c, false) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_they_were_and_secrets_do_not() {
        let directory = tempfile::tempdir().unwrap();
        let history = History::at(Some(directory.path().join("deep/history")));
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlc2lnbmF0dXJl";
        for line in ["hello", "two\nlines \\n", &format!("/send {{\"t\":\"{token}\"}}"), "my password is x", "/quit"] {
            history.keep(line);
        }
        assert_eq!(history.read(), ["hello", "two\nlines \\n", "/quit"]);
        assert!(!may_keep("curl ws://a.example -b sid=7f3a"));
        assert!(may_keep("/as bob") && !may_keep(&format!("/as bob {token}")));
    }

    #[test]
    fn without_a_place_nothing_is_kept() {
        let history = History::at(None);
        history.keep("hello");
        assert_eq!(history.read(), Vec::<String>::new());
    }
}
