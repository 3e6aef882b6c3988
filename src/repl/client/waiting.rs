//! What a client waits for because it was asked for, and until when.

use super::{Client, State};
use crate::session::{Place, Session};

impl Client {
    /// Whether it is neither connecting nor waiting for a room or for an answer to a question.
    pub(in crate::repl) fn is_settled(&self) -> bool {
        self.given_up || self.unanswered().is_none()
    }

    /// What was asked for and is not answered, in words.
    pub(in crate::repl) fn unanswered(&self) -> Option<String> {
        match &self.state {
            State::Down | State::Stuck(_) => None,
            // Nobody waits for what was not asked for.
            State::Dialing(..) => (!self.is_lost()).then(|| "connecting".to_owned()),
            State::Talking(session) => {
                let missing = self.rooms.iter().filter(|want| !is_entered(session, want));
                let rooms: Vec<&str> = missing.map(|place| &*place.room).filter(|room| !room.is_empty()).collect();
                let asked = self.book.asked.first().map(|(_, question, _)| question.clone());
                if !rooms.is_empty() {
                    Some(format!("joining {}", rooms.join(", ")))
                } else if !session.is_ready() {
                    Some("the greeting".to_owned())
                } else {
                    asked
                }
            }
        }
    }

    /// Waits no longer for anything that was asked for so far; an answer is heard all the same.
    pub(in crate::repl) fn wait_no_longer(&mut self) {
        self.given_up = true;
    }
}

fn is_entered(session: &Session, want: &Place) -> bool {
    session.places().iter().enumerate().any(|(at, place)| place.room == want.room && session.is_joined(at))
}
