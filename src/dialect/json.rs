//! Home-made JSON backends, described by the parameters of `[target.with]`: what a client says (templates) and what
//! the frames it hears look like (pointers and values). Compiled once; stateless.

use memchr::memmem::Finder;
use std::sync::Arc;

use self::parameters::{Checked, HELP};
use self::pointer::Pointer;
use self::rules::When;
use self::template::{Slot, Template, Values};
use super::credentials::show_token;
use super::{
    AuthStyle, Delivery, Dialect, DialectEntry, DialectError, Event, Habits, Identity, Intent, Parameters, Question,
};
use crate::observe::TransportKind;
use crate::wire::{Frame, MARKER_PREFIX, Opening};

mod parameters;
mod pointer;
mod rules;
mod template;

pub(super) const ENTRY: DialectEntry = DialectEntry {
    name: "json",
    help: "a home-made JSON backend, described under [target.with]",
    parameters: &HELP,
    make,
};

/// The request that `{{ref}}` means in `auth`; all others are numbered from 1.
const AUTH: u64 = 0;

/// A backend.
#[derive(Debug)]
struct Json {
    says: Says,
    hears: Hears,
    opens: Opens,
    habits: Habits,
}

/// What a client says.
#[derive(Debug)]
struct Says {
    publish: Template,
    join: Option<Template>,
    leave: Option<Template>,
    auth: Option<Template>,
    /// By name.
    questions: Vec<(String, Template)>,
}

/// How frames are recognised, in the order in which they are tried.
#[derive(Debug)]
struct Hears {
    deliver: Option<When>,
    reply_error: Option<Pointer>,
    reply_code: Option<Pointer>,
    reply: Option<Pointer>,
    joined: Option<When>,
    joined_ref: Option<Pointer>,
    joined_room: Option<Pointer>,
    joined_instance: Option<Pointer>,
    welcome: Option<When>,
    welcome_instance: Option<Pointer>,
    authenticated: Option<When>,
    heartbeat: Option<When>,
    heartbeat_answer: Option<Frame>,
    presence: Option<When>,
    error: Option<When>,
    error_code: Option<Pointer>,
    error_ref: Option<Pointer>,
    unconfirmed: Vec<String>,
    marker: Finder<'static>,
}

/// What the opening needs.
#[derive(Debug)]
struct Opens {
    path: Option<Template>,
    query: Vec<(String, Template)>,
    headers: Vec<(String, Template)>,
    subprotocols: Vec<String>,
}

fn make(parameters: &Parameters) -> Result<Arc<dyn Dialect>, DialectError> {
    let given = Checked::new(parameters)?;
    let says = Says::new(&given)?;
    let hears = Hears::new(&given)?;
    let opens = Opens::new(&given)?;
    let answers = |template: &Option<Template>| {
        hears.reply.is_some() && template.as_ref().is_some_and(|template| template.names(Slot::Ref))
    };
    let habits = Habits {
        sender_hears_itself: given.flag("sender_hears_itself").unwrap_or(true),
        acknowledges_joins: says.join.is_some() && (hears.joined.is_some() || answers(&says.join)),
        acknowledges_messages: given
            .flag("acknowledges_messages")
            .unwrap_or(hears.reply.is_some() && says.publish.names(Slot::Ref)),
        acknowledges_auth: says.auth.is_some() && (hears.authenticated.is_some() || answers(&says.auth)),
        welcomes: hears.welcome.is_some(),
    };
    Ok(Arc::new(Json { says, hears, opens, habits }))
}

impl Says {
    fn new(given: &Checked<'_>) -> Result<Self, DialectError> {
        const ROOM: &[Slot] = &[Slot::Room, Slot::Ref];
        let publish = given.template("publish", &[Slot::Text, Slot::Room, Slot::Ref])?.ok_or_else(|| {
            Checked::missing(
                "publish",
                "is missing; it is what a client says to publish, such as '{\"text\":\"{{text}}\"}'",
            )
        })?;
        if !publish.names(Slot::Text) {
            return Err(Checked::missing("publish", "has no {{text}}: no copy could be recognised"));
        }
        let join = given.template("join", ROOM)?;
        let leave = given.template("leave", ROOM)?;
        let auth = given.template("auth", &[Slot::Token, Slot::User, Slot::Ref])?;
        let questions = given.templates("messages", ROOM)?;
        let nameless = questions.iter().find(|(_, template)| !template.names(Slot::Ref));
        if let Some((name, _)) = nameless {
            let problem = "has no {{ref}}: no answer could be recognised";
            return Err(Checked::missing(&format!("messages.{name}"), problem));
        }
        if !questions.is_empty() && !given.has("reply.ref") {
            return Err(Checked::missing("messages", "are recognised by their answers: `reply.ref` must say where"));
        }
        Ok(Self { publish, join, leave, auth, questions })
    }
}

impl Hears {
    fn new(given: &Checked<'_>) -> Result<Self, DialectError> {
        let deliver = if given.has("deliver.when") { given.when("deliver")? } else { None };
        // Checked though nothing needs it: the marker names the room.
        given.pointer("deliver.room")?;
        let answer = given.template("heartbeat.answer", &[])?;
        Ok(Self {
            deliver,
            reply: given.pointer("reply.ref")?,
            reply_error: given.pointer("reply.error")?,
            reply_code: given.pointer("reply.code")?,
            joined: given.when("joined")?,
            joined_ref: given.pointer("joined.ref")?,
            joined_room: given.pointer("joined.room")?,
            joined_instance: given.pointer("joined.instance")?,
            welcome: given.when("welcome")?,
            welcome_instance: given.pointer("welcome.instance")?,
            authenticated: given.when("authenticated")?,
            heartbeat: given.when("heartbeat")?,
            heartbeat_answer: answer.map(|answer| Frame::text(answer.render(&Values::default()))),
            presence: given.when("presence")?,
            error: given.when("error")?,
            error_code: given.pointer("error.code")?,
            error_ref: given.pointer("error.ref")?,
            unconfirmed: given.words("unconfirmed"),
            marker: Finder::new(MARKER_PREFIX),
        })
    }

    /// What `json` means.
    fn event<'a>(&self, json: &'a [u8]) -> Event<'a> {
        let is = |when: &Option<When>| when.as_ref().is_some_and(|when| when.holds(json));
        let find = |pointer: &Option<Pointer>| pointer.as_ref().and_then(|pointer| pointer.find(json));
        let number = |pointer: &Option<Pointer>| find(pointer).and_then(rules::reference);
        let name = |pointer: &Option<Pointer>| find(pointer).and_then(rules::name);
        let copy = Event::Delivery(Delivery { body: json, stamps: None, offset: None, replayed: false });
        if is(&self.deliver) {
            return copy;
        }
        if let Some(error) = find(&self.reply_error).filter(|error| rules::is_error(error)) {
            let code = name(&self.reply_code).or(rules::name(error)).unwrap_or("error");
            return self.refusal(number(&self.reply), code);
        }
        if is(&self.joined) {
            let reference = number(&self.joined_ref).or_else(|| number(&self.reply));
            let (room, instance) = (name(&self.joined_room), name(&self.joined_instance));
            return Event::Joined { reference, room, position: None, instance };
        }
        if is(&self.welcome) {
            let instance = name(&self.welcome_instance);
            return Event::Welcome { instance, clock: None, ping_interval: None, ping_timeout: None };
        }
        if is(&self.authenticated) {
            return Event::AuthAccepted;
        }
        if is(&self.error) {
            return self.refusal(number(&self.error_ref), name(&self.error_code).unwrap_or("error"));
        }
        if is(&self.heartbeat) {
            return Event::Heartbeat { answer: self.heartbeat_answer.clone() };
        }
        if is(&self.presence) {
            return Event::Presence;
        }
        match number(&self.reply) {
            Some(AUTH) => Event::AuthAccepted,
            Some(reference) => Event::Acked { reference },
            None if self.deliver.is_none() && self.marker.find(json).is_some() => copy,
            None => Event::Unknown,
        }
    }

    fn refusal<'a>(&self, reference: Option<u64>, code: &'a str) -> Event<'a> {
        if reference == Some(AUTH) {
            return Event::AuthRefused(code);
        }
        Event::Refused { reference, code, unconfirmed: self.unconfirmed.iter().any(|known| known == code) }
    }
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

impl Dialect for Json {
    fn name(&self) -> &'static str {
        "json"
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

    fn questions(&self, kind: TransportKind) -> Vec<Question> {
        let asked = self.says.questions.iter().filter(|_| self.speaks(kind));
        asked.map(|(name, text)| Question { name: name.clone(), names_room: text.names(Slot::Room) }).collect()
    }

    fn encode(&self, intent: &Intent<'_>) -> Option<Frame> {
        let (template, values) = match *intent {
            Intent::Auth { identity } if identity.auth == AuthStyle::FirstMessage => {
                let token = identity.token.as_deref().unwrap_or_default();
                (self.says.auth.as_ref()?, Values { reference: AUTH, token, user: &identity.user, ..Values::default() })
            }
            Intent::Auth { .. } | Intent::Poll { .. } | Intent::Notify { .. } => return None,
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
        Some(Frame::text(template.render(&values)))
    }

    fn decode(&self, frame: &Frame, emit: &mut dyn FnMut(Event<'_>)) {
        emit(self.hears.event(frame.bytes()));
    }
}

#[cfg(test)]
mod tests;
