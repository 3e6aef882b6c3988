//! The commands by which presence is kept, and how their answers are read. What they do is in `lua`.

use std::time::Duration;

use redis::{Cmd, Script, Value, cmd};

use super::{
    super::{
        Room,
        presence::{LISTED, Member, PresenceOptions, Roster},
    },
    ledger::{Batch, Told},
    lua::{CHANGE, COMMON, EXPIRE, LEASE, PART, REAP, RENEW, ROSTER},
};
use crate::time;

/// Rooms of a dead node given up in one step.
const ROOMS: usize = 32;
/// Leases ended in one step.
const LEASES: usize = 128;

/// The scripts, hashed.
#[derive(Debug)]
pub(super) struct Census {
    change: Script,
    lease: Script,
    renew: Script,
    reap: Script,
    expire: Script,
    part: Script,
    roster: Script,
}

/// The answer to a renewal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Renewed {
    pub(super) standing: Standing,
    pub(super) gone: Vec<String>,
    pub(super) leases_over: bool,
}

/// What has become of the one who renews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Kept,
    /// Given up by the others, who have told so.
    Reaped,
    /// Redis knows nothing any more.
    Forgotten,
}

fn script(body: &str) -> Script {
    Script::new(&format!("{COMMON}{body}"))
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

fn value(room: &str, member: &Member) -> String {
    format!("{}\n{}", member.user, member.json(room))
}

impl Census {
    pub(super) fn new() -> Self {
        Self {
            change: script(CHANGE),
            lease: script(LEASE),
            renew: script(RENEW),
            reap: script(REAP),
            expire: script(EXPIRE),
            part: script(PART),
            roster: script(ROSTER),
        }
    }

    /// Adds the commands that make a Redis know the scripts.
    pub(super) fn load(&self, pipe: &mut redis::Pipeline) {
        for body in [CHANGE, LEASE, RENEW, REAP, EXPIRE, PART, ROSTER] {
            pipe.cmd("SCRIPT").arg("LOAD").arg(format!("{COMMON}{body}")).ignore();
        }
    }

    /// Tells a room's changes. What is not to be announced as new is `quiet`.
    pub(super) fn change(&self, node: &str, batch: &Batch, options: &PresenceOptions, quiet: bool) -> Cmd {
        let limit = options.announce.limit();
        let mut eval = call(&self.change);
        eval.arg(&*batch.room)
            .arg(node)
            .arg(if quiet { -1 } else { limit })
            .arg(limit)
            .arg(time::timestamp().to_string())
            .arg(u8::from(batch.occupied));
        for (number, told) in &batch.changes {
            let field = format!("{node}/{number:x}");
            match told {
                Told::Enter(member) => {
                    eval.arg("+").arg(field).arg(&*member.user).arg(value(&batch.room, member));
                }
                Told::Exit(user) => {
                    eval.arg("-").arg(field).arg(&**user).arg("");
                }
            }
        }
        eval
    }

    pub(super) fn lease(&self, room: &Room, member: &Member, time: Duration, options: &PresenceOptions) -> Cmd {
        let mut eval = call(&self.lease);
        eval.arg(&**room)
            .arg(&*member.user)
            .arg(value(room, member))
            .arg(millis(time))
            .arg(options.announce.limit())
            .arg(time::timestamp().to_string());
        eval
    }

    pub(super) fn renew(&self, node: &str, first: bool, options: &PresenceOptions) -> Cmd {
        let mut eval = call(&self.renew);
        let times = [options.lease(), options.slack(), options.ttl].map(millis);
        eval.arg(node).arg(&times[..]).arg(u8::from(first));
        eval
    }

    pub(super) fn reap(&self, node: &str, options: &PresenceOptions) -> Cmd {
        let mut eval = call(&self.reap);
        let (slack, limit, stamp) = (millis(options.slack()), options.announce.limit(), time::timestamp().to_string());
        eval.arg(node).arg(slack).arg(limit).arg(stamp).arg(ROOMS);
        eval
    }

    pub(super) fn expire(&self, options: &PresenceOptions) -> Cmd {
        let mut eval = call(&self.expire);
        eval.arg(options.announce.limit()).arg(time::timestamp().to_string()).arg(LEASES);
        eval
    }

    pub(super) fn part(&self, node: &str, grace: Duration) -> Cmd {
        let mut eval = call(&self.part);
        eval.arg(node).arg(millis(grace));
        eval
    }

    pub(super) fn roster(&self, room: &Room) -> Cmd {
        let mut eval = call(&self.roster);
        eval.arg(&**room).arg(LISTED);
        eval
    }
}

fn call(script: &Script) -> Cmd {
    let mut eval = cmd("EVALSHA");
    eval.arg(script.get_hash()).arg(0);
    eval
}

/// Reads the answer to a renewal.
pub(super) fn renewed(answer: Value) -> Option<Renewed> {
    let (standing, gone, over): (String, Vec<String>, u64) = redis::from_redis_value(answer).ok()?;
    let standing = match standing.as_str() {
        "ok" => Standing::Kept,
        "reaped" => Standing::Reaped,
        "forgotten" => Standing::Forgotten,
        _ => return None,
    };
    Some(Renewed { standing, gone, leases_over: over > 0 })
}

/// Reads a roster.
pub(super) fn roster(answer: Value) -> Option<Roster> {
    let (users, connections, values): (usize, usize, Vec<String>) = redis::from_redis_value(answer).ok()?;
    let json = |value: String| value.split_once('\n').map(|(_, json)| json.to_owned());
    Some(Roster { users, connections, members: values.into_iter().filter_map(json).collect() })
}
