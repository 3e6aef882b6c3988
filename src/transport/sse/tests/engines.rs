//! The crate `eventsource-client` against the same cases: what it fails is data, so that a new version shows.

use bytes::Bytes;
use eventsource_client::{Client, ClientBuilder, ReconnectOptions, SSE};
use futures_util::{StreamExt, stream};
use hyper::{Request, Response};
use launchdarkly_sdk_transport::{ByteStream, HttpTransport, ResponseFuture, TransportError};
use serde::Deserialize;
use std::future::ready;

use super::Case as HttpCase;
use crate::observe::TransportKind;
use crate::transport::event_stream::tests::{Case, Told};

/// A case that the crate fails, and what it makes of it.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Failed {
    name: String,
    gives: String,
}

#[derive(Deserialize)]
struct Known {
    version: String,
    stream: Vec<Failed>,
    http: Vec<Failed>,
}

fn known() -> Known {
    toml::from_str(include_str!("../../../../tests/data/event-stream/eventsource-client.toml")).unwrap()
}

/// Chunks as the body of one answer.
#[derive(Clone)]
struct Scripted(Vec<Bytes>);

impl HttpTransport for Scripted {
    fn request(&self, _: Request<Option<Bytes>>) -> ResponseFuture {
        let chunks: Vec<Result<Bytes, TransportError>> = self.0.iter().cloned().map(Ok).collect();
        let body: ByteStream = Box::pin(stream::iter(chunks));
        Box::pin(ready(Ok(Response::new(body))))
    }
}

fn outcome(events: &[Told], retry: Option<u64>, last_event_id: &str, end: &str) -> String {
    format!("{events:?} retry {retry:?} last {last_event_id:?} {end}")
}

/// What the crate makes of a stream.
async fn read(case: &Case) -> String {
    let once = ReconnectOptions::reconnect(false).build();
    let client = ClientBuilder::for_url("http://localhost/").unwrap().reconnect(once);
    let mut items = client.build_with_transport(Scripted(case.chunks())).stream();
    let (mut events, mut retry, mut last) = (Vec::new(), None, String::new());
    let end = loop {
        match items.next().await {
            Some(Ok(SSE::Event(event))) => {
                last = event.id.unwrap_or_default();
                retry = event.retry.or(retry);
                events.push((event.event_type, event.data, last.clone()));
            }
            Some(Ok(SSE::Connected(_) | SSE::Comment(_))) => {}
            // Whether something was left unfinished makes no difference.
            Some(Err(eventsource_client::Error::Eof | eventsource_client::Error::UnexpectedEof)) | None => {
                break "eof".to_owned();
            }
            Some(Err(error)) => break error.to_string(),
        }
    };
    outcome(&events, retry, &last, &end)
}

#[tokio::test]
async fn what_the_crate_makes_of_streams_is_known() {
    let mut failed = Vec::new();
    for case in Case::all() {
        let gives = read(&case).await;
        if gives != outcome(&case.events, case.retry, case.last_event_id(), "eof") {
            failed.push(Failed { name: case.name, gives });
        }
    }
    assert_eq!(failed, known().stream, "{}", as_data("stream", &failed));
}

#[tokio::test]
async fn what_the_crate_makes_of_http_is_known() {
    let mut failed = Vec::new();
    for case in HttpCase::all() {
        let gives = case.run(TransportKind::EventsourceClient).await;
        if gives != case.expected() {
            failed.push(Failed { name: case.name, gives });
        }
    }
    assert_eq!(failed, known().http, "{}", as_data("http", &failed));
}

#[test]
fn the_version_is_the_one_the_list_was_made_with() {
    let manifest = include_str!("../../../../Cargo.toml");
    assert!(manifest.contains(&format!("eventsource-client = {{ version = \"={}\"", known().version)));
}

/// The list as it would have to stand in the file.
fn as_data(table: &str, failed: &[Failed]) -> String {
    failed.iter().map(|Failed { name, gives }| format!("\n[[{table}]]\nname = {name:?}\ngives = '{gives}'\n")).collect()
}
