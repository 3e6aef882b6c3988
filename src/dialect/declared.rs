//! Protocols described rather than programmed: what a client says (templates) and what the messages it hears look like
//! (pointers and values), by `[target.with]` for a home-made JSON backend, or by a file. Compiled once; stateless.

use std::sync::Arc;

use self::framing::Framing;
use self::hears::{AUTH, Hears};
use self::parameters::Checked;
use self::says::Says;
use self::template::{Slot, Template, Values};
use super::approach::Approach;
use super::credentials::show_token;
use super::recovering::Recovery;
use super::{AuthStyle, Dialect, DialectEntry, DialectError, Event, Habits, Identity, Intent, Parameters, Question};
use crate::observe::TransportKind;
use crate::wire::{Frame, Opening};

mod approach;
mod file;
mod framing;
mod hears;
mod keys;
mod message;
mod parameters;
mod pointer;
mod recovery;
mod rules;
mod says;
mod template;

pub(super) use file::{ACTIONCABLE, CENTRIFUGO, GRAPHQL, HONO, NATS, PHOENIX, SIGNALR, SOCKETIO, declares, make};
pub(super) use keys::HELP;

pub(super) const JSON: DialectEntry = DialectEntry {
    name: "json",
    help: "a home-made JSON backend, described under [target.with]",
    keys: &HELP,
    file: None,
    make: |parameters| compile("json", parameters),
};

/// A backend.
#[derive(Debug)]
struct Declared {
    name: &'static str,
    framing: Framing,
    says: Says,
    hears: Hears,
    opens: Opens,
    approach: Option<Approach>,
    recovery: Option<Arc<dyn Recovery>>,
    habits: Habits,
}

/// What the opening needs.
#[derive(Debug)]
struct Opens {
    path: Option<Template>,
    query: Vec<(String, Template)>,
    headers: Vec<(String, Template)>,
    subprotocols: Vec<String>,
}

/// The dialect called `name` that `parameters` describe.
fn compile(name: &'static str, parameters: &Parameters) -> Result<Arc<dyn Dialect>, DialectError> {
    let given = Checked::new(parameters)?;
    let framing = Framing::new(&given)?;
    let says = Says::new(&given)?;
    let hears = Hears::new(&given, &framing, says.auth.as_ref().is_some_and(|auth| auth.names(Slot::Ref)))?;
    let opens = Opens::new(&given)?;
    let (approach, recovery) = (approach::approach(&given)?, recovery::recovery(&given)?);
    let replies = hears.reply.is_some() || hears.reply_when.is_some();
    let answers =
        |template: &Option<Template>| replies && template.as_ref().is_some_and(|template| template.names(Slot::Ref));
    let habits = Habits {
        sender_hears_itself: given.flag("sender_hears_itself").unwrap_or(true),
        acknowledges_joins: given.flag("acknowledges_joins").unwrap_or(true)
            && says.join.is_some()
            && (hears.joined.is_some() || answers(&says.join)),
        acknowledges_messages: given.flag("acknowledges_messages").unwrap_or(replies && says.publish.names(Slot::Ref)),
        acknowledges_auth: (says.auth.is_some() || says.hello.is_some())
            && (hears.authenticated.is_some() || answers(&says.auth)),
        welcomes: hears.welcome.is_some(),
        answers_welcome: given.flag("after_welcome").unwrap_or(false),
    };
    if habits.answers_welcome && !habits.welcomes {
        return Err(Checked::missing("after_welcome", "needs `welcome`: it says what is waited for"));
    }
    Ok(Arc::new(Declared { name, framing, says, hears, opens, approach, recovery, habits }))
}

impl Opens {
    fn new(given: &Checked<'_>) -> Result<Self, DialectError> {
        const WHO: &[Slot] = &[Slot::User, Slot::Token];
        let path = given.text("path", WHO)?;
        let query = given.texts("query", WHO)?;
        let headers = given.texts("headers", WHO)?;
        Ok(Self { path, query, headers, subprotocols: given.words("subprotocols") })
    }

    fn show_token(&self) -> bool {
        self.query.iter().chain(&self.headers).any(|(_, template)| template.names(Slot::Token))
    }
}

impl Dialect for Declared {
    fn name(&self) -> &'static str {
        self.name
    }

    fn habits(&self) -> Habits {
        self.habits
    }

    fn opening(&self, identity: &Identity) -> Opening {
        let token = identity.token.as_deref().unwrap_or_default();
        let values = Values { token, user: &identity.user, ..Values::default() };
        let fill = |entries: &[(String, Template)]| {
            entries.iter().map(|(name, template)| (name.clone(), template.render(&values))).collect()
        };
        let mut path = self.opens.path.as_ref().map(|path| path.render(&values)).unwrap_or_default();
        if !path.is_empty() && !path.starts_with('/') {
            path.insert(0, '/');
        }
        let subprotocols = self.opens.subprotocols.clone();
        let (query, headers) = (fill(&self.opens.query), fill(&self.opens.headers));
        let mut opening = Opening { path, query, headers, subprotocols, ..Opening::default() };
        if !self.opens.show_token() {
            show_token(identity, &mut opening);
        }
        opening
    }

    fn approach(&self) -> Option<&Approach> {
        self.approach.as_ref()
    }

    fn recovery(&self) -> Option<Arc<dyn Recovery>> {
        self.recovery.clone()
    }

    fn questions(&self, kind: TransportKind) -> Vec<Question> {
        let asked = self.says.questions.iter().filter(|_| self.speaks(kind));
        asked.map(|(name, text)| Question { name: name.clone(), names_room: text.names(Slot::Room) }).collect()
    }

    fn encode(&self, intent: &Intent<'_>) -> Option<Frame> {
        let (template, values) = match *intent {
            Intent::Auth { identity } if identity.auth == AuthStyle::FirstMessage && self.says.auth.is_some() => {
                let token = identity.token.as_deref().unwrap_or_default();
                (self.says.auth.as_ref()?, Values { reference: AUTH, token, user: &identity.user, ..Values::default() })
            }
            Intent::Auth { identity } => {
                let token = identity.token.as_deref().unwrap_or_default();
                (self.says.hello.as_ref()?, Values { token, user: &identity.user, ..Values::default() })
            }
            Intent::Poll { .. } | Intent::Notify { .. } => return None,
            Intent::Join { room, position: Some(position), reference } if self.says.resume.is_some() => {
                let (offset, epoch) = (position.offset, &*position.epoch);
                (self.says.resume.as_ref()?, Values { reference, room, offset, epoch, ..Values::default() })
            }
            Intent::Join { room, reference, .. } => {
                (self.says.join.as_ref()?, Values { reference, room, ..Values::default() })
            }
            Intent::Leave { room, reference } => {
                (self.says.leave.as_ref()?, Values { reference, room, ..Values::default() })
            }
            Intent::Publish { room, text, reference } => {
                (&self.says.publish, Values { reference, room, text, ..Values::default() })
            }
            Intent::Ask { message, room, reference } => {
                let (_, template) = self.says.questions.iter().find(|(name, _)| name == message)?;
                (template, Values { reference, room, ..Values::default() })
            }
        };
        Some(self.framing.frame(template.render(&values)))
    }

    fn decode(&self, frame: &Frame, emit: &mut dyn FnMut(Event<'_>)) {
        self.framing.messages(frame.bytes(), &mut |message| self.hears.hear(&message, emit));
    }
}

#[cfg(test)]
mod json_tests;

#[cfg(test)]
mod golden;
