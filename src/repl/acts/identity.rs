//! Who one is: other users, other tokens, another target altogether.

use std::sync::Arc;

use super::company::CLIENTS;
use crate::dialect::{AuthStyle, Identity};
use crate::repl::client::Client;
use crate::repl::console::{Console, Wanted};
use crate::repl::world::{Whence, Who};
use crate::session::Place;

impl Console {
    pub(in crate::repl) fn become_user(&mut self, user: &str, from: Option<&str>) {
        if let Some(at) = self.clients.iter().position(|client| client.name == user) {
            self.current = at;
            return;
        }
        if self.clients.len() == CLIENTS {
            return self.complain(&format!("there are {CLIENTS} users at this console already"));
        }
        match from {
            Some("-") => self.wanted = Some(Wanted::Newcomer(user.to_owned())),
            Some(place) => self.welcome(user, Whence::Place(place)),
            None => self.welcome(user, Whence::Minted),
        }
    }

    pub(in crate::repl) fn change_token(&mut self, from: &str) {
        match from {
            "-" => self.wanted = Some(Wanted::Another),
            place => self.show_token(Whence::Place(place)),
        }
    }

    /// The line that was asked for as a token.
    pub(in crate::repl) fn take_secret(&mut self, wanted: Wanted, token: &str) {
        match wanted {
            _ if token.is_empty() => self.complain("no token was given: everything is as it was"),
            Wanted::Another => self.show_token(Whence::Told(token)),
            Wanted::Newcomer(user) => self.welcome(&user, Whence::Told(token)),
        }
    }

    /// No more lines come: a token that is still asked for is not one of them.
    pub(in crate::repl) fn hear_no_secret(&mut self) {
        if self.wanted.take().is_some() {
            self.complain("a token was asked for, and no line came");
        }
    }

    fn welcome(&mut self, user: &str, whence: Whence<'_>) {
        match (self.users)(user, whence) {
            Ok(who) => {
                let who = self.shown_as_usual(who);
                let (kind, rooms) = (self.client().kind, self.client().rooms.clone());
                self.sit_down(Client::new(user, who, kind, self.clients.len() % self.urls.max(1)), &rooms);
            }
            Err(problem) => self.complain(&problem),
        }
    }

    /// From now on the current user shows this token; what was missed meanwhile is asked for.
    fn show_token(&mut self, whence: Whence<'_>) {
        let (name, client) = (self.client().name.clone(), self.client().identity.client);
        match (self.users)(&name, whence) {
            Ok(who) => {
                if who.identity.user != name {
                    self.remark(&format!("the token is that of {}", who.identity.user));
                }
                let who = self.shown_as_usual(who);
                self.client().identity = Arc::new(Identity { client, ..who.identity });
                self.dial();
            }
            Err(problem) => self.complain(&problem),
        }
    }

    /// A token is shown as what is spoken has it.
    pub(super) fn shown_as_usual(&self, who: Who) -> Who {
        let shows = who.identity.token.is_some() || who.login.is_some();
        let auth = if shows { self.dialer.dialect.usual_auth() } else { AuthStyle::None };
        Who { identity: Identity { auth, ..who.identity }, ..who }
    }

    /// Goes where a command line of curl's goes; whoever sits here is gone.
    pub(in crate::repl) fn connect(&mut self, line: &str) {
        match (self.find)(line) {
            Ok(aim) => {
                self.turn_to(aim);
                self.dial();
            }
            Err(problem) => self.complain(&problem),
        }
    }

    pub(super) fn sit_down(&mut self, mut client: Client, rooms: &[Place]) {
        client.rooms = rooms.iter().map(|place| Place::new(Arc::clone(&place.room), None)).collect();
        client.room = client.rooms.last().map(|place| Arc::clone(&place.room));
        self.clients.push(client);
        self.current = self.clients.len() - 1;
        self.dial();
    }
}
