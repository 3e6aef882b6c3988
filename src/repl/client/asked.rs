//! What a client does when it is asked to: rooms, words, and the ways to lose a connection.

use std::sync::Arc;

use super::{Client, REMEMBERED, Sent, State};
use crate::observe::Word;
use crate::session::{Place, Vanish};
use crate::time::{Clock, Timestamp};
use crate::wire::Frame;

impl Client {
    /// Enters `room` and turns to it.
    pub(in crate::repl) fn join(&mut self, room: &Arc<str>) -> Result<(), Word> {
        let State::Talking(session) = &mut self.state else { return Err(Word::DISCONNECTED) };
        session.enter(room)?;
        self.given_up = false;
        if !self.rooms.iter().any(|place| place.room == *room) {
            self.rooms.push(Place::new(Arc::clone(room), None));
        }
        self.room = Some(Arc::clone(room));
        Ok(())
    }

    /// Leaves `room`.
    pub(in crate::repl) fn leave(&mut self, room: &str) -> Result<(), Word> {
        self.give_up(room);
        let State::Talking(session) = &mut self.state else { return Ok(()) };
        let place = session.places().iter().position(|place| *place.room == *room);
        place.map_or(Ok(()), |place| session.go_out(place))
    }

    /// Forgets `room`: it was left, or never entered.
    pub(in crate::repl) fn give_up(&mut self, room: &str) {
        self.rooms.retain(|place| *place.room != *room);
        if self.room.as_deref() == Some(room) {
            self.room = self.rooms.last().map(|place| Arc::clone(&place.room));
        }
    }

    /// Says `text` to the current room.
    pub(in crate::repl) fn say(&mut self, text: &str) -> Result<(), Word> {
        let room = self.room.clone().ok_or(Word::NOT_JOINED)?;
        let State::Talking(session) = &mut self.state else { return Err(Word::DISCONNECTED) };
        let place = session.places().iter().position(|place| place.room == room).ok_or(Word::NOT_JOINED)?;
        self.book.tokens += 1;
        let token = self.book.tokens;
        let at = session.publish(place, text, token)?;
        if self.book.sent.len() == REMEMBERED {
            self.book.sent.pop_front();
        }
        self.tally.sent += 1;
        self.book.sent.push_back(Sent { token, room: room.to_string(), text: text.to_owned(), at, settled: false });
        Ok(())
    }

    /// Sends a frame as it is.
    pub(in crate::repl) fn send(&mut self, frame: Frame) -> Result<(), Word> {
        let State::Talking(session) = &mut self.state else { return Err(Word::DISCONNECTED) };
        session.say_frame(frame)?;
        self.tally.sent += 1;
        Ok(())
    }

    /// Asks a question of the dialect's.
    pub(in crate::repl) fn ask(&mut self, question: &str, now: Timestamp) -> Result<(), Word> {
        let State::Talking(session) = &mut self.state else { return Err(Word::DISCONNECTED) };
        let reference = session.ask(None, question)?;
        self.given_up = false;
        self.book.asked.push((reference, question.to_owned(), now));
        Ok(())
    }

    /// Loses the connection without a word.
    pub(in crate::repl) fn vanish(&mut self, how: Vanish) -> bool {
        match std::mem::replace(&mut self.state, State::Down) {
            State::Talking(mut session) => {
                self.keep_positions(&mut session);
                session.vanish(how);
                true
            }
            State::Stuck(session) => {
                session.vanish(how);
                true
            }
            State::Dialing(..) | State::Down => false,
        }
    }

    /// Reads and answers nothing any more; the other side is not told.
    pub(in crate::repl) fn get_stuck(&mut self) -> bool {
        match std::mem::replace(&mut self.state, State::Down) {
            State::Talking(mut session) => {
                self.keep_positions(&mut session);
                self.state = State::Stuck(session);
                true
            }
            other => {
                self.state = other;
                false
            }
        }
    }

    /// From now on as if it had never been in its rooms.
    pub(in crate::repl) fn forget_positions(&mut self) {
        self.rooms.iter_mut().for_each(|place| place.position = None);
        self.pass.begin_anew();
    }

    /// Reads no faster than this.
    pub(in crate::repl) fn slow_down(&mut self, rate: Option<u64>, now: Timestamp) {
        self.slow = rate.map(|rate| (rate, now));
        if let (State::Talking(session), Some(_)) = (&self.state, rate) {
            session.take_little();
        }
    }

    /// When it reads again, if it pauses.
    pub(in crate::repl) fn pause(&self, clock: &Clock) -> Option<Timestamp> {
        self.slow.map(|(_, next)| next).filter(|next| self.is_up() && *next > clock.now())
    }

    /// Says goodbye; gives whether there is anything to wait for.
    pub(in crate::repl) fn close(&mut self) -> bool {
        self.leaving = true;
        self.stay_lost();
        match &mut self.state {
            State::Talking(session) => {
                session.leave();
                true
            }
            State::Dialing(..) => {
                self.state = State::Down;
                false
            }
            State::Down | State::Stuck(_) => false,
        }
    }
}
