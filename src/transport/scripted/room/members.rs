//! Who is let in and who is in which room.

use serde_json::Value;
use std::time::Duration;

use super::{EPOCH, Member, Room, RoomScript, fanout, instance_name, json, text};
use crate::time::Timestamp;
use crate::transport::scripted::truth::{Deed, Record};
use crate::transport::scripted::{Conn, Outbox};
use crate::wire::{CloseReason, Frame};

impl RoomScript {
    pub(super) fn admit(&mut self, conn: Conn, now: Timestamp, outbox: &mut Outbox) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        client.admitted = true;
        let mut welcome =
            serde_json::json!({"type": "welcome", "instance": instance_name(client.instance), "user": client.user});
        if let Some((interval, timeout)) = self.pings {
            welcome["ping_interval_ms"] = Value::from(interval.as_millis() as u64);
            welcome["ping_timeout_ms"] = Value::from(timeout.as_millis() as u64);
            outbox.keep_alive(conn, interval);
        }
        outbox.send(conn, now + self.same, json(&welcome));
    }

    pub(super) fn authenticate(&mut self, conn: Conn, frame: &Value, now: Timestamp, outbox: &mut Outbox) {
        let token = frame.get("token").and_then(Value::as_str).unwrap_or_default();
        let refuse = |text: &str| CloseReason::Code(4001, text.to_owned());
        let Some(client) = self.clients.get_mut(&conn) else { return };
        if frame.get("type").and_then(Value::as_str) != Some("auth") {
            return outbox.close(conn, now + self.same, refuse("Authentication required"));
        }
        if token.is_empty() && self.authenticates {
            return outbox.close(conn, now + self.same, refuse("Invalid token"));
        }
        if !token.is_empty() {
            token.clone_into(&mut client.user);
        }
        outbox.send(conn, now + self.same, Frame::text(r#"{"type":"auth.success"}"#));
        // Said again to those who were let in before: the first welcome came before they could be waiting for it.
        self.admit(conn, now, outbox);
    }

    pub(super) fn join(&mut self, conn: Conn, frame: &Value, now: Timestamp, outbox: &mut Outbox) {
        let name = text(frame, "room");
        let Some(client) = self.clients.get_mut(&conn) else { return };
        self.joins += 1;
        let late = self.late_acks.filter(|(every, _)| self.joins.is_multiple_of(*every));
        let acked = now + self.same + late.map_or(Duration::ZERO, |(_, by)| by);
        let room = self.rooms.entry(name.to_owned()).or_default();
        let joined = |offset: u64| {
            serde_json::json!({"type": "joined", "room": name, "off": offset, "ep": EPOCH, "ref": frame.get("ref"),
                "instance": instance_name(client.instance)})
        };
        let from = frame.get("off").and_then(Value::as_u64);
        match from.filter(|from| room.remembers(*from) && text(frame, "ep") == EPOCH) {
            Some(from) => {
                outbox.send(conn, acked, json(&joined(from)));
                for past in room.history.iter().filter(|past| past.offset > from) {
                    let via = instance_name(client.instance);
                    outbox.send(
                        conn,
                        acked,
                        Frame::text(fanout::copy(past.offset, &via, acked, &past.tail, fanout::Kind::Replay)),
                    );
                    let receiver = client.user.clone();
                    self.truth.note(Record { deed: Deed::Replayed, at: acked, receiver, ..past.record.clone() });
                }
            }
            None => {
                if from.is_some() {
                    outbox.send(conn, acked, json(&serde_json::json!({"type": "gap", "room": name})));
                }
                outbox.send(conn, acked, json(&joined(room.offset)));
            }
        }
        if client.rooms.insert(name.to_owned()) {
            room.members.push(Member { conn, ordinal: room.joins, acked, gated: late.is_none() });
            room.joins += 1;
        }
    }

    pub(super) fn leave(&mut self, conn: Conn, name: &str) {
        if let Some(client) = self.clients.get_mut(&conn) {
            client.rooms.remove(name);
        }
        if let Some(room) = self.rooms.get_mut(name) {
            room.members.retain(|member| member.conn != conn);
        }
    }

    pub(super) fn forget(&mut self, conn: Conn) {
        for room in self.rooms.values_mut() {
            room.members.retain(|member| member.conn != conn);
        }
        self.clients.remove(&conn);
    }
}

impl Room {
    /// Whether everything after `offset` is still known.
    fn remembers(&self, offset: u64) -> bool {
        let oldest = self.history.front().map_or(self.offset + 1, |past| past.offset);
        offset <= self.offset && offset + 1 >= oldest
    }
}
