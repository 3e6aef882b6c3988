//! Socket.IO beyond a WebSocket: in by polling first, and on after a lost connection. Against a server of a few lines that
//! does both; the real one is driven by `tests/peers/run servers`.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::support::{Report, Server, put, scratch, wsbench};

/// One room, and the sessions of Engine.IO below it.
#[derive(Default)]
struct State {
    /// What waits for the next poll, by session.
    sessions: BTreeMap<String, Vec<String>>,
    /// Who has been accepted by a poll and not come by a socket yet.
    coming: BTreeMap<String, Member>,
    /// Who listens to the room.
    listeners: Vec<mpsc::Sender<String>>,
    /// Conversations so far.
    pids: usize,
    /// What was said, in order.
    log: Vec<String>,
    /// Requests, as `GET polling` or `GET websocket sid`.
    asked: Vec<String>,
    /// Sessions that this instance answers to; those after them it has never heard of.
    known: usize,
}

/// Where an accepted client hears the room: from when it was accepted if it was in it before, else once it has joined.
struct Member {
    mine: mpsc::Receiver<String>,
    joins: Option<mpsc::Sender<String>>,
}

type Shared = Arc<Mutex<State>>;

/// A server that knows its first `known` sessions.
fn socketio(known: usize) -> (Server, Shared) {
    let state = Shared::new(Mutex::new(State { known, ..State::default() }));
    let shared = Arc::clone(&state);
    let server = Server::new(move |stream| {
        let mut start = [0; 512];
        let Ok(read) = stream.peek(&mut start) else { return };
        if String::from_utf8_lossy(&start[..read]).contains("transport=websocket") {
            converse(stream, &shared).ok();
        } else {
            polls(stream, &shared);
        }
    });
    (server, state)
}

/// Answers polls, one after the other.
fn polls(mut stream: TcpStream, state: &Shared) {
    let (mut all, mut chunk) = (Vec::new(), [0; 1024]);
    loop {
        let text = String::from_utf8_lossy(&all).into_owned();
        let complete = text.split_once("\r\n\r\n").filter(|(head, body)| {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            body.len() >= length.map_or(0, |length| length.parse().unwrap())
        });
        if let Some((head, body)) = complete {
            let (status, answer) = state.lock().unwrap().poll(head, body);
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
            all.clear();
        }
        match stream.read(&mut chunk) {
            Ok(read) if read > 0 => all.extend_from_slice(&chunk[..read]),
            _ => return,
        }
    }
}

/// The value of `name` in the query of the request that `head` is.
fn parameter(head: &str, name: &str) -> Option<String> {
    let query = head.split_whitespace().nth(1)?.split_once('?')?.1;
    query
        .split('&')
        .find_map(|pair| Some(pair.split_once('=')?.1.to_owned()).filter(|_| pair.starts_with(&format!("{name}="))))
}

impl State {
    fn note(&mut self, head: &str) -> Option<String> {
        let sid = parameter(head, "sid");
        let words = [head.split(' ').next(), parameter(head, "transport").as_deref(), sid.as_ref().map(|_| "sid")]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
        self.asked.push(words);
        sid
    }

    fn poll(&mut self, head: &str, body: &str) -> (&'static str, String) {
        let Some(sid) = self.note(head) else {
            let sid = format!("s{}", self.sessions.len());
            self.sessions.insert(sid.clone(), Vec::new());
            let told =
                format!(r#"0{{"sid":"{sid}","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}}"#);
            return ("200 OK", told);
        };
        let number: usize = sid[1..].parse().unwrap();
        if number >= self.known {
            return ("400 Bad Request", r#"{"code":1,"message":"Session ID unknown"}"#.to_owned());
        }
        if head.starts_with("POST") {
            assert!(head.to_lowercase().contains("content-type: text/plain;charset=utf-8"), "{head}");
            let (told, member) = self.accept(body);
            self.sessions.entry(sid.clone()).or_default().extend(told);
            self.coming.insert(sid, member);
            return ("200 OK", "ok".to_owned());
        }
        let waiting = std::mem::take(self.sessions.get_mut(&sid).unwrap());
        ("200 OK", if waiting.is_empty() { "6".to_owned() } else { waiting.join("\u{1e}") })
    }

    /// What a greeting is answered by: all that was missed, if it goes on with a conversation, and who one is.
    fn accept(&mut self, greeting: &str) -> (Vec<String>, Member) {
        let said: serde_json::Value = serde_json::from_str(greeting.strip_prefix("40").unwrap()).unwrap_or_default();
        let (sender, mine) = mpsc::channel();
        let (mut told, pid, member) = match (said["pid"].as_str(), said["offset"].as_str()) {
            (Some(pid), Some(offset)) => {
                let seen: usize = offset[1..].parse().unwrap();
                self.listeners.push(sender);
                (self.log[seen + 1..].to_vec(), pid.to_owned(), Member { mine, joins: None })
            }
            _ => {
                self.pids += 1;
                (Vec::new(), format!("p{}", self.pids), Member { mine, joins: Some(sender) })
            }
        };
        told.push(format!(r#"40{{"sid":"x","pid":"{pid}"}}"#));
        (told, member)
    }
}

fn converse(stream: TcpStream, state: &Shared) -> tungstenite::Result<()> {
    let mut sid = None;
    #[allow(clippy::result_large_err)] // the answer's type is the library's
    let look = |request: &tungstenite::handshake::server::Request, answer| {
        sid = state.lock().unwrap().note(&format!("GET {} HTTP/1.1", request.uri()));
        Ok(answer)
    };
    let Ok(mut socket) = tungstenite::accept_hdr(stream, look) else { return Ok(()) };
    let member = match sid {
        Some(sid) => {
            assert_eq!(socket.read()?, Message::text("2probe"));
            socket.send(Message::text("3probe"))?;
            assert_eq!(socket.read()?, Message::text("5"));
            state.lock().unwrap().coming.remove(&sid).unwrap()
        }
        None => {
            socket.send(Message::text(r#"0{"sid":"w","pingInterval":25000,"pingTimeout":20000}"#))?;
            let greeting = socket.read()?.into_text()?;
            let (told, member) = state.lock().unwrap().accept(&greeting);
            told.into_iter().try_for_each(|text| socket.send(Message::text(text)))?;
            member
        }
    };
    socket.send(Message::text("2"))?;
    talk(socket, member, state)
}

fn talk(mut socket: WebSocket<TcpStream>, member: Member, state: &Shared) -> tungstenite::Result<()> {
    let Member { mine, mut joins } = member;
    socket.get_ref().set_read_timeout(Some(Duration::from_millis(5)))?;
    loop {
        match socket.read() {
            Ok(Message::Text(text)) if text == "3" => {}
            Ok(Message::Text(text)) => {
                let at = text.find('[').unwrap();
                let mut state = state.lock().unwrap();
                if text[at..].starts_with("[\"join\"") {
                    state.listeners.extend(joins.take());
                } else {
                    let said = format!("42{},\"o{}\"]", text[at..].strip_suffix(']').unwrap(), state.log.len());
                    state.log.push(said.clone());
                    state.listeners.retain(|listener| listener.send(said.clone()).is_ok());
                }
                drop(state);
                socket.send(Message::text(format!("43{}[{{\"ok\":true}}]", &text[2..at])))?;
            }
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        for said in mine.try_iter() {
            socket.send(Message::text(said))?;
        }
    }
}

fn scenario(url: &str, way: &str) -> String {
    format!(
        "name = \"in\"\n[run]\nwarm_up = \"0s\"\nduration = \"1500ms\"\ndrain = \"500ms\"\n[target]\nurls = [\"{url}\"]\n\
         dialect = \"socketio-v5\"\nwith = {{ way = \"{way}\" }}\n\
         [[clients]]\nname = \"people\"\ncount = 4\nauth = \"none\"\nrooms = {{ count = 1, name = \"r1\" }}\n\
         reconnect = {{ policy = \"fixed\", base = \"200ms\" }}\n\
         [[publish]]\nname = \"p\"\nfrom = \"people\"\nrate = \"40/s\"\nsize = \"64B\"\n\
         [thresholds]\n\"deliveries.lost\" = \"== 0\"\n\"frames.received{{kind=unknown}}\" = \"== 0\"\n"
    )
}

/// Runs it; its result.
fn run(text: &str, code: i32) -> Report {
    let directory = scratch();
    let json = directory.path().join("result.json").display().to_string();
    wsbench(["run", &put(&directory, "s.toml", text), "--out", &format!("json={json}")]).run().expect(code);
    Report::read(&json)
}

#[test]
fn who_polls_first_comes_in_step_by_step_and_is_measured_like_anybody() {
    let (server, state) = socketio(usize::MAX);
    let report = run(&scenario(&server.url(), "polling"), 0);
    assert_eq!((report.count("clients.connected"), report.identity()[2]), (4, 0));
    let mut asked = state.lock().unwrap().asked.clone();
    asked.sort();
    let mut each =
        ["GET polling", "POST polling sid", "GET polling sid", "GET websocket sid", "GET polling sid"].repeat(5);
    each.sort_unstable();
    assert_eq!(asked, each, "four clients, and one to see whether the target can be reached");
    for stage in ["auth", "upgrade", "join"] {
        let timed = report.entries("histograms").find(|entry| entry["labels"]["stage"] == stage);
        assert_eq!(timed.and_then(|entry| entry["count"].as_u64()), Some(4), "{stage}");
    }
}

#[test]
fn a_balancer_that_does_not_keep_a_client_together_is_named() {
    const WORDS: [&str; 3] = ["Session ID unknown", "another instance was asked", "docs/instances.md"];
    let (server, _) = socketio(0);
    let directory = scratch();
    let file = put(&directory, "s.toml", &scenario(&server.url(), "polling"));
    wsbench(["run", &file]).run().expect(3).says(&WORDS);
    let probed = wsbench(["probe", &file]).run();
    let screen = probed.expect(3).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(screen.contains("FAIL listener connects") && WORDS.iter().all(|words| screen.contains(words)), "{screen}");

    // One that does so only later: the one that looks and the first client are together.
    let (server, _) = socketio(2);
    let alone = scenario(&server.url(), "polling").replace("{ policy = \"fixed\", base = \"200ms\" }", "\"none\"");
    let report = run(&alone, 99);
    assert_eq!(report.counted("errors", &[("kind", "session_unknown")]), 3);
    let first = report.entries("errors").next().unwrap().to_string();
    assert!(WORDS.iter().all(|words| first.contains(words)), "{first}");
}

#[test]
fn a_trace_shows_the_way_in() {
    let (server, _) = socketio(usize::MAX);
    let directory = scratch();
    let file = put(&directory, "s.toml", &scenario(&server.url(), "polling"));
    let probed = wsbench(["probe", &file, "--trace"]).run();
    let screen = &probed.expect(0).stdout;
    let told = [
        "GET /socket.io/",
        "\"sid\":\"s0\"",
        "2probe",
        "3probe",
        "on the way in",
        "The target does as socketio-v5 says.",
    ];
    told.iter().for_each(|words| assert!(screen.contains(words), "no {words:?} in {screen}"));
}

#[test]
fn what_was_missed_is_replayed_to_who_comes_back() {
    let cut = "[[fault]]\nname = \"cut\"\nat = \"500ms\"\ndisconnect = { clients = \"people\", percent = 50, how = \"rst\" }\n";
    for way in ["websocket", "polling"] {
        let (server, _) = socketio(usize::MAX);
        let report = run(&format!("{}{cut}", scenario(&server.url(), way)), 0);
        assert_eq!(report.count("reconnect.recovered"), 2, "{way}");
        let [missed, replayed] = ["missed", "replayed"].map(|name| report.count(&format!("reconnect.{name}")));
        assert!(missed > 0 && missed == replayed, "{way}: {missed} missed, {replayed} replayed");
        assert_eq!(report.count("deliveries.duplicate"), 0, "{way}");
    }
}

#[test]
fn who_is_not_to_resume_begins_anew() {
    let cut = "[[fault]]\nname = \"cut\"\nat = \"500ms\"\ndisconnect = { clients = \"people\", percent = 50, how = \"rst\" }\n";
    let (server, _) = socketio(usize::MAX);
    let text = scenario(&server.url(), "websocket").replace("base = \"200ms\"", "base = \"200ms\", resume = false");
    let report = run(&format!("{text}{cut}"), 99);
    assert_eq!((report.count("reconnect.recovered"), report.count("reconnect.replayed")), (2, 0));
    assert!(report.count("deliveries.lost") > 0);
}
