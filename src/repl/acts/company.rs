//! Other users, other transports, other protocols, and connections that are lost on purpose.

use std::sync::Arc;

use crate::observe::TransportKind;
use crate::repl::client::Client;
use crate::repl::command::Loss;
use crate::repl::console::Console;
use crate::session::{Place, Vanish};

/// At most so many users sit at one console.
const CLIENTS: usize = 16;

impl Console {
    pub(in crate::repl) fn speak(&mut self, name: &str) {
        match crate::dialect::find(name, &crate::dialect::Parameters::new()) {
            Err(error) => self.complain(&error.to_string()),
            Ok(dialect) => {
                let mut dialer = (*self.dialer).clone();
                dialer.dialect = dialect;
                self.dialer = Arc::new(dialer);
                let raw = name == "raw";
                self.clients.iter_mut().for_each(|client| {
                    client.close();
                    client.rooms.retain(|place| raw == place.room.is_empty());
                    if raw && client.rooms.is_empty() {
                        client.rooms.push(Place::mailbox(None));
                    }
                    client.room = client.rooms.last().map(|place| Arc::clone(&place.room));
                });
                self.dial();
            }
        }
    }

    pub(in crate::repl) fn become_user(&mut self, words: &str) {
        let (user, from) = words.split_once(char::is_whitespace).map_or((words, None), |(u, f)| (u, Some(f.trim())));
        if let Some(at) = self.clients.iter().position(|client| client.name == user) {
            self.current = at;
            return;
        }
        if self.clients.len() == CLIENTS {
            return self.complain(&format!("there are {CLIENTS} users at this console already"));
        }
        match (self.users)(user, from) {
            Ok(who) => {
                let (kind, rooms) = (self.client().kind, self.client().rooms.clone());
                self.sit_down(Client::new(user, who, kind, self.clients.len() % self.urls.max(1)), &rooms);
            }
            Err(problem) => self.complain(&problem),
        }
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

    fn sit_down(&mut self, mut client: Client, rooms: &[Place]) {
        client.rooms = rooms.iter().map(|place| Place::new(Arc::clone(&place.room), None)).collect();
        client.room = client.rooms.last().map(|place| Arc::clone(&place.room));
        self.clients.push(client);
        self.current = self.clients.len() - 1;
        self.dial();
    }

    pub(in crate::repl) fn lose(&mut self, how: Loss) {
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
