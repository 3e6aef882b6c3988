//! A dialect that keeps a journal of what passes it: each frame, its direction, and what the dialect made of it. For people
//! who look at one conversation; never for load.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::shown::{escaped, page, shown};
use super::{
    Approach, AuthStyle, Cursor, Dialect, Event, Habits, Identity, Intent, Marking, Passing, Position, Question,
    Reading, Recovery, Saying,
};
use crate::observe::TransportKind;
use crate::wire::{Call, Frame, Opening, Requests};

/// Lines kept until somebody takes them; further ones are only counted.
const MOST: usize = 1_000;

/// Something that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Whose conversation it belongs to.
    pub who: &'static str,
    /// It went to the server.
    pub sent: bool,
    /// The frame as it may be shown: escaped, cut when it is long; bytes that are no text on lines of their own, in which the
    /// token is masked. Elsewhere it may be part of it.
    pub frame: String,
    /// What the dialect took it for, or what was meant by it; one line each.
    pub meaning: Vec<String>,
}

/// What has passed and was not taken yet; shared by the conversations of a probe.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    passed: Vec<Passed>,
    omitted: usize,
}

impl Journal {
    /// What has passed since the last call, oldest first, and how many more there were than are kept.
    pub fn take(&self) -> (Vec<Passed>, usize) {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut pages.passed), std::mem::take(&mut pages.omitted))
    }

    fn add(&self, passed: Passed) {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.passed.len() < MOST { pages.passed.push(passed) } else { pages.omitted += 1 }
    }
}

/// `inner`, with everything that `who` says and hears written into a journal.
pub struct Traced {
    inner: Arc<dyn Dialect>,
    who: &'static str,
    journal: Journal,
    /// What was shown to the server as proof, if anything was.
    token: Arc<Mutex<Option<String>>>,
}

impl Traced {
    /// Writes what passes `inner` for `who` into `journal`.
    pub fn new(inner: Arc<dyn Dialect>, who: &'static str, journal: Journal) -> Self {
        Self { inner, who, journal, token: Arc::default() }
    }

    /// `frame` as a page of the journal has it.
    fn page(&self, frame: &Frame) -> String {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        page(frame, token.as_deref().unwrap_or_default())
    }

    fn said(&self, frame: String, intent: &Intent<'_>) {
        self.journal.add(Passed { who: self.who, sent: true, frame, meaning: vec![meant(intent)] });
    }
}

impl fmt::Debug for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traced").field("inner", &self.inner).field("who", &self.who).finish_non_exhaustive()
    }
}

impl Dialect for Traced {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn usual_auth(&self) -> AuthStyle {
        self.inner.usual_auth()
    }

    fn habits(&self) -> Habits {
        self.inner.habits()
    }

    fn marking(&self) -> Marking {
        self.inner.marking()
    }

    fn advice(&self) -> Option<&str> {
        self.inner.advice()
    }

    fn opening(&self, identity: &Identity) -> Opening {
        self.inner.opening(identity)
    }

    fn approach(&self) -> Option<&Approach> {
        self.inner.approach()
    }

    fn on_the_way(&self, passing: Passing<'_>) {
        let (sent, frame) = match passing {
            Passing::Said(frame) => (true, frame),
            Passing::Heard(frame) => (false, frame),
        };
        let frame = shown(frame.as_bytes());
        self.journal.add(Passed { who: self.who, sent, frame, meaning: vec!["on the way in".to_owned()] });
    }

    fn recovery(&self) -> Option<Arc<dyn Recovery>> {
        self.inner.recovery()
    }

    fn cursor(&self) -> Option<Cursor> {
        self.inner.cursor()
    }

    fn speaks(&self, kind: TransportKind) -> bool {
        self.inner.speaks(kind)
    }

    fn stream(&self, identity: &Identity, room: Option<&str>, position: Option<&Position>) -> Option<Opening> {
        self.inner.stream(identity, room, position)
    }

    fn call(&self, identity: &Identity, intent: &Intent<'_>, now: u64) -> Option<Call> {
        let call = self.inner.call(identity, intent, now)?;
        let body = call.body.as_deref().unwrap_or_default();
        self.said(format!("{} {} {}", call.method.name(), call.opening.path, shown(body)), intent);
        Some(call)
    }

    fn requests(&self) -> Requests {
        self.inner.requests()
    }

    fn keeping(&self, place: usize, value: &str) -> Option<Arc<dyn Dialect>> {
        let inner = self.inner.keeping(place, value)?;
        Some(Arc::new(Self { inner, who: self.who, journal: self.journal.clone(), token: Arc::clone(&self.token) }))
    }

    fn position(&self, event_id: &str) -> Option<Position> {
        self.inner.position(event_id)
    }

    fn questions(&self, kind: TransportKind) -> Vec<Question> {
        self.inner.questions(kind)
    }

    fn sayings(&self, kind: TransportKind) -> Vec<Saying> {
        self.inner.sayings(kind)
    }

    fn introduce(&self, headers: &[(String, String)], emit: &mut dyn FnMut(Event<'_>)) {
        self.inner.introduce(headers, emit);
    }

    fn encode(&self, intent: &Intent<'_>) -> Option<Frame> {
        let frame = self.inner.encode(intent)?;
        if let Intent::Auth { identity } = intent {
            self.token.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&identity.token);
        }
        self.said(self.page(&frame), intent);
        Some(frame)
    }

    fn readings(&self, frame: &Frame) -> Vec<Reading> {
        self.inner.readings(frame)
    }

    fn decode(&self, frame: &Frame, emit: &mut dyn FnMut(Event<'_>)) {
        let mut meaning = Vec::new();
        self.inner.decode(frame, &mut |event| {
            meaning.push(made_of(&event));
            emit(event);
        });
        self.journal.add(Passed { who: self.who, sent: false, frame: self.page(frame), meaning });
    }
}

fn meant(intent: &Intent<'_>) -> String {
    match intent {
        Intent::Auth { identity } => format!("says who speaks: {}", escaped(&identity.user)),
        Intent::Join { room, position: None, reference } => format!("enters {} (request {reference})", escaped(room)),
        Intent::Join { room, position: Some(at), reference } => {
            format!("enters {} from {} on (request {reference})", escaped(room), at.offset)
        }
        Intent::Leave { room, reference } => format!("leaves {} (request {reference})", escaped(room)),
        Intent::Poll { room, position, .. } => {
            format!("asks what was said in {} after {}", escaped(room), position.offset)
        }
        Intent::Notify { user, reference, .. } => format!("notifies {} (request {reference})", escaped(user)),
        Intent::Publish { room, reference, .. } => format!("publishes to {} (request {reference})", escaped(room)),
        Intent::PublishAs { message, room, reference, .. } => {
            format!("publishes {} to {} (request {reference})", escaped(message), escaped(room))
        }
        Intent::Heartbeat { reference } => format!("shows that it is still there (request {reference})"),
        Intent::Ask { message, reference, .. } => format!("asks {} (request {reference})", escaped(message)),
    }
}

fn made_of(event: &Event<'_>) -> String {
    let of = |reference: &Option<u64>| reference.map_or(String::new(), |reference| format!(" of request {reference}"));
    let named = |name: &Option<&str>| name.map_or(String::new(), |name| format!(", instance {}", escaped(name)));
    match event {
        Event::Welcome { instance, .. } => format!("a welcome{}", named(instance)),
        Event::AuthAccepted => "the token is accepted".to_owned(),
        Event::AuthRefused(words) => format!("the token is refused: {}", escaped(words)),
        Event::Joined { reference, room, position, instance } => {
            let room = room.map_or(String::new(), |room| format!(" {}", escaped(room)));
            let position = position.as_ref().map_or(String::new(), |at| format!(", at {}", at.offset));
            format!("joined{room}{}{position}{}", of(reference), named(instance))
        }
        Event::Delivery(delivery) => {
            let offset = delivery.offset.map_or(String::new(), |offset| format!(", offset {offset}"));
            format!("a delivery{offset}{}", if delivery.replayed { ", replayed" } else { "" })
        }
        Event::Acked { reference } => format!("request {reference} is acknowledged"),
        Event::Named { reference, id } => format!("request {reference} is called {}", escaped(id)),
        Event::HeardUpTo { room, offset } => format!("{} is heard up to {offset}", escaped(room)),
        Event::Refused { reference, code, .. } => format!("a refusal{}: {}", of(reference), escaped(code)),
        Event::Polled { position, instance, .. } => {
            format!("a poll's answer, up to {}{}", position.offset, named(instance))
        }
        Event::Reply { reference } => format!("a reply{}", of(reference)),
        Event::Saved { .. } => "a value to be kept".to_owned(),
        Event::Presence => "presence".to_owned(),
        Event::Heartbeat { answer } => {
            format!("a sign of life{}", if answer.is_some() { ", to be answered" } else { "" })
        }
        Event::Drain { min, max } => format!("the server goes away: come back after {min:?} to {max:?}"),
        Event::Gap { .. } => "a gap: something will not come".to_owned(),
        Event::Unknown => "nothing it knows".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Parameters, find};

    #[test]
    fn what_passes_is_written_down_with_what_was_made_of_it() {
        let journal = Journal::default();
        let dialect = Traced::new(find("room", &Parameters::new()).unwrap(), "talker", journal.clone());
        dialect.encode(&Intent::Join { room: "r\u{1b}1", position: None, reference: 1 }).unwrap();
        let mut heard = 0;
        dialect.decode(&Frame::text("{\"type\":\"error\",\"code\":\"no\u{202e}pe\",\"ref\":1}"), &mut |_| heard += 1);
        dialect.decode(&Frame::Binary(vec![0xff, 0x07].into()), &mut |_| heard += 1);
        let (passed, omitted) = journal.take();
        assert_eq!((heard, omitted, passed.len()), (2, 0, 3));
        assert_eq!(passed[0].meaning, ["enters r\\u{1b}1 (request 1)"]);
        assert!(passed[0].sent && passed[0].frame.contains("join"), "{passed:?}");
        assert_eq!(passed[1].meaning, ["a refusal of request 1: no\\u{202e}pe"]);
        assert_eq!(passed[1].frame, "{\"type\":\"error\",\"code\":\"no\\u{202e}pe\",\"ref\":1}");
        assert_eq!(
            (passed[2].frame.as_str(), &passed[2].meaning[..]),
            (
                "2 bytes\n0000  ff 07                                             |..|",
                &["nothing it knows".to_owned()][..]
            )
        );
        assert_eq!(journal.take(), (Vec::new(), 0));
    }

    #[test]
    fn a_flood_is_counted_and_not_kept() {
        let journal = Journal::default();
        let dialect = Traced::new(find("room", &Parameters::new()).unwrap(), "listener", journal.clone());
        for _ in 0..MOST + 5 {
            dialect.decode(&Frame::text("x".repeat(6_000)), &mut |_| {});
        }
        let (passed, omitted) = journal.take();
        assert_eq!((passed.len(), omitted), (MOST, 5));
        assert_eq!(passed[0].frame.len(), 2_000 + "… (6000 bytes)".len());
    }
}
