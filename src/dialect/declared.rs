//! Protocols described rather than programmed: what a client says (templates) and what the messages it hears look like
//! (pointers and values), by `[target.with]` for a home-made JSON backend, or by a file. Compiled once; stateless.

use memchr::memmem::Finder;
use std::sync::Arc;

use self::message::Message;
use self::parameters::{Checked, Format};
use self::pointer::{Pointer, elements};
use self::rules::When;
use self::template::{Slot, Template, Values};
use super::credentials::show_token;
use super::{
    AuthStyle, Delivery, Dialect, DialectEntry, DialectError, Event, Habits, Identity, Intent, Parameters, Position,
    Question,
};
use crate::observe::TransportKind;
use crate::wire::{Frame, MARKER_PREFIX, Opening};

mod file;
mod message;
mod parameters;
mod pointer;
mod rules;
mod template;

pub(super) use file::{ACTIONCABLE, CENTRIFUGO, GRAPHQL, HONO, NATS, PHOENIX, SIGNALR, SOCKETIO, declares, make};
pub(super) use parameters::HELP;

pub(super) const JSON: DialectEntry = DialectEntry {
    name: "json",
    help: "a home-made JSON backend, described under [target.with]",
    file: None,
    make: |parameters| compile("json", parameters),
};

/// The request that `{{ref}}` means in `auth`; all others are numbered from 1.
const AUTH: u64 = 0;

/// A backend.
#[derive(Debug)]
struct Declared {
    name: &'static str,
    framing: Framing,
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
    resume: Option<Template>,
    auth: Option<Template>,
    hello: Option<Template>,
    /// By name.
    questions: Vec<(String, Template)>,
}

/// How frames are recognised, in the order in which they are tried.
#[derive(Debug)]
struct Hears {
    skip: Option<When>,
    refused: Option<When>,
    refused_code: Option<Pointer>,
    deliver: Option<When>,
    deliver_offset: Option<Pointer>,
    reply_when: Option<When>,
    reply_error: Option<Pointer>,
    reply_code: Option<Pointer>,
    reply: Option<Pointer>,
    joined: Option<When>,
    joined_ref: Option<Pointer>,
    joined_room: Option<Pointer>,
    joined_instance: Option<Pointer>,
    joined_offset: Option<Pointer>,
    joined_epoch: Option<Pointer>,
    joined_missed: Option<Pointer>,
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
    /// Authentication is a request that is answered by its number.
    numbers_auth: bool,
}

/// What the opening needs.
#[derive(Debug)]
struct Opens {
    path: Option<Template>,
    query: Vec<(String, Template)>,
    headers: Vec<(String, Template)>,
    subprotocols: Vec<String>,
}

/// How messages stand in frames.
#[derive(Debug)]
struct Framing {
    format: Format,
    split: Option<Finder<'static>>,
    end: Option<String>,
    binary: bool,
}

/// The dialect called `name` that `parameters` describe.
fn compile(name: &'static str, parameters: &Parameters) -> Result<Arc<dyn Dialect>, DialectError> {
    let given = Checked::new(parameters)?;
    let framing = Framing::new(&given)?;
    let says = Says::new(&given)?;
    let hears = Hears::new(&given, &framing, says.auth.as_ref().is_some_and(|auth| auth.names(Slot::Ref)))?;
    let opens = Opens::new(&given)?;
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
    Ok(Arc::new(Declared { name, framing, says, hears, opens, habits }))
}

impl Framing {
    fn new(given: &Checked<'_>) -> Result<Self, DialectError> {
        let split = given.literal("framing.split")?;
        Ok(Self {
            format: given.format()?,
            split: split.map(|split| Finder::new(&split).into_owned()),
            end: given.literal("framing.end")?,
            binary: given.flag("framing.binary").unwrap_or(false),
        })
    }

    /// The frame that carries `message`.
    fn frame(&self, mut message: String) -> Frame {
        message.push_str(self.end.as_deref().unwrap_or_default());
        if self.binary { Frame::Binary(message.into_bytes().into()) } else { Frame::text(message) }
    }

    /// Calls `each` with the messages of a frame: at least one.
    fn messages<'a>(&self, frame: &'a [u8], each: &mut dyn FnMut(Message<'a>)) {
        let mut one = |message| match self.format {
            Format::Json => each(Message::json(message)),
            Format::Prefixed | Format::Plain => each(Message::prefixed(message)),
        };
        let Some(split) = &self.split else { return one(frame) };
        let (mut rest, mut any) = (frame, false);
        while let Some(at) = split.find(rest) {
            if at > 0 {
                any = true;
                one(&rest[..at]);
            }
            rest = &rest[at + split.needle().len()..];
        }
        if !rest.is_empty() || !any {
            one(rest);
        }
    }
}

impl Says {
    fn new(given: &Checked<'_>) -> Result<Self, DialectError> {
        const ROOM: &[Slot] = &[Slot::Room, Slot::Ref];
        const RESUME: &[Slot] = &[Slot::Room, Slot::Ref, Slot::Offset, Slot::Epoch];
        const PLAIN: &[Slot] = &[Slot::Text, Slot::Room, Slot::Ref, Slot::Bytes];
        // Escaped text has another length: only plain text can be counted.
        let publish = if given.format()? == Format::Plain { PLAIN } else { &PLAIN[..3] };
        let publish = given.template("publish", publish)?.ok_or_else(|| {
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
        let resume = given.template("resume", RESUME)?;
        let hello = given.template("hello", &[Slot::User, Slot::Token])?;
        let questions = given.templates("messages", ROOM)?;
        let nameless = questions.iter().find(|(_, template)| !template.names(Slot::Ref));
        if let Some((name, _)) = nameless {
            let problem = "has no {{ref}}: no answer could be recognised";
            return Err(Checked::missing(&format!("messages.{name}"), problem));
        }
        if !questions.is_empty() && !given.has("reply.ref") && !given.has("reply.when") {
            return Err(Checked::missing("messages", "are recognised by their answers: `reply.ref` must say where"));
        }
        Ok(Self { publish, join, leave, resume, auth, hello, questions })
    }
}

impl Hears {
    fn new(given: &Checked<'_>, framing: &Framing, numbers_auth: bool) -> Result<Self, DialectError> {
        let deliver = if given.has("deliver.when") { given.when("deliver")? } else { None };
        // Checked though nothing needs it: the marker names the room.
        given.pointer("deliver.room")?;
        let answer = given.template("heartbeat.answer", &[])?;
        let reply_when = if given.has("reply.when") { given.when("reply")? } else { None };
        Ok(Self {
            skip: given.when("skip")?,
            refused: given.when("refused")?,
            refused_code: given.pointer("refused.code")?,
            deliver,
            deliver_offset: given.pointer("deliver.offset")?,
            reply_when,
            reply: given.pointer("reply.ref")?,
            reply_error: given.pointer("reply.error")?,
            reply_code: given.pointer("reply.code")?,
            joined: given.when("joined")?,
            joined_ref: given.pointer("joined.ref")?,
            joined_room: given.pointer("joined.room")?,
            joined_instance: given.pointer("joined.instance")?,
            joined_offset: given.pointer("joined.offset")?,
            joined_epoch: given.pointer("joined.epoch")?,
            joined_missed: given.pointer("joined.missed")?,
            welcome: given.when("welcome")?,
            welcome_instance: given.pointer("welcome.instance")?,
            authenticated: given.when("authenticated")?,
            heartbeat: given.when("heartbeat")?,
            heartbeat_answer: answer.map(|answer| framing.frame(answer.render(&Values::default()))),
            presence: given.when("presence")?,
            error: given.when("error")?,
            error_code: given.pointer("error.code")?,
            error_ref: given.pointer("error.ref")?,
            unconfirmed: given.words("unconfirmed"),
            marker: Finder::new(MARKER_PREFIX),
            numbers_auth,
        })
    }

    /// Calls `emit` with what `message` means.
    fn hear<'a>(&self, message: &Message<'a>, emit: &mut dyn FnMut(Event<'_>)) {
        let is = |when: &Option<When>| when.as_ref().is_some_and(|when| when.holds(message));
        if is(&self.deliver) {
            return emit(self.copy(message));
        }
        if is(&self.skip) {
            return;
        }
        let error = self.reply_error.as_ref().and_then(|error| error.find(message.json));
        if !error.is_some_and(rules::is_error) && is(&self.joined) {
            emit(self.join(message));
            let missed = self.joined_missed.as_ref().and_then(|missed| missed.find(message.json));
            return elements(missed.unwrap_or_default(), &mut |body| {
                emit(Event::Delivery(Delivery { body, stamps: None, offset: None, replayed: true }));
            });
        }
        emit(self.event(message));
    }

    fn copy<'a>(&self, message: &Message<'a>) -> Event<'a> {
        let offset = self.deliver_offset.as_ref().and_then(|offset| offset.find(message.json));
        let offset = offset.and_then(rules::reference);
        Event::Delivery(Delivery { body: message.json_or_whole(), stamps: None, offset, replayed: false })
    }

    fn join<'a>(&self, message: &Message<'a>) -> Event<'a> {
        let find = |pointer: &Option<Pointer>| pointer.as_ref().and_then(|pointer| pointer.find(message.json));
        let name = |pointer: &Option<Pointer>| find(pointer).and_then(rules::name);
        let reference = find(&self.joined_ref).and_then(rules::reference).or_else(|| self.reference(message));
        let offset = find(&self.joined_offset).and_then(rules::reference);
        let epoch = name(&self.joined_epoch).unwrap_or_default();
        let position = offset.map(|offset| Position { offset, epoch: Arc::from(epoch) });
        Event::Joined { reference, room: name(&self.joined_room), position, instance: name(&self.joined_instance) }
    }

    /// The reference of the request that `message` answers, if it answers any.
    fn reference(&self, message: &Message<'_>) -> Option<u64> {
        if self.reply_when.as_ref().is_some_and(|when| !when.holds(message)) {
            return None;
        }
        match &self.reply {
            Some(pointer) => pointer.find(message.json).and_then(rules::reference),
            None => self.reply_when.as_ref()?.number(message),
        }
    }

    /// What `message` means, if it is neither a delivery nor the acknowledgement of a join.
    fn event<'a>(&self, message: &Message<'a>) -> Event<'a> {
        let is = |when: &Option<When>| when.as_ref().is_some_and(|when| when.holds(message));
        let find = |pointer: &Option<Pointer>| pointer.as_ref().and_then(|pointer| pointer.find(message.json));
        let name = |pointer: &Option<Pointer>| find(pointer).and_then(rules::name);
        if is(&self.refused) {
            return Event::AuthRefused(name(&self.refused_code).unwrap_or("refused"));
        }
        if let Some(error) = find(&self.reply_error).filter(|error| rules::is_error(error)) {
            let code = name(&self.reply_code).or(rules::name(error)).unwrap_or("error");
            return self.refusal(self.reference(message), code);
        }
        if is(&self.welcome) {
            let instance = name(&self.welcome_instance);
            return Event::Welcome { instance, clock: None, ping_interval: None, ping_timeout: None };
        }
        if is(&self.authenticated) {
            return Event::AuthAccepted;
        }
        if is(&self.error) {
            let reference = find(&self.error_ref).and_then(rules::reference);
            return self.refusal(reference, name(&self.error_code).unwrap_or("error"));
        }
        if is(&self.heartbeat) {
            return Event::Heartbeat { answer: self.heartbeat_answer.clone() };
        }
        if is(&self.presence) {
            return Event::Presence;
        }
        match self.reference(message) {
            Some(AUTH) if self.numbers_auth => Event::AuthAccepted,
            Some(reference) => Event::Acked { reference },
            None if self.deliver.is_none() && self.marker.find(message.whole).is_some() => self.copy(message),
            None => Event::Unknown,
        }
    }

    fn refusal<'a>(&self, reference: Option<u64>, code: &'a str) -> Event<'a> {
        if self.numbers_auth && reference == Some(AUTH) {
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
