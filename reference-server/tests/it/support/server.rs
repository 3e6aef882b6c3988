//! Instances in this process.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use reference_server::{BrokerChoice, Config, Error, Instance, MemoryBroker, Ready, Secret, config::History};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{soon, until};

pub(crate) const SECRET: &str = "a secret for tests";

/// A running instance.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// A metric on the page.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let line = self.body.lines().find(|line| line.starts_with(&format!("room_server_{name}{{")));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
            .unwrap_or_else(|| panic!("no metric {name} in {}", self.body))
    }
}

/// A good token for a user.
pub(crate) fn token(user: &str) -> String {
    Secret::new(SECRET).mint(user, u32::MAX.into())
}

/// A memory broker with the default history.
pub(crate) fn memory() -> Arc<MemoryBroker> {
    MemoryBroker::new(History::default())
}

impl Server {
    pub(crate) async fn start(name: &str, broker: BrokerChoice, config: Config) -> Self {
        let (told, ready) = oneshot::channel();
        let shutdown = CancellationToken::new();
        let instance = Instance {
            name: name.into(),
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            admin: TcpListener::bind("127.0.0.1:0").unwrap(),
            config,
            broker,
            secret: Secret::new(SECRET),
        };
        let on_ready = move |ready| drop(told.send(ready));
        let task = tokio::spawn(reference_server::run(instance, on_ready, shutdown.clone()));
        let Ready { address, admin, .. } = soon("the instance is ready", ready).await.unwrap();
        Self { address, admin, shutdown, task }
    }

    /// One instance, alone.
    pub(crate) async fn alone(config: Config) -> Self {
        Self::start("a", BrokerChoice::Memory(memory()), config).await
    }

    /// Two instances, `a` and `b`.
    pub(crate) async fn pair(broker: BrokerChoice, config: Config) -> (Self, Self) {
        (Self::start("a", broker.clone(), config.clone()).await, Self::start("b", broker, config).await)
    }

    /// Begins to drain.
    pub(crate) fn shut_down(&self) {
        self.shutdown.cancel();
    }

    /// Waits until it has drained.
    pub(crate) async fn finished(self) {
        soon("the instance finishes", self.task).await.unwrap().unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        get(self.address, path, "").await
    }

    pub(crate) async fn admin(&self, path: &str) -> Answer {
        get(self.admin, path, "").await
    }

    /// Posts JSON to the admin listener.
    pub(crate) async fn post(&self, path: &str, body: &serde_json::Value) -> Answer {
        post(self.admin, path, body).await
    }

    /// A metric of the instance.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        self.admin("/metrics").await.metric(name)
    }

    /// Waits until everybody has gone and says so.
    pub(crate) async fn empty(&self) {
        for gauge in ["connections", "members", "rooms"] {
            until(&format!("{gauge} returns to 0"), async || self.metric(gauge).await == 0.0).await;
        }
    }
}

/// A plain GET; `headers` are lines with their ends.
pub(crate) async fn get(address: SocketAddr, path: &str, headers: &str) -> Answer {
    exchange(address, &format!("GET {path} HTTP/1.1\r\n"), headers, "").await
}

/// A POST of JSON.
pub(crate) async fn post(address: SocketAddr, path: &str, body: &serde_json::Value) -> Answer {
    let body = body.to_string();
    exchange(address, &format!("POST {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len()), "", &body).await
}

/// One request; `head` is its first lines, `headers` more of them, each with its end.
pub(crate) async fn exchange(address: SocketAddr, head: &str, headers: &str, body: &str) -> Answer {
    let answer = try_exchange(address, head, headers, body).await;
    answer.unwrap_or_else(|| panic!("no answer to {head}"))
}

/// The same with a server that may be going away: `None` if it has gone.
pub(crate) async fn try_exchange(address: SocketAddr, head: &str, headers: &str, body: &str) -> Option<Answer> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let request = format!("{head}Host: test\r\nConnection: close\r\n{headers}\r\n{body}");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    };
    let answer = soon(head, exchange).await?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some(Answer { status, head: head.into(), body: body.into() })
}
