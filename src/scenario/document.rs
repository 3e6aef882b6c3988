//! A scenario as a tree of values that know their place in the text, whether it was written as TOML or as JSON, and
//! the expansion of `${NAME}` in it.

use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Source;
use super::diagnostic::Diagnostic;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// Bytes of the text.
    pub(super) span: Range<usize>,
    /// What stands there.
    pub(super) value: Value,
    /// Where it came from.
    pub(super) origin: Origin,
}

/// What stands at a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Array(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key and its value, in the order of the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) node: Node,
}

/// Where a value came from: how it may be read and whether it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was written as it is.
    Written,
    /// All of it is one variable: text that may stand for a number.
    Variable,
    /// There is something of the environment in it: never shown, and it may stand for a number.
    Environment,
}

impl Node {
    pub(super) fn new(span: Range<usize>, value: Value) -> Self {
        Self { span, value, origin: Origin::Written }
    }

    /// Its entries; none when it is not a table.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The entry `key` of a table.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The bytes of `key` in the table `table` of the document.
    pub(super) fn key_span(&self, table: &str, key: &str) -> Range<usize> {
        let entry = self.get(table).and_then(|table| table.node.get(key));
        entry.map_or(0..0, |entry| entry.key_span.clone())
    }

    /// The best place for an error about `path`: keys and indices joined by dots, as `clients.0.rooms`. The place of
    /// the nearest ancestor when there is nothing there, the top of the file in the end.
    pub(super) fn place(&self, path: &str) -> Place<'_> {
        let mut place = Place { span: 0..0, node: self };
        let mut rest = path;
        while !rest.is_empty() {
            let Some((next, after)) = place.node.step(rest) else { break };
            place = next;
            rest = after;
        }
        place
    }

    /// One step along `path`. A key may itself contain dots: the longest that fits is taken.
    fn step<'p>(&self, path: &'p str) -> Option<(Place<'_>, &'p str)> {
        let after = |key: &str| {
            let rest = path.strip_prefix(key)?;
            if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
        };
        match &self.value {
            Value::Table(entries) => {
                let fitting = entries.iter().filter_map(|entry| Some((entry, after(&entry.key)?)));
                let (entry, rest) = fitting.max_by_key(|(entry, _)| entry.key.len())?;
                let whole = matches!(entry.node.value, Value::Table(_) | Value::Array(_));
                let span = if whole && !rest.is_empty() { &entry.key_span } else { entry.best_span() };
                Some((Place { span: span.clone(), node: &entry.node }, rest))
            }
            Value::Array(nodes) => {
                let (index, rest) = path.split_once('.').unwrap_or((path, ""));
                let node = nodes.get(index.parse::<usize>().ok()?)?;
                Some((Place { span: node.span.clone(), node }, rest))
            }
            _ => None,
        }
    }
}

impl Entry {
    /// The value of a scalar, the key of anything longer.
    fn best_span(&self) -> &Range<usize> {
        if matches!(self.node.value, Value::Table(_) | Value::Array(_)) { &self.key_span } else { &self.node.span }
    }
}

/// A place an error can point at.
#[derive(Clone, Debug)]
pub(super) struct Place<'n> {
    pub(super) span: Range<usize>,
    pub(super) node: &'n Node,
}

/// Reads the text of a scenario: JSON when it starts with a brace, else TOML.
pub(super) fn read(source: &Source) -> Result<Node, Diagnostic> {
    if source.text.trim_start().starts_with('{') {
        return super::json::read(source);
    }
    let table = DeTable::parse(&source.text).map_err(|error| {
        let message = error.message().trim().replace('\n', "; ");
        Diagnostic::new(source, error.span().unwrap_or(0..0), format!("not valid TOML: {message}"))
    })?;
    let span = table.span();
    let mut root = Node::new(span, table_value(table.into_inner(), source)?);
    sort(&mut root);
    Ok(root)
}

fn table_value(table: DeTable<'_>, source: &Source) -> Result<Value, Diagnostic> {
    let entries = table.into_iter().map(|(key, value)| {
        let key_span = key.span();
        Ok(Entry { key: key.into_inner().into_owned(), key_span, node: node(value, source)? })
    });
    Ok(Value::Table(entries.collect::<Result<_, Diagnostic>>()?))
}

fn node(value: Spanned<DeValue<'_>>, source: &Source) -> Result<Node, Diagnostic> {
    let span = value.span();
    let wrong = |message: &str| Diagnostic::new(source, span.clone(), message);
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Boolean(truth) => Value::Bool(truth),
        DeValue::Integer(integer) => {
            let parsed = i64::from_str_radix(integer.as_str(), integer.radix());
            Value::Integer(parsed.map_err(|_| wrong("this number is too large"))?)
        }
        DeValue::Float(float) => {
            Value::Float(float.as_str().parse().map_err(|_| wrong("this number cannot be represented"))?)
        }
        DeValue::Datetime(_) => {
            return Err(wrong("dates have no meaning here").with_help("put it in quotes".to_owned()));
        }
        DeValue::Array(array) => {
            Value::Array(array.into_iter().map(|value| node(value, source)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => table_value(table, source)?,
    };
    Ok(Node::new(span, value))
}

/// Tables come sorted by key; put them back into the order of the text.
fn sort(node: &mut Node) {
    match &mut node.value {
        Value::Table(entries) => {
            entries.sort_by_key(|entry| entry.key_span.start);
            entries.iter_mut().for_each(|entry| sort(&mut entry.node));
        }
        Value::Array(nodes) => nodes.iter_mut().for_each(sort),
        _ => {}
    }
}
