//! Handing publications over: to a socket, or as requests where there is none.

use std::sync::Arc;

use super::{Happening, MAX_WAITING, Session, Step, Token, Waiting};
use crate::dialect::{Intent, Saying};
use crate::observe::{TransportKind, Word};
use crate::time::Timestamp;
use crate::wire::Frame;

impl Session {
    /// Hands a publication to the socket: says `text` to the room at `place`. Gives the moment, or why it cannot be
    /// said now.
    ///
    /// # Errors
    /// `not_joined`, `back_pressure` or `disconnected`.
    pub fn publish(&mut self, place: usize, text: &str, token: Token) -> Result<Timestamp, Word> {
        let room = self.room(place)?;
        let reference = self.references + 1;
        let awaits = self.dialect.habits().acknowledges_messages;
        self.say(&Intent::Publish { room: &room, text, reference }, (reference, awaits), token)
    }

    /// Hands over `text` as the named message `saying`, as [`Self::publish`] does as the plain one.
    ///
    /// # Errors
    /// `not_joined`, `back_pressure` or `disconnected`; `other` where this cannot be said on this connection.
    pub fn publish_as(&mut self, place: usize, saying: &Saying, text: &str, token: Token) -> Result<Timestamp, Word> {
        let room = self.room(place)?;
        let reference = self.references + 1;
        let intent = Intent::PublishAs { message: &saying.name, room: &room, text, reference };
        self.say(&intent, (reference, saying.acknowledged), token)
    }

    /// Hands over `text` for `user` alone, as [`Self::publish`] does for a room.
    ///
    /// # Errors
    /// `not_joined`, `back_pressure` or `disconnected`; `other` where this cannot be said on this connection.
    pub fn notify(&mut self, user: &str, text: &str, token: Token) -> Result<Timestamp, Word> {
        if self.step != Step::Active {
            return Err(Word::NOT_JOINED);
        }
        let reference = self.references + 1;
        let awaits = self.dialect.habits().acknowledges_messages;
        self.say(&Intent::Notify { user, text, reference }, (reference, awaits), token)
    }

    fn say(&mut self, intent: &Intent<'_>, (reference, awaits): (u64, bool), token: Token) -> Result<Timestamp, Word> {
        self.references = reference;
        let frame = self.request(intent).ok_or(Word::OTHER)?;
        let at = self.clock.now();
        let waiting = Waiting { token, reference, at };
        let is_request = matches!(frame, Frame::Call(_));
        self.hand_over(frame)?;
        // A request is known to have left only when it is answered.
        if is_request {
            self.called.push_back(waiting)
        } else {
            self.unwritten.push_back(waiting)
        }
        if awaits {
            if self.unanswered.len() == MAX_WAITING {
                self.unanswered.pop_front();
            }
            self.unanswered.push_back(waiting);
        }
        Ok(at)
    }

    /// The room at `place`, if something can be said in it.
    pub(super) fn room(&self, place: usize) -> Result<Arc<str>, Word> {
        match self.places.get(place) {
            Some(place) if place.joined && self.step != Step::Closing => Ok(Arc::clone(&place.room)),
            _ => Err(Word::NOT_JOINED),
        }
    }

    pub(super) fn hand_over(&mut self, frame: Frame) -> Result<(), Word> {
        self.note_speech();
        match self.connection.start_send(frame) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Word::BACK_PRESSURE),
            Err(_) => Err(Word::DISCONNECTED),
        }
    }

    /// A request was accepted: a publication, a question, or (where answers carry nothing but the reference) a join.
    pub(super) fn acked(&mut self, reference: u64, at: Timestamp, tell: &mut dyn FnMut(Happening<'_>)) {
        match self.answered(reference) {
            Some(waiting) => tell(Happening::Acked(waiting.token, at - waiting.at)),
            None if self.settles(reference) => tell(Happening::Answered(reference, at)),
            None if self.kind != TransportKind::WebSocket => {}
            // Where a message of its own says that a join is done, an answer says only that it was heard.
            None if self.dialect.habits().tells_joins => tell(Happening::Frame(Word::REPLY)),
            None => self.joined(Some(reference), None, None, tell),
        }
    }

    /// What the server calls a publication; its acknowledgement follows.
    pub(super) fn named(&self, reference: u64, id: &str, tell: &mut dyn FnMut(Happening<'_>)) {
        if let Some(waiting) = self.unanswered.iter().find(|waiting| waiting.reference == reference) {
            tell(Happening::Named(waiting.token, id));
        }
    }

    /// Takes the publication with this reference out of those awaiting an answer; answers mostly come in order.
    pub(super) fn answered(&mut self, reference: u64) -> Option<Waiting> {
        if self.unanswered.front().is_some_and(|first| first.reference == reference) {
            return self.unanswered.pop_front();
        }
        let at = self.unanswered.iter().position(|waiting| waiting.reference == reference)?;
        self.unanswered.remove(at)
    }
}
