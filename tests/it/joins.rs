//! What says that a join is done, where it is no acknowledgement: a Socket.IO application that emits an event of its own, or
//! says nothing, and a JSON backend that does so after it has answered.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};
use wsbench::time::nap;

use crate::support::{Report, Server, put, scratch, wsbench};

/// What an application says to a join.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Nothing,
    /// The room's name, to everybody in the room, as many do.
    TellsAll,
    /// The room's name within an object, to whoever came.
    Within,
}

/// Who hears a room, by its name.
type Rooms = Arc<Mutex<BTreeMap<String, Vec<mpsc::Sender<Value>>>>>;

fn tell(rooms: &Rooms, room: &str, words: &Value) {
    let mut rooms = rooms.lock().unwrap();
    rooms.entry(room.to_owned()).or_default().retain(|listener| listener.send(words.clone()).is_ok());
}

/// Reads a message if there is one; `None` when the connection has ended.
fn read(socket: &mut WebSocket<TcpStream>) -> Option<Option<String>> {
    match socket.read() {
        Ok(Message::Text(text)) => Some(Some(text.as_str().to_owned())),
        Ok(_) => Some(None),
        Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => Some(None),
        Err(_) => None,
    }
}

/// A Socket.IO server whose application takes no acknowledgement for `join`, and one for `message` only if it is asked for.
fn socketio(answer: Answer) -> Server {
    let rooms = Rooms::default();
    Server::new(move |stream| {
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        socket.get_ref().set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        socket.send(Message::text(r#"0{"sid":"a","pingInterval":25000,"pingTimeout":20000}"#)).ok();
        let (sender, mine) = mpsc::channel();
        while let Some(text) = read(&mut socket) {
            match text {
                Some(text) if text.starts_with("40") => drop(socket.send(Message::text(r#"40{"sid":"b"}"#))),
                Some(text) => {
                    let number = application(&text, answer, &rooms, &sender);
                    if let Some(number) = number {
                        socket.send(Message::text(format!("43{number}[]"))).ok();
                    }
                }
                None => {}
            }
            for words in mine.try_iter() {
                socket.send(Message::text(format!("42{words}"))).ok();
            }
        }
    })
}

/// Does what an event asks for; the number of the acknowledgement that is owed.
fn application(text: &str, answer: Answer, rooms: &Rooms, mine: &mpsc::Sender<Value>) -> Option<String> {
    let at = text.find('[').unwrap();
    let (number, event) = (&text[2..at], serde_json::from_str::<Value>(&text[at..]).unwrap());
    if event[0] == "join" {
        let room = event[1].as_str().unwrap();
        rooms.lock().unwrap().entry(room.to_owned()).or_default().push(mine.clone());
        match answer {
            Answer::Nothing => {}
            Answer::TellsAll => tell(rooms, room, &json!(["joined", room])),
            Answer::Within => drop(mine.send(json!(["joined", { "room": room }]))),
        }
        return None;
    }
    tell(rooms, event[1]["room"].as_str().unwrap(), &event);
    Some(number.to_owned()).filter(|number| !number.is_empty())
}

/// A JSON backend that answers a join at once and says later that it is done: it asks somebody else first.
fn slow_json() -> Server {
    let rooms = Rooms::default();
    Server::new(move |stream| {
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        socket.get_ref().set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        let (sender, mine) = mpsc::channel();
        while let Some(text) = read(&mut socket) {
            if let Some(asked) = text.map(|text| serde_json::from_str::<Value>(&text).unwrap()) {
                socket.send(Message::text(json!({ "id": asked["id"] }).to_string())).ok();
                match asked["join"].as_str() {
                    Some(room) => {
                        nap(Duration::from_millis(200));
                        rooms.lock().unwrap().entry(room.to_owned()).or_default().push(sender.clone());
                        sender.send(json!({ "event": "joined", "room": room })).ok();
                    }
                    None => tell(
                        &rooms,
                        asked["room"].as_str().unwrap(),
                        &json!({ "event": "said", "text": asked["text"] }),
                    ),
                }
            }
            for words in mine.try_iter() {
                socket.send(Message::text(words.to_string())).ok();
            }
        }
    })
}

fn scenario(url: &str, dialect: &str) -> String {
    format!(
        "name = \"in\"\n[run]\nwarm_up = \"200ms\"\nduration = \"1s\"\ndrain = \"1s\"\n[target]\nurls = [\"{url}\"]\n{dialect}\n\
         [[clients]]\nname = \"people\"\ncount = 6\nauth = \"none\"\nrooms = {{ count = 3, per_client = 2, name = \"r{{n}}\" }}\n\
         [[publish]]\nname = \"p\"\nfrom = \"people\"\nrate = \"40/s\"\nsize = \"64B\"\n\
         [thresholds]\n\"deliveries.lost\" = \"== 0\"\n\"deliveries.due\" = \">= 100\"\n\
         \"frames.received{{kind=unknown}}\" = \"== 0\"\n\"ack.p50\" = \"> 0ms\"\n"
    )
}

fn socketio_with(url: &str, with: &str) -> String {
    scenario(url, &format!("dialect = \"socketio-v5\"\nwith = {{ {with} }}"))
}

fn run(text: &str) -> Report {
    let directory = scratch();
    let json = directory.path().join("result.json").display().to_string();
    wsbench(["run", &put(&directory, "s.toml", text), "--out", &format!("json={json}")]).run().expect(0);
    Report::read(&json)
}

#[test]
fn an_application_that_takes_no_acknowledgement_for_a_join_is_measured() {
    for (answer, with) in [
        (Answer::Nothing, r#"join_answer = "nothing""#),
        (Answer::TellsAll, r#"join_answer = "event", joined_room = "/1""#),
        (Answer::Within, r#"join_answer = "event", joined_room = "/1/room""#),
        (Answer::Within, r#"join_answer = "event""#),
    ] {
        let server = socketio(answer);
        let report = run(&socketio_with(&server.url(), with));
        assert_eq!((report.count("clients.connected"), report.count("deliveries.ghost")), (6, 0), "{with}");
    }
}

#[test]
fn what_is_answered_first_and_done_later_is_done_later() {
    let server = slow_json();
    let text = scenario(
        &server.url(),
        "dialect = \"json\"\n[target.with]\njoin = '{\"id\":{{ref}},\"join\":\"{{room}}\"}'\n\
         publish = '{\"id\":{{ref}},\"room\":\"{{room}}\",\"text\":\"{{text}}\"}'\nreply = { ref = \"/id\" }\n\
         joined = { when = { \"/event\" = \"joined\" }, room = \"/room\" }\ndeliver = { when = { \"/event\" = \"said\" } }",
    );
    let report = run(&text);
    let join = report.entries("histograms").find(|entry| entry["labels"]["stage"] == "join").unwrap();
    assert!(join["min"].as_u64().unwrap() >= 200_000_000, "{join}");
}

#[test]
fn a_probe_names_the_parameter_where_a_join_is_never_answered() {
    let directory = scratch();
    let probed = |server: &Server, with: &str| {
        let file = put(&directory, "s.toml", &socketio_with(&server.url(), with));
        let probed = wsbench(["probe", &file, "--within", "500ms"]).run();
        probed.expect(3).stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let told = |screen: &str, words: &[&str]| {
        words.iter().for_each(|words| assert!(screen.contains(words), "no {words:?} in {screen}"));
    };
    let server = socketio(Answer::TellsAll);
    let silent = probed(&socketio(Answer::Nothing), "");
    told(&silent, &["FAIL listener enters r0", "join was not answered in time; under [target.with], `join_answer"]);
    let screen = probed(&server, "");
    told(
        &screen,
        &[
            r#"what came means nothing to the dialect: 42["joined","r0"]"#,
            r#"`join_answer = "event"`"#,
            "`joined_event`",
        ],
    );
    let screen = probed(&server, "joined_event = \"joined\", join_answer = \"event\", joined_room = \"/0\"");
    told(&screen, &["FAIL listener enters r0", "names another room, as the dialect reads it: joined"]);
}
