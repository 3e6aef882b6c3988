//! `[[request]]`: who asks what, when, and whether it can be asked at all.

use std::sync::Arc;
use std::time::Duration;

use super::publish::Pace;
use super::{Check, Checked, Diagnostic};
use crate::dialect::{Dialect, Question};
use crate::observe::TransportKind;
use crate::scenario::file::{self, File};
use crate::scenario::{Group, Occasion, Request, Target, Times};

/// How long an answer may take, unless something else is asked for.
const WITHIN: Duration = Duration::from_secs(5);

impl Check<'_> {
    pub(super) fn requests(
        &self,
        file: &File,
        times: &Times,
        target: &Target,
        groups: &[Group],
    ) -> Checked<Vec<Request>> {
        self.different_names("request", file.request.iter().map(|request| request.name.as_str()))?;
        if file.request.len() > usize::from(u16::MAX) {
            return Err(self.wrong("request", "there are too many requests"));
        }
        let dialect = self.dialect(target)?;
        let requests = file.request.iter().enumerate();
        requests.map(|(at, request)| self.request(at, request, times, &dialect, groups)).collect()
    }

    fn request(
        &self,
        at: usize,
        request: &file::Request,
        times: &Times,
        dialect: &Arc<dyn Dialect>,
        groups: &[Group],
    ) -> Checked<Request> {
        let place = |key: &str| format!("request.{at}.{key}");
        let from = self.group_called(&place("from"), &request.from, groups)?;
        let group = &groups[usize::from(from.0)];
        let question = self.question(&place("message"), &request.message, dialect, group)?;
        let when = self.occasion(at, request, times)?;
        if group.rooms.is_empty() && (question.names_room || matches!(when, Occasion::Joined)) {
            let message = match question.names_room {
                true => format!("`{}` is about a room, and the clients of `{}` are in none", question.name, group.name),
                false => format!("the clients of `{}` join no room", group.name),
            };
            let help = format!("give `{}` `rooms`, for example `rooms = {{ count = 10 }}`", group.name);
            return Err(self.wrong(&place("from"), message).with_help(help));
        }
        let within = request.within.map_or(WITHIN, |within| within.0);
        if within.is_zero() {
            return Err(self.wrong(&place("within"), "`within` must be longer than 0s"));
        }
        let (name, message) = (request.name.clone(), Arc::from(question.name.as_str()));
        Ok(Request { name, message, names_room: question.names_room, from, when, within })
    }

    /// What is asked, if every client of `group` can ask it.
    fn question(&self, place: &str, message: &str, dialect: &Arc<dyn Dialect>, group: &Group) -> Checked<Question> {
        let all = dialect.questions(TransportKind::WebSocket);
        let Some(question) = all.iter().find(|question| question.name == message) else {
            return Err(self.no_such_question(place, message, &all, dialect.name()));
        };
        for (kind, _) in &group.transports {
            let asked = dialect.questions(*kind);
            if asked.contains(question) {
                continue;
            }
            let message =
                format!("`{message}` cannot be asked by {}, as some of `{}` are connected", kind.name(), group.name);
            let wrong = self.wrong(place, message);
            return Err(match asked.first() {
                Some(other) => wrong.with_help(format!("by {} there is `{}`", kind.name(), other.name)),
                None => wrong.with_help("let a group ask whose clients are all on websocket".to_owned()),
            });
        }
        Ok(question.clone())
    }

    fn no_such_question(&self, place: &str, message: &str, all: &[Question], dialect: &str) -> Diagnostic {
        if all.is_empty() {
            let wrong = self.wrong(place, format!("the dialect `{dialect}` is not told any message that is answered"));
            return wrong.with_help("describe it under `[target.with]` as `messages = { NAME = '{…}' }`".to_owned());
        }
        let known: Vec<&str> = all.iter().map(|question| question.name.as_str()).collect();
        self.unknown(place, "message that is answered", message, &known)
    }

    fn occasion(&self, at: usize, request: &file::Request, times: &Times) -> Checked<Occasion> {
        let entry = format!("request.{at}");
        let pace =
            Pace { rate: request.rate.as_ref(), ramp: request.ramp, every: request.every, arrival: request.arrival };
        let paced = self.cadence(&entry, &pace, times)?;
        match (request.on, paced) {
            (Some(_), Some(_)) => {
                let other = if request.rate.is_some() { "rate" } else { "every" };
                Err(self.wrong(&format!("{entry}.{other}"), format!("`on` and `{other}` exclude each other")))
            }
            (Some(file::OnWord::Joined), None) => match request.arrival {
                Some(_) => Err(self.wrong(&format!("{entry}.arrival"), "`arrival` goes with `rate`")),
                None => Ok(Occasion::Joined),
            },
            (None, Some((cadence, spacing))) => Ok(Occasion::Paced(cadence, spacing)),
            (None, None) => {
                let help = "write `on = \"joined\"`, `every = \"20s\"` for each client, or `rate = \"10/s\"` for all \
                            together";
                let message = format!("when `{}` is asked is not said", request.name);
                Err(self.wrong(&entry, message).with_help(help.to_owned()))
            }
        }
    }
}
