//! A person at a terminal: a line editor, and messages printed above the line that is being typed.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{ColorMode, CompletionType, Config, Editor, ExternalPrinter};
use tokio::sync::{Notify, mpsc};

use super::history::{History, LINES, may_keep};
use super::world::{Input, Link, Paper, Prompt};

mod typing;

pub use typing::Words;
use typing::{Shown, Typing, drawn};

/// So many lines wait to be shown; a terminal that takes none loses the rest, and is told how many.
const WAITING: usize = 1_024;

/// How long the last lines may take to be shown.
const LAST: Duration = Duration::from_millis(300);

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
    editor.set_helper(Some(Typing { words, shown: Shown::Plain, prompt: None }));
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
        let mut prompt = Prompt::Line(String::new(), Link::default());
        for line in std::mem::take(&mut next) {
            let (answer, asked) = sync_channel(1);
            if typed.lines.blocking_send(Input { line, prompt: Some(answer) }).is_err() {
                return;
            }
            let Ok(answered) = asked.recv() else { return };
            prompt = answered;
        }
        let shown = match &prompt {
            Prompt::Line(..) => Shown::Plain,
            Prompt::Secret(_) => Shown::Stars,
        };
        let written = drawn(&prompt);
        if let Some(typing) = editor.helper_mut() {
            (typing.shown, typing.prompt) = (shown, Some(prompt));
        }
        match editor.readline(&written) {
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
