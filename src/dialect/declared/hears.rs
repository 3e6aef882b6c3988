//! What the messages a client hears mean: conditions tried in order, until one holds.

use std::sync::Arc;

use super::copies::Copies;
use super::framing::Framing;
use super::message::Message;
use super::parameters::Checked;
use super::place::{Place, name, number};
use super::pointer::Pointer;
use super::rules::{self, When};
use super::slot::Values;
use crate::dialect::{DialectError, Event, Position};
use crate::wire::Frame;

/// The request that `{{ref}}` means in `auth`; all others are numbered from 1.
pub(super) const AUTH: u64 = 0;

/// How frames are recognised, in the order in which they are tried.
#[derive(Debug)]
pub(super) struct Hears {
    skip: Option<When>,
    refused: Option<When>,
    refused_code: Option<Place>,
    copies: Copies,
    /// Where the server's id of a message stands in an acknowledgement, if copies are recognised by it.
    reply_id: Option<Pointer>,
    pub(super) reply_when: Option<When>,
    reply_error: Option<Place>,
    reply_code: Option<Place>,
    pub(super) reply: Option<Place>,
    pub(super) joined: Option<When>,
    joined_ref: Option<Place>,
    joined_room: Option<Place>,
    joined_instance: Option<Place>,
    joined_offset: Option<Place>,
    joined_epoch: Option<Place>,
    pub(super) welcome: Option<When>,
    welcome_instance: Option<Place>,
    pub(super) authenticated: Option<When>,
    heartbeat: Option<When>,
    heartbeat_answer: Option<Frame>,
    presence: Option<When>,
    error: Option<When>,
    error_code: Option<Place>,
    error_ref: Option<Place>,
    /// What is kept of answers, by place.
    saves: Vec<Pointer>,
    unconfirmed: Vec<String>,
    /// Authentication is a request that is answered by its number.
    numbers_auth: bool,
}

impl Hears {
    pub(super) fn new(given: &Checked<'_>, framing: &Framing, numbers_auth: bool) -> Result<Self, DialectError> {
        let answer = given.template("heartbeat.answer", &[])?;
        let hears_heartbeats = given.has("heartbeat.when") || answer.is_some();
        let reply_when = if given.has("reply.when") { given.when("reply")? } else { None };
        Ok(Self {
            skip: given.when("skip")?,
            refused: given.when("refused")?,
            refused_code: given.place("refused.code")?,
            copies: Copies::new(given)?,
            reply_id: given.pointer("reply.id")?,
            reply_when,
            reply: given.place("reply.ref")?,
            reply_error: given.place("reply.error")?,
            reply_code: given.place("reply.code")?,
            joined: given.when("joined")?,
            joined_ref: given.place("joined.ref")?,
            joined_room: if given.plain("joined.room") == Some("") { None } else { given.place("joined.room")? },
            joined_instance: given.place("joined.instance")?,
            joined_offset: given.place("joined.offset")?,
            joined_epoch: given.place("joined.epoch")?,
            welcome: given.when("welcome")?,
            welcome_instance: given.place("welcome.instance")?,
            authenticated: given.when("authenticated")?,
            heartbeat: if given.has("heartbeat.say") && !hears_heartbeats { None } else { given.when("heartbeat")? },
            heartbeat_answer: answer.and_then(|answer| answer.frame(framing, &Values::default())),
            presence: given.when("presence")?,
            error: given.when("error")?,
            error_code: given.place("error.code")?,
            error_ref: given.place("error.ref")?,
            saves: given.saves()?,
            unconfirmed: given.words("unconfirmed"),
            numbers_auth,
        })
    }

    /// Calls `emit` with what the data of an event means that is called otherwise than messages are.
    pub(super) fn beside(&self, message: &Message<'_>, emit: &mut dyn FnMut(Event<'_>)) {
        let is = |when: &Option<When>| when.as_ref().is_some_and(|when| when.holds(message));
        if is(&self.skip) {
            return;
        }
        emit(match () {
            // There is nothing to answer on: a stream carries nothing to the server.
            () if is(&self.heartbeat) => Event::Heartbeat { answer: None },
            () if is(&self.presence) => Event::Presence,
            () => Event::Unknown,
        });
    }

    /// Calls `emit` with what `message` means.
    pub(super) fn hear<'a>(&self, message: &Message<'a>, emit: &mut dyn FnMut(Event<'_>)) {
        let is = |when: &Option<When>| when.as_ref().is_some_and(|when| when.holds(message));
        if self.copies.declared(message) {
            return self.copies.tell(message, emit);
        }
        if is(&self.skip) {
            return;
        }
        if !self.fails(message) && is(&self.joined) {
            self.save(message, emit);
            self.join(message, emit);
            return self.copies.tell_missed(message, emit);
        }
        self.tell(message, &mut |event| {
            if matches!(event, Event::Welcome { .. } | Event::AuthAccepted | Event::Acked { .. }) {
                self.save(message, emit);
            }
            if let Event::Acked { reference } = event {
                self.call(reference, message, emit);
            }
            emit(event);
        });
    }

    /// Whether `message` says that a request failed.
    fn fails(&self, message: &Message<'_>) -> bool {
        match &self.reply_error {
            // Every message has bytes there: only those of answers count.
            Some(error @ Place::Bytes(_)) => {
                self.reply_when.as_ref().is_some_and(|when| when.holds(message)) && error.is_error(message)
            }
            Some(error) => error.is_error(message),
            None => false,
        }
    }

    /// Tells what the server calls the message it acknowledges, where that counts.
    fn call(&self, reference: u64, message: &Message<'_>, emit: &mut dyn FnMut(Event<'_>)) {
        if let Some(id) = self.reply_id.as_ref().and_then(|id| id.find(message.json)).and_then(rules::name) {
            emit(Event::Named { reference, id });
        }
    }

    /// Tells what of an answer is to be kept.
    fn save(&self, message: &Message<'_>, emit: &mut dyn FnMut(Event<'_>)) {
        for (place, pointer) in self.saves.iter().enumerate() {
            if let Some(value) = pointer.read(message.json) {
                emit(Event::Saved { place, value: &value });
            }
        }
    }

    fn join(&self, message: &Message<'_>, emit: &mut dyn FnMut(Event<'_>)) {
        let reference = number(&self.joined_ref, message).or_else(|| self.reference(message));
        let epoch = name(&self.joined_epoch, message).unwrap_or_default();
        let position = number(&self.joined_offset, message);
        let position = position.map(|offset| Position { offset, epoch: Arc::from(&*epoch) });
        let (room, instance) = (name(&self.joined_room, message), name(&self.joined_instance, message));
        emit(Event::Joined { reference, room: room.as_deref(), position, instance: instance.as_deref() });
    }

    /// The reference of the request that `message` answers, if it answers any.
    fn reference(&self, message: &Message<'_>) -> Option<u64> {
        if self.reply_when.as_ref().is_some_and(|when| !when.holds(message)) {
            return None;
        }
        match &self.reply {
            Some(place) => place.number(message),
            None => self.reply_when.as_ref()?.number(message),
        }
    }

    /// Tells what `message` means, if it is neither a delivery nor the acknowledgement of a join.
    fn tell(&self, message: &Message<'_>, emit: &mut dyn FnMut(Event<'_>)) {
        let is = |when: &Option<When>| when.as_ref().is_some_and(|when| when.holds(message));
        if is(&self.refused) {
            return emit(Event::AuthRefused(name(&self.refused_code, message).as_deref().unwrap_or("refused")));
        }
        if self.fails(message) {
            let code = name(&self.reply_code, message).or_else(|| name(&self.reply_error, message));
            return emit(self.refusal(self.reference(message), code.as_deref().unwrap_or("error")));
        }
        if is(&self.welcome) {
            let instance = name(&self.welcome_instance, message);
            let instance = instance.as_deref();
            return emit(Event::Welcome { instance, clock: None, ping_interval: None, ping_timeout: None });
        }
        if is(&self.authenticated) {
            return emit(Event::AuthAccepted);
        }
        if is(&self.error) {
            let code = name(&self.error_code, message);
            return emit(self.refusal(number(&self.error_ref, message), code.as_deref().unwrap_or("error")));
        }
        if is(&self.heartbeat) {
            return emit(Event::Heartbeat { answer: self.heartbeat_answer.clone() });
        }
        if is(&self.presence) {
            return emit(Event::Presence);
        }
        emit(match self.reference(message) {
            Some(AUTH) if self.numbers_auth => Event::AuthAccepted,
            Some(reference) => Event::Acked { reference },
            None if self.copies.marked(message) => return self.copies.tell(message, emit),
            None => Event::Unknown,
        });
    }

    fn refusal<'a>(&self, reference: Option<u64>, code: &'a str) -> Event<'a> {
        if self.numbers_auth && reference == Some(AUTH) {
            return Event::AuthRefused(code);
        }
        Event::Refused { reference, code, unconfirmed: self.unconfirmed.iter().any(|known| known == code) }
    }
}
