//! What a script at a pipe hears last, and what a person hears who would wait for nothing.

use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message};

use super::script;
use super::terminal::Tmux;
use crate::support::{Server, scratch};

#[test]
fn the_last_line_is_confirmed_before_the_end() {
    let ended = script(&["--user", "ada", "--send", "hi"], &[]);
    ended.expect(0).says(&["acknowledged after"]);
}

#[test]
fn a_connection_that_was_lost_is_why_a_line_was_not_said() {
    let server = Server::new(|stream| {
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        let (code, reason) = (CloseCode::from(4002), "Authentication timeout".into());
        socket.close(Some(CloseFrame { code, reason })).ok();
        while socket.read().is_ok() {}
    });
    let ended = script(&[&server.url()], &["/expect not 500ms nothing", "hi"]);
    ended.expect(3).says(&["the connection was lost: closed 4002", "--jwt-secret-file or /token shows who you are"]);
}

#[test]
fn who_is_not_let_in_is_told_once_and_how_to_get_in() {
    let ended = script(&[&Server::status("401 Unauthorized").url()], &["hi"]);
    ended.expect(3).says(&["answered 401 Unauthorized", "/token show a token"]);
    assert_eq!(ended.stderr.matches("answered 401").count(), 1, "{}", ended.stderr);
    script(&[&Server::status("404 Not Found").url()], &["hi"]).expect(3).says(&["is the path right? --dialect"]);
}

#[test]
fn a_room_that_is_never_entered_is_named_with_the_remedy() {
    let (home, server) = (scratch(), Server::deaf("welcome"));
    let ended = script(&[&server.url(), "--room", "den"], &["hi"]);
    ended.expect(3).says(&["no answer to joining den within 10s: does the target speak room? (--dialect"]);
    // A person is asked to wait once, not for every line.
    let Some(tmux) = Tmux::open("deaf", home.path(), "", &format!("{} --room den", server.url())) else { return };
    tmux.shows("frame welcome");
    tmux.keys(&["hello", "Enter"]);
    tmux.shows("no answer to joining den within 3s: does the target speak room?");
    tmux.shows("it was not said: joining den is not answered yet");
    tmux.keys(&["/dialect raw", "Enter"]);
    tmux.shows("< welcome");
    assert_eq!(tmux.all().matches("going on without it").count(), 1, "{}", tmux.all());
}

#[test]
fn what_a_flood_hides_is_expected_and_filtered_all_the_same() {
    let server = Server::new(|stream| {
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        while let Ok(message) = socket.read() {
            if message.to_text().is_ok_and(|text| text == "flood") {
                (0..1_000).for_each(|n| drop(socket.write(Message::text(format!("straw {n}")))));
                socket.send(Message::text("the needle")).ok();
            }
        }
    });
    let home = scratch();
    let Some(tmux) = Tmux::open("needle", home.path(), "", &server.url()) else { return };
    tmux.shows("connected by websocket");
    tmux.keys(&["flood", "Enter"]);
    tmux.shows(" more messages, ");
    tmux.keys(&["/expect 1s needle", "Enter", "/filter needle", "Enter", "flood", "Enter"]);
    tmux.shows("< the needle");
    assert!(!tmux.all().contains("was not heard"), "{}", tmux.all());
}
