//! Protocols described rather than programmed: what a client says (templates) and what the messages it hears look like
//! (pointers and values), by `[target.with]` for a home-made JSON backend, or by a file. Compiled once; stateless.

use std::ops::Deref;
use std::sync::Arc;

use self::calls::PublishBy;
use self::compile::compile;
use self::framing::Framing;
use self::hears::{AUTH, Hears};
use self::opens::{Opens, Streams};
use self::says::Says;
use self::slot::{Slot, Values};
use super::approach::Approach;
use super::recovering::Recovery;
use super::{AuthStyle, Dialect, DialectEntry, Event, Habits, Identity, Intent, Marking, Position, Question, Saying};
use crate::observe::TransportKind;
use crate::wire::{Call, Frame, Opening, Requests};

mod approach;
mod calls;
mod compile;
mod copies;
mod digest;
mod file;
mod filling;
mod framing;
mod hears;
mod idle;
mod keys;
mod marking;
mod message;
mod octets;
mod opens;
mod parameters;
mod place;
mod pointer;
mod recovery;
mod rules;
mod says;
mod slot;
mod template;
mod validity;
mod width;
mod within;
mod wording;

pub(super) use file::{
    ACTIONCABLE, CENTRIFUGO, GRAPHQL, HONO, MERCURE, MQTT, NATS, PHOENIX, PUSHER, SIGNALR, SOCKETIO, SSE, declares,
    make,
};
pub(super) use keys::HELP;

pub(super) const JSON: DialectEntry = DialectEntry {
    name: "json",
    help: "a home-made JSON backend, described under [target.with]",
    keys: &HELP,
    file: None,
    signs: None,
    make: |parameters| compile("json", parameters),
};

/// A backend, and what one connection to it has saved, by place.
#[derive(Debug)]
struct Declared {
    machine: Arc<Machine>,
    saved: Box<[Box<str>]>,
}

impl Deref for Declared {
    type Target = Machine;
    fn deref(&self) -> &Machine {
        &self.machine
    }
}

/// A backend.
#[derive(Debug)]
struct Machine {
    name: &'static str,
    framing: Framing,
    says: Says,
    hears: Hears,
    opens: Opens,
    approach: Option<Approach>,
    recovery: Option<Arc<dyn Recovery>>,
    /// Where rooms are streams.
    streams: Option<Streams>,
    /// Where publications are requests.
    publish_by: Option<PublishBy>,
    habits: Habits,
    marking: Marking,
    /// What can be tried where no answer to a join comes.
    advice: String,
    /// What can be published by name.
    sayings: Vec<Saying>,
}

impl Dialect for Declared {
    fn name(&self) -> &'static str {
        self.name
    }

    fn habits(&self) -> Habits {
        self.habits
    }

    fn marking(&self) -> Marking {
        self.marking
    }

    fn advice(&self) -> Option<&str> {
        Some(&self.advice)
    }

    fn usual_auth(&self) -> AuthStyle {
        if self.says.auth.is_some() { AuthStyle::FirstMessage } else { AuthStyle::Header }
    }

    fn opening(&self, identity: &Identity) -> Opening {
        self.opens.opening(identity)
    }

    fn speaks(&self, kind: TransportKind) -> bool {
        match kind {
            TransportKind::WebSocket => self.streams.is_none(),
            TransportKind::Sse | TransportKind::EventsourceClient => self.streams.is_some(),
            TransportKind::LongPoll => false,
        }
    }

    fn stream(&self, identity: &Identity, room: Option<&str>, position: Option<&Position>) -> Option<Opening> {
        Some(self.streams.as_ref()?.opening(identity, room?, position))
    }

    fn position(&self, event_id: &str) -> Option<Position> {
        // What follows an event is asked for by its id alone.
        let known = self.streams.is_some() && !event_id.is_empty();
        known.then(|| Position { offset: 0, epoch: event_id.into() })
    }

    fn call(&self, identity: &Identity, intent: &Intent<'_>, now: u64) -> Option<Call> {
        let (named, room, text, reference) = match *intent {
            Intent::Publish { room, text, reference } => (None, room, text, reference),
            Intent::PublishAs { message, room, text, reference } => (Some(message), room, text, reference),
            _ => return None,
        };
        let values = Values { room, text, reference, unix: now, saved: &self.saved, ..Values::default() };
        self.publish_by.as_ref()?.call(identity, named, values)
    }

    fn requests(&self) -> Requests {
        self.publish_by.as_ref().map_or(Requests::Usual, |publishing| publishing.to().clone())
    }

    fn keeping(&self, place: usize, value: &str) -> Option<Arc<dyn Dialect>> {
        let mut saved = self.saved.to_vec();
        if place >= saved.len() {
            saved.resize(place + 1, Box::default());
        }
        saved[place] = value.into();
        Some(Arc::new(Self { machine: Arc::clone(&self.machine), saved: saved.into() }))
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

    fn sayings(&self, kind: TransportKind) -> Vec<Saying> {
        if self.speaks(kind) { self.sayings.clone() } else { Vec::new() }
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
            Intent::Heartbeat { reference } => {
                (self.says.heartbeat.as_ref()?, Values { reference, ..Values::default() })
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
                (self.says.publish.as_ref()?, Values { reference, room, text, ..Values::default() })
            }
            Intent::PublishAs { message, room, text, reference } => {
                let (_, template) = self.says.sayings.iter().find(|(name, _)| name == message)?;
                (template, Values { reference, room, text, ..Values::default() })
            }
            Intent::Ask { message, room, reference } => {
                let (_, template) = self.says.questions.iter().find(|(name, _)| name == message)?;
                (template, Values { reference, room, ..Values::default() })
            }
        };
        template.frame(&self.framing, &Values { saved: &self.saved, ..values })
    }

    fn decode(&self, frame: &Frame, emit: &mut dyn FnMut(Event<'_>)) {
        match (frame, &self.publish_by) {
            (Frame::Answer(answer), Some(publishing)) => publishing.answered(answer, emit),
            (Frame::Beside(_), _) => {
                self.framing.messages(frame.bytes(), &mut |message| self.hears.beside(&message, emit));
            }
            _ => self.framing.messages(frame.bytes(), &mut |message| self.hears.hear(&message, emit)),
        }
    }
}

#[cfg(test)]
mod joining_tests;

#[cfg(test)]
mod json_tests;

#[cfg(test)]
mod golden;

#[cfg(test)]
mod golden_requests;

#[cfg(test)]
mod marking_tests;

#[cfg(test)]
mod mistakes_tests;

#[cfg(test)]
mod request_tests;

#[cfg(test)]
mod sayings_tests;
