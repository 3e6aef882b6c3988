//! Requests over HTTP, and streams of events read event by event.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::{
    Server,
    server::{Answer, exchange, token, try_exchange},
    soon,
};

/// One request; `headers` are lines with their ends.
pub(crate) async fn request(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let head = format!("{method} {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
    let answer = exchange(address, &head, headers, body).await;
    Answer { head: answer.head.to_ascii_lowercase(), ..answer }
}

/// The same with a server that may be going away: `None` if it has gone.
pub(crate) async fn try_request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Option<Answer> {
    let head = format!("{method} {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
    try_exchange(address, &head, headers, body).await
}

/// The header a user proves to be one with.
pub(crate) fn bearer(user: &str) -> String {
    format!("Authorization: Bearer {}\r\n", token(user))
}

/// Posts as a user and returns status and JSON.
pub(crate) async fn post(server: &Server, user: &str, path: &str, body: &str) -> (u16, Value) {
    let answer = request(server.address, "POST", path, &bearer(user), body).await;
    (answer.status, serde_json::from_str(&answer.body).unwrap_or(Value::Null))
}

/// Polls as a user and returns status and JSON.
pub(crate) async fn poll(server: &Server, user: &str, path: &str) -> (u16, Value) {
    let answer = request(server.address, "GET", path, &bearer(user), "").await;
    (answer.status, serde_json::from_str(&answer.body).unwrap_or(Value::Null))
}

/// An open stream of events.
pub(crate) struct Events {
    pub(crate) stream: BufReader<TcpStream>,
    /// In lower case.
    pub(crate) head: String,
    text: String,
}

/// A block of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) retry: Option<u64>,
    pub(crate) data: Option<Value>,
    pub(crate) comment: bool,
}

impl Events {
    /// Opens a stream; `headers` are lines with their ends.
    pub(crate) async fn open(address: SocketAddr, path: &str, headers: &str) -> Self {
        Self::try_open(address, path, headers).await.unwrap_or_else(|| panic!("no stream at {path}"))
    }

    /// The same with a server that may be going away: `None` if it has gone.
    pub(crate) async fn try_open(address: SocketAddr, path: &str, headers: &str) -> Option<Self> {
        let mut stream = BufReader::new(TcpStream::connect(address).await.ok()?);
        let head = format!("GET {path} HTTP/1.1\r\nHost: test\r\nAccept: text/event-stream\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.ok()?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = soon("the head of a stream", stream.read_line(&mut head)).await.ok()?;
            (read > 0).then_some(())?;
        }
        Some(Self { stream, head: head.to_ascii_lowercase(), text: String::new() })
    }

    /// A user's view of a room, past `joined`, which is returned too.
    pub(crate) async fn of_room(server: &Server, room: &str, user: &str) -> (Self, Event) {
        let mut events = Self::open(server.address, &format!("/api/rooms/{room}/events"), &bearer(user)).await;
        let joined = events.next("joined").await;
        (events, joined)
    }

    /// The same, coming back.
    pub(crate) async fn back(server: &Server, room: &str, user: &str, last: &str) -> (Self, Event) {
        let headers = format!("{}Last-Event-ID: {last}\r\n", bearer(user));
        let mut events = Self::open(server.address, &format!("/api/rooms/{room}/events"), &headers).await;
        let joined = events.next("joined").await;
        (events, joined)
    }

    /// A user's own stream, past `connected`.
    pub(crate) async fn of_user(server: &Server, user: &str) -> Self {
        let mut events = Self::open(server.address, "/api/events", &bearer(user)).await;
        events.next("connected").await;
        events
    }

    /// The next block; `None` at the end of the stream.
    pub(crate) async fn block(&mut self) -> Option<Event> {
        soon("an event", async {
            loop {
                if let Some((block, rest)) = self.text.split_once("\n\n") {
                    let event = parse(block);
                    self.text = rest.to_owned();
                    return Some(event);
                }
                self.chunk().await?;
            }
        })
        .await
    }

    /// The next line as it is.
    pub(crate) async fn line(&mut self) -> String {
        soon("a line", async {
            loop {
                if let Some((line, rest)) = self.text.split_once('\n') {
                    let line = line.to_owned();
                    self.text = rest.to_owned();
                    return line;
                }
                self.chunk().await.expect("the stream goes on");
            }
        })
        .await
    }

    async fn chunk(&mut self) -> Option<()> {
        let mut size = String::new();
        self.stream.read_line(&mut size).await.ok().filter(|read| *read > 0)?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or_else(|_| panic!("not a chunk: {size}"));
        let mut chunk = vec![0; size + 2];
        self.stream.read_exact(&mut chunk).await.ok()?;
        self.text.push_str(std::str::from_utf8(&chunk[..size]).unwrap());
        (size > 0).then_some(())
    }

    /// The next block with data, heartbeats aside; `None` at the end.
    pub(crate) async fn event(&mut self) -> Option<Event> {
        // Heartbeats go on coming whatever does not.
        soon("an event", async {
            loop {
                let block = self.block().await?;
                if block.data.is_some() {
                    return Some(block);
                }
            }
        })
        .await
    }

    /// The next event, which has to be of this type. Announcements of others are passed over unless asked for.
    pub(crate) async fn next(&mut self, kind: &str) -> Event {
        loop {
            let event = self.event().await.unwrap_or_else(|| panic!("the stream ended instead of {kind}"));
            let found = event.data.as_ref().unwrap()["type"].as_str().unwrap();
            if found == kind {
                return event;
            }
            assert!(found.starts_with("user."), "instead of {kind}: {event:?}");
        }
    }

    /// Reads to the end of the stream.
    pub(crate) async fn ended(&mut self) {
        while self.block().await.is_some() {}
    }
}

fn parse(block: &str) -> Event {
    let mut event = Event::default();
    let mut data: Option<String> = None;
    for line in block.lines() {
        match line.split_once(':').unwrap_or_else(|| panic!("not a field: {line:?}")) {
            ("", _) => event.comment = true,
            ("id", id) => event.id = Some(id.trim_start().to_owned()),
            ("retry", retry) => event.retry = Some(retry.trim().parse().unwrap()),
            ("data", line) => match &mut data {
                None => data = Some(line[1..].to_owned()),
                Some(data) => {
                    data.push('\n');
                    data.push_str(&line[1..]);
                }
            },
            other => panic!("an unknown field: {other:?}"),
        }
    }
    event.data = data.map(|data| serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error} in {data}")));
    event
}

/// The offset in an id.
pub(crate) fn offset(id: &str) -> u64 {
    id.split_once(':').unwrap().1.parse().unwrap()
}
