//! Servers that mean no good or do not know when to stop.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_tungstenite::tungstenite;
use wsbench::time::nap;

use super::script;
use super::terminal::Tmux;
use crate::support::{Server, scratch};

/// What would fill the clipboard, clear the screen, turn the writing round, and a control of eight bits.
const HOSTILE: &str = "\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}[2J\u{202e}live\u{9b}31m\u{200b}";

/// The same as it is shown.
const HARMLESS: &str = "\\u{1b}]52;c;ZXZpbA==\\u{7}\\u{1b}[2J\\u{202e}live\\u{9b}31m\\u{200b}";

/// A text frame, whatever is in it.
fn frame(text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match text.len() {
        short @ 0..126 => frame.push(short as u8),
        long => {
            frame.push(127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(text);
    frame
}

/// Waits until `word` is heard, or the client goes.
fn hear(socket: &mut tungstenite::WebSocket<TcpStream>, word: &str) {
    while let Ok(message) = socket.read() {
        if message.to_text().is_ok_and(|text| text == word) {
            return;
        }
    }
}

/// Says what is hostile, then a line of a mebibyte; asked to, what is no UTF-8.
fn hostile() -> Server {
    Server::new(|stream| {
        let Ok(mut out) = stream.try_clone() else { return };
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        let greeting = [frame(HOSTILE.as_bytes()), frame(&[b'x'; 1 << 20]), frame(b"the end")].concat();
        out.write_all(&greeting).ok();
        hear(&mut socket, "go on");
        out.write_all(&frame(b"\xff\xfe\x1b[2J")).ok();
        hear(&mut socket, "never");
    })
}

/// Nothing of `text` is more than a letter, a colour of ours or the end of a line.
fn is_harmless(text: &str) -> bool {
    let mut rest = text.to_owned();
    while let Some(at) = rest.find("\u{1b}[") {
        let Some(end) =
            rest[at..].find('m').filter(|end| rest[at + 2..at + end].chars().all(|c| c.is_ascii_digit() || c == ';'))
        else {
            return false;
        };
        rest.replace_range(at..=at + end, "");
    }
    !rest.chars().any(|c| c.is_control() && c != '\n' || "\u{202e}\u{200b}".contains(c))
}

#[test]
fn a_hostile_server_is_shown_harmless_at_a_pipe() {
    let server = hostile();
    let ended = script(&[&server.url()], &["/expect the end", "go on", "/expect not 500ms never"]);
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains(HARMLESS) && told.contains("UTF-8"), "{told}");
    assert!(ended.stdout.contains(" … and 1044576 more bytes"), "a line without end");
    assert!(is_harmless(&told), "{told:?}");
}

#[test]
fn a_hostile_server_is_shown_harmless_on_a_terminal() {
    let (home, server) = (scratch(), hostile());
    let Some(tmux) = Tmux::open("hostile", home.path(), "", &server.url()) else { return };
    tmux.shows("< the end");
    tmux.shows(HARMLESS);
    tmux.keys(&["go on", "Enter"]);
    tmux.shows("UTF-8");
    tmux.keys(&["/stats", "Enter"]);
    tmux.shows("ada: connected 1 times");
    let all = tmux.all();
    assert!(is_harmless(&all), "{all:?}");
    assert_eq!(tmux.run(&["list-buffers"]), "", "the clipboard was filled");
}

#[test]
fn a_flood_is_summarised_and_a_command_still_answered() {
    let server = Server::new(|stream| {
        let Ok(mut out) = stream.try_clone() else { return };
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        let enough = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&enough);
        // Ten thousand a second, for as long as it takes to type two lines, two seconds at least.
        let flood = std::thread::spawn(move || {
            let batch = frame(b"one of very many").repeat(100);
            for turn in 0.. {
                if turn >= 200 && seen.load(Ordering::Relaxed) || turn >= 3_000 || out.write_all(&batch).is_err() {
                    break;
                }
                nap(Duration::from_millis(10));
            }
        });
        hear(&mut socket, "enough");
        enough.store(true, Ordering::Relaxed);
        flood.join().ok();
        hear(&mut socket, "never");
    });
    let home = scratch();
    let Some(tmux) = Tmux::open("flood", home.path(), "", &server.url()) else { return };
    tmux.shows(" more messages, ");
    tmux.keys(&["/help ping", "Enter"]);
    tmux.shows("for instance: /ping 5");
    tmux.keys(&["enough", "Enter"]);
    tmux.shows("not shown (");
    tmux.keys(&["/stats", "Enter"]);
    tmux.shows("sent 1, ");
}
