//! Questions and how they are met: with an answer at once, unless told otherwise.

use serde_json::{Value, json as value};
use std::time::Duration;

use super::{EPOCH, RoomScript, json, text};
use crate::time::Timestamp;
use crate::transport::scripted::truth::{Deed, Record};
use crate::transport::scripted::{Conn, Outbox};

/// How some questions are met otherwise, counted from 1 over all clients: every so-manieth, the first rule that fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manners {
    /// Refused as `unavailable`.
    pub refuse: Option<u64>,
    /// Never answered.
    pub ignore: Option<u64>,
    /// Answered this much later.
    pub delay: Option<(u64, Duration)>,
}

impl RoomScript {
    /// Meets questions so.
    #[must_use]
    pub fn manners(mut self, manners: Manners) -> Self {
        self.manners = manners;
        self
    }

    pub(super) fn question(&mut self, conn: Conn, frame: &Value, now: Timestamp, outbox: &mut Outbox) {
        let Some(client) = self.clients.get(&conn) else { return };
        self.questions += 1;
        let ordinal = self.questions;
        let record = Record {
            deed: Deed::Asked,
            at: now,
            message: ordinal,
            room: text(frame, "room").to_owned(),
            publisher: client.user.clone(),
            receiver: String::new(),
            content: text(frame, "type").to_owned(),
        };
        self.truth.note(record.clone());
        let note = |deed| self.truth.note(Record { deed, ..record.clone() });
        let hits = |every: Option<u64>| every.is_some_and(|every| ordinal.is_multiple_of(every.max(1)));
        let Manners { refuse, ignore, delay } = self.manners;
        if hits(refuse) {
            note(Deed::Declined);
            return self.error(conn, frame, "unavailable", now, outbox);
        }
        if hits(ignore) {
            return note(Deed::Ignored);
        }
        let late = delay.filter(|(every, _)| hits(Some(*every)));
        note(if late.is_some() { Deed::AnsweredLate } else { Deed::Answered });
        let at = now + self.same + late.map_or(Duration::ZERO, |(_, by)| by);
        outbox.send(conn, at, json(&self.answer(frame)));
    }

    fn answer(&self, frame: &Value) -> Value {
        let (room, reference) = (frame.get("room"), frame.get("ref"));
        match text(frame, "type") {
            "history" => {
                let offset = self.rooms.get(text(frame, "room")).map_or(0, |room| room.offset);
                value!({"type": "history", "room": room, "off": offset, "ep": EPOCH, "ref": reference, "messages": []})
            }
            "presence" => value!({"type": "presence", "room": room, "ref": reference, "users": 0, "members": []}),
            _ => value!({"type": "pong", "ref": reference}),
        }
    }
}
