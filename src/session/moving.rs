//! Entering and leaving rooms in the middle of a conversation, and frames said as they are: what a person at a prompt does
//! and no planned client.

use std::sync::Arc;

use super::{Place, Session, Step};
use crate::dialect::{Intent, room_fits};
use crate::observe::{TransportKind, Word};
use crate::wire::Frame;

impl Session {
    /// Enters `room`, and gives its place. [`Joined`](super::Happening::Joined) or
    /// [`JoinRefused`](super::Happening::JoinRefused) follows where the protocol acknowledges joins; where not, the room
    /// is entered already.
    ///
    /// # Errors
    /// `other` on a stream, which is one room's, and where the name is too long for the protocol; `back_pressure` or
    /// `disconnected`.
    pub fn enter(&mut self, room: &Arc<str>) -> Result<usize, Word> {
        if self.is_stream() || !room_fits(&*self.dialect, room) {
            return Err(Word::OTHER);
        }
        let known = self.places.iter().position(|place| place.room == *room);
        if let Some(at) = known.filter(|at| !self.places[*at].left) {
            return Ok(at);
        }
        self.references += 1;
        let reference = self.references;
        let frame = self.request(&Intent::Join { room, position: None, reference });
        let mut place = Place::new(Arc::clone(room), None);
        let awaits = frame.is_some() && self.dialect.habits().acknowledges_joins;
        (place.joined, place.asked) = (!awaits, awaits.then_some(reference));
        if let Some(frame) = frame {
            self.hand_over(frame)?;
        }
        let at = known.unwrap_or(self.places.len());
        match known {
            Some(at) => self.places[at] = place,
            None => self.places.push(place),
        }
        Ok(at)
    }

    /// Leaves the room at `place`, or gives up entering it. Where the protocol has no words for it, it is only forgotten
    /// here.
    ///
    /// # Errors
    /// `back_pressure` or `disconnected`.
    pub fn go_out(&mut self, place: usize) -> Result<(), Word> {
        let Some(leaving) = self.places.get_mut(place).filter(|place| !place.left) else { return Ok(()) };
        let (room, was_in) = (Arc::clone(&leaving.room), leaving.joined);
        (leaving.left, leaving.joined, leaving.asked) = (true, false, None);
        if self.step == Step::Joining && self.places.iter().all(|place| place.joined || place.left) {
            self.step = Step::Active;
        }
        if !was_in {
            return Ok(());
        }
        self.references += 1;
        let frame = self.request(&Intent::Leave { room: &room, reference: self.references });
        frame.map_or(Ok(()), |frame| self.hand_over(frame))
    }

    /// Says `frame` as it is, whatever it means.
    ///
    /// # Errors
    /// `other` where there is no socket to say it on; `back_pressure` or `disconnected`.
    pub fn say_frame(&mut self, frame: Frame) -> Result<(), Word> {
        match self.kind {
            TransportKind::WebSocket => self.hand_over(frame),
            _ => Err(Word::OTHER),
        }
    }

    /// Goes away without a word: what the peer notices of it is as `how` says.
    pub fn vanish(self, how: Vanish) {
        if how == Vanish::Rst {
            self.connection.reset_when_dropped();
        }
    }
}

/// How a connection goes away without the words of its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vanish {
    /// The stream is ended.
    Fin,
    /// The connection is reset.
    Rst,
}
