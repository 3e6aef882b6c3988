//! Questions: asked by name, answered by reference and by nothing else.

use std::sync::Arc;

use super::{Session, Step};
use crate::dialect::Intent;
use crate::observe::Word;

/// How many questions may wait for their answers.
const MAX_ASKED: usize = 1_024;

impl Session {
    /// Asks `message`, about the room at `place` if it is about one. Gives the reference that
    /// [`Answered`](super::Happening::Answered) or [`Declined`](super::Happening::Declined) will carry.
    ///
    /// # Errors
    /// `not_joined`, `back_pressure` (also when too many questions wait for their answers) or `disconnected`.
    pub fn ask(&mut self, place: Option<usize>, message: &str) -> Result<u64, Word> {
        let room = match place {
            Some(place) => self.room(place)?,
            None if self.step == Step::Active => Arc::default(),
            None => return Err(Word::NOT_JOINED),
        };
        if self.asked.len() == MAX_ASKED {
            return Err(Word::BACK_PRESSURE);
        }
        self.references += 1;
        let reference = self.references;
        let frame = self.request(&Intent::Ask { message, room: &room, reference }).ok_or(Word::OTHER)?;
        self.hand_over(frame)?;
        self.asked.push_back(reference);
        Ok(reference)
    }

    /// An answer to the question with this reference is no longer waited for.
    pub fn give_up(&mut self, reference: u64) {
        self.settles(reference);
    }

    /// Whether an answer with this reference settles a question; it is settled then. Answers mostly come in order.
    pub(super) fn settles(&mut self, reference: u64) -> bool {
        let at = self.asked.iter().position(|asked| *asked == reference);
        at.and_then(|at| self.asked.remove(at)).is_some()
    }
}
