//! A protocol of bytes: a small room server that speaks one, measured by a file of a few lines, each delivery held against what
//! the server itself says that it has sent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio_tungstenite::tungstenite::{self, Message};

use crate::support::raw_log::{self, Log, compare};
use crate::support::{Report, Server, put, scratch, witness, wsbench};

/// Each message: how many bytes follow (two bytes), of which kind it is (one), and what belongs to the kind.
const MINE: &str = r#"
help = "a room server of bytes"
hello   = '{{rest:u16}} 00 {{user}}'
join    = '{{rest:u16}} 01 {{ref:u32}} {{room:8}}'
publish = '{{rest:u16}} 02 {{ref:u32}} {{room:8}} {{bytes:u16le}} {{text}}'

[framing]
format = "bytes"

[joined]
when = { "@2" = "81" }
room = "@3:8"

[reply]
when  = { "@2" = "82" }
ref   = "@3:u32"
error = "@7:u8"

[deliver]
when = { "@2" = "03" }
room = "@7:8"
offset = "@3:u32"

[heartbeat]
when   = { "@2" = "09" }
answer = '00 01 0a'

[presence]
when = { "@2" = ["04", "05"] }
"#;

/// Whoever is in a room, by its name, and how many messages it has had.
#[derive(Default)]
struct Room {
    said: u32,
    members: Vec<mpsc::Sender<Vec<u8>>>,
}

/// Rooms, and which copies went to whom: user, room and index of the message.
#[derive(Default)]
struct State {
    rooms: BTreeMap<Vec<u8>, Room>,
    sent: Vec<(u64, raw_log::Message)>,
    pongs: usize,
}

type Shared = Arc<Mutex<State>>;

fn server() -> (Server, Shared) {
    let state = Shared::default();
    let shared = Arc::clone(&state);
    let server = Server::new(move |stream| {
        serve(stream, &shared).ok();
    });
    (server, state)
}

/// A message of this kind.
fn framed(kind: u8, of: &[&[u8]]) -> Vec<u8> {
    let body = of.concat();
    let length = u16::try_from(body.len() + 1).unwrap().to_be_bytes();
    [&length[..], &[kind], &body].concat()
}

fn serve(stream: TcpStream, state: &Shared) -> tungstenite::Result<()> {
    let Ok(mut socket) = tungstenite::accept(stream) else { return Ok(()) };
    socket.get_ref().set_read_timeout(Some(Duration::from_millis(2)))?;
    let (sender, mine) = mpsc::channel();
    let mut user = 0;
    socket.send(Message::binary(framed(9, &[])))?;
    loop {
        match socket.read() {
            Ok(Message::Binary(bytes)) => {
                assert_eq!(usize::from(u16::from_be_bytes([bytes[0], bytes[1]])), bytes.len() - 2, "{bytes:?}");
                if bytes[2] == 0 {
                    user = std::str::from_utf8(&bytes[3..]).unwrap().strip_prefix('u').unwrap().parse().unwrap();
                } else if let Some(answer) = answer(&bytes, &mut state.lock().unwrap(), &sender) {
                    socket.send(Message::binary(answer))?;
                }
            }
            Ok(Message::Text(text)) => panic!("a text: {text}"),
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        for said in mine.try_iter() {
            if let Some(at) = memchr::memmem::find(&said, b"wsb1") {
                let message = witness::message(&said[at + 4..at + 40]).unwrap();
                state.lock().unwrap().sent.push((user, message));
            }
            socket.send(Message::binary(said))?;
        }
    }
}

fn answer(asked: &[u8], state: &mut State, mine: &mpsc::Sender<Vec<u8>>) -> Option<Vec<u8>> {
    match asked[2] {
        1 => {
            let (name, room) = (&asked[7..15], state.rooms.entry(asked[7..15].to_vec()).or_default());
            room.members.retain(|member| member.send(framed(4, &[b"somebody"])).is_ok());
            room.members.push(mine.clone());
            Some(framed(0x81, &[name]))
        }
        2 => {
            let (name, text) = (&asked[7..15], &asked[17..]);
            assert_eq!(usize::from(u16::from_le_bytes([asked[15], asked[16]])), text.len());
            let Some(room) = state.rooms.get_mut(name) else { return Some(framed(0x82, &[&asked[3..7], &[7]])) };
            room.said += 1;
            let copy = framed(3, &[&room.said.to_be_bytes(), name, text]);
            room.members.retain(|member| member.send(copy.clone()).is_ok());
            Some(framed(0x82, &[&asked[3..7], &[0]]))
        }
        10 => {
            state.pongs += 1;
            None
        }
        other => panic!("what is a {other}?"),
    }
}

fn scenario(url: &str, room: &str, size: &str) -> String {
    format!(
        "name = \"bytes\"\n[run]\nwarm_up = \"0s\"\nduration = \"2s\"\ndrain = \"1s\"\n[target]\nurls = [\"{url}\"]\n\
         dialect = \"mine.toml\"\n[[clients]]\nname = \"people\"\ncount = 12\nauth = \"none\"\n\
         rooms = {{ count = 4, per_client = 2, name = \"{room}\" }}\n\
         [[publish]]\nname = \"talk\"\nfrom = \"people\"\nrate = \"50/s\"\n{size}\n\
         [thresholds]\n\"deliveries.lost\" = \"== 0\"\n\"frames.received{{kind=unknown}}\" = \"== 0\"\n\
         \"messages.refused\" = \"== 0\"\n\"ack.p50\" = \"> 0ms\"\n\"frames.received{{kind=heartbeat}}\" = \"== 12\"\n\
         \"frames.received{{kind=presence}}\" = \"> 0\"\n"
    )
}

#[test]
fn a_server_of_bytes_is_measured_delivery_by_delivery() {
    let (directory, sizes) = (scratch(), ["size = \"64B\"", "text = { size = \"lognormal(120B, 0.6)\" }"]);
    put(&directory, "mine.toml", MINE);
    for size in sizes {
        let (server, state) = server();
        let file = put(&directory, "bytes.toml", &scenario(&server.url(), "r{n}", size));
        let [raw, json] = ["run.raw", "run.json"].map(|name| directory.path().join(name));
        let run = wsbench(["run", &file])
            .args(["--out", &format!("raw={}", raw.display()), "--out", &format!("json={}", json.display())])
            .run();
        run.expect(0);
        let counts = compare(&raw, &Report::read(&json));
        assert_eq!((counts.due, counts.delivered), (600, 600), "100 messages to six each");
        let state = state.lock().unwrap();
        let arrived = Log::read(&raw).arrivals;
        let heard: BTreeSet<_> = arrived.iter().map(|((client, message), _)| (*client, *message)).collect();
        assert!(arrived.values().all(|copies| copies.len() == 1));
        assert_eq!(heard, state.sent.iter().copied().collect(), "what came is what was sent, to whom it was sent");
        assert_eq!(state.sent.len(), heard.len(), "each once");
        assert!(state.pongs >= 12, "{}", state.pongs);
    }
}

#[test]
fn a_probe_shows_bytes_as_digits_and_letters() {
    let (server, _) = server();
    let directory = scratch();
    put(&directory, "mine.toml", MINE);
    let file = put(&directory, "bytes.toml", &scenario(&server.url(), "r{n}", "size = \"64B\""));
    let probed = wsbench(["probe", &file, "--trace"]).run();
    let screen = &probed.expect(0).stdout;
    let told = [
        "0000  00 0d 01 00 00 00 01 72 30 00 00 00 00 00 00      |.......r0......|",
        "= enters r0 (request 1)",
        "= joined r0",
        "= a delivery, offset 1",
        "|.wsb1",
        "The target does as its own dialect says.",
    ];
    told.iter().for_each(|words| assert!(screen.contains(words), "no {words:?} in {screen}"));

    put(&directory, "mine.toml", &MINE.replace("\"@2\" = \"81\"", "\"@2\" = \"71\""));
    let probed = wsbench(["probe", &file, "--within", "500ms"]).run();
    let screen = probed.expect(3).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let came = "what came means nothing to the dialect: 11 bytes: <00 09 81>r0<00 00 00 00 00 00>";
    assert!(screen.contains(came), "{screen}");
}

#[test]
fn what_does_not_fit_is_said_before_anybody_connects() {
    let directory = scratch();
    let check = |room: &str, size: &str| {
        let file = put(&directory, "bytes.toml", &scenario("ws://127.0.0.1:9", room, size));
        wsbench(["check", &file]).run()
    };
    put(&directory, "mine.toml", MINE);
    check("r{n}", "size = \"64B\"").expect(0);
    check("a-long-name-{n}", "size = \"64B\"").expect(2).says(&["`a-long-name-0`", "13 bytes", "bytes.toml:13"]);
    check("r{n}", "size = \"70KiB\"").expect(2).says(&["71680 bytes", "bytes.toml:18", "size"]);
    let probed = wsbench(["probe", "ws://127.0.0.1:9", "--room", "much-too-long"]);
    let dialect = directory.path().join("mine.toml").display().to_string();
    probed.args(["--dialect", &dialect]).run().expect(2).says(&["`much-too-long`", "13 bytes"]);
}

#[test]
fn what_is_wrong_in_a_file_of_bytes_is_shown_at_its_line() {
    let directory = scratch();
    let scenario = put(&directory, "bytes.toml", &scenario("ws://127.0.0.1:9", "r{n}", "size = \"64B\""));
    for (from, to, words) in [
        ("01 {{ref:u32}}", "0 {{ref:u32}}", ["mine.toml:4:11", "`join`", "half of one"]),
        (
            "{{ref:u32}} {{room:8}} {{bytes",
            "{{ref}} {{room:8}} {{bytes",
            ["mine.toml:5:11", "`publish`", "needs a width"],
        ),
        ("room = \"@3:8\"", "room = \"/room\"", ["mine.toml:12:8", "`joined.room`", "written \"@4\""]),
        (
            "when = { \"@2\" = \"81\" }",
            "when = { \"/kind\" = 1 }",
            ["mine.toml:11:8", "`joined.when`", "written \"@4\""],
        ),
        ("when = { \"@2\" = \"81\" }", "when = { \"@2\" = \"8\" }", ["mine.toml:11:8", "`joined.when`", "half of one"]),
        ("when  = { \"@2\" = \"82\" }", "", ["mine.toml:16:9", "`reply.ref`", "needs `reply.when`"]),
        ("format = \"bytes\"", "format = \"bytes\"\nsplit = \"x\"", ["mine.toml:9:9", "`framing.split`", "about text"]),
    ] {
        assert!(MINE.contains(from), "{from}");
        put(&directory, "mine.toml", &MINE.replacen(from, to, 1));
        wsbench(["check", &scenario]).run().expect(2).says(&words);
    }
}
