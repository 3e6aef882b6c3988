//! Who a connection is, by its token or its first message, and what it is told then.

use std::sync::Arc;

use super::{Flow, Session, close};
use crate::{
    auth::User,
    config::History,
    protocol::{self, Inbound, Welcome},
    time,
    worker::Wish,
};

impl Session {
    /// The user is known: say so, and join the room of the path.
    pub(super) fn enter(&mut self, user: Arc<User>) -> Flow {
        let shared = &self.worker.shared;
        let welcome = Welcome {
            instance: &shared.name,
            clock: &shared.clock,
            user: &user.json,
            ping_interval_ms: shared.config.ping_interval.as_millis(),
            ping_timeout_ms: shared.config.ping_timeout.as_millis(),
            announce: shared.config.announce,
            max_message: shared.config.limits.message,
            broker: shared.broker,
            history: shared.config.history != History::Off,
        };
        self.send(welcome.encode());
        self.auth_until = u64::MAX;
        self.expires = time::at_unix(user.expires);
        self.worker.identify(&self.peer, &user);
        self.worker.list_user(&self.peer);
        self.user = Some(user);
        let wish = |room| Wish { room, reference: None, from: self.from };
        if let Some(home) = &self.home
            && let Err(code) = self.worker.join(&self.peer, wish(home), time::micros())
        {
            self.error(code, None);
        }
        Flow::Continue(())
    }

    /// The first message of somebody who is not known yet.
    pub(super) fn authenticate(&mut self, text: &str) -> Flow {
        let Ok(Inbound { kind: Some(kind), token, .. }) = Inbound::parse(text) else {
            return close(4001, "Authentication required");
        };
        if kind != "auth" {
            return close(4001, "Authentication required");
        }
        match self.worker.shared.authenticator.verify(token.as_deref().unwrap_or_default()) {
            Ok(user) => {
                self.send(protocol::AUTH_SUCCESS);
                self.enter(user)
            }
            Err(_) => close(4001, "Invalid token"),
        }
    }

    /// Another token, in time.
    pub(super) fn authenticate_again(&mut self, inbound: &Inbound<'_>, user: &Arc<User>) -> Flow {
        match self.worker.shared.authenticator.verify(inbound.token.as_deref().unwrap_or_default()) {
            Ok(again) if again.json == user.json => {
                self.expires = time::at_unix(again.expires);
                self.send(protocol::AUTH_SUCCESS);
                Flow::Continue(())
            }
            _ => close(4001, "Invalid token"),
        }
    }
}
