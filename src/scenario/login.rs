//! What users say when they log in, each in their own words.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::fmt;
use std::time::Duration;
use url::Url;

use super::Users;
use crate::template::{Escape, Template, Values};
use crate::wire::{Ask, Method, Opening};

/// A login call.
#[derive(Clone)]
pub struct Login {
    /// Where.
    pub url: Url,
    /// What it does.
    pub method: Method,
    /// Its headers.
    pub headers: Vec<(String, Template)>,
    /// Its body, and how values are written into it.
    pub body: Option<(Template, Escape)>,
    /// A JSON Pointer to the token in the answer.
    pub token: Option<String>,
    /// Whether each connection wants a login of its own.
    pub again: bool,
    /// How long an answer may take.
    pub within: Duration,
    /// How many there may be at the same time.
    pub at_once: u32,
    /// How many a second may begin, if that is bounded.
    pub per_second: Option<f64>,
    /// What everybody says in the same words: headers and fields of the body, by name.
    pub said: Vec<(String, String)>,
}

/// Headers and body may hold secrets: only the place is shown.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("host", &self.url.host_str()).field("again", &self.again).finish_non_exhaustive()
    }
}

impl Login {
    /// Where, as it may be shown: without user, password and query, which may carry secrets.
    pub fn shown(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}{}", self.url.scheme(), self.url.host_str().unwrap_or_default(), self.url.path())
    }

    /// The call of user `n`.
    pub fn ask(&self, users: &Users, n: u32) -> Ask {
        let name = users.name(n);
        let mut row = users.row(n);
        // A column of that name goes first.
        row.extend([("name", name.as_str()), ("user", name.as_str())]);
        let values = Values { user: &row, n: u64::from(n), ..Values::default() };
        let mut rng = ChaCha8Rng::seed_from_u64(u64::from(n));
        let mut render = |template: &Template, escape| {
            let mut text = String::new();
            template.render(&values, escape, &mut rng, &mut text);
            text
        };
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), render(value, Escape::Nothing))).collect();
        let body = self.body.as_ref().map(|(body, escape)| render(body, *escape).into());
        Ask { method: self.method, opening: Opening { headers, ..Opening::default() }, body }
    }
}
