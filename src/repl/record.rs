//! A session as a scenario: who was where, what each said when, which connections were lost on purpose. Where its clients go
//! and how is in `target`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::command::{Language, Loss};
use crate::time::Timestamp;
use crate::units::print_duration;

mod target;

pub use target::{Goal, Way};

/// At most so many messages are kept.
const MOST: usize = 2_000;

/// A message is planned as this much time at one message per so much time.
const SLOT: Duration = Duration::from_millis(50);

/// What the session goes on after its last message, in the scenario.
const REST: Duration = Duration::from_secs(1);

/// The first line of a recording.
pub(super) const HEADING: &str = "# Recorded at the console of wsbench.";

/// A user of the session.
#[derive(Clone, Debug, Default)]
struct Part {
    transport: String,
    rooms: Vec<String>,
    losses: Vec<(Duration, Loss)>,
    said: BTreeMap<String, Vec<(Duration, String)>>,
}

/// What was done so far.
#[derive(Debug)]
pub(super) struct Record {
    since: Timestamp,
    parts: BTreeMap<String, Part>,
    kept: usize,
    forgotten: usize,
}

impl Record {
    pub(super) fn new(since: Timestamp) -> Self {
        Self { since, parts: BTreeMap::new(), kept: 0, forgotten: 0 }
    }

    /// A user is there, by this transport.
    pub(super) fn came(&mut self, who: &str, transport: &str) {
        self.parts.entry(who.to_owned()).or_default().transport = transport.to_owned();
    }

    /// A user is in a room.
    pub(super) fn joined(&mut self, who: &str, room: &str) {
        let rooms = &mut self.parts.entry(who.to_owned()).or_default().rooms;
        if !rooms.iter().any(|known| known == room) {
            rooms.push(room.to_owned());
        }
    }

    /// A user said something.
    pub(super) fn said(&mut self, who: &str, room: &str, text: &str, at: Timestamp) {
        if self.kept == MOST {
            self.forgotten += 1;
            return;
        }
        self.kept += 1;
        // A raw connection has no rooms, a scenario of it has one by any name.
        let room = if room.is_empty() { "raw" } else { room };
        self.joined(who, room);
        let part = self.parts.entry(who.to_owned()).or_default();
        let line = text.replace(['\r', '\n'], " ");
        part.said.entry(room.to_owned()).or_default().push((at.since(self.since), line));
    }

    /// A user's connection was lost on purpose.
    pub(super) fn lost(&mut self, who: &str, how: Loss, at: Timestamp) {
        self.parts.entry(who.to_owned()).or_default().losses.push((at.since(self.since), how));
    }

    /// The files of the scenario to be written at `path`: names beside it and what is in them, the scenario first.
    ///
    /// # Errors
    /// When nothing was said yet.
    pub(super) fn files(&self, path: &Path, goal: &Goal, language: &Language) -> Result<Vec<(String, String)>, String> {
        if self.kept == 0 {
            return Err("nothing was said yet: there is nothing to be said again".to_owned());
        }
        let name = |path: Option<&std::ffi::OsStr>| path.and_then(|name| name.to_str()).map(str::to_owned);
        let own = name(path.file_name()).ok_or("the name of the file is no text")?;
        let stem = name(path.file_stem()).unwrap_or_else(|| "session".to_owned());
        let mut files = Vec::new();
        let mut text = self.head(&stem, goal, language);
        let spoken: BTreeSet<&str> =
            self.parts.values().flat_map(|part| part.said.keys().map(String::as_str)).collect();
        // A scenario has no room in which nobody ever speaks.
        let is_spoken_in = |room: &&str| spoken.contains(room);
        let rooms: BTreeSet<&str> =
            self.parts.values().flat_map(|part| part.rooms.iter().map(String::as_str)).filter(is_spoken_in).collect();
        let takes_part =
            |part: &Part| !part.said.is_empty() || part.rooms.iter().any(|room| spoken.contains(room.as_str()));
        let parts = self.parts.iter().filter(|(_, part)| fits(part, rooms.len()) && takes_part(part));
        let parts: Vec<(&String, &Part)> = parts.collect();
        for (at, (who, part)) in parts.iter().enumerate() {
            group(&mut text, at, who, part, &rooms, goal);
        }
        for (at, (_, part)) in parts.iter().enumerate() {
            for (room, said) in &part.said {
                let number = files.len();
                let file = format!("{stem}-{number}.txt");
                publish(&mut text, &format!("m{number}"), &format!("c{at}"), room, said, &file);
                files.push((file, said.iter().map(|(_, line)| format!("{line}\n")).collect()));
            }
        }
        faults(&mut text, &parts);
        files.insert(0, (own, text));
        Ok(files)
    }

    fn head(&self, name: &str, goal: &Goal, language: &Language) -> String {
        let times = self.parts.values().flat_map(|part| part.said.values().flatten().map(|(at, _)| *at));
        let losses = self.parts.values().flat_map(|part| part.losses.iter().map(|(at, _)| *at));
        let last = times.chain(losses).max().unwrap_or_default();
        let slots = SLOT * u32::try_from(self.kept).unwrap_or(u32::MAX);
        let duration = print_duration(rounded(last + slots + REST));
        let forgotten = match self.forgotten {
            0 => String::new(),
            n => format!("# {n} more messages were said than a recording keeps.\n"),
        };
        let goal = target::written(goal, language);
        format!(
            "{HEADING}\n{forgotten}name = {}\n\n[run]\nwarm_up  = \"0s\"\nduration = \"{duration}\"\n\
             drain    = \"1s\"\n\n{goal}",
            quoted(name)
        )
    }
}

/// A stream is one room's, and in a scenario of several rooms everybody is in all of them.
fn fits(part: &Part, rooms: usize) -> bool {
    rooms <= 1 || part.transport != "sse"
}

fn faults(text: &mut String, parts: &[(&String, &Part)]) {
    let mut number = 0;
    for (at, (_, part)) in parts.iter().enumerate() {
        for (when, how) in &part.losses {
            number += 1;
            let how = match how {
                Loss::Fin => "fin",
                Loss::Rst => "rst",
                Loss::BlackHole => "blackhole",
            };
            let when = print_duration(rounded(*when));
            put(
                text,
                format_args!(
                    "\n[[fault]]\nname = \"drop-{number}\"\nat   = \"{when}\"\n\
                     disconnect = {{ clients = \"c{at}\", percent = 100, how = \"{how}\" }}\n"
                ),
            );
        }
    }
}

/// A user as a group of one. Everybody is in every room: what a group shares of another's rooms it shares whole.
fn group(text: &mut String, at: usize, who: &str, part: &Part, rooms: &BTreeSet<&str>, goal: &Goal) {
    put(text, format_args!("\n# {}\n[[clients]]\nname      = \"c{at}\"\ncount     = 1\n", who.escape_debug()));
    put(text, format_args!("transport = {}\n", quoted(&part.transport)));
    if at > 0 {
        put(text, format_args!("rooms     = {{ same_as = \"c0\" }}\n"));
    } else {
        let sets: Vec<String> = rooms.iter().map(|room| format!("{{ count = 1, name = {} }}", quoted(room))).collect();
        put(text, format_args!("rooms     = [{}]\n", sets.join(", ")));
    }
    if matches!(goal, Goal::There { token: false, .. }) {
        put(text, format_args!("auth      = \"none\"\n"));
    }
}

/// One stream: in each message's slot the rate that makes one of it, otherwise nothing.
fn publish(text: &mut String, name: &str, from: &str, room: &str, said: &[(Duration, String)], file: &str) {
    put(text, format_args!("\n[[publish]]\nname = \"{name}\"\nfrom = \"{from}\"\nto   = {}\n", quoted(room)));
    put(text, format_args!("text = {{ file = {} }}\nrate = [\n", quoted(file)));
    let mut next = Duration::ZERO;
    for (at, _) in said {
        let from = rounded(*at).max(next);
        if from > next || next == Duration::ZERO && from > Duration::ZERO {
            put(text, format_args!("  {{ at = \"{}\", rate = \"0/s\" }},\n", print_duration(next)));
        }
        put(text, format_args!("  {{ at = \"{}\", rate = \"20/s\" }},\n", print_duration(from)));
        next = from + SLOT;
    }
    put(text, format_args!("  {{ at = \"{}\", rate = \"0/s\" }},\n]\n", print_duration(next)));
}

fn rounded(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn quoted(text: &str) -> String {
    // A `${` of somebody's is no variable of the scenario.
    Value::from(text.replace("${", "$${")).to_string()
}

fn put(text: &mut String, more: std::fmt::Arguments<'_>) {
    let written = text.write_fmt(more);
    debug_assert!(written.is_ok(), "a string takes every text");
}
