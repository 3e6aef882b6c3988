//! The Lua scripts and how their answers are read. Keys of a room share a hash tag, so that they stay on one slot.

use bytes::Bytes;
use redis::{Cmd, Script, Value, cmd};

use super::super::Room;
use crate::{
    config::History,
    history::{Entry, Epoch, Position},
};

/// Offset, stream entry and PUBLISH in one step, so that no instance can see one without the others.
/// KEYS: meta, log[, dedupe]. ARGV: new epoch, channel, tail, length, log seconds. Answers offset and epoch.
const PUBLISH: &str = r"
local epoch = redis.call('HGET', KEYS[1], 'e')
if not epoch then
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], 'e', epoch)
  redis.call('DEL', KEYS[2])
end
if KEYS[3] then
  local known = redis.call('GET', KEYS[3])
  if known then return {tonumber(known), epoch} end
end
local offset = redis.call('HINCRBY', KEYS[1], 's', 1)
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], offset .. '-0', 't', ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[5])
redis.call('EXPIRE', KEYS[1], 86400)
if KEYS[3] then redis.call('SET', KEYS[3], offset, 'EX', ARGV[5]) end
redis.call('PUBLISH', ARGV[2], offset .. ':' .. epoch .. ':' .. ARGV[3])
return {offset, epoch}
";

/// Where rooms stand, beginning their numbering if need be. KEYS: metas. ARGV: new epochs. Answers offset, epoch, ….
const POSITIONS: &str = r"
local answer = {}
for i, meta in ipairs(KEYS) do
  redis.call('HSETNX', meta, 'e', ARGV[i])
  redis.call('EXPIRE', meta, 86400)
  answer[#answer + 1] = tonumber(redis.call('HGET', meta, 's') or 0)
  answer[#answer + 1] = redis.call('HGET', meta, 'e')
end
return answer
";

/// What a room remembers. KEYS: meta, log. ARGV: first stream id. Answers offset, epoch, entries.
const HISTORY: &str = r"
return {tonumber(redis.call('HGET', KEYS[1], 's') or 0), redis.call('HGET', KEYS[1], 'e') or '',
        redis.call('XRANGE', KEYS[2], ARGV[1], '+')}
";

/// The scripts, hashed.
#[derive(Debug)]
pub(super) struct Scripts {
    publish: Script,
    positions: Script,
    history: Script,
}

/// How announcements begin.
const ANNOUNCEMENT: &[u8] = br#"{"type":"user."#;

/// A message as it travels on a channel.
pub(super) struct Payload {
    pub(super) position: Option<Position>,
    pub(super) tail: Bytes,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self { publish: Script::new(PUBLISH), positions: Script::new(POSITIONS), history: Script::new(HISTORY) }
    }

    /// The commands that make a Redis know the scripts.
    pub(super) fn load(&self) -> redis::Pipeline {
        let mut pipe = redis::pipe();
        for source in [PUBLISH, POSITIONS, HISTORY] {
            pipe.cmd("SCRIPT").arg("LOAD").arg(source).ignore();
        }
        pipe
    }

    /// Publishes a tail the way `history` says.
    pub(super) fn publish(&self, room: &str, tail: &[u8], dedupe: Option<&str>, history: &History) -> Cmd {
        let kept = match history {
            History::Kept { length, ttl, .. } if history.keeps(room) => Some((*length, ttl.as_secs().max(1))),
            _ => None,
        };
        let Some((length, seconds)) = kept else {
            let mut plain = cmd("PUBLISH");
            plain.arg(channel(room)).arg([b"::", tail].concat());
            return plain;
        };
        let mut eval = cmd("EVALSHA");
        eval.arg(self.publish.get_hash())
            .arg(2 + usize::from(dedupe.is_some()))
            .arg(key(room, "m"))
            .arg(key(room, "l"));
        if let Some(dedupe) = dedupe {
            eval.arg(format!("wsb:{{{room}}}:i:{dedupe}"));
        }
        eval.arg(Epoch::random().as_str()).arg(channel(room)).arg(tail).arg(length).arg(seconds);
        eval
    }

    /// Asks where rooms stand.
    pub(super) fn positions(&self, rooms: &[(Room, u64)]) -> Cmd {
        let mut eval = cmd("EVALSHA");
        eval.arg(self.positions.get_hash()).arg(rooms.len());
        rooms.iter().for_each(|(room, _)| {
            eval.arg(key(room, "m"));
        });
        rooms.iter().for_each(|_| {
            eval.arg(Epoch::random().as_str());
        });
        eval
    }

    /// Asks for what a room remembers after `offset`.
    pub(super) fn history(&self, room: &str, offset: u64) -> Cmd {
        let mut eval = cmd("EVALSHA");
        eval.arg(self.history.get_hash())
            .arg(2)
            .arg(key(room, "m"))
            .arg(key(room, "l"))
            .arg(format!("{}-0", offset + 1));
        eval
    }
}

/// The channel of a room.
pub(super) fn channel(room: &str) -> String {
    format!("room:{room}")
}

fn key(room: &str, kind: &str) -> String {
    format!("wsb:{{{room}}}:{kind}")
}

impl Payload {
    /// Whether it announces somebody.
    pub(super) fn is_announcement(&self) -> bool {
        self.position.is_none() && self.tail.starts_with(ANNOUNCEMENT)
    }

    /// Reads `offset:epoch:tail`, or `::tail` without history. A tail is the rest of a JSON object that begins with whom
    /// it is for; a whole object in its place announces somebody.
    pub(super) fn parse(payload: Bytes) -> Option<Self> {
        let first = memchr::memchr(b':', &payload)?;
        let second = first + 1 + memchr::memchr(b':', payload.get(first + 1..)?)?;
        let tail = payload.slice(second + 1..);
        let begins = [&br#""room":"#[..], br#""user":"#, ANNOUNCEMENT];
        let shaped = begins.iter().any(|begin| tail.starts_with(begin)) && tail.ends_with(b"}");
        if !shaped {
            return None;
        }
        if first == 0 && second == 1 {
            return Some(Self { position: None, tail });
        }
        let offset = std::str::from_utf8(&payload[..first]).ok()?.parse().ok()?;
        let epoch = Epoch::parse(&payload[first + 1..second])?;
        Some(Self { position: Some(Position { offset, epoch }), tail })
    }
}

/// Reads an offset and an epoch.
pub(super) fn position(offset: &Value, epoch: &Value) -> Option<Position> {
    let Value::Int(offset) = offset else { return None };
    Some(Position { offset: u64::try_from(*offset).ok()?, epoch: Epoch::parse(text(epoch)?)? })
}

/// Reads the answer of the history script.
pub(super) fn entries(answer: Value) -> Option<(Position, Vec<Entry>)> {
    let Value::Array(parts) = answer else { return None };
    let [offset, epoch, Value::Array(rows)] = parts.as_slice() else { return None };
    let position = position(offset, epoch)?;
    let entries = rows.iter().map(entry).collect::<Option<Vec<_>>>()?;
    Some((position, entries))
}

fn entry(row: &Value) -> Option<Entry> {
    let Value::Array(parts) = row else { return None };
    let [id, Value::Array(fields)] = parts.as_slice() else { return None };
    let [_, Value::BulkString(tail)] = fields.as_slice() else { return None };
    let id = std::str::from_utf8(text(id)?).ok()?;
    let offset = id.strip_suffix("-0")?.parse().ok()?;
    Some(Entry { offset, tail: Bytes::copy_from_slice(tail) })
}

fn text(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.as_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_carry_position_and_tail() {
        let payload = Payload::parse(Bytes::from_static(br#"42:k3f9:"room":"a:b"}"#)).unwrap();
        let position = payload.position.unwrap();
        assert_eq!((position.offset, position.epoch.as_str()), (42, "k3f9"));
        assert_eq!(payload.tail, br#""room":"a:b"}"#[..]);
        assert_eq!(Payload::parse(Bytes::from_static(br#"::"room":"r"}"#)).unwrap().position, None);
    }

    #[test]
    fn foreign_payloads_are_not_taken_for_messages() {
        for foreign in ["", ":", "hello", "1:2", r#"x:k3f9:"room":"r"}"#, r#"1:K:"room":"r"}"#, r#"1:k:{"room":"r"}"#] {
            assert!(Payload::parse(Bytes::copy_from_slice(foreign.as_bytes())).is_none(), "took {foreign}");
        }
    }
}
