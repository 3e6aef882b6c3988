//! What a client shows a server at each of its connections: the cookies it was given, what its login gave it, and
//! which conversation it goes on with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Cookies, Login};
use crate::dialect::{Cursor, Identity};
use crate::time::Clock;
use crate::transport::ConnectError;
use crate::wire::Ask;

/// A client's pass, which goes with it from connection to connection.
#[derive(Clone, Debug, Default)]
pub struct Pass {
    cookies: Cookies,
    login: Option<Box<Ask>>,
    granted: Option<Box<Granted>>,
    cursor: Cursor,
}

/// What a login gave.
#[derive(Clone)]
pub(super) struct Granted {
    pub(super) token: Option<String>,
    pub(super) cookies: Cookies,
}

/// Both are secrets: not shown.
impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted").field("cookies", &self.cookies).finish_non_exhaustive()
    }
}

impl Pass {
    /// The pass of somebody who logs in with `login` before the first connection, or of somebody who does not.
    pub fn new(login: Option<Ask>) -> Self {
        Self { login: login.map(Box::new), ..Self::default() }
    }

    /// Shows no cookie any more that a connection gave: the next one is to be like the first. Those of a login stay.
    pub fn forget_cookies(&mut self) {
        self.cookies = self.granted.as_ref().map(|granted| granted.cookies.clone()).unwrap_or_default();
    }

    /// The next connection goes on from `cursor`; with none known, from where it was to before.
    pub fn go_on_from(&mut self, cursor: Option<Cursor>) {
        if let Some(cursor) = cursor {
            self.cursor = cursor;
        }
    }

    /// The next connection begins anew.
    pub fn begin_anew(&mut self) {
        self.cursor = Cursor::default();
    }

    /// Where the next connection goes on from.
    pub(super) fn cursor(&self) -> Cursor {
        self.cursor.clone()
    }

    /// The cookies it shows.
    pub(super) fn cookies(&mut self) -> &mut Cookies {
        &mut self.cookies
    }

    /// Logs in if that has not been done, or is to be done each time; how long it took if it was.
    pub(super) async fn log_in(
        &mut self,
        login: Option<&Login>,
        clock: &Clock,
    ) -> Result<Option<Duration>, ConnectError> {
        let (Some(login), Some(ask)) = (login, &self.login) else { return Ok(None) };
        if self.granted.is_some() && !login.is_repeated() {
            return Ok(None);
        }
        let (granted, took) = login.log_in(ask, clock).await?;
        self.cookies.add(&granted.cookies);
        self.granted = Some(Box::new(granted));
        Ok(Some(took))
    }

    /// Who somebody is with this pass: with the token of the login, if that gave one.
    pub(super) fn held_by(&self, identity: &Arc<Identity>) -> Arc<Identity> {
        match self.granted.as_ref().and_then(|granted| granted.token.clone()) {
            Some(token) => Arc::new(Identity { token: Some(token), ..Identity::clone(identity) }),
            None => Arc::clone(identity),
        }
    }
}
