//! Dialects as people use them: a server of another protocol under load, a file of one's own, and what is said of mistakes.

use std::net::TcpStream;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio_tungstenite::tungstenite::{self, Message};

use crate::support::server::Server;
use crate::support::{put, root, scratch, wsbench};

type Listeners = Arc<Mutex<Vec<mpsc::Sender<String>>>>;

/// A server that speaks the Socket.IO of one room: a welcome first, and nobody joins before being connected.
fn socketio() -> Server {
    let room = Listeners::default();
    Server::new(move |stream| {
        serve(stream, &room).ok();
    })
}

fn serve(stream: TcpStream, room: &Listeners) -> tungstenite::Result<()> {
    let Ok(mut socket) = tungstenite::accept(stream) else { return Ok(()) };
    socket.get_ref().set_read_timeout(Some(Duration::from_millis(5)))?;
    socket.send(Message::text(r#"0{"sid":"a","pingInterval":25000,"pingTimeout":20000}"#))?;
    let (sender, mine) = mpsc::channel();
    let mut connected = false;
    loop {
        match socket.read() {
            Ok(Message::Text(text)) if text.starts_with("40") => {
                connected = true;
                socket.send(Message::text(r#"40{"sid":"b"}"#))?;
                socket.send(Message::text("2"))?;
            }
            Ok(Message::Text(text)) if text == "3" => {}
            Ok(Message::Text(text)) if connected && text.starts_with("42") => {
                let at = text.find('[').unwrap();
                if text[at..].starts_with("[\"join\"") {
                    room.lock().unwrap().push(sender.clone());
                } else {
                    let said = format!("42{}", &text[at..]);
                    room.lock().unwrap().retain(|listener| listener.send(said.clone()).is_ok());
                }
                socket.send(Message::text(format!("43{}[{{\"ok\":true}}]", &text[2..at])))?;
            }
            Ok(Message::Text(_)) => return Ok(()),
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        for said in mine.try_iter() {
            socket.send(Message::text(said))?;
        }
    }
}

fn scenario(url: &str, dialect: &str) -> String {
    format!(
        "name = \"foreign\"\n[run]\nduration = \"1s\"\ndrain = \"2s\"\n[target]\nurls = [\"{url}\"]\ndialect = {dialect}\n\
         [[clients]]\nname = \"c\"\ncount = 4\nauth = \"none\"\nrooms = {{ count = 1, name = \"r1\" }}\n\
         [[publish]]\nname = \"p\"\nfrom = \"c\"\nrate = \"10/s\"\nsize = \"64B\"\n[thresholds]\n\
         \"deliveries.lost\" = \"== 0\"\n\"deliveries.due\" = \">= 30\"\n\"frames.received{{kind=unknown}}\" = \"== 0\"\n\
         \"frames.received{{kind=heartbeat}}\" = \"== 4\"\n\"messages.refused\" = \"== 0\"\n"
    )
}

#[test]
fn a_socketio_server_is_measured() {
    let server = socketio();
    let directory = scratch();
    let file = put(&directory, "chat.toml", &scenario(&server.url(), "\"socketio-v5\""));
    wsbench(["run", &file]).run().expect(0);
}

#[test]
fn a_file_of_ones_own_builds_on_a_built_in_one() {
    let server = socketio();
    let directory = scratch();
    put(
        &directory,
        "mine.toml",
        "extends = \"socketio-v5\"\njoin = '42{{ref}}[\"join\",{\"name\":\"{{room}}\",\"as\":\"{{role}}\"}]'\n\
         [parameters]\nrole = { help = \"who one is\" }\n",
    );
    let text = scenario(&server.url(), "\"mine.toml\"\nwith = { role = \"a \\\"guest\\\"\", event = \"say\" }");
    wsbench(["run", &put(&directory, "chat.toml", &text)]).run().expect(0);
    let nameless = put(&directory, "nameless.toml", &scenario(&server.url(), "\"mine.toml\""));
    wsbench(["check", &nameless]).run().expect(2).says(&["`role`", "is missing"]);
}

#[test]
fn what_is_wrong_in_a_file_is_shown_at_its_line() {
    let directory = scratch();
    let scenario = put(&directory, "chat.toml", &scenario("ws://127.0.0.1:9", "\"mine.toml\""));
    wsbench(["check", &scenario]).run().expect(2).says(&["chat.toml:7", "mine.toml", "no such file"]);
    for (text, words) in [
        ("publish = '{\"a\":\"{{text}}\"'\n", ["mine.toml:1:11", "`publish`", "is not JSON"]),
        ("publish = '{{text}}'\n[deliver]\nwen = 1\n", ["mine.toml:3:7", "`deliver.wen`", "did you mean"]),
        ("publish = '{{text}}'\n\nextends = \"socketio\"\n", ["mine.toml:3:11", "`extends`", "socketio-v5"]),
        ("publish = '{{text}}\n", ["mine.toml:1:", "error", "'"]),
        ("publish = '{{text}}'\nafter_welcome = true\n", ["mine.toml:2:17", "`after_welcome`", "`welcome`"]),
        ("publish = '{{text}}'\n[framing]\nformat = \"xml\"\n", ["mine.toml:3:10", "json, prefixed, plain", "^"]),
    ] {
        put(&directory, "mine.toml", text);
        wsbench(["check", &scenario]).run().expect(2).says(&words);
    }
}

#[test]
fn the_reference_lists_every_dialect_parameter_and_key() {
    let reference = std::fs::read_to_string(root().join("docs/dialects.md")).unwrap();
    let row = |cells: &[&str]| format!("| {} |\n", cells.join(" | "));
    let escaped = |text: &str| text.replace('|', "\\|");
    let mut built_in = row(&["dialect", "parameter", "default", "what it is"]) + "|---|---|---|---|\n";
    for entry in wsbench::dialect::DIALECTS.iter().filter(|entry| entry.file.is_some()) {
        built_in += &row(&[&format!("`{}`", entry.name), "", "", entry.help]);
        for (name, default, help) in entry.parameters() {
            let default = default.map_or("required".to_owned(), |default| format!("`{default}`"));
            built_in += &row(&["", &format!("`{name}`"), &default, &help]);
        }
    }
    let mut keys = row(&["key", "what it is"]) + "|---|---|\n";
    for (name, help) in wsbench::dialect::KEYS {
        keys += &row(&[&format!("`{name}`"), &escaped(help)]);
    }
    for table in [built_in, keys] {
        assert!(reference.contains(&table), "docs/dialects.md must have this table:\n{table}");
    }
}
