//! Conversations by request: polls that follow each other, and requests that get no answer, or the wrong one.

use std::sync::Arc;

use super::{Ended, Happening, Hint, Session};
use crate::dialect::{Intent, Position};
use crate::observe::Word;
use crate::wire::{Answer, CloseReason, Frame, Received};

/// An answer this large, in bytes, may have been cut, and the rest of what was missed come with the next.
const FULL: usize = 512 << 10;

impl Session {
    /// A poll was answered: go on from there.
    pub(super) fn polled(
        &mut self,
        reference: u64,
        position: Position,
        size: usize,
        tell: &mut dyn FnMut(Happening<'_>),
    ) {
        let Some(at) = self.places.iter().position(|place| place.asked == Some(reference)) else { return };
        let resumes = !self.places[at].joined && self.places[at].position.is_some();
        self.catching_up = resumes || self.places[at].behind;
        self.places[at].behind = self.catching_up && size >= FULL;
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

    /// Takes note that a request is through, whatever became of it. One that got no answer is the end if it was a poll; a
    /// publication or a question may or may not have been heard.
    pub(super) fn answer_came(&mut self, answer: &Answer, tell: &mut dyn FnMut(Happening<'_>)) -> Option<Ended> {
        let reference = answer.reference;
        if let Some(at) = self.called.iter().position(|waiting| waiting.reference == reference)
            && let Some(waiting) = self.called.remove(at)
        {
            tell(Happening::Written(waiting.token, waiting.at));
        }
        let Err(reason) = &answer.outcome else { return None };
        if self.is_poll(reference) {
            return Some(Ended::Closed(reason.clone()));
        }
        if let Some(waiting) = self.answered(reference) {
            tell(Happening::Refused(waiting.token, "unconfirmed", true));
        } else if self.settles(reference) {
            tell(Happening::Declined(reference, "unconfirmed"));
        }
        None
    }

    /// The end, if a poll was answered by something that is no answer to one: nobody would ask again.
    pub(super) fn answer_heard(&self, answer: &Answer) -> Option<Ended> {
        let what = "a poll was answered by something else; is this the right server, and the right dialect?";
        self.is_poll(answer.reference).then(|| Ended::Closed(CloseReason::Protocol(what.to_owned())))
    }

    fn is_poll(&self, reference: u64) -> bool {
        self.places.iter().any(|place| place.asked == Some(reference))
    }

    /// Why the conversation is over, if what was refused was a poll.
    pub(super) fn turned_away(&mut self, received: &Received) -> Option<CloseReason> {
        let Frame::Answer(answer) = &received.frame else { return None };
        let response = answer.outcome.as_ref().ok()?;
        if !self.is_poll(answer.reference) {
            return None;
        }
        self.hint = response.retry_after.map(Hint::NotBefore);
        Some(CloseReason::Status(response.status))
    }
}
