//! What is done about each command.

use std::sync::Arc;

use super::client::{Client, Frames};
use super::command::{self, Command, Expectation};
use super::console::{Console, Scripted};
use super::filter::Filter;
use super::item::Item;
use super::render::Layout;
use super::world::Manner;
use crate::observe::Word;
use crate::wire::Frame;

mod company;
mod identity;
mod telling;
mod waiting;
mod writing;

/// Larger files are not sent and not read as scripts, in bytes.
const LARGEST: u64 = 1 << 20;

impl Console {
    /// Connects the first user.
    pub(super) fn connect_first(&mut self) {
        self.dial();
    }

    /// Connects the current user anew.
    fn dial(&mut self) {
        let (dialer, urls) = (Arc::clone(&self.dialer), self.urls);
        let client = self.client();
        client.dial(&dialer, urls);
        let (name, kind) = (client.name.clone(), client.kind);
        let rooms: Vec<String> = client.rooms.iter().map(|place| place.room.to_string()).collect();
        self.record.came(&name, kind.name());
        rooms.iter().filter(|room| !room.is_empty()).for_each(|room| self.record.joined(&name, room));
        self.lost = None;
    }

    /// Does what a line asks for.
    pub(super) fn obey(&mut self, line: &str) {
        if let Some(wanted) = self.wanted.take() {
            return self.take_secret(wanted, line.trim());
        }
        match command::parse(line) {
            Ok(None) => {}
            Ok(Some(command)) => self.act(command),
            Err(problem) => self.complain(&problem),
        }
    }

    /// Does what a line of a file asks for; what is wrong with it is told with its place.
    pub(super) fn obey_file(&mut self, scripted: Scripted) {
        self.place = Some(scripted.place);
        self.obey(&scripted.line);
        self.place = None;
    }

    fn act(&mut self, command: Command) {
        match command {
            Command::Say(text) => self.say(&text),
            Command::Join(room) => self.join(&room),
            Command::Leave(room) => self.leave(room),
            Command::Rooms => self.tell_rooms(),
            Command::Who(room) => self.tell_users(room),
            Command::Dialect(language) => self.speak(language),
            Command::Send(text) => {
                let sent = self.client().send(Frame::text(text));
                self.said(sent, "it was not sent");
            }
            Command::SendFile(path) => self.send_file(&path),
            Command::Edit => self.edit(),
            Command::Ping(times) => self.ping(times),
            Command::As(user, from) => self.become_user(&user, from.as_deref()),
            Command::Token(from) => self.change_token(&from),
            Command::Connect(line) => self.connect(&line),
            Command::Watch(transport) => self.watch(&transport),
            Command::Drop(how) => self.lose(how),
            Command::Reconnect => {
                self.client().forget_positions();
                self.dial();
            }
            Command::Resume => self.dial(),
            Command::Slow(rate) => {
                let now = self.now();
                self.client().slow_down(rate, now);
            }
            Command::Filter(text) => self.filter = text.as_deref().map(Filter::read),
            Command::Json => {
                self.layout = if self.layout == Layout::Flat { Layout::Pretty } else { Layout::Flat };
            }
            Command::Raw => {
                let book = &mut self.client().book;
                book.frames = if book.frames == Frames::Hidden { Frames::Shown } else { Frames::Hidden };
            }
            Command::Time => self.clock_shown = !self.clock_shown,
            Command::Stats => self.tell_stats(),
            Command::Record(path) => self.write_record(&path),
            Command::Source(path) => self.source(&path),
            Command::Expect(expectation) => self.expect(expectation),
            Command::Help(name) => self.help(name.as_deref()),
            Command::Quit => self.quitting = true,
        }
    }

    fn say(&mut self, text: &str) {
        let said = self.client().say(text);
        if said.is_ok() {
            let now = self.now();
            let (name, room) = (self.client().name.clone(), self.client().room.clone());
            self.record.said(&name, room.as_deref().unwrap_or_default(), text, now);
        }
        self.said(said, "it was not said");
    }

    /// Tells why something could not be said.
    fn said(&mut self, said: Result<(), Word>, what: &str) {
        let Err(word) = said else { return };
        let words = match word {
            Word::NOT_JOINED => match &self.clients[self.current].room {
                Some(room) => format!("{what}: joining {room} is not answered yet"),
                None => format!("{what}: you are in no room; /join ROOM enters one"),
            },
            // Of a script the loss is what went wrong.
            Word::DISCONNECTED if self.lost.is_some() && self.manner == Manner::Script => return self.end_for_loss(),
            Word::DISCONNECTED => format!("{what}: there is no connection; /resume or /reconnect makes one"),
            Word::BACK_PRESSURE => {
                format!("{what}: it is too long, or the other side takes nothing more at the moment")
            }
            _ => format!("{what}: this cannot be done over this transport and dialect"),
        };
        self.complain(&words);
    }

    fn join(&mut self, room: &str) {
        if self.dialer.dialect.name() == "raw" {
            return self.complain("a raw connection has no rooms: /dialect NAME speaks a protocol that has");
        }
        let room = Arc::from(room);
        let joined = self.client().join(&room);
        if joined.is_ok() {
            let name = self.client().name.clone();
            self.record.joined(&name, &room);
        }
        self.said(joined, "the room was not entered");
    }

    fn leave(&mut self, room: Option<String>) {
        let current = self.client().room.as_deref().map(str::to_owned);
        let Some(room) = room.or(current) else { return self.complain("you are in no room") };
        if !self.client().rooms.iter().any(|place| *place.room == *room) {
            return self.complain(&format!("you are not in {room}; /rooms lists yours"));
        }
        let left = self.client().leave(&room);
        self.remark(&format!("left {room}"));
        self.said(left, "the other side was not told");
    }

    fn send_file(&mut self, path: &str) {
        match read_small(path) {
            Ok(bytes) => {
                let sent = self.client().send(Frame::Binary(bytes.into()));
                self.said(sent, "it was not sent");
            }
            Err(problem) => self.complain(&problem),
        }
    }

    fn ping(&mut self, times: u32) {
        let kind = self.client().kind;
        if !self.dialer.dialect.questions(kind).iter().any(|question| question.name == "ping") {
            let (dialect, kind) = (self.dialer.dialect.name(), kind.name());
            return self.complain(&format!("the dialect {dialect} has no ping over {kind}"));
        }
        self.pings = times;
    }

    fn expect(&mut self, expectation: Expectation) {
        let deadline = self.now() + expectation.within;
        if expectation.absent {
            self.forget_recent();
        }
        self.expecting = Some((expectation, deadline));
    }

    /// What goes on by itself: round trips one after the other, expectations, summaries.
    pub(super) fn look_after(&mut self) {
        self.check_expectation();
        self.summarise();
        self.take_written();
        let (dialer, urls) = (Arc::clone(&self.dialer), self.urls);
        self.clients.iter_mut().for_each(|client| client.try_again(&dialer, urls));
        if self.pings > 0 && self.client().is_settled() {
            self.pings -= 1;
            let now = self.now();
            let asked = self.client().ask("ping", now);
            if asked.is_err() {
                self.pings = 0;
            }
            self.said(asked, "no ping was sent");
        }
    }

    /// Whether anybody is connected.
    pub(super) fn is_connected(&self) -> bool {
        self.clients.iter().any(Client::is_up)
    }

    /// Whether anybody is connected, or about to be again.
    pub(super) fn may_hear_more(&self) -> bool {
        self.is_connected() || self.clients.iter().any(Client::is_lost)
    }

    /// Says goodbye on every connection; gives whether there is anything to wait for.
    pub(super) fn close(&mut self) -> bool {
        self.clients.iter_mut().fold(false, |open, client| client.close() | open)
    }

    /// Shows what happened, in order.
    pub(super) fn take_all(&mut self, told: &[(usize, Item)]) {
        told.iter().for_each(|(at, item)| self.take(*at, item));
    }
}

/// A file that is not too large.
fn read_small(path: &str) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("failed to read {path}: {error}");
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > LARGEST {
        return Err(format!("{path} is larger than 1 MiB"));
    }
    std::fs::read(path).map_err(failed)
}
