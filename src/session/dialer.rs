//! How sessions come about: what all of them have in common.

use std::sync::Arc;
use std::time::Duration;

use super::{Cookies, Place, Session};
use crate::dialect::{Dialect, Identity};
use crate::observe::{TransportKind, Word};
use crate::time::Clock;
use crate::transport::{ConnectError, Stages, Transport};
use crate::wire::Opening;

/// What all sessions of a run have in common.
#[derive(Clone, Debug)]
pub struct Dialer {
    /// How bytes travel: one transport of each kind that is used.
    pub transports: Vec<Arc<dyn Transport>>,
    /// What they mean.
    pub dialect: Arc<dyn Dialect>,
    /// The clock of the run.
    pub clock: Clock,
    /// Identity of this machine's monotonic clock: the server's stamps are used only if its clock is the same.
    pub machine: Option<Arc<str>>,
    /// Names of the instances by URL, where they are known beforehand: those of our own server.
    pub instances: Vec<Arc<str>>,
    /// A response header of the opening that names the instance, lower-case.
    pub instance_header: Option<Arc<str>>,
    /// How long authenticating and joining may take together.
    pub join_timeout: Duration,
}

impl Dialer {
    /// Connects by `kind` to the target's address number `url` and greets; joining goes on as the session is polled. A
    /// stream of events is that of the first of the `rooms`. Shows `cookies`, and keeps those it is given.
    ///
    /// # Errors
    /// When no connection came about.
    pub async fn dial(
        &self,
        kind: TransportKind,
        url: usize,
        identity: &Arc<Identity>,
        rooms: Vec<Place>,
        cookies: &mut Cookies,
    ) -> Result<(Session, Stages), ConnectError> {
        let opening = self.opening(kind, identity, &rooms);
        let transport = self.transports.iter().find(|transport| transport.kind() == kind);
        let (Some(mut opening), Some(transport)) = (opening, transport) else {
            let detail = format!("the dialect {} is not spoken over {}", self.dialect.name(), kind.name());
            return Err(ConnectError { stage: Word::UPGRADE, kind: Word::OTHER, detail, retry_after: None });
        };
        opening.client = identity.client.0;
        if let Some(shown) = cookies.shown() {
            opening.headers.push(("Cookie".to_owned(), shown));
        }
        let connected = transport.connect(url, &opening, &self.clock).await?;
        cookies.take(&connected.headers);
        let named = self.instance_header.as_ref().and_then(|want| {
            connected.headers.iter().find(|(name, _)| **name == **want).map(|(_, value)| value.as_str())
        });
        let mut session = Session::new(self, kind, connected.connection, rooms);
        if let Some(name) = named.or_else(|| self.instances.get(url).map(|name| &**name)) {
            session.name_instance(name);
        }
        session.greet(identity, &connected.headers);
        Ok((session, connected.stages))
    }

    fn opening(&self, kind: TransportKind, identity: &Identity, rooms: &[Place]) -> Option<Opening> {
        match kind {
            TransportKind::WebSocket => Some(self.dialect.opening(identity)),
            TransportKind::Sse | TransportKind::EventsourceClient => {
                let place = rooms.first()?;
                self.dialect.stream(identity, place.room(), place.position.as_ref())
            }
            // Nothing is opened: every poll is a request of its own.
            TransportKind::LongPoll => self.dialect.speaks(kind).then(Opening::default),
        }
    }
}
