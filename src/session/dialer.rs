//! How sessions come about: what all of them have in common.

use std::sync::Arc;
use std::time::Duration;

use super::{Place, Session};
use crate::dialect::{Dialect, Identity};
use crate::time::Clock;
use crate::transport::{ConnectError, Stages, Transport};

/// What all sessions of a run have in common.
#[derive(Clone, Debug)]
pub struct Dialer {
    /// How bytes travel.
    pub transport: Arc<dyn Transport>,
    /// What they mean.
    pub dialect: Arc<dyn Dialect>,
    /// The clock of the run.
    pub clock: Clock,
    /// Identity of this machine's monotonic clock: the server's stamps are used only if its clock is the same.
    pub machine: Option<Arc<str>>,
    /// A response header of the opening that names the instance, lower-case.
    pub instance_header: Option<Arc<str>>,
    /// How long authenticating and joining may take together.
    pub join_timeout: Duration,
}

impl Dialer {
    /// Connects to the target's address number `url` and greets; joining goes on as the session is polled.
    ///
    /// # Errors
    /// When no connection came about.
    pub async fn dial(
        &self,
        url: usize,
        identity: &Identity,
        rooms: Vec<Place>,
    ) -> Result<(Session, Stages), ConnectError> {
        let mut opening = self.dialect.opening(identity);
        opening.client = identity.client.0;
        let connected = self.transport.connect(url, &opening, &self.clock).await?;
        let named = self.instance_header.as_ref().and_then(|want| {
            connected.headers.iter().find(|(name, _)| **name == **want).map(|(_, value)| value.as_str())
        });
        let mut session = Session::new(self, connected.connection, rooms);
        if let Some(name) = named {
            session.name_instance(name);
        }
        session.greet(identity);
        Ok((session, connected.stages))
    }
}
