//! Every transcript of PROTOCOL.md, run against a server.

use std::{fmt, time::Duration};

use reference_server::Config;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use crate::support::{Client, Server, server::token};

const PROTOCOL: &str = include_str!("../../PROTOCOL.md");

/// Keys whose values in the document are examples.
const EXAMPLES: [&str; 11] =
    ["ep", "id", "tsub", "tout", "timestamp", "tin", "tpub", "clock", "after_ep", "connectedAt", "lastSeen"];

/// A frame with its keys in order.
struct Frame(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Frame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ordered;
        impl<'de> Visitor<'de> for Ordered {
            type Value = Frame;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Frame, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Frame(entries))
            }
        }
        deserializer.deserialize_map(Ordered)
    }
}

fn assert_same_shape(sent: &str, documented: &str) {
    assert_same_value(sent, documented);
    assert!(!sent.contains("\n") && sent.starts_with(r#"{"type":""#));
}

/// Same keys in the same order, and same values where they are not examples.
pub(crate) fn assert_same_value(sent: &str, documented: &str) {
    let parse = |text: &str| serde_json::from_str::<Frame>(text).unwrap_or_else(|error| panic!("{error} in {text}")).0;
    let keys = |frame: &[(String, _)]| frame.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    let (sent_frame, documented_frame) = (parse(sent), parse(documented));
    assert_eq!(keys(&sent_frame), keys(&documented_frame), "\nsent       {sent}\ndocumented {documented}");
    for ((key, sent_value), (_, documented_value)) in sent_frame.iter().zip(&documented_frame) {
        let generated = documented.contains("-0-");
        if EXAMPLES.contains(&key.as_str()) && (key != "id" || generated) {
            let kind = |raw: &RawValue| std::mem::discriminant(&serde_json::from_str::<Value>(raw.get()).unwrap());
            assert_eq!(kind(sent_value), kind(documented_value), "{key} in {sent}");
        } else {
            compare_values(key, sent_value.get(), documented_value.get());
        }
    }
}

fn compare_values(key: &str, sent: &str, documented: &str) {
    let inside = |text: &'_ str| text.strip_prefix("[{").and_then(|text| text.strip_suffix("}]")).map(str::to_owned);
    match (inside(sent), inside(documented)) {
        // A list with one object in it.
        (Some(sent), Some(documented)) if !documented.contains("},{") => {
            assert_same_value(&format!("{{{sent}}}"), &format!("{{{documented}}}"));
        }
        _ => assert_eq!(sent, documented, "{key}"),
    }
}

/// The fenced blocks of this kind.
pub(crate) fn blocks(kind: &str) -> Vec<&'static str> {
    let fence = format!("```{kind}\n");
    let blocks: Vec<_> = PROTOCOL.split(&fence).skip(1).map(|rest| rest.split_once("\n```").unwrap().0).collect();
    assert!(!blocks.is_empty());
    blocks
}

async fn run(transcript: &str) {
    let mut config = Config::default();
    if transcript.contains("x 4002") {
        config.auth_timeout = Duration::from_millis(100);
    }
    let server = Server::alone(config).await;
    let mut client = None;
    let ada = token("ada");
    let mut epoch = String::new();
    let mut other = None;
    for line in transcript.lines() {
        let (mark, rest) = line.split_once(' ').unwrap();
        let said = rest.replace("ADA", &ada);
        match mark {
            "=" if transcript.contains("\n! ") => {
                let answer = server.get(&said).await;
                let refusal = format!("! {} {}", answer.status, answer.body);
                assert!(transcript.ends_with(&refusal), "{refusal}");
            }
            "=" => client = Some(Client { announcements: true, ..Client::open(&server, &said).await }),
            "+" => other = Some(Client::open(&server, &said.replace("BOB", &token("bob"))).await),
            "-" => other.take().unwrap().leave().await,
            // The document's epoch stands for the one the room has.
            ">" => client.as_mut().unwrap().send(&said.replace(r#""k3f9""#, &epoch)).await,
            "<" => {
                let text = client.as_mut().unwrap().text().await;
                assert_same_shape(&text, rest);
                let frame: Value = serde_json::from_str(&text).unwrap();
                if frame["type"] == "joined" {
                    epoch = frame["ep"].to_string();
                }
            }
            "x" => {
                let (code, reason) = client.as_mut().unwrap().closed().await;
                assert_eq!(format!("{code} {reason}"), rest);
            }
            "*" => server.shut_down(),
            "!" => {}
            other => panic!("unknown mark {other}"),
        }
    }
}

#[tokio::test]
async fn transcripts_are_true() {
    for transcript in blocks("transcript") {
        run(transcript).await;
    }
}

#[test]
fn the_gap_example_has_the_documented_shape() {
    for example in blocks("json") {
        assert_same_shape(example, example);
    }
}
