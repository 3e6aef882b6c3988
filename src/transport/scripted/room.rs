//! [`RoomScript`]: the bundled room server's protocol as a scripted peer, over any number of instances.
//!
//! Unmutated it is correct: a join is acknowledged before its first copy, copies of one publisher keep their order,
//! replay is complete. How messages fan out and go wrong stands in `fanout`.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::mutation::{Mutation, Odds};
use super::truth::{Record, Truth};
use super::{Conn, Outbox, Peer};
use crate::time::Timestamp;
use crate::transport::ConnectError;
use crate::wire::{Frame, Opening};

mod fanout;
mod members;
mod questions;

pub use questions::Manners;

/// Messages a room remembers for those who resume.
const HISTORY: usize = 1_000;

/// A scripted room server: instance number *k* (called `a`, `b`, …) answers for URL number *k*.
#[derive(Debug)]
pub struct RoomScript {
    instances: usize,
    same: Duration,
    cross: Duration,
    authenticates: bool,
    pings: Option<(Duration, Duration)>,
    late_acks: Option<(u64, Duration)>,
    mutations: BTreeMap<u64, Vec<Mutation>>,
    odds: Odds,
    manners: Manners,
    truth: Truth,
    clients: BTreeMap<Conn, Client>,
    rooms: BTreeMap<String, Room>,
    held: BTreeMap<Lane, (Record, Frame)>,
    messages: u64,
    joins: u64,
    questions: u64,
}

/// Copies of one publisher to one receiver in one room; they keep their order.
type Lane = (Conn, String, String);

#[derive(Debug)]
struct Client {
    instance: usize,
    user: String,
    admitted: bool,
    silenced: bool,
    rooms: BTreeSet<String>,
    /// When the last copy of each publisher arrives.
    last: BTreeMap<String, Timestamp>,
}

#[derive(Debug, Default)]
struct Room {
    offset: u64,
    joins: usize,
    members: Vec<Member>,
    history: VecDeque<Past>,
}

#[derive(Debug)]
struct Member {
    conn: Conn,
    ordinal: usize,
    acked: Timestamp,
    /// Copies wait for the acknowledgement of the join.
    gated: bool,
}

#[derive(Debug)]
struct Past {
    offset: u64,
    tail: String,
    record: Record,
}

/// A room's epoch. Rooms are never reset here.
const EPOCH: &str = "e1";

impl RoomScript {
    /// A correct server of `instances` instances: 1 ms to members on the publisher's instance, 3 ms to others.
    pub fn new(instances: usize) -> Self {
        Self {
            instances: instances.max(1),
            same: Duration::from_millis(1),
            cross: Duration::from_millis(3),
            authenticates: false,
            pings: None,
            late_acks: None,
            mutations: BTreeMap::new(),
            odds: Odds::default(),
            manners: Manners::default(),
            truth: Truth::default(),
            clients: BTreeMap::new(),
            rooms: BTreeMap::new(),
            held: BTreeMap::new(),
            messages: 0,
            joins: 0,
            questions: 0,
        }
    }

    /// How long a copy takes, from the publisher's send to its arrival; answers take `same`.
    #[must_use]
    pub fn latency(mut self, same: Duration, cross: Duration) -> Self {
        (self.same, self.cross) = (same, cross);
        self
    }

    /// Without a token in the opening, the first message must authenticate. Otherwise everybody is let in.
    #[must_use]
    pub fn authenticates(mut self) -> Self {
        self.authenticates = true;
        self
    }

    /// Announces and keeps up pings.
    #[must_use]
    pub fn pings(mut self, interval: Duration, timeout: Duration) -> Self {
        self.pings = Some((interval, timeout));
        self
    }

    /// Every `every`-th join is acknowledged `by` later than it takes effect, and copies do not wait for that.
    #[must_use]
    pub fn late_acks(mut self, every: u64, by: Duration) -> Self {
        self.late_acks = Some((every.max(1), by));
        self
    }

    /// Misbehaves at known places.
    #[must_use]
    pub fn mutate(mut self, mutations: impl IntoIterator<Item = Mutation>) -> Self {
        for mutation in mutations {
            self.mutations.entry(mutation.message).or_default().push(mutation);
        }
        self
    }

    /// Misbehaves by seeded chance.
    #[must_use]
    pub fn odds(mut self, odds: Odds) -> Self {
        self.odds = odds;
        self
    }

    /// The record of what it does, to be kept while the script is given to the transport.
    pub fn truth(&self) -> Truth {
        self.truth.clone()
    }
}

impl Peer for RoomScript {
    fn opened(
        &mut self,
        conn: Conn,
        url: usize,
        opening: &Opening,
        now: Timestamp,
        outbox: &mut Outbox,
    ) -> Result<Duration, ConnectError> {
        let shown = shown_token(opening);
        let user = shown.clone().unwrap_or_else(|| format!("c{}", conn.0));
        let (instance, rooms, last) = (url % self.instances, BTreeSet::new(), BTreeMap::new());
        self.clients.insert(conn, Client { instance, user, admitted: false, silenced: false, rooms, last });
        if shown.is_some() || !self.authenticates {
            // Arrives when the connect does, at the earliest.
            self.admit(conn, now, outbox);
        }
        Ok(self.same)
    }

    fn frame(&mut self, conn: Conn, frame: Frame, now: Timestamp, outbox: &mut Outbox) {
        let Some(client) = self.clients.get(&conn) else { return };
        let Ok(value) = serde_json::from_slice::<Value>(frame.bytes()) else {
            return self.error(conn, &Value::Null, "malformed", now, outbox);
        };
        if client.silenced {
            return;
        }
        if !client.admitted {
            return self.authenticate(conn, &value, now, outbox);
        }
        match text(&value, "type") {
            "auth" => self.authenticate(conn, &value, now, outbox),
            "join" => self.join(conn, &value, now, outbox),
            "leave" => {
                self.leave(conn, text(&value, "room"));
                let left = serde_json::json!({"type": "left", "room": value.get("room"), "ref": value.get("ref")});
                outbox.send(conn, now + self.same, json(&left));
            }
            "message" => self.publish(conn, &value, now, outbox),
            "history" | "presence" => self.question(conn, &value, now, outbox),
            "ping" if value.get("ref").is_some() => self.question(conn, &value, now, outbox),
            "ping" => outbox.send(conn, now + self.same, Frame::text(r#"{"type":"pong"}"#)),
            _ => self.error(conn, &value, "unknown_type", now, outbox),
        }
    }

    fn closed(&mut self, conn: Conn, _now: Timestamp, _outbox: &mut Outbox) {
        self.forget(conn);
    }
}

/// The token in a query, header or cookie; it doubles as the user's name.
fn shown_token(opening: &Opening) -> Option<String> {
    let find = |pairs: &[(String, String)], key: &str| {
        pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.clone())
    };
    let header = || find(&opening.headers, "authorization")?.strip_prefix("Bearer ").map(str::to_owned);
    let cookie = || find(&opening.headers, "cookie")?.strip_prefix("token=").map(str::to_owned);
    find(&opening.query, "token").or_else(header).or_else(cookie)
}

/// `a`, `b`, …
fn instance_name(index: usize) -> String {
    let letter = u8::try_from(index % 26).unwrap_or(0);
    char::from(b'a' + letter).to_string()
}

fn text<'a>(frame: &'a Value, key: &str) -> &'a str {
    frame.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn json(value: &Value) -> Frame {
    Frame::text(value.to_string())
}
