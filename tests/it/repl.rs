//! The console: by pipes as scripts use it, against our server and one that is not, and at a terminal of its own.

use serde_json::Value;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::support::{Server, put, root, scratch, wsbench};

mod back;
mod commands;
mod identity;
mod last;
mod recording;
mod strangers;
mod terminal;

/// A console at a pipe: these lines, then the end of input.
fn script(args: &[&str], lines: &[&str]) -> crate::support::Finished {
    let mut console = wsbench(["repl"]).args(args.iter().copied()).with_input().start();
    lines.iter().for_each(|line| console.type_line(line));
    console.end_input();
    console.finish()
}

/// A server that repeats what it hears, having said `greeting`.
fn echo(greeting: Message) -> Server {
    Server::new(move |stream| {
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        socket.send(greeting.clone()).ok();
        while let Ok(message) = socket.read() {
            if (message.is_text() || message.is_binary()) && socket.send(message).is_err() {
                return;
            }
        }
    })
}

#[test]
fn two_users_on_two_instances_hear_each_other() {
    let lines = ["hi", "/as bob", "hello from bob", "/expect hello from bob", "/ping 2"];
    let ended = script(&["--user", "ada", "--format", "ndjson", "-w", "500ms"], &lines);
    let told: Vec<Value> = ended.expect(0).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| told.iter().filter(|told| told["kind"] == kind).count();
    let heard = |to: &str, text: &str| {
        let found = told.iter().find(|told| told["kind"] == "message" && told["to"] == to && told["text"] == text);
        found.unwrap_or_else(|| panic!("{to} did not hear {text:?}: {told:?}"))
    };
    let (own, cross) = (heard("ada", "hi"), heard("ada", "hello from bob"));
    assert_eq!((&own["hop"], &own["own"], &own["room"]), (&"same".into(), &true.into(), &"lobby".into()));
    assert_eq!((&cross["hop"], &cross["origin"], &cross["instance"]), (&"cross".into(), &"b".into(), &"a".into()));
    assert!(cross["delay_ns"].as_u64().is_some_and(|delay| delay > 0), "{cross}");
    assert_eq!((of("ack"), of("answer"), of("joined")), (2, 2, 2), "{told:?}");
}

#[test]
fn what_was_missed_while_the_connection_was_lost_is_replayed() {
    let lines =
        ["/drop rst", "/as bob", "while away", "/expect while away", "/as ada", "/resume", "/expect while away"];
    let ended = script(&["--user", "ada", "-w", "200ms"], &lines);
    let replayed = |line: &str| line.starts_with("[ada] lobby bob: while away") && line.contains("replayed");
    assert!(ended.expect(0).stdout.lines().any(replayed), "{}", ended.stdout);
}

#[test]
fn a_recorded_session_is_a_scenario_that_says_the_same() {
    let directory = scratch();
    let path = directory.path().join("session.toml");
    let record = format!("/record {}", path.display());
    // Nobody speaks in the second room: a scenario has no such room.
    script(&["--user", "ada"], &["one", "two", "/as bob", "three", "/join silent", &record]).expect(0);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("eyJ"), "a token was recorded: {text}");
    let raw = directory.path().join("raw.ndjson");
    let ran = wsbench(["run", path.to_str().unwrap(), "--out", &format!("raw={}", raw.display())]).run();
    assert!(ran.expect(0).stdout.contains("due 6 = delivered 6 + lost 0"), "{}", ran.stdout);
}

#[test]
fn what_is_expected_and_not_heard_is_told_by_the_exit_code() {
    script(&[], &["something", "/expect 300ms else"]).expect(99).says(&["\"else\" was not heard within 300ms"]);
    script(&[], &["something", "/expect something", "/expect not 300ms else"]).expect(0);
}

#[test]
fn what_cannot_be_done_is_told_with_the_remedy() {
    script(&["ws://127.0.0.1:1"], &["hi"]).expect(3).says(&["connection refused"]);
    script(&[], &["/jion a"]).expect(2).says(&["there is no command /jion"]);
    script(&["chat.example"], &[]).expect(2).says(&["ws://chat.example"]);
    script(&["curl"], &[]).expect(2).says(&["curl: a URL is missing"]);
    script(&["ftp://chat.example"], &[]).expect(2).says(&["error: ftp://chat.example: the scheme `ftp`"]);
    script(&["--token", "eyJhbGciOi"], &[]).expect(2).says(&["@FILE or env:NAME"]);
    script(&["ws://127.0.0.1:1", "--dialect", "rom"], &[]).expect(2).says(&["did you mean `room`?"]);
}

#[test]
fn a_server_that_is_not_ours_is_spoken_to_as_it_is_and_shown_harmless() {
    let server = echo(Message::text("\u{1b}]52;c;ZXZpbA==\u{7}\u{202e}live"));
    let file = scratch();
    let bytes = put(&file, "bytes", "\u{1}hi");
    let lines = ["{\"type\":\"hi\"}", "/expect hi", "//slash", "/expect /slash", &format!("/sendfile {bytes}")];
    let pasted = ["-H", "Sec-WebSocket-Key: x", "-H", "Upgrade: websocket", "-H", "Origin: http://localhost"];
    let url = server.url();
    let mut args = vec!["curl", url.as_str(), "--compressed", "-X", "GET", "--http1.1", "-w", "1"];
    args.extend(pasted);
    let ended = script(&args, &lines);
    for line in ["\\u{1b}]52;c;ZXZpbA==\\u{7}\\u{202e}live", "< /slash", "< 01 68 69 |.hi|"] {
        assert!(ended.expect(0).stdout.contains(line), "no {line:?} in {}", ended.stdout);
    }
    assert!(!ended.stdout.contains('\u{1b}'), "{:?}", ended.stdout);
}

#[test]
fn lines_can_be_said_from_the_command_line() {
    let server = echo(Message::text("welcome"));
    let ended = wsbench(["repl", &server.url(), "--send", "one", "--send", "two", "-w", "500ms"]).run();
    let heard: Vec<&str> = ended.expect(0).stdout.lines().collect();
    assert!(heard[0].starts_with("< welcome") && heard[1].starts_with("< one  (") && heard[2].starts_with("< two  ("));
}

#[test]
fn the_document_has_every_command_as_the_table_has_it() {
    let document = std::fs::read_to_string(root().join("docs/repl.md")).unwrap();
    for entry in wsbench::repl::command::COMMANDS {
        let row = format!("| `{}` | {} |", wsbench::repl::command::usage(entry).replace('|', "\\|"), entry.help);
        assert!(document.lines().any(|line| line == row), "docs/repl.md has no line\n{row}");
    }
}

#[test]
fn every_command_is_typed_by_a_test() {
    let typed: Vec<String> = ["repl.rs", "repl/commands.rs", "repl/identity.rs", "repl/terminal.rs"]
        .map(|file| std::fs::read_to_string(root().join("tests/it").join(file)).unwrap())
        .to_vec();
    for entry in wsbench::repl::command::COMMANDS {
        let begun = [format!("\"/{} ", entry.name), format!("\"/{}\"", entry.name)];
        let is_typed = typed.iter().any(|text| begun.iter().any(|begun| text.contains(begun)));
        assert!(is_typed, "no test types /{}", entry.name);
    }
}
