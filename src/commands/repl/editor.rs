//! A text of several lines, written in the editor the environment names, by a thread: nobody waits for a person.

use std::fs::OpenOptions;
use std::io::IsTerminal as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tokio::sync::oneshot;

use super::lines::spawn;
use crate::repl::Written;

/// Starts the editor; the text comes when it has ended.
pub(super) fn start() -> Written {
    let (sender, written) = oneshot::channel();
    // Whoever does not wait any more wants no text. A thread that cannot be started drops the sender.
    let work = move || drop(sender.send(write()));
    spawn("writing", work).ok();
    written
}

fn write() -> Result<String, String> {
    let editor = ["VISUAL", "EDITOR"].into_iter().find_map(crate::commands::environment);
    let editor = editor.ok_or("no editor is named: set EDITOR in the environment")?;
    let file = std::env::temp_dir().join(format!("wsbench-message-{:016x}.txt", rand::random::<u64>()));
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
    made.map_err(|error| format!("failed to write {}: {error}", file.display()))?;
    let text = edited(&editor, &file);
    // Whoever has removed it already did what was to be done.
    drop(std::fs::remove_file(&file));
    text
}

fn edited(editor: &str, file: &Path) -> Result<String, String> {
    let mut words = editor.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).arg(file);
    // Lines that are piped in and messages that are piped out are not the editor's.
    if !std::io::stdin().is_terminal() {
        command.stdin(Stdio::null());
    }
    if !std::io::stdout().is_terminal() {
        command.stdout(std::io::stderr());
    }
    match command.status() {
        Ok(status) if status.success() => {
            std::fs::read_to_string(file).map_err(|error| format!("failed to read what was written: {error}"))
        }
        Ok(status) => Err(format!("{editor} ended with {status}: nothing is said")),
        Err(error) => Err(format!("failed to start {editor}: {error}")),
    }
}
