//! `[users].login`: what is asked before a user connects, and whether it can be.

use std::time::Duration;
use url::Url;

use super::{Check, Checked};
use crate::scenario::file::{self, MethodWord};
use crate::scenario::plan::{Life, Plan, Start};
use crate::scenario::{Login, Scenario, Users};
use crate::template::{Escape, Placeholder, Template};
use crate::wire::Method;

/// How long an answer may take, unless something else is asked for.
const WITHIN: Duration = Duration::from_secs(10);

/// How many logins there may be at the same time, unless something else is asked for.
const AT_ONCE: u32 = 50;

/// More than any login service is asked at once.
const MOST_AT_ONCE: u32 = 10_000;

const FORM: &str = "application/x-www-form-urlencoded";

impl Check<'_> {
    pub(super) fn login(&self, written: Option<&file::Users>, users: &Users) -> Checked<Option<Login>> {
        let Some(written) = written.and_then(|users| users.login.as_ref()) else { return Ok(None) };
        if matches!(users, Users::Minted { .. }) {
            let help = "leave out the one that is not wanted".to_owned();
            return Err(self.wrong("users.login", "`login` and `mint` exclude each other").with_help(help));
        }
        let method = match written.method {
            Some(MethodWord::Get) => Method::Get,
            Some(MethodWord::Put) => Method::Put,
            None if written.body.is_none() => Method::Get,
            Some(MethodWord::Post) | None => Method::Post,
        };
        if method == Method::Get && written.body.is_some() {
            return Err(self.wrong("users.login.method", "a GET has no body"));
        }
        let within = written.within.map_or(WITHIN, |within| within.0);
        if within.is_zero() {
            return Err(self.wrong("users.login.within", "`within` must be longer than 0s"));
        }
        let at_once = written.at_once.map_or(AT_ONCE, |at_once| at_once.0);
        if at_once > MOST_AT_ONCE {
            let message = format!("`at_once` may be {MOST_AT_ONCE} at most");
            return Err(self.wrong("users.login.at_once", message));
        }
        let login = Login {
            url: self.login_url(&written.url)?,
            method,
            headers: self.login_headers(written, users)?,
            body: self.login_body(written, users)?,
            token: self.login_token(written)?,
            again: written.again,
            within,
            at_once,
            per_second: self.login_rate(written)?,
            said: said(written),
        };
        self.sayable(&login, users)?;
        Ok(Some(login))
    }

    fn login_url(&self, text: &str) -> Checked<Url> {
        let place = "users.login.url";
        let url = Url::parse(text).map_err(|error| {
            let help = "write it as `https://host/path`".to_owned();
            self.wrong(place, format!("`{text}` is not a URL: {error}")).with_help(help)
        })?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(self.wrong(place, "a login goes to an `http://` or `https://` URL with a host"));
        }
        Ok(url)
    }

    fn login_rate(&self, written: &file::Login) -> Checked<Option<f64>> {
        match written.rate.map(|rate| rate.0.get()) {
            Some(rate) if rate < 1.0 / 3_600.0 => {
                Err(self.wrong("users.login.rate", "`rate` must be at least one login an hour"))
            }
            rate => Ok(rate),
        }
    }

    fn login_token(&self, written: &file::Login) -> Checked<Option<String>> {
        match &written.token {
            Some(pointer) if !pointer.starts_with('/') => {
                let message = "a JSON Pointer starts with `/`, as in `/access_token`";
                Err(self.wrong("users.login.token", message))
            }
            pointer => Ok(pointer.clone()),
        }
    }

    fn login_headers(&self, written: &file::Login, users: &Users) -> Checked<Vec<(String, Template)>> {
        let compiled = |(name, text): (&String, &String)| {
            Ok((name.clone(), self.login_template(&format!("users.login.headers.{name}"), text, users)?))
        };
        written.headers.iter().map(compiled).collect()
    }

    fn login_body(&self, written: &file::Login, users: &Users) -> Checked<Option<(Template, Escape)>> {
        let Some(text) = &written.body else { return Ok(None) };
        let kind = written.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let escape = match kind.map(|(_, kind)| kind.to_ascii_lowercase()) {
            None => Escape::Json,
            Some(kind) if kind.contains("json") => Escape::Json,
            Some(kind) if kind.starts_with(FORM) => Escape::Form,
            Some(_) => Escape::Nothing,
        };
        Ok(Some((self.login_template("users.login.body", text, users)?, escape)))
    }

    fn login_template(&self, place: &str, text: &str, users: &Users) -> Checked<Template> {
        let files = |name: &str| file::lines(self.source, name);
        let template = Template::compile(text, &files).map_err(|error| self.template_error(place, text, error))?;
        let columns: Vec<&str> = match users {
            Users::Rows { columns, .. } => columns.iter().map(String::as_str).collect(),
            Users::Numbered | Users::Minted { .. } => Vec::new(),
        };
        for placeholder in template.placeholders() {
            let wrong = match placeholder {
                Placeholder::User(column) if column == "name" || column == "user" => continue,
                Placeholder::User(column) if columns.contains(&column.as_str()) => continue,
                Placeholder::User(column) if columns.is_empty() => {
                    format!("there is no column `{column}`: users come from no file; `csv` or `jsonl` names one")
                }
                Placeholder::User(column) => {
                    format!("there is no column `{column}`; there are {}", columns.join(", "))
                }
                Placeholder::N | Placeholder::Uuid | Placeholder::Rand(..) | Placeholder::Pick(_) => continue,
                Placeholder::HmacSha256(..) => continue,
                _ => "a login belongs to a user, not to a message or a room".to_owned(),
            };
            let help = "there are user.COLUMN, n, uuid, rand, pick and hmac_sha256".to_owned();
            return Err(self.wrong(place, wrong).with_help(help));
        }
        Ok(template)
    }

    /// Whether the first user's call is what it claims to be; what a value makes of it shows only then.
    fn sayable(&self, login: &Login, users: &Users) -> Checked<()> {
        let ask = login.ask(users, 0);
        if let (Some((_, Escape::Json)), Some(body)) = (&login.body, &ask.body)
            && let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(body)
        {
            let help = format!("for a form, write `headers = {{ Content-Type = \"{FORM}\" }}`");
            let message = format!("is not JSON once it is filled in: {error}");
            return Err(self.wrong("users.login.body", format!("the body {message}")).with_help(help));
        }
        Ok(())
    }

    /// Everybody who is to be there before t0 must be able to log in by then.
    pub(super) fn logins_in_time(&self, scenario: &Scenario, plan: &Plan) -> Checked<()> {
        let Some(rate) = scenario.login.as_ref().and_then(|login| login.per_second) else { return Ok(()) };
        let early = plan.lives().iter().filter(|life: &&Life| matches!(life.start, Start::BeforeT0(_))).count();
        let needed = early as f64 / rate;
        let given = (plan.ramp() + scenario.times.join_timeout).as_secs_f64();
        if needed <= given {
            return Ok(());
        }
        let message = format!(
            "at this rate {early} clients need {needed:.0} s to log in; ramp and `join_timeout` give them {given:.0} s"
        );
        let help = "lengthen `ramp` of the clients, or `join_timeout` of `[run]`".to_owned();
        Err(self.wrong("users.login.rate", message).with_help(help))
    }
}

/// What a call says in so many words: headers and the body's fields, by name.
fn said(written: &file::Login) -> Vec<(String, String)> {
    let mut said: Vec<(String, String)> = written.headers.clone().into_iter().collect();
    let body = written.body.as_deref().unwrap_or_default();
    match serde_json::from_str::<serde_json::Value>(body) {
        Ok(json) => {
            let fields = json.as_object().into_iter().flatten();
            said.extend(fields.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))));
        }
        Err(_) => said.extend(url::form_urlencoded::parse(body.as_bytes()).into_owned()),
    }
    said.retain(|(_, value)| !value.contains("{{"));
    said
}
