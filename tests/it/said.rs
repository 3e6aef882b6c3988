//! What a server gives back of what is said: nothing but an id of its own; or all of it, to everybody but whoever said it.

use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::support::raw_log::compare;
use crate::support::server::Server;
use crate::support::{Report, put, scratch, wsbench};

type Members = Arc<Mutex<Vec<(u64, mpsc::Sender<String>)>>>;

/// A room that gives each message an id, censors what is said and tells it to all; that somebody types is told to all others.
fn censor() -> Server {
    let (members, ids) = (Members::default(), Arc::new(AtomicU64::new(1)));
    Server::new(move |stream| {
        serve(stream, &members, &ids).ok();
    })
}

/// The same room, to which is posted: its path says nothing, each body what it is.
fn posted_to() -> Server {
    let (members, ids) = (Members::default(), Arc::new(AtomicU64::new(1)));
    Server::new(move |mut stream| {
        let mut start = [0; 5];
        stream.peek(&mut start).ok();
        if &start != b"POST " {
            serve(stream, &members, &ids).ok();
            return;
        }
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some(body) = body_of_request(&mut reader) {
            let said = serde_json::from_str::<Value>(&body).unwrap();
            let what = if said["types"].is_string() { "typing" } else { "said" };
            let told = json!({ "kind": what, "what": said }).to_string();
            members.lock().unwrap().retain(|(_, member)| member.send(told.clone()).is_ok());
            stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}").ok();
        }
    })
}

fn body_of_request(reader: &mut impl BufRead) -> Option<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if let Some(told) = line.to_lowercase().strip_prefix("content-length: ") {
            length = told.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(String::from_utf8(body).unwrap())
}

fn serve(stream: TcpStream, members: &Members, ids: &AtomicU64) -> tungstenite::Result<()> {
    let Ok(mut socket) = tungstenite::accept(stream) else { return Ok(()) };
    socket.get_ref().set_read_timeout(Some(Duration::from_millis(5)))?;
    let (me, (sender, mine)) = (ids.fetch_add(1, Ordering::Relaxed), mpsc::channel());
    let tell = |what: &Value, spared: u64| {
        let what = what.to_string();
        members.lock().unwrap().retain(|(who, member)| *who == spared || member.send(what.clone()).is_ok());
    };
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                let asked: Value = serde_json::from_str(&text).unwrap();
                let mid = ids.fetch_add(1, Ordering::Relaxed);
                if asked["join"].is_string() {
                    members.lock().unwrap().push((me, sender.clone()));
                } else if asked["types"].is_string() {
                    tell(&json!({ "kind": "typing", "who": asked["types"] }), me);
                    continue;
                } else {
                    tell(&json!({ "kind": "said", "mid": mid, "text": "***" }), 0);
                }
                socket.send(Message::text(json!({ "id": asked["id"], "mid": mid }).to_string()))?;
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

fn scenario(url: &str, with: &str, stream: &str, thresholds: &str) -> String {
    format!(
        "name = \"said\"\n[run]\nduration = \"2s\"\ndrain = \"2s\"\n[target]\nurls = [\"{url}\"]\ndialect = \"json\"\n\
         [target.with]\njoin = '{{\"join\":\"{{{{room}}}}\",\"id\":{{{{ref}}}}}}'\n{with}\n\
         [[clients]]\nname = \"c\"\ncount = 6\nauth = \"none\"\nrooms = {{ count = 1, name = \"r\" }}\n\
         [[publish]]\nname = \"p\"\nfrom = \"c\"\nrate = \"20/s\"\nsize = \"64B\"\n{stream}\n\
         [thresholds]\n\"deliveries.lost\" = \"== 0\"\n\"frames.received{{kind=unknown}}\" = \"== 0\"\n\
         \"deliveries.unowed\" = \"== 0\"\n{thresholds}\n"
    )
}

#[test]
fn copies_that_hold_nothing_of_what_was_said_are_told_by_ids_in_several_processes_too() {
    let (server, directory) = (censor(), scratch());
    let with = "publish = '{\"say\":\"{{text}}\",\"id\":{{ref}}}'\nmarker = \"correlate\"\n\
                reply = { ref = \"/id\", id = \"/mid\" }\ndeliver = { when = { \"/kind\" = \"said\" }, id = \"/mid\" }";
    let thresholds =
        "\"deliveries.excluded\" = \"== 0\"\n\"deliveries.unattributed\" = \"== 0\"\n\"deliveries.due\" = \"== 240\"";
    let file = put(&directory, "ids.toml", &scenario(&server.url(), with, "", thresholds));
    for shape in [["--workers", "2"], ["--processes", "2"]] {
        let [raw, json] = ["run.raw", "run.json"].map(|name| directory.path().join(name));
        let run = wsbench(["run", &file])
            .args(shape)
            .args(["--out", &format!("raw={}", raw.display()), "--out", &format!("json={}", json.display())])
            .run();
        run.expect(0);
        let counts = compare(&raw, &Report::read(&json));
        assert_eq!((counts.delivered, counts.copies), (240, 240));
    }
    let probed = wsbench(["probe", &file]).run();
    assert!(probed.expect(0).stdout.contains("(kind `correlate`)"), "{}", probed.stdout);
}

#[test]
fn a_named_message_is_published_and_is_owed_to_all_but_whoever_said_it() {
    let (server, directory) = (censor(), scratch());
    let with = "publish = '{\"say\":\"{{text}}\",\"id\":{{ref}}}'\npublish_as = { typing = '{\"types\":\"{{marker}}\"}' }\n\
                reply = { ref = \"/id\" }\ndeliver = { when = { \"/kind\" = \"typing\" } }";
    let stream = "message = \"typing\"\necho = false";
    let thresholds = "\"deliveries.due\" = \"== 200\"\n\"deliveries.delivered{own=no}\" = \"== 200\"";
    let file = put(&directory, "typing.toml", &scenario(&server.url(), with, stream, thresholds));
    let [raw, json] = ["run.raw", "run.json"].map(|name| directory.path().join(name));
    let run = wsbench(["run", &file])
        .args(["--out", &format!("raw={}", raw.display()), "--out", &format!("json={}", json.display())])
        .run();
    run.expect(0);
    compare(&raw, &Report::read(&json));
    let echoing = put(&directory, "echo.toml", &scenario(&server.url(), with, "message = \"typing\"", ""));
    let lost = wsbench(["run", &echoing]).run();
    assert!(lost.expect(99).stdout.contains("40 of 240 due copies lost"), "{}", lost.stdout);
    let checked = wsbench(["check", &file]).run();
    assert!(checked.expect(0).stdout.contains("say typing"), "{}", checked.stdout);
}

#[test]
fn what_is_published_by_name_goes_the_way_it_is_declared_beside_requests_that_publish() {
    let (server, directory) = (posted_to(), scratch());
    let with = "reply = { ref = \"/id\" }\ndeliver = { when = { \"/kind\" = [\"said\", \"typing\"] } }\n\
                publish_by = { path = \"/say\", body = '{\"say\":\"{{text}}\"}', as = { typing = '{\"types\":\"{{marker}}\"}' } }\n\
                publish_as = { hint = '{\"types\":\"{{marker}}\"}' }";
    for (stream, due) in [("", 240), ("message = \"typing\"", 240), ("message = \"hint\"\necho = false", 200)] {
        let thresholds = format!("\"deliveries.due\" = \"== {due}\"\n\"deliveries.delivered\" = \"== {due}\"");
        let text = scenario(&server.url(), with, stream, &thresholds);
        let [raw, json] = ["run.raw", "run.json"].map(|name| directory.path().join(name));
        let run = wsbench(["run", &put(&directory, "both.toml", &text)])
            .args(["--out", &format!("raw={}", raw.display()), "--out", &format!("json={}", json.display())])
            .run();
        run.expect(0);
        let report = Report::read(&json);
        compare(&raw, &report);
        let requests = if stream.contains("hint") { 0 } else { 40 };
        let acknowledged = report.entries("histograms").find(|entry| entry["name"] == "ack");
        assert_eq!(acknowledged.map_or(0, |entry| entry["count"].as_u64().unwrap()), requests, "{stream}");
    }
}
