//! Whether a dialect's messages have a place for what is to be said: names of rooms and texts may be too long for one.

use super::rooms::Rooms;
use super::{Check, Checked};
use crate::dialect::{Dialect, Intent, room_fits};
use crate::observe::RoomId;
use crate::scenario::file::File;
use crate::scenario::{Group, Publish};
use crate::wire::MARKER_LEN;

impl Check<'_> {
    /// Refuses the longest name and the largest texts, where they do not fit and others would.
    pub(super) fn fitting(
        &self,
        dialect: &dyn Dialect,
        file: &File,
        (groups, rooms): (&[Group], &Rooms),
        streams: &[Publish],
    ) -> Checked<()> {
        let longest = rooms.names.iter().enumerate().rev().max_by_key(|(_, name)| name.len());
        let Some((number, room)) = longest else { return Ok(()) };
        if !room_fits(dialect, room) {
            let id = RoomId(number as u32);
            let of = |group: &Group| group.rooms.iter().any(|membership| membership.rooms.contains(&id));
            let at = groups.iter().position(of).unwrap_or_default();
            let message = format!("the name `{room}` has {} bytes, more than the dialect has a place for", room.len());
            return Err(self.wrong(&format!("clients.{at}.rooms.name"), message));
        }
        for (at, publish) in streams.iter().enumerate() {
            let fits = |bytes: usize| {
                let text = &"x".repeat(bytes);
                let message = publish.message.as_ref().map(|message| &*message.name);
                let intent = match message {
                    Some(message) => Intent::PublishAs { message, room, text, reference: 1 },
                    None => Intent::Publish { room, text, reference: 1 },
                };
                dialect.encode(&intent).is_some()
            };
            let largest = publish.text.largest();
            if fits(MARKER_LEN) && !fits(largest) {
                let key = if file.publish[at].text.is_some() { "text" } else { "size" };
                let message = format!("a text of {largest} bytes is more than the dialect has a place for");
                return Err(self.wrong(&format!("publish.{at}.{key}"), message));
            }
        }
        Ok(())
    }
}
