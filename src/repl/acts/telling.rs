//! What the console tells of itself, and the files it reads and writes.

use std::path::Path;

use super::read_small;
use crate::repl::client::Client;
use crate::repl::command::{self, overview};
use crate::repl::console::{Console, Scripted};
use crate::repl::drive::Ending;
use crate::repl::record::HEADING;
use crate::repl::render::time;

/// At most so many lines of scripts wait to be done.
const LINES: usize = 10_000;

impl Console {
    pub(in crate::repl) fn tell_rooms(&mut self) {
        let client = &self.clients[self.current];
        let mut lines = Vec::new();
        for place in &client.rooms {
            let here = if client.room.as_ref() == Some(&place.room) { "*" } else { " " };
            let users: Vec<&str> = self.known.get(&*place.room).into_iter().flatten().map(String::as_str).collect();
            lines.push(format!("{here} {}  {}", place.room, users.join(" ")));
        }
        if lines.is_empty() {
            lines.push("you are in no room; /join ROOM enters one".to_owned());
        }
        self.remark(&lines.join("\n"));
    }

    pub(in crate::repl) fn tell_users(&mut self, room: Option<String>) {
        let current = self.client().room.as_deref().filter(|room| !room.is_empty()).map(str::to_owned);
        let Some(room) = room.or(current) else {
            return self.complain("you are in no room; /join ROOM enters one");
        };
        let users: Vec<&str> = self.known.get(&room).into_iter().flatten().map(String::as_str).collect();
        let words = match users[..] {
            [] => format!("nobody was heard of in {room} yet"),
            _ => format!("{room}  {}", users.join(" ")),
        };
        self.remark(&words);
    }

    pub(in crate::repl) fn help(&mut self, name: Option<&str>) {
        let text = match name.map(command::find) {
            Some(None) => return self.complain(&command::unknown(name.unwrap_or_default())),
            Some(Some(entry)) => overview::one(entry),
            None => overview::all(),
        };
        self.remark(&text);
    }

    pub(in crate::repl) fn tell_stats(&mut self) {
        let told = |client: &Client| {
            let tally = client.tally;
            format!(
                "{}: connected {} times, sent {}, acknowledged {}, refused {}, heard {} (own {}, replayed {}), {}, slowest {}",
                client.name,
                tally.connects,
                tally.sent,
                tally.acked,
                tally.refused,
                tally.heard,
                tally.own,
                tally.replayed,
                crate::units::human::bytes(tally.bytes),
                time(tally.worst)
            )
        };
        let lines: Vec<String> = self.clients.iter().map(told).collect();
        self.remark(&lines.join("\n"));
    }

    pub(in crate::repl) fn write_record(&mut self, path: &str) {
        let path = Path::new(path);
        if path.extension().is_none_or(|extension| extension != "toml") {
            return self.complain(&format!("a scenario is a .toml file: /record {}.toml", path.display()));
        }
        let files = match self.record.files(path, &self.goal, &self.language) {
            Ok(files) => files,
            Err(problem) => return self.complain(&problem),
        };
        if let Some(other) = not_ours(path, &files) {
            return self.complain(&format!("{other} is there already and is no recording: name another file"));
        }
        for (name, text) in &files {
            let file = path.with_file_name(name);
            if let Err(error) = std::fs::write(&file, text) {
                let problem = format!("failed to write {}: {error}", file.display());
                // What cannot be written is told apart from what cannot be done.
                self.trouble(Ending::Output(problem.clone()));
                return self.complain(&problem);
            }
        }
        self.remark(&format!("wrote {} and {} files beside it", path.display(), files.len() - 1));
    }

    pub(in crate::repl) fn source(&mut self, path: &str) {
        let text =
            read_small(path).and_then(|bytes| String::from_utf8(bytes).map_err(|_| format!("{path} is no text")));
        match text {
            Err(problem) => self.complain(&problem),
            Ok(text) if text.lines().count() + self.script.len() > LINES => {
                self.complain(&format!("{path}: more than {LINES} lines would be waiting"));
            }
            Ok(text) => {
                for (at, line) in text.lines().enumerate().collect::<Vec<_>>().into_iter().rev() {
                    let place = format!("{path}:{}", at + 1);
                    self.script.push_front(Scripted { line: line.to_owned(), place });
                }
            }
        }
    }
}

/// A file that would be written over, unless it is that of a recording at `path`.
fn not_ours(path: &Path, files: &[(String, String)]) -> Option<String> {
    let recorded = std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(HEADING.as_bytes()));
    let mut paths = files.iter().map(|(name, _)| path.with_file_name(name));
    // What is no file cannot be written, which is told as such.
    let other = paths.find(|path| !recorded && path.is_file())?;
    Some(other.display().to_string())
}
