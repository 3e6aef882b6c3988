//! The fault proxy's own account, by connections: the truth that figures are judged by.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// Everything of one connection.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    pub(crate) client: u64,
    pub(crate) impaired: bool,
    pub(crate) to: String,
    /// What went to the client: bytes up to here, read then, written then.
    pub(crate) down: Vec<(u64, u64, u64)>,
    pub(crate) up: Vec<(u64, u64, u64)>,
    /// How and when the proxy cut it.
    pub(crate) cut: Option<(String, u64)>,
    pub(crate) corrupted: u64,
    pub(crate) closed: bool,
}

/// The log, whole: it ends with its last line, and nothing is missing.
pub(crate) fn read(path: &Path) -> BTreeMap<u64, Connection> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.last(), Some(&serde_json::json!({ "what": "end", "missing": 0 })));
    let mut connections: BTreeMap<u64, Connection> = BTreeMap::new();
    for line in &lines[..lines.len() - 1] {
        let number = |key: &str| line[key].as_u64().unwrap_or_else(|| panic!("no {key} in {line}"));
        let connection = connections.entry(number("connection")).or_default();
        match line["what"].as_str().unwrap() {
            "opened" => {
                connection.client = number("client");
                connection.impaired = line["impaired"].as_bool().unwrap();
                connection.to = line["to"].as_str().unwrap().to_owned();
            }
            "passed" => {
                let lane = if line["way"] == "up" { &mut connection.up } else { &mut connection.down };
                assert_eq!(lane.last().map_or(0, |(until, ..)| *until), number("from"), "no byte is left out: {line}");
                assert!(number("read") <= number("written"), "{line}");
                lane.push((number("until"), number("read"), number("written")));
            }
            "cut" => connection.cut = Some((line["how"].as_str().unwrap().to_owned(), number("at"))),
            "corrupted" => connection.corrupted += 1,
            "closed" => connection.closed = true,
            other => panic!("what is {other}?"),
        }
    }
    connections
}
