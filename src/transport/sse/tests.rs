//! Streams against a scripted server: what HTTP is made of, both engines, and what goes on beside.

mod beside;
mod engines;
mod lives;
mod refusals;

use bytes::Bytes;
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use url::Url;

use super::{eventsource_client, sse};
use crate::observe::TransportKind;
use crate::time::Clock;
use crate::transport::event_stream::tests::unescaped;
use crate::transport::tests::{receive, request};
use crate::transport::{ConnectError, Connected, Connection, NetworkConfig, Transport};
use crate::wire::Opening;

/// A head that opens a stream whose end is that of the connection.
const OPEN: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

fn transport(kind: TransportKind, urls: Vec<Url>, config: NetworkConfig) -> Arc<dyn Transport> {
    match kind {
        TransportKind::EventsourceClient => eventsource_client(urls, config).unwrap(),
        _ => sse(urls, config).unwrap(),
    }
}

fn url(address: SocketAddr) -> Url {
    Url::parse(&format!("http://{address}/stream")).unwrap()
}

async fn connect_with(
    kind: TransportKind,
    url: Url,
    config: NetworkConfig,
    opening: Opening,
) -> Result<Connected, ConnectError> {
    transport(kind, vec![url], config).connect(0, &opening, &Clock::real()).await
}

async fn connect(address: SocketAddr) -> Connection {
    let opened = connect_with(TransportKind::Sse, url(address), NetworkConfig::default(), Opening::default()).await;
    opened.unwrap().connection
}

/// A server that gives one answer to each request and closes.
struct Answering {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Answering {
    async fn start(answers: Vec<Bytes>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&heads);
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let head = request(&mut stream).await;
                heard.lock().unwrap().push(head);
                stream.write_all(&answer_of(&answer, address)).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        Self { address, heads }
    }

    /// The heads of the requests that were answered.
    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn answer_of(answer: &Bytes, server: SocketAddr) -> Bytes {
    match std::str::from_utf8(answer) {
        Ok(text) => text.replace("SERVER", &server.to_string()).into(),
        Err(_) => answer.clone(),
    }
}

/// The HTTP around a stream, and what a client must make of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    answers: Vec<String>,
    asks: Vec<String>,
    outcome: String,
    #[serde(default)]
    data: Vec<String>,
    #[serde(default)]
    end: String,
}

impl Case {
    fn all() -> Vec<Self> {
        #[derive(Deserialize)]
        struct File {
            case: Vec<Case>,
        }
        toml::from_str::<File>(include_str!("../../../tests/data/event-stream/http.toml")).unwrap().case
    }

    /// What it should come to, in the words of [`Case::run`].
    fn expected(&self) -> String {
        told(&self.asks, &self.outcome, &self.data, &self.end)
    }

    /// What `kind` makes of it.
    async fn run(&self, kind: TransportKind) -> String {
        let server = Answering::start(self.answers.iter().map(|answer| unescaped(answer)).collect()).await;
        let config = NetworkConfig { connect_timeout: Duration::from_secs(5), ..NetworkConfig::default() };
        let opened = connect_with(kind, url(server.address), config, Opening::default()).await;
        let (mut data, mut end) = (Vec::new(), String::new());
        let outcome = match opened {
            Err(error) => error.kind.name().into_owned(),
            Ok(Connected { mut connection, .. }) => {
                end = loop {
                    match receive(&mut connection).await {
                        Ok(received) => data.push(String::from_utf8(received.frame.bytes().to_vec()).unwrap()),
                        Err(reason) => break reason.to_string(),
                    }
                };
                "open".to_owned()
            }
        };
        let asks: Vec<_> =
            server.heads().iter().map(|head| head.lines().next().unwrap_or_default().to_owned()).collect();
        told(&asks, &outcome, &data, &end)
    }
}

fn told(asks: &[String], outcome: &str, data: &[String], end: &str) -> String {
    let asks: Vec<_> = asks.iter().filter_map(|ask| ask.split(' ').nth(1)).collect();
    let mut told = format!("{} {outcome}", asks.join(" "));
    if outcome == "open" {
        told.push_str(&format!(" {data:?} {end}"));
    }
    told
}

#[tokio::test]
async fn the_http_around_a_stream_is_the_standards() {
    let cases = Case::all();
    assert!(cases.len() >= 25);
    for case in cases {
        assert_eq!(case.run(TransportKind::Sse).await, case.expected(), "{}", case.name);
    }
}
