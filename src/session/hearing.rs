//! The protocol of a conversation: greet, authenticate, join, and what each event of the dialect means for it.

use std::sync::Arc;

use super::{Ended, Happening, Hint, Place, Session, Step};
use crate::dialect::{Event, Identity, Intent, Position};
use crate::observe::{TransportKind, Word};
use crate::time::unix_seconds;
use crate::wire::{Frame, InstanceTag, Received, Requests, Within};

impl Session {
    pub(super) fn name_instance(&mut self, name: &str) -> InstanceTag {
        self.instance = InstanceTag::of(name);
        self.name = Some(name.into());
        self.instance
    }

    /// Looks for the instance's name in what the server says, where it was not told before.
    fn look_for_instance(&mut self, words: Within, received: &Received, tell: &mut dyn FnMut(Happening<'_>)) {
        let found = self.instance_rules.iter().enumerate();
        let found = found.filter_map(|(at, rule)| Some((at, rule.in_words(words, received.frame.bytes())?))).next();
        let Some((at, name)) = found else { return };
        self.instance_rules = self.instance_rules[..at].into();
        let tag = self.name_instance(&name);
        tell(Happening::Instance(tag, &name));
    }

    /// Says what has to be said first, and goes as far as that allows without an answer.
    pub(super) fn greet(&mut self, identity: &Arc<Identity>, headers: &[(String, String)]) {
        if self.kind != TransportKind::WebSocket {
            self.caller = Some(Arc::clone(identity));
            let dialect = Arc::clone(&self.dialect);
            dialect.introduce(headers, &mut |event| self.introduced(&event));
            return self.join(&mut |_| {});
        }
        if self.dialect.requests() != Requests::Usual {
            self.caller = Some(Arc::clone(identity));
        }
        let habits = self.dialect.habits();
        self.greeting = self.dialect.encode(&Intent::Auth { identity });
        if !habits.answers_welcome && !self.say_first() && !habits.welcomes {
            self.join(&mut |_| {});
        }
    }

    /// Goes on from where the way in has led: all that comes first has been said and answered.
    pub(super) fn come_in(&mut self) {
        self.join(&mut |_| {});
    }

    /// Says what is to be said first, if anything is; whether an answer is awaited.
    fn say_first(&mut self) -> bool {
        let Some(frame) = self.greeting.take() else { return false };
        self.send(frame);
        if self.dialect.habits().acknowledges_auth {
            self.step = Step::Authenticating;
            return true;
        }
        false
    }

    /// A frame of the protocol's own; the small ones always fit the write buffer of a connection that is being set up.
    fn send(&mut self, frame: Frame) {
        self.note_speech();
        if !matches!(self.connection.start_send(frame), Ok(true)) {
            // The connection is finished or stuck; the next poll, or the join time-out, says so.
            self.answer = None;
        }
    }

    /// The frame that says `intent` on this kind of connection.
    pub(super) fn request(&self, intent: &Intent<'_>) -> Option<Frame> {
        let Some(identity) = &self.caller else { return self.dialect.encode(intent) };
        let on_socket = self.kind == TransportKind::WebSocket;
        let may_be_called = matches!(intent, Intent::Publish { .. } | Intent::PublishAs { .. } | Intent::Notify { .. });
        let call = if !on_socket || may_be_called { self.dialect.call(identity, intent, unix_seconds()) } else { None };
        let Some(mut call) = call else { return if on_socket { self.dialect.encode(intent) } else { None } };
        let cookies = self.cookies.clone().filter(|_| self.dialect.requests() == Requests::Usual);
        call.opening.headers.extend(cookies.map(|cookies| ("Cookie".to_owned(), cookies)));
        Some(Frame::Call(Box::new(call)))
    }

    pub(super) fn is_stream(&self) -> bool {
        matches!(self.kind, TransportKind::Sse | TransportKind::EventsourceClient)
    }

    fn join(&mut self, tell: &mut dyn FnMut(Happening<'_>)) {
        self.step = Step::Joining;
        self.since = self.clock.now();
        for at in 0..self.places.len() {
            self.references += 1;
            let (reference, room) = (self.references, Arc::clone(&self.places[at].room));
            let position = self.places[at].position.clone();
            let intent = Intent::Join { room: &room, position: position.as_ref(), reference };
            // A stream is joined by opening it.
            let frame = if self.is_stream() { None } else { self.request(&intent) };
            let awaits = self.dialect.habits().acknowledges_joins && (frame.is_some() || self.is_stream());
            self.places[at].asked = frame.is_some().then_some(reference).filter(|_| awaits);
            if let Some(frame) = frame {
                self.send(frame);
            }
            if !awaits {
                self.places[at].joined = true;
                tell(Happening::Joined(at));
            }
        }
        self.activate(tell);
    }

    fn activate(&mut self, tell: &mut dyn FnMut(Happening<'_>)) {
        if self.step == Step::Joining && self.places.iter().all(|place| place.joined || place.left) {
            self.step = Step::Active;
            tell(Happening::Stage(Word::JOIN, self.clock.now() - self.since));
            tell(Happening::Ready);
        }
    }

    pub(super) fn read(&mut self, received: &Received, tell: &mut dyn FnMut(Happening<'_>)) -> Option<Ended> {
        let mut ended = None;
        tell(Happening::Read(received));
        if let Frame::Answer(answer) = &received.frame {
            ended = self.answer_came(answer, tell);
        }
        let dialect = Arc::clone(&self.dialect);
        dialect.decode(&received.frame, &mut |event| {
            if ended.is_none() {
                ended = self.hear(event, received, tell);
            }
        });
        if let (None, Frame::Answer(answer)) = (&ended, &received.frame) {
            ended = self.answer_heard(answer);
        }
        if let Some(frame) = self.answer.take() {
            self.send(frame);
        }
        ended
    }

    fn hear(&mut self, event: Event<'_>, received: &Received, tell: &mut dyn FnMut(Happening<'_>)) -> Option<Ended> {
        match event {
            Event::Delivery(mut delivery) => {
                delivery.stamps = delivery.stamps.filter(|_| self.same_clock);
                if self.kind == TransportKind::LongPoll {
                    // Every poll is answered from the history; only what was said before the conversation is a replay.
                    delivery.replayed = self.catching_up;
                }
                tell(Happening::Delivery(delivery, received.at));
            }
            Event::Acked { reference } => {
                if !self.instance_rules.is_empty() && self.places.iter().any(|place| place.asked == Some(reference)) {
                    self.look_for_instance(Within::Join, received, tell);
                }
                self.acked(reference, received.at, tell);
            }
            Event::Named { reference, id } => self.named(reference, id, tell),
            Event::HeardUpTo { room, offset } => {
                if let Some(at) = self.places.iter().position(|place| *place.room == *room) {
                    self.saw(at, offset);
                }
            }
            Event::Refused { reference, code, unconfirmed } => {
                if let Some(reason) = self.turned_away(received) {
                    return Some(Ended::Closed(reason));
                }
                self.refuse(reference, code, unconfirmed, tell);
            }
            Event::Polled { reference, position, instance } => {
                if let Some(name) = instance {
                    let tag = self.name_instance(name);
                    tell(Happening::Instance(tag, name));
                }
                self.polled(reference, position, received.frame.bytes().len(), tell);
            }
            Event::Joined { reference, room, position, instance } => {
                if let Some(name) = instance {
                    let tag = self.name_instance(name);
                    tell(Happening::Instance(tag, name));
                }
                self.look_for_instance(Within::Join, received, tell);
                self.joined(reference, room, position, tell);
            }
            Event::Welcome { instance, .. } => {
                self.introduced(&event);
                if let Some(name) = instance {
                    tell(Happening::Instance(self.instance, name));
                }
                self.look_for_instance(Within::Welcome, received, tell);
                tell(Happening::Frame(Word::REPLY));
                if self.step == Step::AwaitingWelcome && !self.say_first() {
                    self.join(tell);
                }
            }
            Event::AuthAccepted => self.authenticated(tell),
            Event::AuthRefused(words) => return Some(Ended::AuthRefused(words.to_owned())),
            Event::Heartbeat { answer } => {
                self.answer = answer;
                tell(Happening::Frame(Word::HEARTBEAT));
            }
            Event::Drain { min, max } => {
                self.hint = Some(Hint::Within(min, max));
                tell(Happening::Frame(Word::REPLY));
            }
            Event::Saved { place, value } => {
                if let Some(dialect) = self.dialect.keeping(place, value) {
                    self.dialect = dialect;
                }
            }
            Event::Presence => tell(Happening::Frame(Word::PRESENCE)),
            Event::Reply { reference: Some(reference) } if self.settles(reference) => {
                tell(Happening::Answered(reference, received.at));
            }
            Event::Reply { .. } | Event::Gap { .. } => tell(Happening::Frame(Word::REPLY)),
            Event::Unknown => tell(Happening::Unknown(&received.frame)),
        }
        None
    }

    /// Takes note of what a server says about itself.
    fn introduced(&mut self, event: &Event<'_>) {
        let Event::Welcome { instance, clock, ping_interval, ping_timeout } = event else { return };
        self.patience = ping_interval.zip(*ping_timeout).map(|(interval, timeout)| interval + timeout);
        self.same_clock = clock.is_some() && *clock == self.machine.as_deref();
        if let Some(name) = instance {
            self.name_instance(name);
        }
    }

    fn authenticated(&mut self, tell: &mut dyn FnMut(Happening<'_>)) {
        tell(Happening::Frame(Word::REPLY));
        if self.step == Step::Authenticating {
            tell(Happening::Stage(Word::AUTH, self.clock.now() - self.since));
            self.step = Step::AwaitingWelcome;
            let habits = self.dialect.habits();
            if !habits.welcomes || habits.answers_welcome {
                self.join(tell);
            }
        }
    }

    pub(super) fn joined(
        &mut self,
        reference: Option<u64>,
        room: Option<&str>,
        position: Option<Position>,
        tell: &mut dyn FnMut(Happening<'_>),
    ) {
        tell(Happening::Frame(Word::REPLY));
        let by_reference = |place: &Place| reference.is_some() && place.asked == reference;
        let by_room = |place: &Place| reference.is_none() && room.is_none_or(|room| *place.room == *room);
        let found = self
            .places
            .iter()
            .position(|place| !place.joined && !place.left && (by_reference(place) || by_room(place)));
        if let Some(at) = found {
            let place = &mut self.places[at];
            place.joined = true;
            place.position = position.or_else(|| place.position.take());
            tell(Happening::Joined(at));
            self.activate(tell);
        } else if let (Step::Joining, Some(room)) = (self.step, room) {
            tell(Happening::JoinedElsewhere(room));
        }
    }

    fn refuse(&mut self, reference: Option<u64>, code: &str, unconfirmed: bool, tell: &mut dyn FnMut(Happening<'_>)) {
        tell(Happening::Frame(Word::ERROR));
        let Some(reference) = reference else { return };
        if let Some(at) = self.places.iter().position(|place| !place.joined && place.asked == Some(reference)) {
            tell(Happening::JoinRefused(at, code));
        } else if let Some(waiting) = self.answered(reference) {
            tell(Happening::Refused(waiting.token, code, unconfirmed));
        } else if self.settles(reference) {
            tell(Happening::Declined(reference, code));
        }
    }
}
