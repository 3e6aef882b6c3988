//! Who one is and where: tokens, and another target.

use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{self, Message};

use super::{echo, script};
use crate::support::{Server, put, scratch, wsbench};

/// A server that says first whose token it was shown, of these, and which header `x-mark` it was sent.
fn doorkeeper(tokens: [&'static str; 2]) -> Server {
    Server::new(move |stream| {
        let mut greeting = String::new();
        #[allow(clippy::result_large_err)] // the answer's type is the library's
        let look = |request: &Request, response: Response| {
            let of = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let known = tokens.iter().position(|token| of("authorization") == format!("Bearer {token}"));
            greeting = format!("token {known:?} mark {}", of("x-mark"));
            Ok(response)
        };
        let Ok(mut socket) = tungstenite::accept_hdr(stream, look) else { return };
        socket.send(Message::text(greeting)).ok();
        while let Ok(message) = socket.read() {
            if message.is_text() && socket.send(message).is_err() {
                return;
            }
        }
    })
}

#[test]
fn a_token_is_changed_and_never_shown() {
    let tokens = ["first-7d41c0", "second-93be22"];
    let server = doorkeeper(tokens);
    let directory = scratch();
    let file = put(&directory, "second", tokens[1]);
    let by_file = format!("/token @{file}");
    let lines = [
        "/expect token None",
        "/token -",
        tokens[0],
        "/expect token Some(0)",
        &by_file,
        "/expect token Some(1)",
        "/token env:FIRST",
        "/expect token Some(0)",
        "/as bob -",
        tokens[1],
        "/expect token Some(1)",
    ];
    let mut console = wsbench(["repl", &server.url()]).env("FIRST", tokens[0]).with_input().start();
    lines.iter().for_each(|line| console.type_line(line));
    console.end_input();
    let ended = console.finish();
    ended.expect(0);
    assert!(tokens.iter().all(|token| !ended.stdout.contains(token) && !ended.stderr.contains(token)), "{ended:?}");
}

#[test]
fn a_token_that_is_not_given_is_told() {
    let server = echo(Message::text("welcome"));
    let url = server.url();
    script(&[&url], &["/token -"]).expect(2).says(&["a token was asked for, and no line came"]);
    script(&[&url], &["/token -", ""]).expect(2).says(&["no token was given"]);
    script(&[&url], &["/token abc.def"]).expect(2).says(&["a token is named, not written"]);
    script(&[&url], &["/as bob @/nowhere/token"]).expect(2).says(&["failed to read /nowhere/token"]);
}

#[test]
fn a_pasted_command_line_of_curl_connects_there() {
    let (first, second) = (echo(Message::text("welcome to the first")), doorkeeper(["a", "b"]));
    let http = second.url().replace("ws://", "http://");
    let pasted =
        format!("curl '{http}' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Key: x' -H $'X-Mark: it\\'s' --compressed");
    let lines = ["/expect welcome to the first", &pasted, "/expect mark it's", "hello", "/expect hello"];
    script(&[&first.url()], &lines).expect(0);
    script(&[&first.url()], &["curl ws://127.0.0.1:1 --data x"]).expect(2).says(&["unexpected argument '--data'"]);
    script(&[&first.url()], &[" curl ws://x", "/expect  curl ws://x"]).expect(0);
}
