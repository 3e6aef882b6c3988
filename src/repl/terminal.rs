//! A person at a terminal: a line editor, and messages printed above the line that is being typed.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, ExternalPrinter, Helper};
use tokio::sync::{Notify, mpsc};

use super::command::COMMANDS;
use super::history::{History, LINES, may_keep};
use super::world::{Input, Paper, Prompt};

/// So many lines wait to be shown; a terminal that takes none loses the rest, and is told how many.
const WAITING: usize = 1_024;

/// So many words are offered at most.
const WORDS: usize = 1_000;

/// How long the last lines may take to be shown.
const LAST: Duration = Duration::from_millis(300);

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
enum Shown {
    /// As it is.
    Plain,
    /// A star for each letter.
    Stars,
}

/// Completes commands at the start of a line, and words heard anywhere; hides what is secret.
struct Typing {
    words: Words,
    shown: Shown,
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

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.shown == Shown::Stars
    }
}
impl Validator for Typing {}

/// The terminal, given back as it was found when dropped.
pub struct Screen {
    found: Option<Termios>,
    printing: SyncSender<Print>,
    lost: u64,
}

enum Print {
    Line(String),
    Done(SyncSender<()>),
}

/// Where goes what is typed.
#[derive(Clone, Debug)]
pub struct Typed {
    /// Lines.
    pub lines: mpsc::Sender<Input>,
    /// Ctrl-C: nothing is wanted of what is under way.
    pub break_off: Arc<Notify>,
}

/// Takes over the terminal: what is typed goes to `typed`, begun with those of `first`; the history is at `history`.
///
/// # Errors
/// When the terminal or a thread is not to be had, in words.
pub fn open(typed: Typed, first: Vec<String>, words: Words, history: Option<PathBuf>) -> Result<Screen, String> {
    let failed = |error: ReadlineError| format!("the terminal cannot be edited on: {error}");
    let found = tcgetattr(std::io::stdin()).ok();
    // Without colours it would show what is hidden.
    let config = Config::builder().completion_type(CompletionType::List).color_mode(ColorMode::Forced);
    let config = config.max_history_size(LINES).map_err(failed)?.build();
    let remembered = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config, remembered).map_err(failed)?;
    editor.set_helper(Some(Typing { words, shown: Shown::Plain }));
    let mut printer = editor.create_external_printer().map_err(failed)?;
    let (printing, prints) = sync_channel::<Print>(WAITING);
    let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
        let started = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        started.map(drop).map_err(|error| format!("failed to start a thread: {error}"))
    };
    spawn("printing", Box::new(move || print(&mut printer, &prints)))?;
    spawn("editing", Box::new(move || edit(editor, &typed, first, &History::at(history))))?;
    Ok(Screen { found, printing, lost: 0 })
}

fn print(printer: &mut impl ExternalPrinter, prints: &Receiver<Print>) {
    while let Ok(print) = prints.recv() {
        match print {
            Print::Line(line) => {
                if printer.print(format!("{line}\n")).is_err() {
                    return;
                }
            }
            // Nobody waits any more: then it is the end.
            Print::Done(done) => drop(done.send(())),
        }
    }
}

fn edit(mut editor: Editor<Typing, MemHistory>, typed: &Typed, first: Vec<String>, history: &History) {
    for line in history.read() {
        editor.add_history_entry(line).ok();
    }
    let mut interrupted = false;
    let mut next = if first.is_empty() { vec![String::new()] } else { first };
    loop {
        let mut prompt = Prompt::Line(String::new());
        for line in std::mem::take(&mut next) {
            let (answer, asked) = sync_channel(1);
            if typed.lines.blocking_send(Input { line, prompt: Some(answer) }).is_err() {
                return;
            }
            let Ok(answered) = asked.recv() else { return };
            prompt = answered;
        }
        let (words, shown) = match &prompt {
            Prompt::Line(words) => (words, Shown::Plain),
            Prompt::Secret(words) => (words, Shown::Stars),
        };
        if let Some(typing) = editor.helper_mut() {
            typing.shown = shown;
        }
        match editor.readline(words) {
            Ok(line) => {
                interrupted = false;
                if shown == Shown::Plain && !line.trim().is_empty() && may_keep(&line) {
                    editor.add_history_entry(line.as_str()).ok();
                    history.keep(&line);
                }
                next = vec![line];
            }
            Err(ReadlineError::Interrupted) if !interrupted => {
                interrupted = true;
                typed.break_off.notify_one();
                next = vec![String::new()];
            }
            // Ctrl-D, Ctrl-C twice, or a terminal that is gone: no more lines.
            Err(_) => return,
        }
    }
}

impl Screen {
    fn line(&mut self, text: &str) {
        if self.lost > 0 {
            let words = format!("… {} lines were not shown: the terminal takes them too slowly", self.lost);
            if self.printing.try_send(Print::Line(words)).is_ok() {
                self.lost = 0;
            }
        }
        if self.printing.try_send(Print::Line(text.to_owned())).is_err() {
            self.lost += 1;
        }
    }
}

impl Paper for Screen {
    fn show(&mut self, text: &str) {
        self.line(text);
    }

    fn remark(&mut self, text: &str) {
        self.line(text);
    }

    fn is_closed(&self) -> bool {
        false
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let (done, shown) = sync_channel(1);
        if self.printing.try_send(Print::Done(done)).is_ok() {
            // Lines that the terminal has not taken by then are not shown.
            shown.recv_timeout(LAST).ok();
        }
        let Some(found) = &self.found else { return };
        // A terminal that is gone needs nothing given back. Pasting is not bracketed any more.
        tcsetattr(std::io::stdin(), OptionalActions::Now, found).ok();
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(b"\x1b[?2004l").and_then(|()| stdout.flush()).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
