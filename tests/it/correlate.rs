//! A server that gives nothing back of what is said, numbers its messages by room and replays what was missed: copies are told
//! by its ids, where one stands by its numbers.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::support::raw_log::compare;
use crate::support::{Report, Server, put, scratch, wsbench};

/// How what was missed is told to who comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Replay {
    /// In the acknowledgement of the join.
    WithTheJoin,
    /// Like anything else, behind it.
    AsMessages,
}

/// What was said in a room, in order, and who is in it.
#[derive(Default)]
struct Room {
    log: Vec<Value>,
    members: Vec<mpsc::Sender<Value>>,
}

type Rooms = Arc<Mutex<BTreeMap<String, Room>>>;

fn server(replay: Replay) -> Server {
    let rooms = Rooms::default();
    Server::new(move |stream| {
        serve(stream, replay, &rooms).ok();
    })
}

fn serve(stream: TcpStream, replay: Replay, rooms: &Rooms) -> tungstenite::Result<()> {
    let Ok(mut socket) = tungstenite::accept(stream) else { return Ok(()) };
    socket.get_ref().set_read_timeout(Some(Duration::from_millis(2)))?;
    let (sender, mine) = mpsc::channel();
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                let asked: Value = serde_json::from_str(&text).unwrap();
                let answer = answer(&asked, replay, &mut rooms.lock().unwrap(), &sender);
                socket.send(Message::text(answer.to_string()))?;
            }
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        for said in mine.try_iter() {
            socket.send(Message::text(said.to_string()))?;
        }
    }
}

/// Does what is asked and gives the answer: a join's where the room stands, a message's its id.
fn answer(asked: &Value, replay: Replay, rooms: &mut BTreeMap<String, Room>, mine: &mpsc::Sender<Value>) -> Value {
    let name = asked["room"].as_str().unwrap();
    let room = rooms.entry(name.to_owned()).or_default();
    if asked["join"].is_null() {
        let at = room.log.len() + 1;
        let said = json!({ "event": "said", "mid": format!("{name}-{at}"), "room": name, "at": at, "text": "***" });
        room.log.push(said.clone());
        room.members.retain(|member| member.send(said.clone()).is_ok());
        return json!({ "id": asked["id"], "mid": said["mid"] });
    }
    let missed = asked["after"].as_u64().map_or(&[][..], |after| &room.log[usize::try_from(after).unwrap()..]);
    let within = if replay == Replay::WithTheJoin { missed } else { &[] };
    let joined = json!({ "event": "joined", "id": asked["id"], "at": room.log.len(), "missed": within });
    if replay == Replay::AsMessages {
        missed.iter().for_each(|said| mine.send(said.clone()).unwrap());
    }
    room.members.push(mine.clone());
    joined
}

const SCENARIO: &str = r#"
name = "resumed"
[run]
warm_up = "0s"
duration = "2s"
drain = "2s"
[target]
urls = ["URL"]
dialect = "json"
[target.with]
join = '{"id":{{ref}},"join":true,"room":"{{room}}"}'
resume = '{"id":{{ref}},"join":true,"room":"{{room}}","after":{{offset}}}'
publish = '{"id":{{ref}},"room":"{{room}}","say":"{{text}}"}'
marker = "correlate"
reply = { ref = "/id", id = "/mid" }
deliver = { when = { "/event" = "said" }, id = "/mid", room = "/room", offset = "/at" }
joined = { when = { "/event" = "joined" }, ref = "/id", offset = "/at", missed = "/missed", missed_id = "/mid" }
[[clients]]
name = "people"
count = 8
auth = "none"
rooms = { count = 4, per_client = 2, name = "r{n}" }
reconnect = { policy = "fixed", base = "200ms" }
[[publish]]
name = "p"
from = "people"
rate = "60/s"
size = "64B"
[[fault]]
name = "cut"
at = "700ms"
disconnect = { clients = "people", percent = 50, how = "rst" }
[thresholds]
"deliveries.lost" = "== 0"
"deliveries.duplicate" = "== 0"
"frames.received{kind=unknown}" = "== 0"
"#;

#[test]
fn what_was_missed_is_asked_for_by_its_place_and_told_by_its_id() {
    for replay in [Replay::WithTheJoin, Replay::AsMessages] {
        let (server, directory) = (server(replay), scratch());
        let file = put(&directory, "resumed.toml", &SCENARIO.replace("URL", &server.url()));
        let [raw, json] = ["run.raw", "run.json"].map(|name| directory.path().join(name));
        let run = wsbench(["run", &file, "--workers", "2"])
            .args(["--out", &format!("raw={}", raw.display()), "--out", &format!("json={}", json.display())])
            .run();
        run.expect(0);
        let report = Report::read(&json);
        compare(&raw, &report);
        let [due, _, _, excluded] = report.identity();
        assert!(due >= 300 && report.count("reconnect.recovered") == 4, "{due} due");
        let [missed, replayed] = ["missed", "replayed"].map(|name| report.count(&format!("reconnect.{name}")));
        // What comes like anything else cannot be told from it: it counts with the whole time it took.
        assert_eq!((missed > 0, missed), (replay == Replay::WithTheJoin, replayed));
        // What those who were cut had just said was never acknowledged: nobody can tell what its copies are copies of.
        assert!(excluded < due / 4, "{excluded} of {due} excluded");
    }
}
