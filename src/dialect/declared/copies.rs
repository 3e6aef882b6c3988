//! What a copy of a publication looks like: said now, or told to who comes back because it was missed.

use memchr::memmem::Finder;

use super::message::Message;
use super::parameters::Checked;
use super::place::{Place, name, number};
use super::pointer::{Pointer, elements};
use super::rules::{self, When};
use crate::dialect::{Delivery, DialectError, Event};
use crate::wire::MARKER_PREFIX;

/// How copies are recognised, and what of them counts.
#[derive(Debug)]
pub(super) struct Copies {
    /// Without it, whatever holds a marker and is nothing else.
    when: Option<When>,
    /// The room is mostly told by the marker; this counts where there is none.
    room: Option<Place>,
    offset: Option<Place>,
    /// Where the server's id of the message stands, if copies are recognised by it.
    id: Option<Pointer>,
    /// The list of those that were missed, in the acknowledgement of a join, and where each has its id.
    missed: Option<Pointer>,
    missed_id: Option<Pointer>,
    marker: Finder<'static>,
}

impl Copies {
    pub(super) fn new(given: &Checked<'_>) -> Result<Self, DialectError> {
        Ok(Self {
            when: if given.has("deliver.when") { given.when("deliver")? } else { None },
            room: given.place("deliver.room")?,
            offset: given.place("deliver.offset")?,
            id: given.pointer("deliver.id")?,
            missed: given.pointer("joined.missed")?,
            missed_id: given.pointer("joined.missed_id")?,
            marker: Finder::new(MARKER_PREFIX),
        })
    }

    /// Whether `message` is what the file says a copy is.
    pub(super) fn declared(&self, message: &Message<'_>) -> bool {
        self.when.as_ref().is_some_and(|when| when.holds(message))
    }

    /// Whether `message`, which is nothing else, is a copy where the file does not say what one is.
    pub(super) fn marked(&self, message: &Message<'_>) -> bool {
        self.when.is_none() && self.marker.find(message.whole).is_some()
    }

    /// Tells the copy that `message` is.
    pub(super) fn tell(&self, message: &Message<'_>, emit: &mut dyn FnMut(Event<'_>)) {
        let offset = number(&self.offset, message);
        let body = match &self.id {
            None => message.body,
            Some(pointer) => {
                // Nobody could tell what it is a copy of without one.
                let Some(id) = pointer.find(message.json).and_then(rules::name) else { return emit(Event::Unknown) };
                if let (Some(room), Some(offset)) = (name(&self.room, message), offset) {
                    emit(Event::HeardUpTo { room: &room, offset });
                }
                id.as_bytes()
            }
        };
        emit(Event::Delivery(Delivery { body, stamps: None, offset, replayed: false }));
    }

    /// Tells what `message`, the acknowledgement of a join, brings because it was missed.
    pub(super) fn tell_missed(&self, message: &Message<'_>, emit: &mut dyn FnMut(Event<'_>)) {
        let Some(list) = self.missed.as_ref().and_then(|missed| missed.find(message.json)) else { return };
        elements(list, &mut |copy| {
            let body = match &self.missed_id {
                None => Some(copy),
                Some(id) => id.find(copy).and_then(rules::name).map(str::as_bytes),
            };
            let delivery = |body| Event::Delivery(Delivery { body, stamps: None, offset: None, replayed: true });
            emit(body.map_or(Event::Unknown, delivery));
        });
    }
}
