//! What a child says: its stdout as somebody wants it, and the last words of its stderr. Threads of ours read both, so that no
//! child waits for a reader.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::process::Child;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How many of its last words are kept to explain an early end.
const LAST_WORDS: usize = 12;

/// Longer lines are taken for several.
const LONGEST_LINE: u64 = 4_096;

/// What was heard of a child's stdout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Heard {
    /// A line.
    Line(String),
    /// Nothing so far.
    Silence,
    /// All it will ever say has been heard.
    End,
}

/// What is made of a child's stdout.
pub(super) enum Stdout {
    /// It is handed out line by line.
    Lines,
    /// It is kept like stderr.
    LastWords,
    /// It goes into a file, stderr with it.
    File(File),
    /// Each line is handed to somebody.
    Each(Box<dyn FnMut(String) + Send>),
}

/// What is heard of one child.
#[derive(Debug)]
pub(super) struct Said {
    lines: Option<mpsc::Receiver<String>>,
    last_words: Arc<Mutex<VecDeque<String>>>,
    listener: Option<JoinHandle<()>>,
}

impl Said {
    /// What `child`, called `name`, says from now on.
    pub(super) fn of(name: &str, child: &mut Child, heard: Stdout) -> io::Result<Self> {
        let last_words = Arc::new(Mutex::new(VecDeque::new()));
        let mut listener = None;
        if let Some(stderr) = child.stderr.take() {
            listener = Some(read_lines(name, stderr, keep(&last_words))?);
        }
        let (sender, lines) = mpsc::sync_channel(64);
        match (child.stdout.take(), heard) {
            (Some(stdout), Stdout::LastWords) => drop(read_lines(name, stdout, keep(&last_words))?),
            (Some(stdout), Stdout::Lines) => {
                let mut wanted = true;
                // Read on when nobody listens any more, or the child would block on a full pipe.
                read_lines(name, stdout, move |line| wanted = wanted && sender.send(line).is_ok())?;
            }
            (Some(stdout), Stdout::Each(each)) => drop(read_lines(name, stdout, each)?),
            (Some(_), Stdout::File(_)) | (None, _) => {}
        }
        Ok(Self { lines: Some(lines), last_words, listener })
    }

    /// What comes next of its stdout, waiting at most `patience`.
    pub(super) fn hear(&self, patience: Duration) -> Heard {
        match self.lines.as_ref().map(|lines| lines.recv_timeout(patience)) {
            Some(Ok(line)) => Heard::Line(line),
            Some(Err(RecvTimeoutError::Timeout)) => Heard::Silence,
            Some(Err(RecvTimeoutError::Disconnected)) | None => Heard::End,
        }
    }

    /// Nobody listens to its stdout any more.
    pub(super) fn stop_listening(&mut self) {
        self.lines = None;
    }

    /// Waits until all its stderr has been read; for a child that has ended.
    pub(super) fn hear_out(&mut self) {
        if let Some(listener) = self.listener.take() {
            // What it wrote is in the pipe, and perhaps not read yet. A listener that died has nothing more to tell.
            drop(listener.join());
        }
    }

    /// What has been read of its last words.
    pub(super) fn last_words(&self) -> String {
        let kept = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

fn read_lines(
    name: &str,
    from: impl io::Read + Send + 'static,
    mut each: impl FnMut(String) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let read = move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).is_ok_and(|size| size > 0) {
            each(String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line)).into_owned());
            line.clear();
        }
    };
    std::thread::Builder::new().name(format!("{name}-output")).spawn(read)
}

/// Keeps the last of the lines it is given.
fn keep(last_words: &Arc<Mutex<VecDeque<String>>>) -> impl FnMut(String) + Send + 'static {
    let kept = Arc::clone(last_words);
    move |line| {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == LAST_WORDS {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}
