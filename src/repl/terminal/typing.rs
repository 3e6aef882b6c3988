//! What is typed: words that Tab completes, a prompt that says whether there is a connection, secrets that are not shown.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use crate::repl::command::COMMANDS;
use crate::repl::world::Prompt;

/// So many words are offered at most.
const WORDS: usize = 1_000;

/// Words that may be completed: rooms and users heard of.
#[derive(Clone, Debug, Default)]
pub struct Words(Arc<Mutex<BTreeSet<String>>>);

impl Words {
    /// Takes note of a word, unless it is dangerous to show or there are too many.
    pub fn hear(&self, word: &str) {
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if words.len() < WORDS && crate::ui::printable(word) == word {
            words.insert(word.to_owned());
        }
    }

    fn starting(&self, with: &str) -> Vec<String> {
        let words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        words.iter().filter(|word| word.starts_with(with)).cloned().collect()
    }
}

/// Whether what is typed is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// As it is.
    Plain,
    /// A star for each letter.
    Stars,
}

/// Completes commands at the start of a line, and words heard anywhere; hides what is secret.
pub(super) struct Typing {
    pub(super) words: Words,
    pub(super) shown: Shown,
    pub(super) prompt: Option<Prompt>,
}

impl Completer for Typing {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        if self.shown == Shown::Stars {
            return Ok((at, Vec::new()));
        }
        let start = line[..at].rfind(char::is_whitespace).map_or(0, |space| space + 1);
        Ok((start, candidates(&self.words, &line[start..at], start == 0)))
    }
}

fn candidates(words: &Words, begun: &str, first: bool) -> Vec<Pair> {
    let pair = |word: String| Pair { display: word.clone(), replacement: format!("{word} ") };
    match begun.strip_prefix('/').filter(|_| first) {
        Some(name) => {
            let fitting = COMMANDS.iter().filter(|entry| entry.name.starts_with(name));
            fitting.map(|entry| pair(format!("/{}", entry.name))).collect()
        }
        None => words.starting(begun).into_iter().map(pair).collect(),
    }
}

impl Helper for Typing {}
impl Hinter for Typing {
    type Hint = String;
}
impl Highlighter for Typing {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        match self.shown {
            Shown::Plain => Cow::Borrowed(line),
            Shown::Stars => Cow::Owned("*".repeat(line.chars().count())),
        }
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, default: bool) -> Cow<'b, str> {
        match &self.prompt {
            // A search has a prompt of its own.
            Some(current) if default => Cow::Owned(as_wide(drawn(current), prompt)),
            _ => Cow::Borrowed(prompt),
        }
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.shown == Shown::Stars
    }
}
impl Validator for Typing {}

/// A prompt as it is at this moment.
pub(super) fn drawn(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Line(place, link) => format!("{place}{}> ", if link.is_up() { "" } else { "!" }),
        Prompt::Secret(words) => words.clone(),
    }
}

/// `prompt` in as many columns as it had when it was `written`, which is what the editor reckons with: the spaces at its end
/// make up for a mark that has come or gone.
fn as_wide(prompt: String, written: &str) -> String {
    let (is, was) = (prompt.chars().count(), written.chars().count());
    match prompt.strip_suffix(' ') {
        Some(shorter) if is > was => shorter.to_owned(),
        _ => format!("{prompt}{}", " ".repeat(was.saturating_sub(is))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repl::world::Link;

    #[test]
    fn a_prompt_keeps_its_width_whatever_becomes_of_the_connection() {
        let link = Link::default();
        let prompt = Prompt::Line("lobby".to_owned(), link.clone());
        let while_lost = drawn(&prompt);
        link.is(true);
        let while_up = drawn(&prompt);
        assert_eq!((while_up.as_str(), while_lost.as_str()), ("lobby> ", "lobby!> "));
        assert_eq!(as_wide(while_lost.clone(), &while_up), "lobby!>");
        assert_eq!(as_wide(while_up.clone(), &while_lost), "lobby>  ");
        assert_eq!(as_wide(while_up.clone(), &while_up), while_up);
    }

    #[test]
    fn tab_offers_commands_first_and_words_heard_after() {
        let words = Words::default();
        for word in ["lobby", "lodge", "bob", "evil\u{1b}[2J"] {
            words.hear(word);
        }
        let offered = |begun, first| -> Vec<String> {
            candidates(&words, begun, first).into_iter().map(|pair| pair.replacement).collect()
        };
        assert_eq!(offered("/jo", true), ["/join "]);
        assert_eq!(offered("lo", false), ["lobby ", "lodge "]);
        assert_eq!(offered("evil", false), Vec::<String>::new());
        assert_eq!(offered("/jo", false), Vec::<String>::new());
    }
}
