//! Users and their tokens: rows of a file, minted, or just numbered.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};
use std::fmt;

use crate::template::{Escape, Template, Values};
use crate::token::{mint, mint_for};

/// Where users come from. User `n` belongs to the life planned with it, also through its reconnects.
#[derive(Clone)]
pub enum Users {
    /// Users `u0`, `u1`, … with tokens minted with the secret of the server this run starts, or without tokens.
    Numbered,
    /// One user per row (CSV or JSON lines), column `user` and, if there is one, `token`.
    Rows {
        /// Column names.
        columns: Vec<String>,
        /// Values, a row per user.
        rows: Vec<Vec<String>>,
        /// Start again at the first row when they run out.
        cycle: bool,
    },
    /// Tokens minted with a secret that target and scenario share.
    Minted {
        /// The HS256 secret. Never printed.
        secret: String,
        /// The claims; `sub` names the user.
        claims: Vec<(String, Claim)>,
    },
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbered => f.write_str("Numbered"),
            Self::Rows { columns, rows, cycle } => {
                let mut rows_only = f.debug_struct("Rows");
                rows_only.field("columns", columns).field("rows", &rows.len()).field("cycle", cycle).finish()
            }
            Self::Minted { .. } => f.debug_struct("Minted").finish_non_exhaustive(),
        }
    }
}

/// A claim of a minted token.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// A text, expanded per user.
    Text(Template),
    /// Anything else, as it is.
    Value(Value),
}

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

/// Minted tokens are good for this long: longer than the longest run there can be.
const TOKEN_LIFE_SECONDS: u64 = 4 * 86_400;

impl Users {
    /// The name and the token of user `n`: same user, same name, always. `bundled_secret` is that of the server this
    /// run starts, if it starts one; tokens for it are minted where the users bring none.
    pub fn user(&self, n: u32, bundled_secret: Option<&[u8]>) -> (String, Option<String>) {
        let expires = crate::time::unix_seconds() + TOKEN_LIFE_SECONDS;
        let bundled = |name: String| {
            let token = bundled_secret.map(|secret| mint_for(secret, &name, expires));
            (name, token)
        };
        match self {
            Self::Numbered => bundled(format!("u{n}")),
            Self::Rows { .. } => {
                let name = self.value(n, is_name).unwrap_or_default().to_owned();
                match self.value(n, |column| column == "token") {
                    Some(token) => (name, Some(token.to_owned())),
                    None => bundled(name),
                }
            }
            Self::Minted { secret, claims } => minted(secret, claims, n, expires),
        }
    }

    /// The name of user `n` alone: nothing is minted for it but where it is a claim.
    pub fn name(&self, n: u32) -> String {
        match self {
            Self::Numbered => format!("u{n}"),
            Self::Rows { .. } => self.value(n, is_name).unwrap_or_default().to_owned(),
            Self::Minted { claims, .. } => named(&claimed(claims, n), n),
        }
    }

    /// The number of the user called `name`, where that can be told.
    pub fn number(&self, name: &str) -> Option<u32> {
        match self {
            Self::Numbered => name.strip_prefix('u')?.parse().ok(),
            Self::Rows { rows, .. } => (0..rows.len() as u32).find(|n| self.name(*n) == name),
            Self::Minted { .. } => None,
        }
    }

    /// The columns of user `n`'s row, for templates; none where users do not come from rows.
    pub fn row(&self, n: u32) -> Vec<(&str, &str)> {
        match self {
            Self::Rows { columns, rows, .. } => {
                let row = &rows[n as usize % rows.len()];
                columns.iter().map(String::as_str).zip(row.iter().map(String::as_str)).collect()
            }
            Self::Numbered | Self::Minted { .. } => Vec::new(),
        }
    }

    fn value(&self, n: u32, wanted: fn(&str) -> bool) -> Option<&str> {
        self.row(n).into_iter().find(|(column, _)| wanted(column)).map(|(_, value)| value)
    }
}

fn minted(secret: &str, claims: &[(String, Claim)], n: u32, expires: u64) -> (String, Option<String>) {
    let mut map = claimed(claims, n);
    map.entry("exp").or_insert_with(|| Value::from(expires));
    (named(&map, n), Some(mint(secret.as_bytes(), &map)))
}

fn named(claims: &Map<String, Value>, n: u32) -> String {
    claims.get("sub").and_then(Value::as_str).map_or_else(|| format!("u{n}"), str::to_owned)
}

/// The claims of user `n`.
fn claimed(claims: &[(String, Claim)], n: u32) -> Map<String, Value> {
    let mut rng = ChaCha8Rng::seed_from_u64(u64::from(n));
    let values = Values { n: u64::from(n), ..Values::default() };
    let mut map = Map::new();
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
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;

    fn claims(token: &str) -> Map<String, Value> {
        let payload = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
    }

    fn rows(table: Table) -> Users {
        Users::Rows { columns: table.columns, rows: table.rows, cycle: true }
    }

    #[test]
    fn numbered_users_have_tokens_where_a_secret_is_known() {
        assert_eq!(Users::Numbered.user(7, None), ("u7".to_owned(), None));
        let (name, token) = Users::Numbered.user(7, Some(b"secret"));
        let claims = claims(&token.unwrap());
        assert_eq!((name.as_str(), claims["sub"].as_str()), ("u7", Some("u7")));
        assert!(claims["exp"].as_u64().unwrap() > crate::time::unix_seconds() + 78 * 3_600);
    }

    #[test]
    fn rows_come_from_csv_and_json_lines_alike() {
        let csv = read_csv("user, token, room\nada, t1, a\nbob, t2, b\n").unwrap();
        let jsonl = read_jsonl(
            "{\"room\":\"a\",\"token\":\"t1\",\"user\":\"ada\"}\n\n{\"user\":\"bob\",\"token\":\"t2\",\"room\":\"b\"}",
        );
        let (csv, jsonl) = (rows(csv), rows(jsonl.unwrap()));
        for users in [&csv, &jsonl] {
            assert_eq!(users.user(1, Some(b"unused")), ("bob".to_owned(), Some("t2".to_owned())));
            assert_eq!((users.user(2, None).0.as_str(), users.name(2).as_str()), ("ada", "ada"));
            assert!(users.row(0).contains(&("room", "a")));
        }
    }

    #[test]
    fn a_file_of_users_is_told_what_it_lacks_without_its_content() {
        assert_eq!(read_csv("token\nsecret").unwrap_err(), "no column is called `user`; there are token");
        assert_eq!(read_csv("user,token\n").unwrap_err(), "there is no user in it");
        assert_eq!(read_csv("user,token\nada\n").unwrap_err(), "line 2 has 1 fields, the header has 2");
        assert_eq!(read_jsonl("{\"user\":\"ada\"}\n{secret").unwrap_err(), "line 2 is not a JSON object");
        assert_eq!(read_jsonl("{\"user\":\"ada\"}\n{}").unwrap_err(), "line 2 has no `user`");
    }

    #[test]
    fn minted_users_carry_their_claims() {
        let sub = crate::template::Template::compile("load-{{n}}", &|_| Err(String::new())).unwrap();
        let claims_of = vec![("sub".to_owned(), Claim::Text(sub)), ("admin".to_owned(), Claim::Value(true.into()))];
        let users = Users::Minted { secret: "s".to_owned(), claims: claims_of };
        let (name, token) = users.user(3, None);
        assert_eq!(users.name(3), name, "known without a token");
        let claims = claims(&token.unwrap());
        assert_eq!(name, "load-3");
        assert_eq!((claims["sub"].as_str(), claims["admin"].as_bool()), (Some("load-3"), Some(true)));
    }
}
