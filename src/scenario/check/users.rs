//! `[users]`: rows of a file or claims to mint.

use super::{Check, Checked};
use crate::scenario::file::{self, Mint, Reuse};
use crate::scenario::{Claim, Users, users};
use crate::template::{Placeholder, Template};

impl Check<'_> {
    pub(super) fn users(&self, written: Option<&file::Users>) -> Checked<Users> {
        let Some(written) = written else { return Ok(Users::Numbered) };
        let cycle = written.reuse == Some(Reuse::Cycle);
        let read = |key: &str, name: &str, rows: fn(&str) -> Result<users::Table, String>| {
            let place = format!("users.{key}");
            let text = file::beside(self.source, name).map_err(|message| self.wrong(&place, message))?;
            let table = rows(&text).map_err(|message| self.wrong(&place, format!("{name}: {message}")))?;
            Ok(Users::Rows { columns: table.columns, rows: table.rows, cycle })
        };
        match (&written.csv, &written.jsonl, &written.mint) {
            (Some(name), None, None) => read("csv", name, users::read_csv),
            (None, Some(name), None) => read("jsonl", name, users::read_jsonl),
            (None, None, Some(mint)) => self.minted(mint),
            (None, None, None) if written.login.is_some() => Ok(Users::Numbered),
            _ => Err(self.wrong("users", "write exactly one of `csv`, `jsonl` and `mint`")),
        }
    }

    fn minted(&self, mint: &Mint) -> Checked<Users> {
        if mint.secret.is_empty() {
            return Err(self.wrong("users.mint.secret", "the secret is empty"));
        }
        let mut claims = Vec::new();
        for (name, value) in &mint.claims {
            claims.push((name.clone(), self.claim(name, value)?));
        }
        if !mint.claims.contains_key("sub") {
            let sub = Template::compile("u{{n}}", &|_| Err(String::new()));
            claims.extend(sub.ok().map(|sub| ("sub".to_owned(), Claim::Text(sub))));
        }
        Ok(Users::Minted { secret: mint.secret.clone(), claims })
    }

    fn claim(&self, name: &str, value: &serde_json::Value) -> Checked<Claim> {
        let serde_json::Value::String(text) = value else { return Ok(Claim::Value(value.clone())) };
        let place = format!("users.mint.claims.{name}");
        let files = |file: &str| file::lines(self.source, file);
        let template = Template::compile(text, &files).map_err(|error| self.template_error(&place, text, error))?;
        let unsuitable = template.placeholders().into_iter().find(|placeholder| {
            !matches!(placeholder, Placeholder::N | Placeholder::Uuid | Placeholder::Rand(..) | Placeholder::Pick(_))
                && !matches!(placeholder, Placeholder::HmacSha256(..))
        });
        match unsuitable {
            Some(_) => {
                let help = "there are n, uuid, rand, pick and hmac_sha256".to_owned();
                let message = "a claim belongs to a user, not to a message or a row";
                Err(self.wrong(&place, message).with_help(help))
            }
            None => Ok(Claim::Text(template)),
        }
    }

    /// Points at the placeholder itself where the text stands in the file as it is.
    pub(super) fn template_error(
        &self,
        place: &str,
        text: &str,
        error: crate::template::TemplateError,
    ) -> super::Diagnostic {
        let mut wrong = self.wrong(place, error.problem.clone());
        let written = &self.source.text[wrong.span.clone()];
        if let Some(start) = written.find(text) {
            let start = wrong.span.start + start;
            let span = start + error.span.start..start + error.span.end;
            wrong = super::Diagnostic::new(self.source, span, error.problem);
        }
        wrong
    }
}
