//! Dialects that publish by a request: an API that wants signatures beside sockets, and streams of events.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio_tungstenite::tungstenite::{self, Message};
use url::Url;

use crate::support::server::Server;
use crate::support::{put, scratch, wsbench};

/// Whoever listens to a channel, by its name.
#[derive(Clone, Default)]
struct Channels(Arc<Mutex<BTreeMap<String, Vec<mpsc::Sender<String>>>>>);

impl Channels {
    fn listen(&self, channel: &str, listener: mpsc::Sender<String>) {
        self.0.lock().unwrap().entry(channel.to_owned()).or_default().push(listener);
    }

    fn tell(&self, channel: &str, what: &str) {
        let mut channels = self.0.lock().unwrap();
        channels.entry(channel.to_owned()).or_default().retain(|listener| listener.send(what.to_owned()).is_ok());
    }
}

/// A request as it came.
struct Request {
    url: Url,
    method: String,
    headers: BTreeMap<String, String>,
    body: String,
}

/// The next request of a connection that is kept alive; nothing when it has ended.
fn request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let mut headers = BTreeMap::new();
    while let Some((name, value)) = line()?.split_once(": ") {
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let url = Url::parse(&format!("http://x{target}")).unwrap();
    Some(Request { url, method, headers, body: String::from_utf8(body).unwrap() })
}

fn answer(mut stream: &TcpStream, status: &str) {
    stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}").as_bytes()).ok();
}

/// Answers every request of a connection, as long as there are any.
fn serve(stream: &TcpStream, mut answered: impl FnMut(&Request) -> &'static str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = request(&mut reader) {
        answer(stream, answered(&request));
    }
}

const SECRET: &str = "s3cret";

fn hmac(text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Pusher: sockets that listen, and an API that says what is signed.
fn pusher() -> Server {
    let channels = Channels::default();
    Server::new(move |stream| {
        let mut start = [0; 5];
        stream.peek(&mut start).ok();
        if &start == b"POST " {
            serve(&stream, |request| if says(request, &channels) { "200 OK" } else { "401 Unauthorized" });
        } else {
            listens(stream, &channels).ok();
        }
    })
}

/// Whether an event is signed as it should be; it is told then.
fn says(request: &Request, channels: &Channels) -> bool {
    let mut query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
    let signature = query.remove("auth_signature").unwrap_or_default();
    let digest: String = Md5::digest(&request.body).iter().map(|byte| format!("{byte:02x}")).collect();
    let signed = query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let now = wsbench::time::unix_seconds();
    let old = now.abs_diff(query["auth_timestamp"].parse().unwrap()) > 600;
    if old || query["body_md5"] != digest || signature != hmac(&format!("POST\n{}\n{signed}", request.url.path())) {
        return false;
    }
    let event: Value = serde_json::from_str(&request.body).unwrap();
    for channel in event["channels"].as_array().unwrap() {
        let said = json!({"event": event["name"], "channel": channel, "data": event["data"]});
        channels.tell(channel.as_str().unwrap(), &said.to_string());
    }
    true
}

/// A socket: who subscribes with a proof hears the channel.
fn listens(stream: TcpStream, channels: &Channels) -> tungstenite::Result<()> {
    let Ok(mut socket) = tungstenite::accept(stream) else { return Ok(()) };
    socket.get_ref().set_read_timeout(Some(Duration::from_millis(5)))?;
    let id = format!("{}.1", socket.get_ref().peer_addr()?.port());
    let data = json!({"socket_id": id, "activity_timeout": 120}).to_string();
    socket.send(Message::text(json!({"event": "pusher:connection_established", "data": data}).to_string()))?;
    let (sender, mine) = mpsc::channel();
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                let said: Value = serde_json::from_str(&text).unwrap();
                let channel = said["data"]["channel"].as_str().unwrap();
                if said["data"]["auth"] != format!("a-key:{}", hmac(&format!("{id}:{channel}"))) {
                    return Ok(());
                }
                channels.listen(channel, sender.clone());
                let joined =
                    json!({"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"});
                socket.send(Message::text(joined.to_string()))?;
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

/// Streams of events by `GET /rooms/ROOM/events`; what is posted to them, here or at another server, is told there.
fn streams(channels: &Channels) -> Server {
    streams_of(channels, &["message"])
}

/// The same, where all is told once as an event of each of these names.
fn streams_of(channels: &Channels, names: &'static [&'static str]) -> Server {
    let channels = channels.clone();
    Server::new(move |mut stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let Some(first) = request(&mut reader) else { return };
        if first.method == "POST" {
            posted(&first, &channels);
            answer(&stream, "202 Accepted");
            return serve(&stream, |request| posted(request, &channels));
        }
        assert_eq!(first.headers.get("x-inside").map(String::as_str), Some("1"));
        let (sender, mine) = mpsc::channel();
        channels.listen(first.url.path().split('/').nth(2).unwrap(), sender);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hello\n\n";
        stream.write_all(head.as_bytes()).ok();
        let told = mine.iter().flat_map(|data| names.iter().map(move |name| (*name, data.clone())));
        for (id, (name, data)) in told.enumerate() {
            if stream.write_all(format!("event: {name}\nid: {id}\ndata: {data}\n\n").as_bytes()).is_err() {
                return;
            }
        }
    })
}

fn posted(request: &Request, channels: &Channels) -> &'static str {
    let said: Value = serde_json::from_str(&request.body).unwrap();
    channels.tell(request.url.path().split('/').nth(2).unwrap(), &json!({"text": said["text"]}).to_string());
    "202 Accepted"
}

fn scenario(target: &str, clients: &str) -> String {
    format!(
        "name = \"foreign\"\n[run]\nduration = \"1s\"\ndrain = \"2s\"\n[target]\n{target}\n\
         [[clients]]\nname = \"c\"\ncount = 4\nauth = \"none\"\nrooms = {{ count = 2, name = \"r{{n}}\" }}\n{clients}\n\
         [[publish]]\nname = \"p\"\nfrom = \"c\"\nrate = \"20/s\"\nsize = \"64B\"\n[thresholds]\n\
         \"deliveries.lost\" = \"== 0\"\n\"deliveries.due\" = \">= 30\"\n\"frames.received{{kind=unknown}}\" = \"== 0\"\n\
         \"messages.refused\" = \"== 0\"\n\"ack.p50\" = \"> 0ms\"\n"
    )
}

#[test]
fn a_pusher_server_is_measured_and_its_api_signed_for() {
    let (server, directory) = (pusher(), scratch());
    let with = |secret: &str| {
        let target = format!(
            "urls = [\"{}\"]\ndialect = \"pusher-v7\"\nwith = {{ app = \"1\", key = \"a-key\", secret = \"{secret}\", \
             channel = \"private-\" }}",
            server.url()
        );
        put(&directory, "pusher.toml", &scenario(&target, ""))
    };
    wsbench(["run", &with(SECRET)]).run().expect(0);
    let probed = wsbench(["probe", &with(SECRET)]).run();
    let told = &probed.expect(0).stdout;
    assert!(told.contains("acknowledged") && told.contains("listener hears it"), "{told}");
}

#[test]
fn what_an_api_refuses_is_told() {
    let refusing = Server::status("401 Unauthorized");
    let (server, directory) = (pusher(), scratch());
    let target = format!(
        "urls = [\"{}\"]\ndialect = \"pusher-v7\"\nwith = {{ app = \"1\", key = \"a-key\", secret = \"{SECRET}\", \
         api = \"http://127.0.0.1:{}\" }}",
        server.url(),
        refusing.port()
    );
    let file = put(&directory, "pusher.toml", &scenario(&target, ""));
    let probed = wsbench(["probe", &file]).run();
    let told = &probed.expect(3).stdout;
    assert!(told.contains("talker says a message") && told.contains("refused: status 401"), "{told}");
}

#[test]
fn streams_of_events_are_measured_and_posted_to() {
    let (channels, directory) = (Channels::default(), scratch());
    let server = streams(&channels);
    let target = format!("urls = [\"{}\"]\ndialect = \"sse\"\nheaders = {{ X-Inside = \"1\" }}", server.url());
    for engine in ["", "sse = \"eventsource-client\"\n"] {
        let clients = format!("transport = \"sse\"\n{engine}");
        let file = put(&directory, "sse.toml", &scenario(&target, &clients));
        wsbench(["run", &file]).run().expect(0);
    }
    let on_sockets = put(&directory, "socket.toml", &scenario(&target, ""));
    wsbench(["check", &on_sockets])
        .run()
        .expect(2)
        .says(&["`sse` is not spoken over websocket", "transport = \"sse\""]);
}

#[test]
fn events_of_another_name_are_no_copies() {
    let (channels, directory) = (Channels::default(), scratch());
    let server = streams_of(&channels, &["draft", "said"]);
    for engine in ["", "sse = \"eventsource-client\"\n"] {
        let run = |with: &str, unknown: &str| {
            let target =
                format!("urls = [\"{}\"]\ndialect = \"sse\"\nheaders = {{ X-Inside = \"1\" }}\n{with}", server.url());
            let text = scenario(&target, &format!("transport = \"sse\"\n{engine}"));
            let text = text.replace("\"frames.received{kind=unknown}\" = \"== 0\"", unknown);
            wsbench(["run", &put(&directory, "named.toml", &text)]).run()
        };
        let once = "\"deliveries.duplicate\" = \"== 0\"\n\"frames.received{kind=unknown}\" = \">= 30\"";
        run("with = { event = \"said\" }", once).expect(0);
        run("", "\"deliveries.duplicate\" = \">= 30\"").expect(0);
    }
}

#[test]
fn another_server_is_published_to_without_the_targets_headers() {
    let (channels, directory) = (Channels::default(), scratch());
    let (listening, told) = (streams(&channels), channels.clone());
    let api = Server::new(move |stream| {
        serve(&stream, |request| {
            let ours = request.headers.contains_key("x-inside") || request.headers.contains_key("authorization");
            if ours { "403 Forbidden" } else { posted(request, &told) }
        });
    });
    let target = format!(
        "urls = [\"{}\"]\ndialect = \"sse\"\nheaders = {{ X-Inside = \"1\", Authorization = \"Basic hidden\" }}\n\
         with = {{ publish_by = {{ url = \"http://127.0.0.1:{}\" }} }}",
        listening.url(),
        api.port()
    );
    wsbench(["run", &put(&directory, "apart.toml", &scenario(&target, "transport = \"sse\""))]).run().expect(0);
}
