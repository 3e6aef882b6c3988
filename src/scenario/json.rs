//! JSON as another spelling of a scenario, read so that every value keeps its place.
//!
//! `serde_json` has judged the text before; the walk here only finds where things stand, and so may be small.

use std::ops::Range;

use super::Source;
use super::diagnostic::Diagnostic;
use super::document::{Entry, Node, Value};

/// Reads the text as JSON.
pub(super) fn read(source: &Source) -> Result<Node, Diagnostic> {
    // Into values, because that refuses nesting deep enough to exhaust the walk's stack.
    let judged: Result<serde_json::Value, _> = serde_json::from_str(&source.text);
    if let Err(error) = judged {
        let at = offset(&source.text, error.line(), error.column());
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        return Err(Diagnostic::new(source, at..at + 1, format!("not valid JSON: {message}")));
    }
    let mut walk = Walk { text: &source.text, at: 0 };
    walk.value().ok_or_else(|| Diagnostic::new(source, walk.at..walk.at, "a number that cannot be represented"))
}

fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (start + column.saturating_sub(1)).min(text.len())
}

struct Walk<'t> {
    text: &'t str,
    at: usize,
}

impl Walk<'_> {
    fn blank(&mut self) -> Option<u8> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips `byte` if it comes next.
    fn skip(&mut self, byte: u8) -> bool {
        let there = self.blank() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn value(&mut self) -> Option<Node> {
        let first = self.blank()?;
        let start = self.at;
        let value = match first {
            b'{' => self.table()?,
            b'[' => self.array()?,
            b'"' => Value::Text(self.string()?.0),
            _ => self.scalar()?,
        };
        Some(Node::new(start..self.at, value))
    }

    fn table(&mut self) -> Option<Value> {
        let mut entries = Vec::new();
        self.skip(b'{');
        while !self.skip(b'}') {
            self.blank()?;
            let (key, key_span) = self.string()?;
            self.skip(b':');
            entries.push(Entry { key, key_span, node: self.value()? });
            self.skip(b',');
        }
        Some(Value::Table(entries))
    }

    fn array(&mut self) -> Option<Value> {
        let mut nodes = Vec::new();
        self.skip(b'[');
        while !self.skip(b']') {
            nodes.push(self.value()?);
            self.skip(b',');
        }
        Some(Value::Array(nodes))
    }

    fn string(&mut self) -> Option<(String, Range<usize>)> {
        let start = self.at;
        let mut escaped = false;
        let inner = self.text[start + 1..].bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        self.at = start + inner + 2;
        Some((serde_json::from_str(&self.text[start..self.at]).ok()?, start..self.at))
    }

    fn scalar(&mut self) -> Option<Value> {
        let rest = &self.text[self.at..];
        let length = rest.find([',', '}', ']', ' ', '\n', '\r', '\t']).unwrap_or(rest.len());
        self.at += length;
        let word = &rest[..length];
        match word {
            "null" => return Some(Value::Null),
            "true" => return Some(Value::Bool(true)),
            "false" => return Some(Value::Bool(false)),
            _ => {}
        }
        let integer = word.parse().map(Value::Integer).ok();
        integer.or_else(|| word.parse().map(Value::Float).ok())
    }
}
