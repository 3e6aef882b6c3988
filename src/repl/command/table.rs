//! Every command there is, one row each, and how what follows a name is read.

use std::time::Duration;

use super::{Command, Expectation, Loss};
use crate::units::{parse_duration, parse_size};

/// A row of the table.
pub struct CommandEntry {
    /// Without the slash.
    pub name: &'static str,
    /// What it has to do with.
    pub group: &'static str,
    /// What follows it.
    pub arguments: &'static str,
    /// A few words, for the list of all.
    pub brief: &'static str,
    /// One line.
    pub help: &'static str,
    /// How it is typed, for instance.
    pub example: &'static str,
    /// Makes it of what follows its name, trimmed.
    pub(super) make: fn(&str) -> Result<Command, String>,
}

/// How long is waited for what is expected, unless something else is said.
const EXPECTED_WITHIN: Duration = Duration::from_secs(5);

macro_rules! commands {
    ($($group:literal { $($name:literal $arguments:literal $brief:literal $help:literal $example:literal => $make:expr,)* })*) => {
        /// Every command there is, those of a group side by side.
        pub const COMMANDS: &[CommandEntry] = &[$($(CommandEntry {
            name: $name, group: $group, arguments: $arguments, brief: $brief, help: $help, example: $example, make: $make,
        },)*)*];
    };
}

commands! {
    "rooms" {
        "join" "ROOM" "enter a room"
            "enter a room; what you type goes there from now on" "/join lobby"
            => |rest| one(rest, "ROOM").map(Command::Join),
        "leave" "[ROOM]" "leave a room"
            "leave a room, by default the current one" "/leave lobby"
            => |rest| Ok(Command::Leave(some(rest))),
        "rooms" "" "yours, and who is there"
            "your rooms, and the users heard of in each" "/rooms"
            => |rest| nothing(rest, Command::Rooms),
        "who" "[ROOM]" "users heard of in one"
            "the users heard of in a room, by default the current one" "/who lobby"
            => |rest| Ok(Command::Who(some(rest))),
    }
    "users" {
        "as" "USER [-|@FILE|env:NAME]" "be another user"
            "become another user on a connection of its own, or turn back to one" "/as bob @bob.token"
            => become_user,
        "token" "-|@FILE|env:NAME" "show another token"
            "show another token and connect anew; - asks for it" "/token @fresh.token"
            => |rest| one(rest, "where the token is, -, @FILE or env:NAME,").map(Command::Token),
        "watch" "sse|poll|ws" "by another transport"
            "be in the same room by another transport, as the same user" "/watch sse"
            => |rest| one(rest, "sse, poll or ws").map(Command::Watch),
    }
    "speak" {
        "ping" "[N]" "measure round trips"
            "measure N round trips, by default one" "/ping 5"
            => ping,
        "send" "JSON" "send a frame as it is"
            "send a frame exactly as it is written" "/send {\"type\":\"ping\"}"
            => |rest| given(rest, "JSON").map(Command::Send),
        "sendfile" "FILE" "send a file as a frame"
            "send a file as one binary frame" "/sendfile frame.bin"
            => |rest| given(rest, "FILE").map(Command::SendFile),
        "edit" "" "write in an editor"
            "write a message of several lines in $EDITOR" "/edit"
            => |rest| nothing(rest, Command::Edit),
        "dialect" "NAME|FILE.toml [KEY=VALUE…]" "speak another protocol"
            "speak another protocol; connects anew" "/dialect socketio-v5 event=chat"
            => |rest| super::language::read(rest).map(Command::Dialect),
    }
    "lose" {
        "drop" "fin|rst|blackhole" "lose the connection"
            "lose the connection that way and keep it lost" "/drop rst"
            => loss,
        "reconnect" "" "connect anew"
            "connect anew, as if for the first time" "/reconnect"
            => |rest| nothing(rest, Command::Reconnect),
        "resume" "" "get back what was missed"
            "connect anew and ask for what was missed" "/resume"
            => |rest| nothing(rest, Command::Resume),
        "slow" "RATE|off" "read slowly"
            "read no faster than this" "/slow 1KiB/s"
            => slow,
    }
    "show" {
        "filter" "[room:R] [from:U] [WORDS]" "some messages only"
            "show such messages only; without anything, all" "/filter from:bob deploy"
            => |rest| Ok(Command::Filter(some(rest))),
        "json" "" "JSON on several lines"
            "show JSON on several lines, or no longer" "/json"
            => |rest| nothing(rest, Command::Json),
        "raw" "" "every frame as it is"
            "show every frame as it is, or no longer" "/raw"
            => |rest| nothing(rest, Command::Raw),
        "time" "" "the time of day"
            "show the time of day, or no longer" "/time"
            => |rest| nothing(rest, Command::Time),
        "stats" "" "what was counted"
            "what was counted on each connection" "/stats"
            => |rest| nothing(rest, Command::Stats),
    }
    "session" {
        "record" "FILE.toml" "write a scenario"
            "write what you have done so far as a scenario for `wsbench run`" "/record session.toml"
            => |rest| given(rest, "FILE.toml").map(Command::Record),
        "source" "FILE" "do the lines of a file"
            "do what the lines of a file say" "/source lines.txt"
            => |rest| given(rest, "FILE").map(Command::Source),
        "expect" "[not] [TIME] WORDS" "wait for a message"
            "wait for a message with these words, 5s unless TIME is given" "/expect 2s hello"
            => expect,
        "help" "[COMMAND]" "all about one command"
            "the commands, or one of them" "/help join"
            => |rest| Ok(Command::Help(some(rest))),
        "quit" "" "close and end"
            "close with 1000 and end" "/quit"
            => |rest| nothing(rest, Command::Quit),
    }
}

fn some(rest: &str) -> Option<String> {
    (!rest.is_empty()).then(|| rest.to_owned())
}

fn given(rest: &str, what: &str) -> Result<String, String> {
    some(rest).ok_or_else(|| format!("{what} is missing"))
}

fn one(rest: &str, what: &str) -> Result<String, String> {
    match rest.split_whitespace().count() {
        0 => Err(format!("{what} is missing")),
        1 => Ok(rest.to_owned()),
        _ => Err(format!("one {what} at a time")),
    }
}

fn nothing(rest: &str, command: Command) -> Result<Command, String> {
    if rest.is_empty() { Ok(command) } else { Err("nothing follows it".to_owned()) }
}

fn become_user(rest: &str) -> Result<Command, String> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    match words[..] {
        [] => Err("USER is missing".to_owned()),
        [user] => Ok(Command::As(user.to_owned(), None)),
        [user, from] => Ok(Command::As(user.to_owned(), Some(from.to_owned()))),
        _ => Err("one user at a time".to_owned()),
    }
}

fn ping(rest: &str) -> Result<Command, String> {
    match rest {
        "" => Ok(Command::Ping(1)),
        number => match number.parse() {
            Ok(number @ 1..=100) => Ok(Command::Ping(number)),
            _ => Err("N is a number from 1 to 100".to_owned()),
        },
    }
}

fn loss(rest: &str) -> Result<Command, String> {
    match rest {
        "fin" => Ok(Command::Drop(Loss::Fin)),
        "rst" => Ok(Command::Drop(Loss::Rst)),
        "blackhole" => Ok(Command::Drop(Loss::BlackHole)),
        _ => Err("say how: fin, rst or blackhole".to_owned()),
    }
}

fn slow(rest: &str) -> Result<Command, String> {
    if rest == "off" {
        return Ok(Command::Slow(None));
    }
    match parse_size(rest.strip_suffix("/s").unwrap_or(rest)) {
        Ok(size) if size.0 > 0 => Ok(Command::Slow(Some(size.0))),
        Ok(_) => Err("a RATE is more than nothing".to_owned()),
        Err(_) => Err("RATE is bytes a second, such as 1KiB/s, or off".to_owned()),
    }
}

fn expect(rest: &str) -> Result<Command, String> {
    let (absent, rest) = rest.strip_prefix("not ").map_or((false, rest), |rest| (true, rest.trim_start()));
    let first = rest.split_whitespace().next().unwrap_or_default();
    let (within, words) = match parse_duration(first) {
        Ok(time) => (time, rest[first.len()..].trim_start()),
        Err(_) => (EXPECTED_WITHIN, rest),
    };
    let words = given(words, "WORDS")?;
    Ok(Command::Expect(Expectation { words, within, absent }))
}
