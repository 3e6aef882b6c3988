//! How sessions come about: what all of them have in common.

use std::sync::Arc;
use std::time::Duration;

use super::{Login, Pass, Place, Session};
use crate::dialect::{Dialect, Identity, Recovering};
use crate::observe::{TransportKind, Word};
use crate::time::Clock;
use crate::transport::{ConnectError, Exchanges, Stages, Transport};
use crate::wire::{InstanceRule, Opening};

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
    /// What each URL's instance is called: known beforehand for our own server, host and port for others.
    pub instances: Vec<Arc<str>>,
    /// Where else a server tells its instance; the first that answers counts, for each connection anew.
    pub instance_rules: Arc<[InstanceRule]>,
    /// How long authenticating and joining may take together.
    pub join_timeout: Duration,
    /// Where users log in who have to, before they connect.
    pub login: Option<Arc<Login>>,
    /// Requests to the target itself, where the dialect begins by them.
    pub exchanges: Option<Arc<Exchanges>>,
}

impl Dialer {
    /// Connects by `kind` to the target's address number `url` and greets; joining goes on as the session is polled. A
    /// stream of events is that of the first of the `rooms`. Logs in before if the `pass` asks for it, shows its cookies,
    /// and keeps those it is given in it.
    ///
    /// # Errors
    /// When no connection came about, or no login.
    pub async fn dial(
        &self,
        kind: TransportKind,
        url: usize,
        identity: &Arc<Identity>,
        rooms: Vec<Place>,
        pass: &mut Pass,
    ) -> Result<(Session, Stages), ConnectError> {
        let login = pass.log_in(self.login.as_deref(), &self.clock).await?;
        let identity = &pass.held_by(identity);
        let dialect = Recovering::from(&self.dialect, pass.cursor());
        let opening = self.opening(kind, identity, &rooms);
        let transport = self.transports.iter().find(|transport| transport.kind() == kind);
        let (Some(mut opening), Some(transport)) = (opening, transport) else {
            let detail = format!("the dialect {} is not spoken over {}", self.dialect.name(), kind.name());
            return Err(ConnectError { stage: Word::UPGRADE, kind: Word::OTHER, detail, retry_after: None });
        };
        opening.client = identity.client.0;
        let approach = self.dialect.approach().filter(|_| kind == TransportKind::WebSocket);
        let connected = match approach {
            Some(approach) => self.go((approach, &dialect), (&**transport, url), identity, opening, pass).await?,
            None => {
                opening.headers.extend(pass.cookies().shown().map(|shown| ("Cookie".to_owned(), shown)));
                transport.connect(url, &opening, &self.clock).await?
            }
        };
        pass.cookies().take(&connected.headers);
        let address = self.instances.get(url).map_or("", |name| name);
        let told = |rule: &InstanceRule| rule.at_opening(&connected.headers, address);
        let named = self.instance_rules.iter().enumerate().find_map(|(at, rule)| Some((at, told(rule)?)));
        let mut session = Session::new(self, (dialect, kind), connected.connection, rooms);
        // What is told later counts if it would have been looked at before.
        let before = named.as_ref().map_or(self.instance_rules.len(), |(at, _)| *at);
        session.instance_rules =
            self.instance_rules[..before].iter().filter(|rule| rule.is_told_later()).cloned().collect();
        match named {
            Some((_, name)) => {
                session.name_instance(&name);
            }
            None if self.instance_rules.is_empty() && !address.is_empty() => {
                session.name_instance(address);
            }
            None => {}
        }
        session.cookies = pass.cookies().shown();
        match approach {
            Some(_) => session.come_in(),
            None => session.greet(identity, &connected.headers),
        }
        let stages = login.map(|took| (Word::LOGIN, took)).into_iter().chain(connected.stages);
        Ok((session, stages.collect()))
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
