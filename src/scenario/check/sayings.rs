//! `message` and `echo` of `[[publish]]`: what is published in place of the plain message, and who is owed a copy of it.

use super::{Check, Checked};
use crate::dialect::{Dialect, Saying};
use crate::observe::TransportKind;
use crate::scenario::Group;
use crate::scenario::file::{self, WordOr};

impl Check<'_> {
    /// The message that is published in place of the plain one, if every client of `group` can say it.
    pub(super) fn saying(
        &self,
        at: usize,
        publish: &file::Publish,
        dialect: &dyn Dialect,
        group: &Group,
    ) -> Checked<Option<Saying>> {
        let place = |key: &str| format!("publish.{at}.{key}");
        if matches!(publish.to, Some(WordOr::Table(_))) {
            let both = [("message", publish.message.is_some()), ("echo", publish.echo.is_some())];
            return match both.iter().find(|(_, said)| *said) {
                Some((key, _)) => {
                    let message = format!("`{key}` is about rooms, and this goes to one user alone");
                    Err(self.wrong(&place(key), message))
                }
                None => Ok(None),
            };
        }
        let Some(name) = &publish.message else { return Ok(None) };
        let mut all = dialect.sayings(TransportKind::WebSocket);
        let others = group.transports.iter().flat_map(|(kind, _)| dialect.sayings(*kind));
        others.for_each(|saying| {
            if !all.contains(&saying) {
                all.push(saying)
            }
        });
        let Some(saying) = all.iter().find(|saying| *saying.name == **name) else {
            return Err(self.no_such_saying(&place("message"), name, &all, dialect.name()));
        };
        match group.transports.iter().find(|(kind, _)| !dialect.sayings(*kind).contains(saying)) {
            Some((kind, _)) => {
                let message =
                    format!("`{name}` cannot be said by {}, as some of `{}` are connected", kind.name(), group.name);
                let help = "let a group speak whose clients are all on websocket".to_owned();
                Err(self.wrong(&place("message"), message).with_help(help))
            }
            None => Ok(Some(saying.clone())),
        }
    }

    fn no_such_saying(&self, place: &str, name: &str, all: &[Saying], dialect: &str) -> super::Diagnostic {
        if all.is_empty() {
            let message =
                format!("the dialect `{dialect}` is told no message that is published in place of the plain one");
            let help = "describe it under `[target.with]` as `publish_as = { NAME = '{…{{text}}…}' }`".to_owned();
            return self.wrong(place, message).with_help(help);
        }
        let known: Vec<&str> = all.iter().map(|saying| &*saying.name).collect();
        self.unknown(place, "message that is published", name, &known)
    }
}
