//! The console itself: its clients, what is shown of them, and what is waited for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::client::Client;
use super::command::Expectation;
use super::drive::Ending;
use super::flood::{Audience, Flood};
use super::item::Item;
use super::render::{self, Format, Layout};
use super::world::{Asked, Manner, Paper, World};
use crate::session::{Dialer, Place};
use crate::time::Timestamp;
use crate::ui::Palette;
use crate::wire::CloseReason;

/// So many messages are remembered for `/expect`.
const RECENT: usize = 256;

/// So many users of a room are remembered.
const USERS: usize = 256;

/// Everything the loop works on.
pub(super) struct Console {
    pub(super) dialer: Arc<Dialer>,
    pub(super) urls: usize,
    pub(super) clients: Vec<Client>,
    pub(super) current: usize,
    pub(super) users: Box<Asked>,
    pub(super) editor: Box<dyn Fn() -> Result<String, String>>,
    pub(super) manner: Manner,
    pub(super) filter: Option<super::filter::Filter>,
    pub(super) layout: Layout,
    pub(super) clock_shown: bool,
    /// Lines of a script that are still to be done.
    pub(super) script: VecDeque<String>,
    /// Round trips that are still to be measured.
    pub(super) pings: u32,
    pub(super) expecting: Option<(Expectation, Timestamp)>,
    pub(super) known: BTreeMap<String, BTreeSet<String>>,
    pub(super) record: super::record::Record,
    pub(super) goal: super::record::Goal,
    /// How it ends, once that is known.
    pub(super) ending: Option<Ending>,
    pub(super) quitting: bool,
    /// The connection of the script's user ended by itself.
    pub(super) lost: Option<String>,
    recent: VecDeque<String>,
    flood: Flood,
    paper: Box<dyn Paper>,
    format: Format,
    palette: Palette,
    heard: Arc<dyn Fn(&str) + Send + Sync>,
    turn: usize,
}

impl Console {
    /// The console of a world, and what is left of it: lines and signals.
    pub(super) fn new(world: World) -> (Self, super::drive::Doors) {
        let seat = world.seat;
        let mut first = Client::new(&seat.who.identity.user.clone(), seat.who, seat.kind, seat.url);
        first.rooms = seat.rooms.iter().map(|room| Place::new(Arc::from(room.as_str()), None)).collect();
        first.room = first.rooms.last().map(|place| Arc::clone(&place.room));
        let now = world.dialer.clock.now();
        let audience = if world.manner == Manner::Person { Audience::Person } else { Audience::Program };
        let console = Self {
            record: super::record::Record::new(now),
            goal: world.goal,
            dialer: Arc::new(world.dialer),
            urls: world.urls,
            clients: vec![first],
            current: 0,
            users: world.users,
            editor: world.editor,
            manner: world.manner,
            filter: None,
            layout: Layout::Flat,
            clock_shown: false,
            script: VecDeque::new(),
            pings: 0,
            expecting: None,
            known: BTreeMap::new(),
            ending: None,
            quitting: false,
            lost: None,
            recent: VecDeque::new(),
            flood: Flood::new(audience, now),
            paper: world.paper,
            format: world.format,
            palette: world.palette,
            heard: world.heard,
            turn: 0,
        };
        (console, super::drive::Doors { lines: world.lines, signals: world.signals, linger: world.linger })
    }

    pub(super) fn client(&mut self) -> &mut Client {
        &mut self.clients[self.current]
    }

    pub(super) fn now(&self) -> Timestamp {
        self.dialer.clock.now()
    }

    /// Lets every client go on; ready when something was told. Each is first in turn.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Vec<(usize, Item)>> {
        let (mut told, mut ready) = (Vec::new(), false);
        self.turn = self.turn.wrapping_add(1);
        for at in 0..self.clients.len() {
            let at = (at + self.turn) % self.clients.len();
            let mut items = Vec::new();
            ready |= self.clients[at].poll(cx, &self.dialer, &mut self.flood, &mut items).is_ready();
            told.extend(items.into_iter().map(|item| (at, item)));
        }
        if ready { Poll::Ready(told) } else { Poll::Pending }
    }

    /// Takes note of what happened and shows it.
    pub(super) fn take(&mut self, at: usize, item: &Item) {
        self.note(at, item);
        let Some(client) = self.clients.get(at) else { return };
        if self.filter.as_ref().is_some_and(|filter| !filter.admits(item)) {
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
                if self.recent.len() == RECENT {
                    self.recent.pop_front();
                }
                self.recent.push_back(message.text.clone());
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
                    self.lost = Some(words.clone());
                }
            }
            _ => {}
        }
    }

    fn know(&mut self, room: &str, user: &str) {
        let users = self.known.entry(room.to_owned()).or_default();
        if users.len() < USERS && users.insert(user.to_owned()) {
            (self.heard)(user);
        }
    }

    /// Something went wrong: the end of a script; a person goes on.
    pub(super) fn trouble(&mut self, ending: Ending) {
        if self.manner == Manner::Script && self.ending.is_none() {
            self.ending = Some(ending);
        }
    }

    /// A command cannot be done.
    pub(super) fn complain(&mut self, words: &str) {
        let bad = self.palette.bad;
        if self.manner == Manner::Person {
            self.paper.remark(&format!("{bad}{}{}", crate::ui::printable(words), bad.render_reset()));
        }
        self.trouble(Ending::Usage(words.to_owned()));
    }

    /// Says something of the console's own; every line of it is harmless.
    pub(super) fn remark(&mut self, words: &str) {
        let lines: Vec<_> = words.lines().map(crate::ui::printable).collect();
        self.paper.remark(&lines.join("\n"));
    }

    /// Whether the next line may be done: nothing asked for is under way.
    pub(super) fn is_settled(&self) -> bool {
        self.expecting.is_none() && self.pings == 0 && self.clients[self.current].is_settled()
    }

    /// Nothing is left to be done before the end.
    pub(super) fn has_done_all(&self) -> bool {
        self.script.is_empty() && self.is_settled() && self.clients.iter().all(Client::has_said_all)
    }

    /// What is expected was heard, or its time is over.
    pub(super) fn check_expectation(&mut self) {
        let Some((expectation, deadline)) = self.expecting.take() else { return };
        let found = self.recent.iter().position(|text| text.contains(&expectation.words));
        let (words, over) = (&expectation.words, self.now() >= deadline);
        match (found, expectation.absent) {
            (Some(at), false) => drop(self.recent.drain(..=at)),
            (Some(_), true) => self.fail(format!("{words:?} was heard, and it should not have been")),
            (None, true) if over => {}
            (None, false) if over => self
                .fail(format!("{words:?} was not heard within {}", crate::units::print_duration(expectation.within))),
            (None, _) => self.expecting = Some((expectation, deadline)),
        }
    }

    /// From now on only what comes later is looked at.
    pub(super) fn forget_recent(&mut self) {
        self.recent.clear();
    }

    fn fail(&mut self, words: String) {
        if self.manner == Manner::Person {
            let bad = self.palette.bad;
            self.paper.remark(&format!("{bad}expected{}: {}", bad.render_reset(), crate::ui::printable(&words)));
        }
        self.trouble(Ending::Expectation(words));
    }

    /// A flood's summary, if one is due.
    pub(super) fn summarise(&mut self) {
        if let Some(words) = self.flood.summary(self.dialer.clock.now()) {
            self.paper.remark(&words);
        }
    }

    /// When the console has to look again, though nobody says anything.
    pub(super) fn alarm(&self) -> Option<Timestamp> {
        let clock = &self.dialer.clock;
        let pauses = self.clients.iter().filter_map(|client| client.pause(clock));
        let heartbeats = self.clients.iter().filter_map(|client| client.heartbeat_due());
        let expected = self.expecting.as_ref().map(|(_, deadline)| *deadline);
        pauses.chain(heartbeats).chain(expected).chain(self.flood.due()).min()
    }

    /// Whether nobody reads any more.
    pub(super) fn is_unread(&self) -> bool {
        self.paper.is_closed()
    }

    /// What stands before the line that is typed.
    pub(super) fn prompt(&self) -> String {
        let client = &self.clients[self.current];
        let who = if self.clients.len() > 1 { client.name.as_str() } else { "" };
        let room = client.room.as_deref().unwrap_or_default();
        let down = if client.is_up() { "" } else { "!" };
        let place = [who, room].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("@");
        format!("{}{down}> ", crate::ui::fit(&place, 30))
    }
}

fn time_of_day() -> String {
    crate::time::wall_clock().get(11..23).unwrap_or_default().to_owned()
}
