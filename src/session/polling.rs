//! Conversations by request: polls that follow each other, and requests that get no answer, or the wrong one.

use std::sync::Arc;

use super::{Ended, Happening, Hint, Session};
use crate::dialect::{Intent, Position};
use crate::observe::Word;
use crate::wire::{CloseReason, Frame, Received};

impl Session {
    /// A poll was answered: go on from there.
    pub(super) fn polled(&mut self, reference: u64, position: Position, tell: &mut dyn FnMut(Happening<'_>)) {
        let Some(at) = self.places.iter().position(|place| place.asked == Some(reference)) else { return };
        self.catching_up = !self.places[at].joined && self.places[at].position.is_some();
        if self.places[at].joined {
            tell(Happening::Frame(Word::REPLY));
            self.places[at].position = Some(position.clone());
        } else {
            self.joined(Some(reference), None, Some(position.clone()), tell);
        }
        self.references += 1;
        let (reference, room) = (self.references, Arc::clone(&self.places[at].room));
        self.places[at].asked = Some(reference);
        self.answer = self.request(&Intent::Poll { room: &room, position: &position, reference });
    }

    /// A request got no answer. If it was a poll, this is the end; a publication or a question may or may not have been heard.
    pub(super) fn unanswered(
        &mut self,
        reference: u64,
        reason: &CloseReason,
        tell: &mut dyn FnMut(Happening<'_>),
    ) -> Option<Ended> {
        if self.places.iter().any(|place| place.asked == Some(reference)) {
            return Some(Ended::Closed(reason.clone()));
        }
        if let Some(waiting) = self.answered(reference) {
            tell(Happening::Refused(waiting.token, "unconfirmed", true));
        } else if self.settles(reference) {
            tell(Happening::Declined(reference, "unconfirmed"));
        }
        None
    }

    /// Why the conversation is over, if what was refused was a poll.
    pub(super) fn turned_away(&mut self, received: &Received) -> Option<CloseReason> {
        let Frame::Answer(answer) = &received.frame else { return None };
        let response = answer.outcome.as_ref().ok()?;
        self.places.iter().find(|place| place.asked == Some(answer.reference))?;
        self.hint = response.retry_after.map(Hint::NotBefore);
        Some(CloseReason::Status(response.status))
    }
}
