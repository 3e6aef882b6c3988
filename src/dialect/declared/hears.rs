//! What the messages a client hears mean: conditions tried in order, until one holds.

use memchr::memmem::Finder;
use std::sync::Arc;

use super::framing::Framing;
use super::message::Message;
use super::parameters::Checked;
use super::pointer::{Pointer, elements};
use super::rules::{self, When};
use super::slot::Values;
use crate::dialect::{Delivery, DialectError, Event, Position};
use crate::wire::{Frame, MARKER_PREFIX};

/// The request that `{{ref}}` means in `auth`; all others are numbered from 1.
pub(super) const AUTH: u64 = 0;

/// How frames are recognised, in the order in which they are tried.
#[derive(Debug)]
pub(super) struct Hears {
    skip: Option<When>,
    refused: Option<When>,
    refused_code: Option<Pointer>,
    deliver: Option<When>,
    deliver_offset: Option<Pointer>,
    /// Where the server's id of a message stands, if copies are recognised by it: in a copy, in an acknowledgement.
    deliver_id: Option<Pointer>,
    reply_id: Option<Pointer>,
    pub(super) reply_when: Option<When>,
    reply_error: Option<Pointer>,
    reply_code: Option<Pointer>,
    pub(super) reply: Option<Pointer>,
    pub(super) joined: Option<When>,
    joined_ref: Option<Pointer>,
    joined_room: Option<Pointer>,
    joined_instance: Option<Pointer>,
    joined_offset: Option<Pointer>,
    joined_epoch: Option<Pointer>,
    joined_missed: Option<Pointer>,
    pub(super) welcome: Option<When>,
    welcome_instance: Option<Pointer>,
    pub(super) authenticated: Option<When>,
    heartbeat: Option<When>,
    heartbeat_answer: Option<Frame>,
    presence: Option<When>,
    error: Option<When>,
    error_code: Option<Pointer>,
    error_ref: Option<Pointer>,
    /// What is kept of answers, by place.
    saves: Vec<Pointer>,
    unconfirmed: Vec<String>,
    marker: Finder<'static>,
    /// Authentication is a request that is answered by its number.
    numbers_auth: bool,
}

impl Hears {
    pub(super) fn new(given: &Checked<'_>, framing: &Framing, numbers_auth: bool) -> Result<Self, DialectError> {
        let deliver = if given.has("deliver.when") { given.when("deliver")? } else { None };
        // Checked though nothing needs it: the marker names the room.
        given.pointer("deliver.room")?;
        let answer = given.template("heartbeat.answer", &[])?;
        let hears_heartbeats = given.has("heartbeat.when") || answer.is_some();
        let reply_when = if given.has("reply.when") { given.when("reply")? } else { None };
        Ok(Self {
            skip: given.when("skip")?,
            refused: given.when("refused")?,
            refused_code: given.pointer("refused.code")?,
            deliver,
            deliver_offset: given.pointer("deliver.offset")?,
            deliver_id: given.pointer("deliver.id")?,
            reply_id: given.pointer("reply.id")?,
            reply_when,
            reply: given.pointer("reply.ref")?,
            reply_error: given.pointer("reply.error")?,
            reply_code: given.pointer("reply.code")?,
            joined: given.when("joined")?,
            joined_ref: given.pointer("joined.ref")?,
            joined_room: if given.plain("joined.room") == Some("") { None } else { given.pointer("joined.room")? },
            joined_instance: given.pointer("joined.instance")?,
            joined_offset: given.pointer("joined.offset")?,
            joined_epoch: given.pointer("joined.epoch")?,
            joined_missed: given.pointer("joined.missed")?,
            welcome: given.when("welcome")?,
            welcome_instance: given.pointer("welcome.instance")?,
            authenticated: given.when("authenticated")?,
            heartbeat: if given.has("heartbeat.say") && !hears_heartbeats { None } else { given.when("heartbeat")? },
            heartbeat_answer: answer.map(|answer| framing.frame(answer.render(&Values::default()))),
            presence: given.when("presence")?,
            error: given.when("error")?,
            error_code: given.pointer("error.code")?,
            error_ref: given.pointer("error.ref")?,
            saves: given.saves()?,
            unconfirmed: given.words("unconfirmed"),
            marker: Finder::new(MARKER_PREFIX),
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
        if is(&self.deliver) {
            return emit(self.copy(message));
        }
        if is(&self.skip) {
            return;
        }
        let error = self.reply_error.as_ref().and_then(|error| error.find(message.json));
        if !error.is_some_and(rules::is_error) && is(&self.joined) {
            self.save(message, emit);
            emit(self.join(message));
            let missed = self.joined_missed.as_ref().and_then(|missed| missed.find(message.json));
            return elements(missed.unwrap_or_default(), &mut |body| {
                emit(Event::Delivery(Delivery { body, stamps: None, offset: None, replayed: true }));
            });
        }
        let event = self.event(message);
        if matches!(event, Event::Welcome { .. } | Event::AuthAccepted | Event::Acked { .. }) {
            self.save(message, emit);
        }
        if let Event::Acked { reference } = event {
            self.call(reference, message, emit);
        }
        emit(event);
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

    fn copy<'a>(&self, message: &Message<'a>) -> Event<'a> {
        let offset = self.deliver_offset.as_ref().and_then(|offset| offset.find(message.json));
        let offset = offset.and_then(rules::reference);
        let body = match &self.deliver_id {
            None => message.body,
            Some(pointer) => match pointer.find(message.json).and_then(rules::name) {
                Some(id) => id.as_bytes(),
                // Nobody could tell what it is a copy of.
                None => return Event::Unknown,
            },
        };
        Event::Delivery(Delivery { body, stamps: None, offset, replayed: false })
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
