//! The servers that are compared: how they are started, and what a client of theirs says.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::process::{Process, cpu_nanos, family, resident_kib};
use crate::server::{SECRET, Server};

/// One of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The bundled room server.
    Ours,
    /// The article's: Hono and ioredis.
    Article,
    /// Socket.IO with its Redis adapter.
    SocketIo,
}

/// All of them.
pub(crate) const KINDS: [Kind; 3] = [Kind::Ours, Kind::Article, Kind::SocketIo];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "bundled room server",
            Self::Article => "article: Hono + ioredis",
            Self::SocketIo => "Socket.IO + Redis adapter",
        }
    }

    /// What it is asked for by.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ours => "bundled",
            Self::Article => "article",
            Self::SocketIo => "socketio",
        }
    }

    /// Where a client of a room connects.
    pub(crate) fn url(self, base: &str, room: usize, token: &str) -> String {
        match self {
            Self::Ours | Self::Article => format!("{base}/ws/rooms/r{room}?token={token}"),
            Self::SocketIo => format!("{base}/socket.io/?EIO=4&transport=websocket"),
        }
    }

    /// What a client answers to a frame before it is in its room; `None` once it is.
    pub(crate) fn greet(self, frame: &str, room: usize, token: &str) -> Option<Vec<String>> {
        match self {
            Self::Ours => (!frame.starts_with(r#"{"type":"joined""#)).then(Vec::new),
            Self::Article => None,
            Self::SocketIo if frame.starts_with('0') => Some(vec![format!(r#"40{{"token":"{token}"}}"#)]),
            Self::SocketIo if frame.starts_with("40") => Some(vec![format!(r#"420["join","r{room}"]"#)]),
            Self::SocketIo => (!frame.starts_with("430")).then(Vec::new),
        }
    }

    /// Whether the server speaks first; otherwise a client is in its room with the upgrade.
    pub(crate) fn greets(self) -> bool {
        self != Self::Article
    }

    /// What a client says to its room.
    pub(crate) fn message(self, room: usize, content: &str) -> String {
        match self {
            Self::Ours | Self::Article => format!(r#"{{"type":"message","content":"{content}"}}"#),
            Self::SocketIo => format!(r#"42["message",{{"room":"r{room}","text":"{content}"}}]"#),
        }
    }

    /// What stands before the time that a content begins with, in a frame that carries one.
    pub(crate) fn before_content(self) -> &'static [u8] {
        match self {
            Self::Ours | Self::Article => br#""content":"T"#,
            Self::SocketIo => br#""text":"T"#,
        }
    }

    /// What a client answers to a frame, for the connection to live.
    pub(crate) fn answer(self, frame: &str) -> Option<&'static str> {
        (self == Self::SocketIo && frame == "2").then_some("3")
    }
}

/// Two instances and the Redis between them.
pub(crate) enum Running {
    Ours(Server),
    Node { instances: Vec<Process>, ports: Vec<String>, _redis: Redis },
}

/// A redis-server of its own, gone with the value.
pub(crate) struct Redis(Child);

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn redis() -> (Redis, String) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = free.local_addr().expect("a listener has an address").port().to_string();
    drop(free);
    let mut command = Command::new("redis-server");
    command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    let child = command.stdout(Stdio::null()).spawn().expect("redis-server is on PATH");
    while std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
        std::thread::sleep(Duration::from_millis(10));
    }
    (Redis(child), format!("redis://127.0.0.1:{port}"))
}

impl Running {
    /// Starts two instances; `scripts` holds the Node servers and what they need.
    pub(crate) fn start(kind: Kind, scripts: &Path) -> Self {
        let script = match kind {
            Kind::Ours => return Self::Ours(Server::start(2, "redis")),
            Kind::Article => "article.mjs",
            Kind::SocketIo => "socketio.mjs",
        };
        let (redis, url) = redis();
        let mut instances = Vec::new();
        let mut ports = Vec::new();
        for _ in 0..2 {
            let mut command = Command::new("node");
            command
                .arg(scripts.join(script))
                .env("REDIS_URL", &url)
                .env("JWT_SECRET", SECRET)
                .env("NODE_ENV", "production");
            let mut instance = Process::start(command);
            ports.push(instance.line());
            instances.push(instance);
        }
        Self::Node { instances, ports, _redis: redis }
    }

    /// Where clients connect.
    pub(crate) fn bases(&self) -> Vec<String> {
        match self {
            Self::Ours(server) => server.urls().to_vec(),
            Self::Node { ports, .. } => ports.iter().map(|port| format!("ws://127.0.0.1:{port}")).collect(),
        }
    }

    /// CPU time of the instances so far, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        let nanos: u64 = match self {
            Self::Ours(server) => server.cpu_nanos(),
            Self::Node { instances, .. } => instances.iter().flat_map(|node| family(node.id())).map(cpu_nanos).sum(),
        };
        nanos as f64 / 1e9
    }

    /// Resident memory of the instances, in KiB.
    pub(crate) fn resident(&self) -> f64 {
        let kib: u64 = match self {
            Self::Ours(server) => server.resident_kib(),
            Self::Node { instances, .. } => instances.iter().flat_map(|node| family(node.id())).map(resident_kib).sum(),
        };
        kib as f64
    }
}
