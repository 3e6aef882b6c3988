//! Protocols described rather than programmed: what a client says (templates) and what the messages it hears look like
//! (pointers and values), by `[target.with]` for a home-made JSON backend, or by a file. Compiled once; stateless.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use self::calls::PublishBy;
use self::framing::Framing;
use self::hears::{AUTH, Hears};
use self::opens::{Opens, Streams};
use self::parameters::Checked;
use self::says::Says;
use self::slot::{Slot, Values};
use self::template::Template;
use super::approach::Approach;
use super::recovering::Recovery;
use super::{
    AuthStyle, Dialect, DialectEntry, DialectError, Event, Habits, Identity, Intent, Marking, Parameters, Position,
    Question, Saying,
};
use crate::observe::TransportKind;
use crate::wire::{Call, Frame, Opening, Requests};

mod approach;
mod calls;
mod digest;
mod file;
mod filling;
mod framing;
mod hears;
mod keys;
mod marking;
mod message;
mod opens;
mod parameters;
mod pointer;
mod recovery;
mod rules;
mod says;
mod slot;
mod template;
mod within;

pub(super) use file::{
    ACTIONCABLE, CENTRIFUGO, GRAPHQL, HONO, MERCURE, NATS, PHOENIX, PUSHER, SIGNALR, SOCKETIO, SSE, declares, make,
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

/// The shortest silence that a sign of life may follow: they are looked for ten times a second.
const SHORTEST_HEARTBEAT: Duration = Duration::from_secs(1);

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

/// What to try in general where no answer to a join comes.
const ADVICE: &str = "if no answer is to come, `acknowledges_joins = false` awaits none; if a message of its own is the \
                      answer, say under `joined` what it looks like";

/// The dialect called `name` that `parameters` describe.
fn compile(name: &'static str, parameters: &Parameters) -> Result<Arc<dyn Dialect>, DialectError> {
    let given = Checked::new(parameters)?;
    let framing = Framing::new(&given)?;
    let says = Says::new(&given)?;
    let hears = Hears::new(&given, &framing, says.auth.as_ref().is_some_and(|auth| auth.names(Slot::Ref)))?;
    let opens = Opens::new(&given)?;
    let (approach, recovery) = (approach::approach(&given)?, recovery::recovery(&given)?);
    let (streams, publish_by) = (Streams::new(&given)?, PublishBy::new(&given)?);
    let replies = hears.reply.is_some() || hears.reply_when.is_some();
    let answers =
        |template: &Option<Template>| replies && template.as_ref().is_some_and(|template| template.names(Slot::Ref));
    let habits = Habits {
        sender_hears_itself: given.flag("sender_hears_itself").unwrap_or(true),
        acknowledges_joins: given.flag("acknowledges_joins").unwrap_or(true)
            && says.join.is_some()
            && (hears.joined.is_some() || answers(&says.join)),
        tells_joins: hears.joined.is_some(),
        acknowledges_messages: publish_by.is_some()
            || given.flag("acknowledges_messages").unwrap_or_else(|| answers(&says.publish)),
        acknowledges_auth: (says.auth.is_some() || says.hello.is_some())
            && (hears.authenticated.is_some() || answers(&says.auth)),
        welcomes: hears.welcome.is_some(),
        answers_welcome: given.flag("after_welcome").unwrap_or(false),
        heartbeat: heartbeat(&given, &says)?,
    };
    if habits.answers_welcome && !habits.welcomes {
        return Err(Checked::missing("after_welcome", "needs `welcome`: it says what is waited for"));
    }
    let acknowledged = given.flag("acknowledges_messages").unwrap_or(true) && replies;
    let saying = |(name, text): &(String, Template)| Saying {
        name: name.as_str().into(),
        acknowledged: acknowledged && text.names(Slot::Ref),
    };
    let sayings = says.sayings.iter().map(saying).collect();
    let marking = marking::marking(&given, &says, publish_by.as_ref(), &habits)?;
    let machine = Machine {
        name,
        framing,
        says,
        hears,
        opens,
        approach,
        recovery,
        streams,
        publish_by,
        habits,
        marking,
        advice: given.plain("advice").unwrap_or(ADVICE).to_owned(),
        sayings,
    };
    Ok(Arc::new(Declared { machine: Arc::new(machine), saved: Box::default() }))
}

/// After what silence of its own a client says a sign of life.
fn heartbeat(given: &Checked<'_>, says: &Says) -> Result<Option<Duration>, DialectError> {
    let every = given.duration("heartbeat.every", SHORTEST_HEARTBEAT)?;
    match (every, &says.heartbeat) {
        (None, Some(_)) => Err(Checked::missing("heartbeat.every", "is missing; it says how often `say` is said")),
        (Some(_), None) => {
            Err(Checked::missing("heartbeat.say", "is missing; it is what a client says `every` so often"))
        }
        (every, _) => Ok(every),
    }
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
        let Intent::Publish { room, text, reference } = *intent else { return None };
        let values = Values { room, text, reference, unix: now, saved: &self.saved, ..Values::default() };
        Some(self.publish_by.as_ref()?.call(identity, values))
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
        Some(self.framing.frame(template.render(&Values { saved: &self.saved, ..values })))
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
mod request_tests;

#[cfg(test)]
mod sayings_tests;
