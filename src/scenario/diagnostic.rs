//! What is wrong with a scenario, with its place: rendered once, for eyes, like a compiler's error.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::Source;

/// One thing that is wrong, where, and what to do about it.
#[derive(Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as it was named.
    pub path: String,
    /// Its line, from 1; 0 when there is no place.
    pub line: usize,
    /// Its column in characters, from 1; 0 when there is no place.
    pub column: usize,
    /// The bytes of the text it is about.
    pub span: Range<usize>,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
    text: Arc<str>,
}

impl Diagnostic {
    /// Something wrong at `span` of `source`.
    pub fn new(source: &Source, span: Range<usize>, message: impl Into<String>) -> Self {
        let text = &source.text;
        let start = floor_char_boundary(text, span.start);
        let end = floor_char_boundary(text, span.end.max(start));
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            path: source.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            span: start..end,
            message: message.into(),
            help: None,
            text: Arc::clone(text),
        }
    }

    /// Something wrong with the file as a whole: it cannot be read, for example.
    pub fn without_place(path: impl Into<String>, message: impl Into<String>) -> Self {
        let (line, column, text) = (0, 0, Arc::from(""));
        Self { path: path.into(), line, column, span: 0..0, message: message.into(), help: None, text }
    }

    /// The same with what would be right.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<Option<String>>) -> Self {
        self.help = help.into();
        self
    }

    /// The same without any of `secrets`; what is shorter than four characters is no secret.
    #[must_use]
    pub(super) fn hiding(mut self, secrets: &[String]) -> Self {
        for secret in secrets.iter().filter(|secret| secret.len() >= 4) {
            self.message = self.message.replace(secret.as_str(), "…");
            self.help = self.help.map(|help| help.replace(secret.as_str(), "…"));
        }
        self
    }

    /// For a terminal with colours.
    pub fn styled(&self) -> String {
        self.render(&Renderer::styled())
    }

    /// Without colours.
    pub fn plain(&self) -> String {
        self.render(&Renderer::plain())
    }

    fn render(&self, renderer: &Renderer) -> String {
        if self.line == 0 {
            let title = Level::ERROR.primary_title(format!("{}: {}", self.path, self.message));
            let group = Group::with_title(title);
            return renderer.render(&[self.helped(group)]);
        }
        let annotation = AnnotationKind::Primary.span(self.first_line());
        let snippet = Snippet::source(&*self.text).path(&self.path).fold(true).annotation(annotation);
        let group = Level::ERROR.primary_title(&self.message).element(snippet);
        renderer.render(&[self.helped(group)])
    }

    fn helped<'a>(&'a self, group: Group<'a>) -> Group<'a> {
        match &self.help {
            Some(help) => group.element(Level::HELP.message(help)),
            None => group,
        }
    }

    /// The span, cut at the end of its first line: a caret under a whole table helps nobody.
    fn first_line(&self) -> Range<usize> {
        let length = self.text[self.span.clone()].find('\n').unwrap_or(self.span.len());
        self.span.start..self.span.start + length
    }
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.plain())
    }
}

impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.plain())
    }
}

impl std::error::Error for Diagnostic {}

/// The one of `known` that `written` was probably meant to be.
pub fn nearest<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let lower = written.to_lowercase();
    let scored =
        known.into_iter().map(|name| (strsim::normalized_damerau_levenshtein(&lower, &name.to_lowercase()), name));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.5).then_some(best.1)
}

/// "did you mean …?" when something is near, else the list of what there is.
pub fn did_you_mean<'k>(written: &str, known: impl IntoIterator<Item = &'k str> + Clone) -> Option<String> {
    if let Some(name) = nearest(written, known.clone()) {
        return Some(format!("did you mean `{name}`?"));
    }
    let names: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty())
        .then(|| format!("there {} {}", if names.len() == 1 { "is only" } else { "are" }, names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_its_line_a_caret_and_the_remedy() {
        let source = Source::new("chat.toml", "name = \"é\"\ncuont = 3\n");
        let wrong =
            Diagnostic::new(&source, 12..17, "unknown key `cuont`").with_help(did_you_mean("cuont", ["rate", "count"]));
        assert_eq!((wrong.line, wrong.column), (2, 1));
        insta::assert_snapshot!(wrong.plain(), @r"
        error: unknown key `cuont`
         --> chat.toml:2:1
          |
        2 | cuont = 3
          | ^^^^^
          |
          = help: did you mean `count`?
        ");
    }

    #[test]
    fn a_file_that_cannot_be_read_has_no_place() {
        let wrong = Diagnostic::without_place("gone.toml", "no such file");
        assert_eq!(wrong.plain(), "error: gone.toml: no such file");
    }

    #[test]
    fn far_names_are_listed_instead() {
        assert_eq!(did_you_mean("zebra", ["count", "rate"]).unwrap(), "there are `count`, `rate`");
    }
}
