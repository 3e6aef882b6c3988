//! A line that was typed, taken apart: one table of commands, from which the parser, `/help`, Tab and the docs are made.

use std::time::Duration;

use crate::dialect::Parameters;
use crate::scenario::nearest;
use serde_json::Value;

mod language;
pub(super) mod overview;
mod table;

pub use table::{COMMANDS, CommandEntry};

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
    /// Tell the users of a room; without a name of the current one.
    Who(Option<String>),
    /// Change what is spoken.
    Dialect(Language),
    /// Send a frame as it is.
    Send(String),
    /// Send a file as one binary frame.
    SendFile(String),
    /// Write a message in an editor.
    Edit,
    /// Measure round trips.
    Ping(u32),
    /// Become another user, or turn to one: who, and where the token is.
    As(String, Option<String>),
    /// Show another token, which is at this place.
    Token(String),
    /// Go where a command line of curl's goes.
    Connect(String),
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

/// What is to be spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language {
    /// The dialect's name, or a file that describes one.
    pub name: String,
    /// What a scenario says of it under `[target.with]`.
    pub with: Parameters,
    /// The `[vars]` that are named there; none where everything is said outright.
    pub vars: Parameters,
}

impl Language {
    /// The same as a scenario has it, where `${NAME}` would be a variable.
    pub(super) fn written(mut self) -> Self {
        self.with.values_mut().for_each(write_out);
        self
    }
}

fn write_out(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace("${", "$${"),
        Value::Array(values) => values.iter_mut().for_each(write_out),
        Value::Object(table) => table.values_mut().for_each(write_out),
        _ => {}
    }
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
    if line.starts_with("curl ") && line.contains("://") {
        return Ok(Some(Command::Connect(line.to_owned())));
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
        assert_eq!(said("/as bob @bob.token"), Command::As("bob".to_owned(), Some("@bob.token".to_owned())));
        assert_eq!(said("/token -"), Command::Token("-".to_owned()));
    }

    #[test]
    fn a_command_line_of_curl_goes_there_and_talk_of_curl_does_not() {
        assert_eq!(said("curl 'wss://a.example'"), Command::Connect("curl 'wss://a.example'".to_owned()));
        for talk in ["curl is a fine thing", " curl wss://a.example", "curly ws://x"] {
            assert_eq!(said(talk), Command::Say(talk.to_owned()));
        }
    }

    #[test]
    fn every_example_is_its_own_command() {
        for entry in COMMANDS {
            let typed = entry.example.strip_prefix('/').unwrap();
            let (name, rest) = typed.split_once(' ').unwrap_or((typed, ""));
            assert_eq!(name, entry.name);
            assert!((entry.make)(rest).is_ok(), "{}", entry.example);
        }
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
