//! One message to every member of its room, and everything that may go wrong with it on purpose.

use serde_json::Value;

use super::{Lane, Past, RoomScript, instance_name, json, text};
use crate::time::Timestamp;
use crate::transport::scripted::mutation::Act;
use crate::transport::scripted::truth::{Deed, Record};
use crate::transport::scripted::{Conn, Outbox};
use crate::wire::{CloseReason, Frame};

/// Whether a copy is live or out of the history.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Sent when it was said.
    Live,
    /// Sent to somebody who resumes.
    Replay,
}

/// A message on its way.
struct Message {
    ordinal: u64,
    room: String,
    publisher: Conn,
    instance: usize,
    offset: u64,
    tail: String,
    /// Of the message as a whole.
    record: Record,
}

/// A member and the moment a copy reaches it.
#[derive(Clone, Copy)]
struct Receiver {
    conn: Conn,
    ordinal: usize,
    acked: Timestamp,
    at: Timestamp,
}

impl RoomScript {
    pub(super) fn error(&self, conn: Conn, frame: &Value, code: &str, now: Timestamp, outbox: &mut Outbox) {
        let error = serde_json::json!({"type": "error", "code": code, "message": code, "ref": frame.get("ref"), "retryable": false});
        outbox.send(conn, now + self.same, json(&error));
    }

    pub(super) fn publish(&mut self, conn: Conn, frame: &Value, now: Timestamp, outbox: &mut Outbox) {
        let name = text(frame, "room");
        let Some(client) = self.clients.get(&conn) else { return };
        if !client.rooms.contains(name) {
            return self.error(conn, frame, "not_joined", now, outbox);
        }
        let (instance, user) = (client.instance, client.user.clone());
        let ordinal = self.messages;
        self.messages += 1;
        let record = Record {
            deed: Deed::Accepted,
            at: now,
            message: ordinal,
            room: name.to_owned(),
            publisher: user,
            receiver: String::new(),
            content: text(frame, "content").to_owned(),
        };
        let act = self.act_on_message(ordinal);
        if let Some(Act::Refuse(code)) = &act {
            self.truth.note(Record { deed: Deed::Refused, ..record });
            return self.error(conn, frame, code, now, outbox);
        }
        let Some(room) = self.rooms.get_mut(name) else { return };
        room.offset += 1;
        let message = Message {
            ordinal,
            room: name.to_owned(),
            publisher: conn,
            instance,
            offset: room.offset,
            tail: tail(&record, &instance_name(instance), frame, now),
            record: record.clone(),
        };
        room.history.push_back(Past { offset: room.offset, tail: message.tail.clone(), record: record.clone() });
        if room.history.len() > super::HISTORY {
            room.history.pop_front();
        }
        self.truth.note(record);
        self.fan_out(&message, now, outbox);
        match act {
            Some(Act::Misroute) => self.misroute(&message, now, outbox),
            Some(Act::Unconfirmed) => {
                self.truth.note(Record { deed: Deed::Unconfirmed, ..message.record.clone() });
                return self.error(conn, frame, "unconfirmed", now, outbox);
            }
            Some(Act::NoAck) => return,
            _ => {}
        }
        let id = format!("m{ordinal}");
        let ack = format!(
            r#"{{"type":"ack","ref":{},"room":"{name}","off":{},"id":"{id}"}}"#,
            frame.get("ref").unwrap_or(&Value::Null),
            message.offset
        );
        outbox.send(conn, now + self.same, Frame::text(ack));
    }

    fn act_on_message(&self, ordinal: u64) -> Option<Act> {
        let planned = self.mutations.get(&ordinal).into_iter().flatten();
        let planned = planned.map(|mutation| &mutation.act).find(|act| act.is_about_the_message());
        planned.cloned().or_else(|| self.odds.of_message(ordinal))
    }

    fn act_on_copy(&self, ordinal: u64, receiver: usize) -> Option<Act> {
        let planned = self.mutations.get(&ordinal).into_iter().flatten();
        let hits = |at: Option<usize>| at.is_none_or(|at| at == receiver);
        let planned = planned.filter(|m| hits(m.receiver)).map(|m| &m.act).find(|act| !act.is_about_the_message());
        planned.cloned().or_else(|| self.odds.of_copy(ordinal, receiver))
    }

    fn fan_out(&mut self, message: &Message, now: Timestamp, outbox: &mut Outbox) {
        let Some(room) = self.rooms.get(&message.room) else { return };
        let members: Vec<_> = room.members.iter().map(|m| (m.conn, m.ordinal, m.acked, m.gated)).collect();
        for (conn, ordinal, acked, gated) in members {
            let Some(client) = self.clients.get(&conn) else { continue };
            let takes = if client.instance == message.instance { self.same } else { self.cross };
            let last = client.last.get(&message.record.publisher).copied().unwrap_or_default();
            let at = (now + takes).max(last).max(if gated { acked } else { now });
            self.copy_to(message, Receiver { conn, ordinal, acked, at }, outbox);
        }
    }

    fn copy_to(&mut self, message: &Message, mut to: Receiver, outbox: &mut Outbox) {
        let Some(client) = self.clients.get_mut(&to.conn) else { return };
        let receiver = client.user.clone();
        let record =
            |deed: Deed, at: Timestamp| Record { deed, at, receiver: receiver.clone(), ..message.record.clone() };
        if client.silenced {
            return self.truth.note(record(Deed::Silenced, to.at));
        }
        let via = instance_name(client.instance);
        let copy = |at: Timestamp| Frame::text(copy(message.offset, &via, at, &message.tail, Kind::Live));
        let lane: Lane = (to.conn, message.room.clone(), message.record.publisher.clone());
        let held = self.held.remove(&lane);
        let act = self.act_on_copy(message.ordinal, to.ordinal).filter(|act| held.is_none() || *act != Act::Swap);
        let Some(client) = self.clients.get_mut(&to.conn) else { return };
        match act {
            Some(Act::Drop) => {
                if let Some(held) = held {
                    self.held.insert(lane, held);
                }
                return self.truth.note(record(Deed::Dropped, to.at));
            }
            Some(Act::Swap) => {
                let record = record(Deed::Held, to.at);
                self.truth.note(record.clone());
                self.held.insert(lane, (record, copy(to.at)));
                return;
            }
            Some(Act::Close(code)) => {
                outbox.close(to.conn, to.at, CloseReason::Code(code, String::new()));
                self.truth.note(record(Deed::Closed, to.at));
                return self.forget(to.conn);
            }
            Some(Act::Silence) => {
                client.silenced = true;
                outbox.silence(to.conn, to.at);
                return self.truth.note(record(Deed::Silenced, to.at));
            }
            Some(Act::Delay(by)) => {
                to.at = to.at + by;
                self.truth.note(record(Deed::Delayed, to.at));
            }
            Some(Act::Duplicate) => {
                outbox.send(to.conn, to.at, copy(to.at));
                self.truth.note(record(Deed::Duplicated, to.at));
            }
            _ => {}
        }
        client.last.insert(message.record.publisher.clone(), to.at);
        outbox.send(to.conn, to.at, copy(to.at));
        self.truth.note(record(Deed::Delivered, to.at));
        if to.at < to.acked {
            self.truth.note(record(Deed::Early, to.at));
        }
        if let Some((earlier, frame)) = held {
            outbox.send(to.conn, to.at, frame);
            self.truth.release(earlier.message, &earlier.receiver, to.at);
        }
    }

    /// A copy for somebody who is in another room and not in this one.
    fn misroute(&mut self, message: &Message, now: Timestamp, outbox: &mut Outbox) {
        let elsewhere = |client: &super::Client| {
            !client.silenced && !client.rooms.is_empty() && !client.rooms.contains(&message.room)
        };
        let victims: Vec<_> =
            self.clients.iter().filter(|(_, client)| elsewhere(client)).map(|(conn, _)| *conn).collect();
        let Some(conn) = usize::try_from(message.ordinal).ok().and_then(|n| victims.get(n % victims.len().max(1)))
        else {
            return;
        };
        let Some(client) = self.clients.get(conn) else { return };
        let at = now + if client.instance == message.instance { self.same } else { self.cross };
        let frame = copy(message.offset, &instance_name(client.instance), at, &message.tail, Kind::Live);
        outbox.send(*conn, at, Frame::text(frame));
        debug_assert_ne!(*conn, message.publisher, "a publisher is in its room");
        let receiver = client.user.clone();
        self.truth.note(Record { deed: Deed::Misrouted, at, receiver, ..message.record.clone() });
    }
}

/// The part of a message its origin writes.
fn tail(record: &Record, origin: &str, frame: &Value, now: Timestamp) -> String {
    let micros = now.nanos() / 1_000;
    let Record { message, room, publisher, .. } = record;
    format!(
        r#""room":{},"id":"m{message}","from":{},"org":"{origin}","timestamp":"2026-01-01T00:00:00.000Z","tin":{micros},"tpub":{micros},"content":{}}}"#,
        Value::from(room.as_str()),
        Value::from(publisher.as_str()),
        frame.get("content").unwrap_or(&Value::Null),
    )
}

/// The whole frame as `via` delivers it at `at`.
pub(super) fn copy(offset: u64, via: &str, at: Timestamp, tail: &str, kind: Kind) -> String {
    let micros = at.nanos() / 1_000;
    let replayed = if kind == Kind::Replay { r#""rp":1,"# } else { "" };
    let ep = super::EPOCH;
    format!(
        r#"{{"type":"message","off":{offset},"ep":"{ep}","via":"{via}","tsub":{micros},"tout":{micros},{replayed}{tail}"#
    )
}
