//! The examples keep their promises: the session as a library, without the load engine.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::cli::Cli;
use crate::support::{Running, wsbench};

/// A server of one instance that can be told to misbehave, its two addresses, and a token.
fn server() -> (Running, String, String, String) {
    let serve = ["serve", "--instances", "1", "--broker", "memory", "--jwt-secret", "s", "--faults"];
    let mut server = wsbench(serve).start();
    let line = server.lines(1).remove(0);
    let value = |key: &str| {
        let found = line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        found.unwrap().split_once("://").unwrap().1.to_owned()
    };
    let (url, admin) = (value("url"), value("admin"));
    let token = wsbench(["token", "--jwt-secret", "s", "--sub", "ada"]).run().stdout.trim().to_owned();
    (server, url, admin, token)
}

/// An example, as `cargo test` has built it beside this program's folder.
fn example(name: &str, arguments: [&str; 3]) -> Cli {
    let here = std::env::current_exe().unwrap();
    let path = here.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not there: cargo build --examples, or cargo test without --test", path.display());
    Cli::new(path.to_str().unwrap(), arguments)
}

fn post(address: &str, path: &str, token: &str, body: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n");
    let length = body.len();
    write!(stream, "{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn the_websocket_client_reconnects_unless_it_was_closed_cleanly() {
    let (_server, url, admin, token) = server();
    let mut client = example("ws_client", [&format!("ws://{url}"), "lobby", &token]).with_input().start();
    client.shows("status Connected", 1);
    client.type_line("hello");
    client.shows("message \"hello\"", 1);
    post(&admin, "/admin/disconnect", "", r#"{"users":["ada"],"how":"rst"}"#);
    client.shows("status Disconnected", 1);
    client.type_line("nobody hears this");
    client.shows("status Connected", 2);
    post(&admin, "/admin/disconnect", "", r#"{"users":["ada"],"how":"close:1000"}"#);
    let finished = client.finish();
    let statuses: Vec<&str> = finished.expect(0).stdout.lines().filter(|line| line.starts_with("status")).collect();
    let again = ["status Connecting", "status Connected", "status Disconnected"];
    assert_eq!(statuses, [again, again].concat(), "nothing after the clean close");
}

#[test]
fn the_websocket_client_closes_when_there_is_nothing_more_to_say() {
    let (_server, url, _, token) = server();
    let mut client = example("ws_client", [&format!("ws://{url}"), "lobby", &token]).with_input().start();
    client.shows("status Connected", 1);
    client.end_input();
    client.finish().expect(0);
}

#[test]
fn the_stream_client_comes_back_by_itself_and_misses_nothing() {
    let (_server, url, admin, token) = server();
    let client = example("sse_client", [&format!("http://{url}"), "lobby", &token]).start();
    client.shows("open", 1);
    post(&url, "/api/rooms/lobby/messages", &token, r#"{"content":"one"}"#);
    client.shows("event \"one\"", 1);
    post(&admin, "/admin/disconnect", "", r#"{"users":["ada"],"how":"fin"}"#);
    client.shows("lost", 1);
    post(&url, "/api/rooms/lobby/messages", &token, r#"{"content":"two"}"#);
    client.shows("replayed \"two\"", 1);
    post(&url, "/api/rooms/lobby/messages", &token, r#"{"content":"three"}"#);
    client.shows("event \"three\"", 1);
}
