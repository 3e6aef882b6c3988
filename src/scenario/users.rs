//! Users and their tokens: rows of a file, minted, or just numbered.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};
use std::borrow::Cow;

use super::{Claim, Scenario, Target, Users};
use crate::template::{Escape, Values};
use crate::token::{mint, mint_for};

/// Rows of a file of users.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// Reads CSV with a header.
pub(super) fn read_csv(text: &str) -> Result<Table, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let fields = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
    let columns = fields(reader.headers().map_err(|error| csv_message(&error))?);
    let rows = reader.records().map(|record| record.map(|record| fields(&record)).map_err(|error| csv_message(&error)));
    complete(Table { columns, rows: rows.collect::<Result<_, _>>()? })
}

/// The reader's own message would show the row, which may hold a token.
fn csv_message(error: &csv::Error) -> String {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line} has {len} fields, the header has {expected_len}")
        }
        _ => format!("line {line} is not valid CSV"),
    }
}

/// Reads JSON objects, one a line; the first one's keys are the columns.
pub(super) fn read_jsonl(text: &str) -> Result<Table, String> {
    let mut columns: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let object: Map<String, Value> =
            serde_json::from_str(line).map_err(|_| format!("line {} is not a JSON object", at + 1))?;
        if columns.is_empty() {
            columns = object.keys().cloned().collect();
        }
        let field = |column: &String| match object.get(column) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Null) | None => Err(format!("line {} has no `{column}`", at + 1)),
            Some(other) => Ok(other.to_string()),
        };
        rows.push(columns.iter().map(field).collect::<Result<Vec<_>, _>>()?);
    }
    complete(Table { columns, rows })
}

fn complete(table: Table) -> Result<Table, String> {
    if table.rows.is_empty() {
        return Err("there is no user in it".to_owned());
    }
    if !table.columns.iter().any(|column| is_name(column)) {
        return Err(format!("no column is called `user`; there are {}", table.columns.join(", ")));
    }
    Ok(table)
}

fn is_name(column: &str) -> bool {
    column == "user" || column == "name"
}

/// Gives every user its name and its token.
pub struct Identities<'s> {
    users: &'s Users,
    secret: Option<&'s [u8]>,
    expires: u64,
    seed: u64,
}

impl<'s> Identities<'s> {
    /// The users of `scenario`. `secret` is that of the server this run starts, if it starts one; `now`, seconds since
    /// 1970, is when minted tokens begin to age: they expire an hour after the run could end at the latest.
    pub fn new(scenario: &'s Scenario, secret: Option<&'s [u8]>, now: u64) -> Self {
        let times = &scenario.times;
        let longest = scenario.longest_ramp() + times.join_timeout + times.total();
        let secret = secret.filter(|_| matches!(scenario.target, Target::Bundled(_)));
        Self { users: &scenario.users, secret, expires: now + longest.as_secs() + 3_600, seed: scenario.seed }
    }

    /// The name and the token of user `n`. Same user, same name, always.
    pub fn of(&self, n: u32) -> (String, Option<String>) {
        match self.users {
            Users::Numbered => self.with_secret(format!("u{n}")),
            Users::Rows { columns, rows, .. } => {
                let row = &rows[n as usize % rows.len()];
                let value = |wanted: fn(&str) -> bool| {
                    let at = columns.iter().position(|column| wanted(column))?;
                    row.get(at).cloned()
                };
                let name = value(is_name).unwrap_or_default();
                match value(|column| column == "token") {
                    Some(token) => (name, Some(token)),
                    None => self.with_secret(name),
                }
            }
            Users::Minted { secret, claims } => self.minted(secret, claims, n),
        }
    }

    /// The columns of user `n`'s row, for templates: `name` is always among them.
    pub fn row(&self, n: u32) -> Vec<(Cow<'s, str>, Cow<'s, str>)> {
        let mut row = vec![(Cow::from("name"), Cow::from(self.of(n).0))];
        if let Users::Rows { columns, rows, .. } = self.users {
            let values = &rows[n as usize % rows.len()];
            row.extend(
                columns.iter().zip(values).map(|(column, value)| (column.as_str().into(), value.as_str().into())),
            );
        }
        row
    }

    fn with_secret(&self, name: String) -> (String, Option<String>) {
        let token = self.secret.map(|secret| mint_for(secret, &name, self.expires));
        (name, token)
    }

    fn minted(&self, secret: &str, claims: &[(String, Claim)], n: u32) -> (String, Option<String>) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ u64::from(n) << 32);
        let values = Values { n: u64::from(n), ..Values::default() };
        let mut map = Map::from_iter([("exp".to_owned(), Value::from(self.expires))]);
        for (name, claim) in claims {
            let value = match claim {
                Claim::Value(value) => value.clone(),
                Claim::Text(template) => {
                    let mut text = String::new();
                    template.render(&values, Escape::Nothing, &mut rng, &mut text);
                    Value::from(text)
                }
            };
            map.insert(name.clone(), value);
        }
        let name = map.get("sub").and_then(Value::as_str).map_or_else(|| format!("u{n}"), str::to_owned);
        (name, Some(mint(secret.as_bytes(), &map)))
    }
}
