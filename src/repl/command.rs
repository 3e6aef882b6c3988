//! A line that was typed, taken apart: one table of commands, from which the parser, `/help`, Tab and the docs are made.

use std::time::Duration;

use crate::scenario::nearest;
use crate::units::{parse_duration, parse_size};

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Say a text to the current room.
    Say(String),
    /// Enter a room, or turn to one.
    Join(String),
    /// Leave a room; without a name the current one.
    Leave(Option<String>),
    /// Tell rooms and users.
    Rooms,
    /// Change what is spoken.
    Dialect(String),
    /// Send a frame as it is.
    Send(String),
    /// Send a file as one binary frame.
    SendFile(String),
    /// Write a message in an editor.
    Edit,
    /// Measure round trips.
    Ping(u32),
    /// Become another user, or turn to one.
    As(String),
    /// Be in the same room by another transport.
    Watch(String),
    /// Lose the connection.
    Drop(Loss),
    /// Connect anew.
    Reconnect,
    /// Connect anew and ask for what was missed.
    Resume,
    /// Read no faster than so many bytes a second; `None`: as fast as it comes.
    Slow(Option<u64>),
    /// Show some messages only; `None`: all of them.
    Filter(Option<String>),
    /// Show JSON on several lines, or no longer.
    Json,
    /// Show every frame as it is, or no longer.
    Raw,
    /// Show the time of day, or no longer.
    Time,
    /// Tell what was counted.
    Stats,
    /// Write the session as a scenario to this file.
    Record(String),
    /// Do what the lines of a file say.
    Source(String),
    /// Wait for a message with these words.
    Expect(Expectation),
    /// Tell about the commands, or about one.
    Help(Option<String>),
    /// End.
    Quit,
}

/// How a connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The stream is ended without a close frame.
    Fin,
    /// The connection is reset.
    Rst,
    /// Nothing is read or answered any more, and the other side is not told.
    BlackHole,
}

/// What is expected to be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Words of the message.
    pub words: String,
    /// How long it may take.
    pub within: Duration,
    /// That it does *not* come.
    pub absent: bool,
}

/// A row of the table.
pub struct CommandEntry {
    /// Without the slash.
    pub name: &'static str,
    /// What follows it.
    pub arguments: &'static str,
    /// One line.
    pub help: &'static str,
    make: fn(&str) -> Result<Command, String>,
}

/// How long is waited for what is expected, unless something else is said.
const EXPECTED_WITHIN: Duration = Duration::from_secs(5);

macro_rules! commands {
    ($($name:literal $arguments:literal $help:literal => $make:expr,)*) => {
        /// Every command there is.
        pub const COMMANDS: &[CommandEntry] =
            &[$(CommandEntry { name: $name, arguments: $arguments, help: $help, make: $make }),*];
    };
}

commands! {
    "join" "ROOM" "enter a room; what you type goes there from now on" => |rest| one(rest, "ROOM").map(Command::Join),
    "leave" "[ROOM]" "leave a room, by default the current one" => |rest| Ok(Command::Leave(some(rest))),
    "rooms" "" "your rooms, and the users heard of in each" => |rest| nothing(rest, Command::Rooms),
    "as" "USER [@FILE|env:NAME]" "become another user on a connection of its own, or turn back to one"
        => |rest| given(rest, "USER").map(Command::As),
    "watch" "sse|poll|ws" "be in the same room by another transport, as the same user"
        => |rest| one(rest, "sse, poll or ws").map(Command::Watch),
    "ping" "[N]" "measure N round trips, by default one" => ping,
    "send" "JSON" "send a frame exactly as it is written" => |rest| given(rest, "JSON").map(Command::Send),
    "sendfile" "FILE" "send a file as one binary frame" => |rest| given(rest, "FILE").map(Command::SendFile),
    "edit" "" "write a message of several lines in $EDITOR" => |rest| nothing(rest, Command::Edit),
    "dialect" "NAME" "speak another protocol; connects anew" => |rest| one(rest, "NAME").map(Command::Dialect),
    "drop" "fin|rst|blackhole" "lose the connection that way" => loss,
    "reconnect" "" "connect anew, as if for the first time" => |rest| nothing(rest, Command::Reconnect),
    "resume" "" "connect anew and ask for what was missed" => |rest| nothing(rest, Command::Resume),
    "slow" "RATE|off" "read no faster than this, such as 1KiB/s" => slow,
    "filter" "[room:R] [from:U] [WORDS]" "show such messages only; without anything, all"
        => |rest| Ok(Command::Filter(some(rest))),
    "json" "" "show JSON on several lines, or no longer" => |rest| nothing(rest, Command::Json),
    "raw" "" "show every frame as it is, or no longer" => |rest| nothing(rest, Command::Raw),
    "time" "" "show the time of day, or no longer" => |rest| nothing(rest, Command::Time),
    "stats" "" "what was counted on each connection" => |rest| nothing(rest, Command::Stats),
    "record" "FILE.toml" "write what you have done so far as a scenario for `wsbench run`"
        => |rest| given(rest, "FILE.toml").map(Command::Record),
    "source" "FILE" "do what the lines of a file say" => |rest| given(rest, "FILE").map(Command::Source),
    "expect" "[not] [TIME] WORDS" "wait for a message with these words, 5s unless TIME is given" => expect,
    "help" "[COMMAND]" "the commands, or one of them" => |rest| Ok(Command::Help(some(rest))),
    "quit" "" "close with 1000 and end" => |rest| nothing(rest, Command::Quit),
}

/// What `line` asks for; nothing if it is empty.
///
/// # Errors
/// What is wrong with it and what would be right.
pub fn parse(line: &str) -> Result<Option<Command>, String> {
    let line = line.trim_end_matches(['\r', '\n']);
    if line.trim().is_empty() {
        return Ok(None);
    }
    let Some(rest) = line.strip_prefix('/') else { return Ok(Some(Command::Say(line.to_owned()))) };
    if rest.starts_with('/') {
        return Ok(Some(Command::Say(rest.to_owned())));
    }
    let (name, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let entry = find(name).ok_or_else(|| unknown(name))?;
    let made = (entry.make)(rest.trim());
    made.map(Some).map_err(|problem| format!("/{}: {problem}; usage: {}", entry.name, usage(entry)))
}

/// The row of the command called `name`, with or without the slash.
pub fn find(name: &str) -> Option<&'static CommandEntry> {
    let name = name.strip_prefix('/').unwrap_or(name);
    COMMANDS.iter().find(|entry| entry.name == name)
}

/// A command as it is typed.
pub fn usage(entry: &CommandEntry) -> String {
    format!("/{} {}", entry.name, entry.arguments).trim_end().to_owned()
}

/// What is said of a command that does not exist.
pub(super) fn unknown(name: &str) -> String {
    let names: Vec<&str> = COMMANDS.iter().map(|entry| entry.name).collect();
    let hint = match nearest(name, names) {
        Some(near) => format!("did you mean /{near}?"),
        None => "/help lists them; to say a text that begins with a slash, begin it with two".to_owned(),
    };
    format!("there is no command /{}: {hint}", crate::ui::printable(name))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Command {
        parse(line).unwrap().unwrap()
    }

    fn refused(line: &str) -> String {
        parse(line).unwrap_err()
    }

    #[test]
    fn what_is_no_command_is_said() {
        assert_eq!(said("hello there\n"), Command::Say("hello there".to_owned()));
        assert_eq!(said("//join is a command"), Command::Say("/join is a command".to_owned()));
        assert_eq!(parse("  \n"), Ok(None));
    }

    #[test]
    fn commands_take_their_arguments() {
        assert_eq!(said("/join  lobby "), Command::Join("lobby".to_owned()));
        assert_eq!(said("/leave"), Command::Leave(None));
        assert_eq!(said("/send {\"a\": 1}"), Command::Send("{\"a\": 1}".to_owned()));
        assert_eq!(said("/ping 3"), Command::Ping(3));
        assert_eq!(said("/slow 1KiB/s"), Command::Slow(Some(1_024)));
        assert_eq!(said("/drop rst"), Command::Drop(Loss::Rst));
        let waits = |words: &str, seconds, absent| {
            Command::Expect(Expectation { words: words.to_owned(), within: Duration::from_secs(seconds), absent })
        };
        assert_eq!(said("/expect hi there"), waits("hi there", 5, false));
        assert_eq!(said("/expect not 1s hi"), waits("hi", 1, true));
    }

    #[test]
    fn what_is_wrong_is_told_with_the_remedy() {
        assert_eq!(refused("/join"), "/join: ROOM is missing; usage: /join ROOM");
        assert_eq!(refused("/drop it"), "/drop: say how: fin, rst or blackhole; usage: /drop fin|rst|blackhole");
        assert!(refused("/joni a").contains("did you mean /join?"), "{}", refused("/joni a"));
        assert!(refused("/zzz").contains("/help"), "{}", refused("/zzz"));
        assert!(refused("/quit now").starts_with("/quit: nothing follows it"));
    }

    #[test]
    fn no_two_commands_share_a_name() {
        let mut names: Vec<&str> = COMMANDS.iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COMMANDS.len());
    }
}
