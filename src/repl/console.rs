//! The console itself: its clients, what is shown of them, and what is waited for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::client::Client;
use super::command::{Expectation, Language};
use super::drive::Ending;
use super::flood::{Audience, Flood};
use super::item::Item;
use super::record::{Goal, Record};
use super::render::{Format, Layout};
use super::sheet::Sheet;
use super::world::{Aim, Asked, Finding, Link, Manner, Prompt, Seat, World, Written};
use crate::backoff::Policy;
use crate::session::{Dialer, Place};
use crate::time::Timestamp;
use crate::ui::Palette;

mod expecting;
mod showing;

/// So many users of a room are remembered.
const USERS: usize = 256;

/// Everything the loop works on.
pub(super) struct Console {
    pub(super) dialer: Arc<Dialer>,
    pub(super) urls: usize,
    /// When a connection that was lost is made anew.
    pub(super) reconnect: Policy,
    pub(super) clients: Vec<Client>,
    pub(super) current: usize,
    pub(super) users: Box<Asked>,
    pub(super) find: Box<Finding>,
    pub(super) editor: Box<dyn Fn() -> Written>,
    /// What is being written in an editor, and what was.
    pub(super) writing: Option<Written>,
    pub(super) written: Option<Result<String, String>>,
    pub(super) manner: Manner,
    pub(super) filter: Option<super::filter::Filter>,
    pub(super) layout: Layout,
    pub(super) clock_shown: bool,
    /// Lines of files that are still to be done.
    pub(super) script: VecDeque<Scripted>,
    /// Where the line stands that is being done, if it stands in a file.
    pub(super) place: Option<String>,
    /// The next line is a token, for this.
    pub(super) wanted: Option<Wanted>,
    /// Round trips that are still to be measured.
    pub(super) pings: u32,
    pub(super) expecting: Option<(Expectation, Timestamp)>,
    pub(super) known: BTreeMap<String, BTreeSet<String>>,
    pub(super) record: Record,
    pub(super) goal: Goal,
    /// What is spoken, as a scenario has it.
    pub(super) language: Language,
    /// How it ends, once that is known.
    pub(super) ending: Option<Ending>,
    pub(super) quitting: bool,
    /// The connection of the script's user ended by itself and is not back.
    pub(super) lost: Option<Lost>,
    pub(super) paper: Sheet,
    /// What the prompt knows of the current user's connection.
    link: Link,
    recent: expecting::Recent,
    flood: Flood,
    format: Format,
    palette: Palette,
    heard: Arc<dyn Fn(&str) + Send + Sync>,
    turn: usize,
}

/// A line of a file.
pub(super) struct Scripted {
    /// The line.
    pub(super) line: String,
    /// Where it stands: `FILE:NUMBER`.
    pub(super) place: String,
}

/// Whose token is asked for.
pub(super) enum Wanted {
    /// The current user's, in place of the one it has.
    Another,
    /// That of a user who is to sit down.
    Newcomer(String),
}

/// A connection that ended by itself.
pub(super) struct Lost {
    /// Why, in words.
    pub(super) words: String,
    /// What was said last may not have arrived: coming back does not mend that.
    pub(super) unconfirmed: bool,
}

impl Lost {
    /// How a script ends for it.
    pub(super) fn ending(&self) -> Ending {
        Ending::Setup(format!("the connection was lost: {}", self.words))
    }
}

impl Console {
    /// The console of a world, and what is left of it: lines and signals.
    pub(super) fn new(world: World) -> (Self, super::drive::Doors) {
        let aim = world.aim;
        let now = aim.dialer.clock.now();
        let audience = if world.manner == Manner::Person { Audience::Person } else { Audience::Program };
        let console = Self {
            record: Record::new(now),
            goal: aim.goal,
            language: aim.language,
            dialer: Arc::new(aim.dialer),
            urls: aim.urls,
            reconnect: aim.reconnect,
            clients: vec![seated(aim.seat)],
            current: 0,
            users: aim.users,
            find: world.find,
            editor: world.editor,
            writing: None,
            written: None,
            manner: world.manner,
            filter: None,
            layout: Layout::Flat,
            clock_shown: false,
            script: VecDeque::new(),
            place: None,
            wanted: None,
            pings: 0,
            expecting: None,
            known: BTreeMap::new(),
            ending: None,
            quitting: false,
            lost: None,
            paper: Sheet::new(world.paper),
            link: Link::default(),
            recent: expecting::Recent::default(),
            flood: Flood::new(audience, now),
            format: world.format,
            palette: world.palette,
            heard: world.heard,
            turn: 0,
        };
        let World { lines, signals, break_off, linger, .. } = world;
        (console, super::drive::Doors { lines, signals, break_off, linger })
    }

    /// Turns to another target: whoever sat here is gone, and nothing of it is recorded.
    pub(super) fn turn_to(&mut self, aim: Aim) {
        self.record = Record::new(aim.dialer.clock.now());
        self.goal = aim.goal;
        self.language = aim.language;
        self.dialer = Arc::new(aim.dialer);
        (self.urls, self.reconnect, self.users) = (aim.urls, aim.reconnect, aim.users);
        (self.clients, self.current) = (vec![seated(aim.seat)], 0);
        self.known.clear();
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
            ready |= self.clients[at].poll(cx, &self.dialer, &mut items).is_ready();
            told.extend(items.into_iter().map(|item| (at, item)));
        }
        if let Some(Poll::Ready(written)) = self.writing.as_mut().map(|writing| Pin::new(writing).poll(cx)) {
            self.writing = None;
            self.written = Some(written.unwrap_or_else(|_| Err("the editor was lost".to_owned())));
            ready = true;
        }
        if ready { Poll::Ready(told) } else { Poll::Pending }
    }

    /// Whether the next line may be done: nothing asked for is under way.
    pub(super) fn is_settled(&self) -> bool {
        let client = &self.clients[self.current];
        let ready = match self.manner {
            Manner::Person => client.is_settled(),
            // It waits for whoever is to hear it, and for a connection that comes back.
            Manner::Script => self.clients.iter().all(Client::is_settled) && !client.is_lost(),
        };
        ready && self.expecting.is_none() && self.pings == 0 && !self.is_writing()
    }

    /// Nothing is under way, and all that was said is confirmed, where that is done.
    pub(super) fn has_done_all(&self) -> bool {
        self.is_settled() && self.clients.iter().all(Client::has_said_all)
    }

    /// When the console has to look again, though nobody says anything.
    pub(super) fn alarm(&self) -> Option<Timestamp> {
        let clock = &self.dialer.clock;
        let pauses = self.clients.iter().filter_map(|client| client.pause(clock));
        let heartbeats = self.clients.iter().filter_map(|client| client.heartbeat_due());
        let expected = self.expecting.as_ref().map(|(_, deadline)| *deadline);
        let attempts = self.clients.iter().filter_map(Client::due);
        pauses.chain(heartbeats).chain(attempts).chain(expected).chain(self.flood.due()).min()
    }

    /// Whether somebody writes in an editor.
    pub(super) fn is_writing(&self) -> bool {
        self.writing.is_some() || self.written.is_some()
    }

    /// Whether the next line is a secret.
    pub(super) fn wants_secret(&self) -> bool {
        self.wanted.is_some()
    }

    /// Whether nobody reads any more.
    pub(super) fn is_unread(&self) -> bool {
        self.paper.is_closed()
    }

    /// What stands before the line that is typed.
    pub(super) fn prompt(&self) -> Prompt {
        if let Some(wanted) = &self.wanted {
            let whose = match wanted {
                Wanted::Another => &self.clients[self.current].name,
                Wanted::Newcomer(user) => user,
            };
            return Prompt::Secret(format!("token of {}: ", crate::ui::fit(whose, 30)));
        }
        let client = &self.clients[self.current];
        let who = if self.clients.len() > 1 { client.name.as_str() } else { "" };
        let room = client.room.as_deref().unwrap_or_default();
        self.link.is(client.is_up());
        let place = [who, room].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("@");
        Prompt::Line(crate::ui::fit(&place, 30), self.link.clone())
    }

    /// Tells the prompt that is there already whether there is a connection.
    fn mark_prompt(&self) {
        self.link.is(self.clients[self.current].is_up());
    }
}

/// The first client of a seat.
fn seated(seat: Seat) -> Client {
    let mut first = Client::new(&seat.who.identity.user.clone(), seat.who, seat.kind, seat.url);
    first.rooms = seat.rooms.iter().map(|room| Place::new(Arc::from(room.as_str()), None)).collect();
    first.room = first.rooms.last().map(|place| Arc::clone(&place.room));
    first
}
