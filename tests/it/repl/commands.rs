//! Commands by a pipe: what each does, as its user sees it.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message};

use super::{echo, script};
use crate::support::{Server, put, scratch, wsbench};

/// The objects of a console at a pipe.
fn objects(args: &[&str], lines: &[&str]) -> Vec<Value> {
    let ended = script(&[args, &["--format", "ndjson"]].concat(), lines);
    ended.expect(0).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_dialect_takes_parameters_and_is_recorded_with_them() {
    let server = echo(Message::text("welcome"));
    let directory = scratch();
    let recorded = directory.path().join("said.toml").display().to_string();
    let lines = [
        r#"/dialect json publish={"t":"{{text}}"} deliver.when={ has = "/t" }"#,
        "/join a",
        "hello",
        r#"/expect {"t":"hello"}"#,
        &format!("/record {recorded}"),
    ];
    script(&[&server.url()], &lines).expect(0);
    let text = std::fs::read_to_string(&recorded).unwrap();
    assert!(text.contains("[target.with]") && text.contains("dialect = \"json\""), "{text}");
    let raw = directory.path().join("raw.ndjson").display().to_string();
    let ran = wsbench(["run", &recorded, "--out", &format!("raw={raw}")]).run();
    assert!(ran.stdout.contains("delivered 1"), "{}\n{}\n{text}", ran.stdout, ran.stderr);
    let own =
        put(&directory, "own.toml", "publish = '{\"mine\":\"{{text}}\"}'\n[deliver]\nwhen = { has = \"/mine\" }\n");
    let lines = [&format!("/dialect {own}"), "/join a", "hello", r#"/expect {"mine":"hello"}"#];
    script(&[&server.url()], &lines).expect(0);
    script(&[&server.url()], &["/dialect nats sbject=x"]).expect(2).says(&["parameter \"sbject\"", "subject"]);
    script(&[&server.url()], &["/dialect nats subject"]).expect(2).says(&["write KEY=VALUE"]);
}

/// A server that goes away the first time it hears `go`, and repeats what it hears.
fn restarting() -> Server {
    let connections = AtomicUsize::new(0);
    Server::new(move |stream| {
        let number = connections.fetch_add(1, Ordering::Relaxed);
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        socket.send(Message::text(format!("connection {number}"))).ok();
        while let Ok(message) = socket.read() {
            if number == 0 && message.to_text().is_ok_and(|text| text == "go") {
                let code = CloseCode::from(1012);
                socket.close(Some(CloseFrame { code, reason: "restarting".into() })).ok();
            } else if message.is_text() && socket.send(message).is_err() {
                return;
            }
        }
    })
}

#[test]
fn a_connection_that_is_lost_unasked_comes_back_by_itself() {
    let server = restarting();
    let ended = script(&[&server.url()], &["go", "/expect connection 1", "hello", "/expect hello"]);
    let told =
        ["closed 1012 (restarting): the server is being restarted", "trying again in", "back by websocket after"];
    ended.expect(0).says(&told);
    // What was dropped stays dropped until it is asked for.
    let server = restarting();
    let lines =
        ["/expect connection 0", "/drop rst", "/expect not 1500ms connection", "/resume", "/expect connection 1"];
    script(&[&server.url()], &lines).expect(0);
}

#[test]
fn a_connection_that_does_not_come_back_is_the_end_of_a_script() {
    let connections = AtomicUsize::new(0);
    let server = Server::new(move |stream| {
        if connections.fetch_add(1, Ordering::Relaxed) > 0 {
            return;
        }
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        socket.read().ok();
    });
    let ended = script(&[&server.url(), "--format", "ndjson"], &["go", "/expect 3s nothing"]);
    ended.expect(99);
    assert!(ended.stdout.contains("\"kind\":\"missed\""), "{}", ended.stdout);
    script(&[&server.url()], &["go"]).expect(3).says(&["the target cannot be reached"]);
}

#[test]
fn rooms_and_users_are_told() {
    let lines = [
        "hi",
        "/as bob",
        "hello",
        "/expect hello",
        "/join den",
        "/rooms",
        "/who lobby",
        "/leave den",
        "/rooms",
        "/who",
        "/ping",
        "/send {\"room\":\"lobby\",\"content\":\"by hand\"}",
        "/expect by hand",
        "/stats",
        "/help ping",
        "/reconnect",
        "/quit",
    ];
    let ended = script(&["--user", "ada"], &lines);
    ended.expect(0).says(&["* den  ", "lobby  ada bob", "left den", "ping: ", "for instance: /ping 5"]);
    ended.says(&["bob: connected 1 times, sent 2, acknowledged 1"]);
}

#[test]
fn the_same_room_is_watched_by_other_transports() {
    let lines = ["/watch sse", "/watch poll", "hello", "/expect hello", "/expect hello", "/expect hello"];
    let ended = script(&["--user", "ada"], &lines);
    for watcher in ["[ada] ", "[ada/sse] ", "[ada/poll] "] {
        let heard = |line: &str| line.starts_with(&format!("{watcher}lobby ada: hello"));
        assert!(ended.expect(0).stdout.lines().any(heard), "{watcher}{}", ended.stdout);
    }
    script(&[], &["/watch mail"]).expect(2).says(&["sse, poll or ws"]);
}

#[test]
fn what_is_shown_can_be_chosen() {
    let server = echo(Message::text("welcome"));
    let lines = [
        "/filter keep",
        "drop this",
        "keep this",
        "/expect keep this",
        "/filter",
        "/json",
        "{\"a\":1}",
        "/expect {\"a\":1}",
        "/raw",
        "framed",
        "/expect framed",
        "/raw",
        "/time",
        "timed",
        "/expect timed",
    ];
    let ended = script(&[&server.url()], &lines);
    let shown = &ended.expect(0).stdout;
    assert!(!shown.contains("drop this") && shown.contains("< keep this"), "{shown}");
    assert!(shown.contains("\n  \"a\": 1\n"), "{shown}");
    assert!(shown.contains("frame framed\n"), "{shown}");
    let clock = |line: &str| line.split_once(" < timed").is_some_and(|(time, _)| time.matches(':').count() == 2);
    assert!(shown.lines().any(clock), "{shown}");
}

#[test]
fn a_slow_reader_reads_no_faster_than_it_says() {
    let server = echo(Message::text("welcome"));
    let long = "x".repeat(8_192);
    let lines = ["/expect welcome", "/slow 1KiB/s", &long, "end", "/expect not 1s end", "/slow off", "/expect end"];
    script(&[&server.url()], &lines).expect(0);
}

#[test]
fn an_editor_writes_and_everything_is_heard_meanwhile() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::new(|stream| {
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        // Somebody else speaks while the editor is open.
        wsbench::time::nap(std::time::Duration::from_millis(300));
        socket.send(Message::text("meanwhile")).ok();
        while let Ok(message) = socket.read() {
            if message.is_text() && socket.send(message).is_err() {
                return;
            }
        }
    });
    let directory = scratch();
    let open = directory.path().join("open").display().to_string();
    // It ends when the message that came meanwhile has been told.
    let wait =
        format!("#!/bin/sh\nwhile [ ! -e {open} ]; do sleep 0.05; done\nprintf 'line one\\nline two\\n' >\"$1\"\n");
    let editor = put(&directory, "editor", &wait);
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = ["repl", &server.url(), "--format", "ndjson"];
    let mut console = wsbench(arguments).env("EDITOR", &editor).with_input().start();
    console.type_line("/edit");
    console.type_line("/expect line two");
    console.shows("meanwhile", 1);
    std::fs::write(&open, "").unwrap();
    console.end_input();
    let ended = console.finish();
    assert!(ended.expect(0).stdout.contains("\"text\":\"line one\\nline two\""), "{}", ended.stdout);
    script(&[&server.url()], &["/edit"]).expect(2).says(&["no editor is named: set EDITOR"]);
}

#[test]
fn a_file_of_lines_is_done_and_its_errors_have_a_place() {
    let server = echo(Message::text("welcome"));
    let directory = scratch();
    let good = put(&directory, "good.txt", "one\n/expect one\ntwo\n");
    script(&[&server.url()], &[&format!("/source {good}"), "/expect two"]).expect(0);
    let bad = put(&directory, "bad.txt", "one\n\n/joni a\n");
    let told = format!("{bad}:3: there is no command /joni: did you mean /join?");
    script(&[&server.url()], &[&format!("/source {bad}")]).expect(2).says(&[&told]);
}

#[test]
fn a_raw_session_is_recorded_too() {
    let server = echo(Message::text("welcome"));
    let directory = scratch();
    let recorded = directory.path().join("raw.toml").display().to_string();
    script(&[&server.url()], &["one", "two", &format!("/record {recorded}")]).expect(0);
    let raw = directory.path().join("raw.ndjson").display().to_string();
    let ran = wsbench(["run", &recorded, "--out", &format!("raw={raw}")]).run();
    assert!(ran.expect(0).stdout.contains("due 2 = delivered 2 + lost 0"), "{}", ran.stdout);
}

#[test]
fn a_recording_speaks_as_the_scenario_did_and_holds_no_secret() {
    let server = echo(Message::text("welcome"));
    let directory = scratch();
    let scenario = format!(
        "name = \"own\"\n[vars]\nkey = \"text\"\nrate = 1\n[run]\nduration = \"1s\"\n\
         [target]\nurls = [\"{}\"]\ndialect = \"json\"\n[target.with]\n\
         publish = '{{\"${{key}}\":\"{{{{text}}}}\",\"pass\":\"${{PASS}}\",\"$${{x}}\":1}}'\n\
         deliver = {{ when = {{ has = \"/${{key}}\" }} }}\n\
         [[clients]]\nname = \"c\"\ncount = 1\nauth = \"none\"\nrooms = {{ count = 1, name = \"a\" }}\n\
         [[publish]]\nname = \"p\"\nfrom = \"c\"\nrate = \"${{rate}}/s\"\n",
        server.url()
    );
    let (scenario, recorded) = (put(&directory, "own.toml", &scenario), directory.path().join("said.toml"));
    let (recorded, raw) = (recorded.display().to_string(), directory.path().join("raw").display().to_string());
    let mut console = wsbench(["repl", &scenario]).env("PASS", "hush-4711").with_input().start();
    let expected = r#"/expect {"text":"hello","pass":"hush-4711","${x}":1}"#;
    ["hello", expected, &format!("/record {recorded}")].iter().for_each(|line| console.type_line(line));
    console.end_input();
    console.finish().expect(0);
    let text = std::fs::read_to_string(&recorded).unwrap();
    assert!(!text.contains("hush-4711") && text.contains("key = \"text\"") && !text.contains("rate = 1\n"), "{text}");
    let run = || wsbench(["run", &recorded, "--out", &format!("raw={raw}")]);
    run().run().expect(2).says(&["the variable `PASS` is not defined"]);
    let ran = run().env("PASS", "hush-4711").run();
    assert!(ran.stdout.contains("delivered 1"), "{}\n{}\n{text}", ran.stdout, ran.stderr);
}

#[test]
fn what_cannot_be_recorded_is_told() {
    let server = echo(Message::text("welcome"));
    script(&[&server.url()], &["/record x.toml"]).expect(2).says(&["nothing was said yet"]);
    let directory = scratch();
    let own = put(&directory, "own.toml", "name = \"mine\"\n");
    put(&directory, "new-0.txt", "mine\n");
    let (new, fresh) = (own.replace("own", "new"), own.replace("own", "fresh"));
    let record = |path: &str| script(&[&server.url()], &["one", &format!("/record {path}")]);
    record(&own).expect(2).says(&["own.toml is there already and is no recording"]);
    record(&new).expect(2).says(&["new-0.txt is there already"]);
    record(directory.path().to_str().unwrap()).expect(2).says(&["a scenario is a .toml file"]);
    // A recording may be made again.
    record(&fresh).expect(0);
    record(&fresh).expect(0);
    assert_eq!(std::fs::read_to_string(&own).unwrap(), "name = \"mine\"\n");
    script(&[&server.url()], &["one", "/record /nowhere/x.toml"]).expect(1).says(&["failed to write /nowhere/x.toml"]);
}

#[test]
fn a_protocol_is_known_by_its_first_messages_and_named_once() {
    for (greeting, dialect) in [
        (Message::text(r#"0{"sid":"lv","upgrades":[],"pingInterval":25000}"#), "socketio-v5"),
        (Message::binary(b"INFO {\"server_id\":\"N\"}\r\n".to_vec()), "nats"),
        (Message::text(r#"{"type":"welcome"}"#), "actioncable-v1"),
    ] {
        let server = echo(greeting.clone());
        let again = String::from_utf8(greeting.into_data().to_vec()).unwrap();
        let told = objects(&[&server.url()], &[again.trim_end(), "/expect \"", "end", "/expect end"]);
        let hints: Vec<&Value> =
            told.iter().filter(|told| told["kind"] == "hint").map(|told| &told["dialect"]).collect();
        assert_eq!(hints, [dialect], "{told:?}");
    }
    let server = echo(Message::text("0{\"sid\":\"x\"}"));
    script(&[&server.url()], &["end", "/expect end"]).expect(0).says(&["looks like Socket.IO: /dialect socketio-v5"]);
}
