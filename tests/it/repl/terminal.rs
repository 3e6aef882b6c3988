//! The console at a terminal of its own, by tmux.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};

use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message};

use super::echo;
use crate::support::{PATIENCE, Server, put, scratch, wait_for};

/// A terminal in tmux with a console in it; gone when dropped.
pub(super) struct Tmux(String);

impl Tmux {
    /// Starts `wsbench repl ARGUMENTS` for the user ada, with its history under `home` and more variables; nothing
    /// where there is no tmux.
    pub(super) fn open(name: &str, home: &Path, variables: &str, arguments: &str) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            eprintln!("skipped: there is no tmux, so nobody sits at a terminal");
            return None;
        }
        let tmux = Self(format!("wsbench-it-{}-{name}", std::process::id()));
        let (program, state) = (env!("CARGO_BIN_EXE_wsbench"), home.display());
        let variables = format!("XDG_STATE_HOME={state} USER=ada TMPDIR={state} {variables}");
        let command = format!("env -u REDIS_URL {variables} {program} repl {arguments}; echo ended $?; sleep 60");
        tmux.run(&["new-session", "-d", "-x", "100", "-y", "40", &command]);
        Some(tmux)
    }

    pub(super) fn run(&self, args: &[&str]) -> String {
        let ran = Command::new("tmux").args(["-L", &self.0, "-f", "/dev/null"]).args(args).output().unwrap();
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }

    pub(super) fn keys(&self, keys: &[&str]) {
        self.run(&[&["send-keys", "-t", "0"], keys].concat());
    }

    /// Everything that was shown, with its colours.
    pub(super) fn all(&self) -> String {
        self.run(&["capture-pane", "-e", "-J", "-p", "-S", "-", "-t", "0"])
    }

    pub(super) fn shows(&self, words: &str) {
        wait_for(&format!("{words:?} on the terminal"), PATIENCE, || {
            let screen = self.run(&["capture-pane", "-J", "-p", "-S", "-100", "-t", "0"]);
            screen.contains(words).then_some(())
        });
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[test]
fn messages_never_damage_the_line_that_is_typed() {
    let home = scratch();
    let Some(tmux) = Tmux::open("typed", home.path(), "", "") else { return };
    tmux.shows("joined lobby on instance a");
    // Somebody else speaks while a line is half typed.
    tmux.keys(&["/as bob", "Enter"]);
    tmux.shows("bob@lobby>");
    tmux.keys(&["hello from bob", "Enter"]);
    tmux.keys(&["half a "]);
    tmux.shows("[ada] lobby bob: hello from bob");
    tmux.shows("bob@lobby> half a");
    tmux.run(&["resize-window", "-x", "80", "-y", "30"]);
    tmux.keys(&["line", "Enter"]);
    tmux.shows("[ada] lobby bob: half a line");
    // Tab, Ctrl-R, a loss and the way back.
    tmux.keys(&["/jo", "Tab", "den", "Enter"]);
    tmux.shows("[bob] joined den on instance");
    tmux.keys(&["/as ada", "Enter"]);
    tmux.shows("ada@lobby>");
    tmux.keys(&["C-r", "hello", "Enter"]);
    tmux.shows("[bob] lobby ada: hello from bob");
    tmux.keys(&["/drop rst", "Enter"]);
    tmux.shows("ada@lobby!>");
    tmux.keys(&["/resume", "Enter"]);
    tmux.shows("[ada] joined lobby on instance");
    tmux.keys(&["C-d"]);
    tmux.shows("closed 1000");
    tmux.shows("ended 0");
    let kept = std::fs::read_to_string(home.path().join("wsbench/history")).unwrap();
    assert!(kept.contains("/join den\n"), "{kept}");
}

#[test]
fn the_commands_fit_a_small_terminal() {
    let home = scratch();
    let Some(tmux) = Tmux::open("small", home.path(), "NO_COLOR=1", "") else { return };
    tmux.run(&["resize-window", "-x", "80", "-y", "24"]);
    tmux.shows("joined lobby on instance a");
    tmux.keys(&["/help", "Enter"]);
    tmux.shows("close and end");
    let screen = wait_for("the prompt below the commands", PATIENCE, || {
        let screen = tmux.run(&["capture-pane", "-p", "-t", "0"]);
        screen.trim_end().ends_with("lobby>").then_some(screen)
    });
    for entry in wsbench::repl::command::COMMANDS {
        assert!(screen.contains(&format!("/{} ", entry.name)), "no /{} on the screen:\n{screen}", entry.name);
    }
    assert!(screen.contains("What you type is said to the room"), "{screen}");
    tmux.keys(&["/help as", "Enter"]);
    tmux.shows("/as USER [-|@FILE|env:NAME]");
    tmux.shows("for instance: /as bob @bob.token");
}

#[test]
fn a_token_that_is_asked_for_is_neither_shown_nor_kept() {
    let (home, server) = (scratch(), echo(Message::text("welcome")));
    let Some(tmux) = Tmux::open("secret", home.path(), "NO_COLOR=1", &server.url()) else { return };
    tmux.shows("< welcome");
    tmux.keys(&["/token -", "Enter"]);
    tmux.shows("token of ada:");
    tmux.keys(&["-l", "hush"]);
    tmux.shows("token of ada: ****");
    tmux.keys(&["Enter"]);
    tmux.keys(&["said after it", "Enter"]);
    tmux.shows("< said after it");
    tmux.keys(&["C-d"]);
    tmux.shows("ended 0");
    let kept = std::fs::read_to_string(home.path().join("wsbench/history")).unwrap();
    assert_eq!(kept, "said after it\n");
    assert!(!tmux.all().contains("hush"), "{}", tmux.all());
}

/// Repeats what it hears; the first connection ends at the first word on `told`, the next begins at the second.
fn restarted(told: Receiver<()>) -> Server {
    let (connections, told) = (AtomicUsize::new(0), Mutex::new(told));
    Server::new(move |stream| {
        let first = connections.fetch_add(1, Ordering::Relaxed) == 0;
        if !first && told.lock().unwrap().recv().is_err() {
            return;
        }
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        socket.send(Message::text("welcome")).ok();
        if first {
            told.lock().unwrap().recv().ok();
            let (code, reason) = (CloseCode::from(1012), "restarting".into());
            socket.close(Some(CloseFrame { code, reason })).ok();
        }
        while let Ok(message) = socket.read() {
            if message.is_text() && socket.send(message).is_err() {
                return;
            }
        }
    })
}

#[test]
fn a_connection_is_seen_to_be_lost_and_back_while_a_line_is_typed() {
    let (tell, told) = channel();
    let (home, server) = (scratch(), restarted(told));
    let Some(tmux) = Tmux::open("lost", home.path(), "NO_COLOR=1", &server.url()) else { return };
    tmux.shows("< welcome");
    tmux.keys(&["-l", "half a "]);
    tmux.shows("\n> half a ");
    tell.send(()).unwrap();
    tmux.shows("\n!>half a ");
    tell.send(()).unwrap();
    tmux.shows("back by websocket");
    tmux.shows("\n> half a ");
    // What was typed is whole.
    tmux.keys(&["-l", "line"]);
    tmux.keys(&["Enter"]);
    tmux.shows("< half a line");
    tmux.shows("\n> ");
}

#[test]
fn what_is_waited_for_is_broken_off_by_ctrl_c() {
    let (home, server) = (scratch(), echo(Message::text("welcome")));
    let Some(tmux) = Tmux::open("interrupt", home.path(), "", &server.url()) else { return };
    tmux.shows("< welcome");
    tmux.keys(&["/expect 10m never", "Enter"]);
    tmux.shows("> /expect 10m never\n>");
    tmux.keys(&["C-c"]);
    tmux.shows("broken off");
    // One line waits for the other: nothing is edited meanwhile.
    tmux.keys(&["/expect 10m never", "Enter", "said next", "Enter"]);
    tmux.shows("said next\n");
    tmux.keys(&["C-c"]);
    tmux.shows("< said next");
    assert_eq!(tmux.all().matches("broken off").count(), 2, "{}", tmux.all());
}

#[test]
fn a_terminal_that_edits_nothing_takes_lines_as_they_are() {
    let (home, server) = (scratch(), echo(Message::text("welcome")));
    let Some(tmux) = Tmux::open("dumb", home.path(), "TERM=dumb", &server.url()) else { return };
    tmux.shows("lines are read as they are");
    tmux.shows("< welcome");
    tmux.keys(&["hello", "Enter"]);
    tmux.shows("< hello");
    tmux.keys(&["/nonsense", "Enter"]);
    tmux.shows("there is no command /nonsense");
    tmux.keys(&["C-d"]);
    tmux.shows("ended 0");
}

#[test]
fn several_lines_are_pasted_or_written_in_an_editor() {
    use std::os::unix::fs::PermissionsExt as _;
    let (home, server) = (scratch(), echo(Message::text("welcome")));
    let editor =
        put(&home, "editor", "#!/bin/sh\necho the editor is open\nread line\nprintf 'written: %s' \"$line\" >\"$1\"\n");
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let Some(tmux) = Tmux::open("lines", home.path(), &format!("EDITOR={editor}"), &server.url()) else { return };
    tmux.shows("< welcome");
    tmux.run(&["set-buffer", "one\ntwo"]);
    tmux.run(&["paste-buffer", "-p", "-t", "0"]);
    tmux.keys(&["Enter"]);
    tmux.shows("< one\\ntwo");
    // The terminal is the editor's until it ends.
    tmux.keys(&["/edit", "Enter"]);
    tmux.shows("the editor is open");
    tmux.keys(&["by hand", "Enter"]);
    tmux.shows("< written: by hand");
    tmux.keys(&["after", "Enter"]);
    tmux.shows("< after");
}
