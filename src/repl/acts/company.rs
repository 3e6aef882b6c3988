//! Other transports, other protocols, and connections that are lost on purpose.

use std::sync::Arc;

use crate::dialect;
use crate::observe::TransportKind;
use crate::repl::client::Client;
use crate::repl::command::{Language, Loss};
use crate::repl::console::Console;
use crate::session::{Place, Vanish};

/// At most so many users sit at one console.
pub(super) const CLIENTS: usize = 16;

impl Console {
    pub(in crate::repl) fn speak(&mut self, language: Language) {
        let found = match language.name.ends_with(".toml") {
            false => dialect::find(&language.name, &language.with).map_err(|error| error.to_string()),
            true => super::read_small(&language.name).and_then(|text| {
                let text = String::from_utf8_lossy(&text);
                let read = dialect::read(&text, &language.with);
                read.map_err(|error| format!("{}: {error}", language.name))
            }),
        };
        let dialect = match found {
            Ok(dialect) => dialect,
            Err(problem) => return self.complain(&problem),
        };
        let raw = dialect.name() == "raw";
        let mut dialer = (*self.dialer).clone();
        dialer.dialect = dialect;
        self.dialer = Arc::new(dialer);
        self.language = language.written();
        self.clients.iter_mut().for_each(|client| {
            client.close();
            client.rooms.retain(|place| raw == place.room.is_empty());
            if raw && client.rooms.is_empty() {
                client.rooms.push(Place::mailbox(None));
            }
            client.room = client.rooms.last().map(|place| Arc::clone(&place.room));
        });
        for at in 0..self.clients.len() {
            let who = self.shown_as_usual(self.clients[at].who());
            self.clients[at].identity = Arc::new(who.identity);
        }
        if self.client().room.is_none() {
            self.remark("you are in no room; /join ROOM enters one");
        }
        self.dial();
    }

    pub(in crate::repl) fn watch(&mut self, transport: &str) {
        let kind = match transport {
            "sse" => TransportKind::Sse,
            "poll" => TransportKind::LongPoll,
            "ws" => TransportKind::WebSocket,
            _ => return self.complain("/watch: say by what: sse, poll or ws"),
        };
        if !self.dialer.dialect.speaks(kind) {
            let dialect = self.dialer.dialect.name();
            return self.complain(&format!("the dialect {dialect} is not spoken over {}", kind.name()));
        }
        let Some(room) = self.client().room.clone() else {
            return self.complain("you are in no room; /join ROOM enters one");
        };
        let name = format!("{}/{transport}", self.client().name);
        if self.clients.len() == CLIENTS || self.clients.iter().any(|client| client.name == name) {
            return self.complain(&format!("{name} is here already, or there are too many users"));
        }
        let who = self.client().who();
        let (back, place) = (self.current, Place::new(room, None));
        self.sit_down(Client::new(&name, who, kind, self.clients.len() % self.urls.max(1)), &[place]);
        self.current = back;
    }

    pub(in crate::repl) fn lose(&mut self, how: Loss) {
        if self.client().stay_lost() {
            return self
                .remark("it stays lost; /resume comes back and asks for what was missed, /reconnect starts anew");
        }
        let lost = match how {
            Loss::Fin => self.client().vanish(Vanish::Fin),
            Loss::Rst => self.client().vanish(Vanish::Rst),
            Loss::BlackHole => self.client().get_stuck(),
        };
        if !lost {
            return self.complain("there is no connection to be lost");
        }
        let (name, now) = (self.client().name.clone(), self.now());
        self.record.lost(&name, how, now);
        let words = match how {
            Loss::Fin => "ended without a close frame",
            Loss::Rst => "reset",
            Loss::BlackHole => "nothing is read or answered any more, and the other side is not told",
        };
        self.remark(&format!("{words}; /resume comes back and asks for what was missed, /reconnect starts anew"));
    }
}
