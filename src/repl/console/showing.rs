//! What happens, noted and shown; and what the console says of its own.

use super::{Console, Lost, USERS};
use crate::repl::drive::Ending;
use crate::repl::item::Item;
use crate::repl::render::{self, Format};
use crate::repl::world::Manner;
use crate::wire::CloseReason;

impl Console {
    /// Takes note of what happened and shows it.
    pub(in crate::repl) fn take(&mut self, at: usize, item: &Item) {
        self.note(at, item);
        // The prompt is drawn anew below the line that is shown.
        self.mark_prompt();
        self.show(at, item);
        if let Item::Ended { .. } | Item::Missed { .. } = item {
            self.start_back(at, item);
        }
    }

    fn show(&mut self, at: usize, item: &Item) {
        let Some(client) = self.clients.get(at) else { return };
        // That there is no connection is known: the prompt says so.
        if self.format == Format::Text && matches!(item, Item::Missed { .. }) {
            return;
        }
        // A script's last word says why there is none.
        if self.format == Format::Text && self.manner == Manner::Script && matches!(item, Item::Failed { .. }) {
            return;
        }
        if self.filter.as_ref().is_some_and(|filter| !filter.admits(item)) {
            return;
        }
        // What is not shown is noted all the same.
        if let Some(bytes) = item.floods()
            && !self.flood.admits(self.dialer.clock.now(), bytes)
        {
            return;
        }
        match self.format {
            Format::Ndjson => self.paper.show(&render::object(item, &client.name).to_string()),
            Format::Text => {
                let to = (self.clients.len() > 1).then_some(client.name.as_str());
                let line = render::line(item, to, &self.palette, self.layout);
                let line = if self.clock_shown { format!("{} {line}", time_of_day()) } else { line };
                // What is no message is for people.
                match item {
                    Item::Message(_) | Item::Frame(_) => self.paper.show(&line),
                    _ => self.paper.remark(&line),
                }
            }
        }
    }

    fn note(&mut self, at: usize, item: &Item) {
        match item {
            Item::Message(message) => {
                if let (Some(room), Some(from)) = (&message.room, &message.from) {
                    self.know(room, from);
                }
                self.remember(&message.text);
            }
            Item::Presence { room, user, came } => {
                if *came {
                    self.know(room, user);
                } else if let Some(users) = self.known.get_mut(room) {
                    users.remove(user);
                }
            }
            Item::Joined { room, .. } => {
                self.known.entry(room.clone()).or_default();
                (self.heard)(room);
            }
            Item::Failed { words } => self.trouble(Ending::Setup(format!("the target cannot be reached: {words}"))),
            Item::Refused { what, code, words } if self.manner == Manner::Script => {
                let words = words.clone().unwrap_or_else(|| code.clone());
                self.trouble(Ending::Setup(format!("refused {what}: {words}")));
            }
            Item::Ended { words, reason } => {
                let normal = matches!(reason, Some(CloseReason::Code(1000, _)));
                if at == self.current && !normal {
                    let unconfirmed = self.clients[at].is_unconfirmed();
                    self.lost = Some(Lost { words: words.clone(), unconfirmed });
                }
            }
            Item::Back { .. } if at == self.current => drop(self.lost.take_if(|lost| !lost.unconfirmed)),
            _ => {}
        }
    }

    /// A connection that was lost is made anew, if that may help and the policy says so.
    fn start_back(&mut self, at: usize, item: &Item) {
        let passing = match item {
            Item::Ended { reason, .. } => reason.as_ref().is_some_and(crate::repl::closes::is_passing),
            _ => true,
        };
        let now = self.now();
        let delay = if passing { self.clients[at].come_back(&self.reconnect, now) } else { None };
        match (delay, item) {
            (None, _) => drop(self.clients[at].stay_lost()),
            (Some(delay), Item::Ended { .. }) => {
                let dim = self.palette.dim;
                let words = format!("trying again in {}; /drop fin gives it up", render::time(delay));
                self.paper.remark(&format!("{dim}{words}{}", dim.render_reset()));
            }
            (Some(_), _) => {}
        }
    }

    fn know(&mut self, room: &str, user: &str) {
        let users = self.known.entry(room.to_owned()).or_default();
        if users.len() < USERS && users.insert(user.to_owned()) {
            (self.heard)(user);
        }
    }

    /// Something went wrong: the end of a script; a person goes on.
    pub(in crate::repl) fn trouble(&mut self, ending: Ending) {
        if self.manner == Manner::Script && self.ending.is_none() {
            self.ending = Some(ending);
        }
    }

    /// A command cannot be done.
    pub(in crate::repl) fn complain(&mut self, words: &str) {
        let words = match &self.place {
            Some(place) => format!("{place}: {words}"),
            None => words.to_owned(),
        };
        let bad = self.palette.bad;
        if self.manner == Manner::Person {
            for line in words.lines() {
                self.paper.remark(&format!("{bad}{}{}", crate::ui::printable(line), bad.render_reset()));
            }
        }
        self.trouble(Ending::Usage(words));
    }

    /// Says something of the console's own; every line of it is harmless.
    pub(in crate::repl) fn remark(&mut self, words: &str) {
        let lines: Vec<_> = words.lines().map(crate::ui::printable).collect();
        self.paper.remark(&lines.join("\n"));
    }

    /// A flood's summary, if one is due.
    pub(in crate::repl) fn summarise(&mut self) {
        if let Some(words) = self.flood.summary(self.dialer.clock.now()) {
            self.paper.remark(&words);
        }
    }
}

fn time_of_day() -> String {
    crate::time::wall_clock().get(11..23).unwrap_or_default().to_owned()
}
