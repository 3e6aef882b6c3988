//! Where lines come from and where they go.

use std::io::{BufRead as _, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use super::{Args, Heard};
use crate::commands::exit::Failure;
use crate::repl::{self, Input, Manner, Paper, Piped, Typed, Words};

/// Longer lines are taken for several, in bytes.
const LONGEST: u64 = 1 << 20;

/// So many lines wait.
const WAITING: usize = 16;

/// The doors of a console.
type Doors = (mpsc::Receiver<Input>, Box<dyn Paper>, Heard);

/// Lines from `--send`, from stdin or from an editor; messages to stdout or above the line that is typed.
pub(super) fn doors(args: &Args, manner: Manner, break_off: &Arc<Notify>) -> Result<Doors, Failure> {
    let (sender, lines) = mpsc::channel(WAITING);
    if manner == Manner::Person {
        let words = Words::default();
        let heard = words.clone();
        let typed = Typed { lines: sender.clone(), break_off: Arc::clone(break_off) };
        match repl::open(typed, args.send.clone(), words, history()) {
            Ok(screen) => return Ok((lines, Box::new(screen), Arc::new(move |word: &str| heard.hear(word)))),
            // Lines can be typed all the same.
            Err(problem) => anstream::eprintln!("lines are read as they are: {problem}"),
        }
    }
    let said = args.send.clone();
    let read = move || {
        for line in &said {
            if sender.blocking_send(Input { line: line.clone(), prompt: None }).is_err() {
                return;
            }
        }
        if said.is_empty() || manner == Manner::Person {
            read_stdin(&sender);
        }
    };
    spawn("lines", read)?;
    Ok((lines, Box::new(Piped::default()), Arc::new(|_: &str| {})))
}

/// Where the history is kept, as the XDG base directories have it.
fn history() -> Option<PathBuf> {
    let state = crate::commands::environment("XDG_STATE_HOME").map(PathBuf::from);
    let home = || crate::commands::environment("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    state.or_else(home).map(|state| state.join("wsbench/history"))
}

pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(drop).map_err(|error| Failure::internal(format!("failed to start a thread: {error}")))
}

fn read_stdin(sender: &mpsc::Sender<Input>) {
    let mut stdin = std::io::stdin().lock();
    let mut line = Vec::new();
    while stdin.by_ref().take(LONGEST).read_until(b'\n', &mut line).is_ok_and(|size| size > 0) {
        let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line)).into_owned();
        line.clear();
        if sender.blocking_send(Input { line: text, prompt: None }).is_err() {
            return;
        }
    }
}
