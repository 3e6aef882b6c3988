//! The ground a run stands on: the bundled server, raised for it, or a server that is already there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::before;
use super::rigging::{self, Rigging};
use super::secrets::Learnt;
use crate::commands::exit::Failure;
use crate::commands::redis;
use crate::commands::rig::{Layout, Rig};
use crate::commands::secret;
use crate::dialect::{self, Dialect, Parameters};
use crate::engine::{self, End, Setup};
use crate::observe::{RoomId, TransportKind, Word};
use crate::proxy::Written;
use crate::report::{self, Environment};
use crate::scenario::plan::{Life, Plan};
use crate::scenario::{BrokerChoice, Bundled, Cadence, Deed, Foreign, Scenario, Target};
use crate::session::{Dialer, Login, Pass, Place};
use crate::time::Clock;
use crate::transport::{self, Exchanges, NetworkConfig, TlsConfig, Transport};
use crate::ui::Progress;
use crate::units::print_duration;

/// How often the first connect is tried before the target counts as out of reach.
const TRIES: u32 = 3;

/// Between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(300);

/// What is under the clients' feet.
pub(in crate::commands) struct Ground {
    rigging: Rigging,
    transports: Vec<Arc<dyn Transport>>,
    dialect: Arc<dyn Dialect>,
    urls: Vec<url::Url>,
    detour: Option<std::net::SocketAddr>,
    secret: Option<Arc<[u8]>>,
    environment: Environment,
    login: Option<Arc<Login>>,
    exchanges: Option<Arc<Exchanges>>,
    learnt: Learnt,
}

/// A server that is up, at `urls`, whoever raised it, and how it is reached: as `usual`, and as the scenario says. What
/// logins give is noted as `learnt`.
pub(in crate::commands) fn at(
    urls: &[url::Url],
    scenario: &Scenario,
    plan: &Plan,
    secret: Option<Arc<[u8]>>,
    usual: NetworkConfig,
    learnt: &Learnt,
) -> Result<Ground, Failure> {
    let network = NetworkConfig { max_queued: queue_for(scenario), ..usual };
    let (network, dialect) = match &scenario.target {
        Target::Bundled(_) => (network, dialect::find("room", &Parameters::new()).map_err(Failure::internal)?),
        Target::Foreign(foreign) => (towards(foreign, network), Arc::clone(&foreign.dialect)),
    };
    Ok(Ground {
        rigging: Rigging::default(),
        login: before::login(scenario, &network, learnt)?,
        exchanges: before::exchanges(dialect.as_ref(), urls, &network)?,
        learnt: learnt.clone(),
        transports: transports(&used(plan), urls, &network)?,
        dialect,
        detour: network.detour,
        urls: urls.to_vec(),
        secret,
        environment: super::foreign_environment(urls.len()),
    })
}

/// What a command wants of its ground beside what the scenario says.
pub(in crate::commands) struct Wants<'w> {
    /// The Redis that joins the instances of the bundled server.
    pub(in crate::commands) redis: Option<&'w str>,
    /// Where the log of the fault proxy goes.
    pub(in crate::commands) log: Option<PathBuf>,
    /// By what clients will connect.
    pub(in crate::commands) kinds: Vec<TransportKind>,
}

/// Raises the server if the scenario wants the bundled one, and the fault proxy if it wants one; and prepares the way. Call
/// it from the main thread.
pub(in crate::commands) fn raise(
    scenario: &Scenario,
    plan: &Plan,
    wants: Wants<'_>,
    progress: &mut Progress,
) -> Result<Ground, Failure> {
    let proxy = rigging::proxy(scenario, plan, wants.log.clone())?;
    let network = NetworkConfig {
        max_queued: queue_for(scenario),
        detour: proxy.as_ref().map(|proxy| proxy.address),
        ..NetworkConfig::default()
    };
    let rigging = Rigging { proxy, ..Rigging::default() };
    match &scenario.target {
        Target::Bundled(bundled) => raise_bundled(bundled, scenario, plan, &wants, progress, network, rigging),
        Target::Foreign(foreign) => reach(scenario, foreign, &wants.kinds, network, rigging),
    }
}

fn raise_bundled(
    bundled: &Bundled,
    scenario: &Scenario,
    plan: &Plan,
    wants: &Wants<'_>,
    progress: &mut Progress,
    network: NetworkConfig,
    rigging: Rigging,
) -> Result<Ground, Failure> {
    let path = crate::commands::environment("PATH");
    let broker = redis::start(bundled.broker, wants.redis, path.as_deref())?;
    progress.notice(&format!("server: {} instances joined by {}", bundled.instances, broker.describe()));
    if broker.url().is_none() && bundled.broker == BrokerChoice::Auto {
        progress.notice(
            "no Redis at hand (--redis, REDIS_URL, redis-server or valkey-server on PATH): \
             the cross-instance figures contain no Redis hop",
        );
    }
    let joined_by = if broker.url().is_some() { report::Broker::Redis } else { report::Broker::Memory };
    let secret = secret::random();
    let layout = Layout {
        program: rigging::program()?,
        instances: bundled.instances,
        port: 0,
        admin_port: 0,
        bind: std::net::IpAddr::from([127, 0, 0, 1]),
        secret: secret.clone(),
        arguments: arguments(bundled, scenario, plan),
    };
    let rig = Rig::start(layout, broker)?;
    let urls: Vec<url::Url> = rig.instances.iter().filter_map(|instance| url::Url::parse(&instance.url).ok()).collect();
    let learnt = Learnt::default();
    Ok(Ground {
        login: before::login(scenario, &network, &learnt)?,
        exchanges: None,
        learnt,
        transports: transports(&wants.kinds, &urls, &network)?,
        detour: network.detour,
        urls,
        dialect: dialect::find("room", &Parameters::new()).map_err(Failure::internal)?,
        secret: Some(Arc::from(secret.into_bytes())),
        environment: Environment::new(joined_by, u32::from(bundled.instances), super::cores()),
        rigging: Rigging { server: Some(rig), ..rigging },
    })
}

/// What the instances of this run are told.
fn arguments(bundled: &Bundled, scenario: &Scenario, plan: &Plan) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut add = |flag: &str, value: String| arguments.extend([flag.to_owned(), value]);
    add("--frames-per-second", frames_per_second(scenario, plan).to_string());
    add("--ping-interval", print_duration(bundled.ping_interval));
    add("--ping-timeout", print_duration(bundled.ping_timeout));
    if scenario.faults.iter().any(|fault| matches!(fault.deed, Deed::Disconnect { .. })) {
        arguments.push("--faults".to_owned());
    }
    arguments
}

fn reach(
    scenario: &Scenario,
    foreign: &Foreign,
    kinds: &[TransportKind],
    network: NetworkConfig,
    rigging: Rigging,
) -> Result<Ground, Failure> {
    let urls = foreign.urls.clone();
    let network = towards(foreign, network);
    let learnt = Learnt::default();
    Ok(Ground {
        rigging,
        login: before::login(scenario, &network, &learnt)?,
        exchanges: before::exchanges(foreign.dialect.as_ref(), &foreign.urls, &network)?,
        learnt,
        transports: transports(kinds, &foreign.urls, &network)?,
        dialect: Arc::clone(&foreign.dialect),
        environment: super::foreign_environment(urls.len()),
        detour: network.detour,
        urls,
        secret: None,
    })
}

/// The kinds of transport the clients of a plan use.
pub(in crate::commands) fn used(plan: &Plan) -> Vec<TransportKind> {
    TransportKind::ALL.into_iter().filter(|kind| plan.uses(*kind)).collect()
}

/// One transport of each kind.
fn transports(
    kinds: &[TransportKind],
    urls: &[url::Url],
    network: &NetworkConfig,
) -> Result<Vec<Arc<dyn Transport>>, Failure> {
    let made = kinds.iter().map(|kind| transport::of(*kind, urls.to_vec(), network.clone()).map_err(Failure::setup));
    made.collect()
}

/// `usual`, and what the scenario says of the way there.
fn towards(foreign: &Foreign, usual: NetworkConfig) -> NetworkConfig {
    let network = &foreign.network;
    let tls = &network.tls;
    NetworkConfig {
        headers: network.headers.clone(),
        requests: foreign.dialect.requests(),
        tls: TlsConfig {
            ca: tls.ca.clone(),
            cert: tls.cert.clone(),
            key: tls.key.clone(),
            server_name: tls.server_name.clone(),
            insecure: tls.insecure,
        },
        proxy: network.proxy.clone(),
        connect_to: network.connect_to.clone(),
        resolve_each: network.resolve_each,
        source_ips: network.source_ips.clone(),
        ..usual
    }
}

fn host_and_port(url: &url::Url) -> Arc<str> {
    let port = url.port_or_known_default().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", url.host_str().unwrap_or_default()).into()
}

/// Bytes that may wait for a peer that takes none: room for several of the largest payloads, whatever wraps them.
fn queue_for(scenario: &Scenario) -> usize {
    let largest = scenario.publishes.iter().map(|publish| publish.text.largest()).max().unwrap_or(0);
    (4 * largest).max(NetworkConfig::default().max_queued)
}

/// Ten times what a client of this scenario sends at most, so that the server's limit is never what is measured.
pub(in crate::commands) fn frames_per_second(scenario: &Scenario, plan: &Plan) -> u32 {
    let mut most: f64 = 10.0;
    for publish in &scenario.publishes {
        let talkers = plan.lives().iter().filter(|life| life.group == publish.from).count().max(1) as f64;
        most += match &publish.rate {
            Cadence::Total(shape) => {
                let peak = (0..=100).map(|at| shape.rate(plan.published() / 100 * at)).fold(0.0, f64::max);
                peak / talkers
            }
            Cadence::Think(least, _) => 1.0 / least.as_secs_f64().max(0.001),
        };
    }
    (most * 10.0).min(1e9) as u32
}

impl Ground {
    /// How clients of `scenario` get there.
    pub(in crate::commands) fn dialer(&self, scenario: &Scenario) -> Dialer {
        let machine = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        let servers = self.rigging.server.iter().flat_map(|rig| &rig.instances);
        Dialer {
            transports: self.transports.clone(),
            dialect: Arc::clone(&self.dialect),
            clock: Clock::real(),
            machine: machine.map(|id| Arc::from(id.trim())),
            instances: match &scenario.target {
                Target::Bundled(_) => servers.map(|instance| instance.name.as_str().into()).collect(),
                // Only a rule makes an address a name.
                Target::Foreign(foreign) if foreign.instances.is_empty() => Vec::new(),
                Target::Foreign(foreign) => foreign.urls.iter().map(host_and_port).collect(),
            },
            instance_rules: match &scenario.target {
                Target::Bundled(_) => Arc::default(),
                Target::Foreign(foreign) => Arc::clone(&foreign.instances),
            },
            join_timeout: scenario.times.join_timeout,
            login: self.login.clone(),
            exchanges: self.exchanges.clone(),
        }
    }

    pub(in crate::commands) fn urls(&self) -> usize {
        self.urls.len()
    }

    /// Where the target is.
    pub(super) fn addresses(&self) -> &[url::Url] {
        &self.urls
    }

    /// Where the fault proxy is, if there is one.
    pub(super) fn detour(&self) -> Option<std::net::SocketAddr> {
        self.detour
    }

    pub(in crate::commands) fn secret(&self) -> Option<Arc<[u8]>> {
        self.secret.clone()
    }

    /// What logins give that must be in no text.
    pub(in crate::commands) fn learnt(&self) -> Learnt {
        self.learnt.clone()
    }

    pub(super) fn environment(&self) -> Environment {
        self.environment.clone()
    }

    /// One connect to each URL before the clients start: a target that is out of reach is told at once, by its cause.
    pub(in crate::commands) async fn preflight(&self, setup: &Setup) -> Result<(), Failure> {
        // A poll has no connection to be tried beforehand.
        let connects = |life: &&Life| life.transport != TransportKind::LongPoll;
        let Some(life) = setup.plan.lives().iter().find(connects) else { return Ok(()) };
        let (user, token) = setup.scenario.users.user(life.user, setup.secret.as_deref());
        let identity =
            Arc::new(dialect::Identity { client: life.client, user, token, auth: setup.scenario[life.group].auth });
        // A stream is always of a room or of its user; a socket need not enter any.
        let named = |room: &RoomId| Place::new(setup.scenario.rooms[room.0 as usize].as_str().into(), None);
        let rooms = match life.transport {
            TransportKind::WebSocket => Vec::new(),
            _ => vec![life.rooms.first().map_or_else(|| Place::mailbox(None), named)],
        };
        let mut pass = Pass::new(setup.scenario.login_of(life.user));
        for url in 0..self.urls.len() {
            let mut tried = 0;
            loop {
                pass.forget_cookies();
                let dialed = setup.dialer.dial(life.transport, url, &identity, rooms.clone(), &mut pass);
                let Err(error) = dialed.await else { break };
                tried += 1;
                // Who is refused at the door may be kept out for good after the third time.
                if error.stage == Word::LOGIN {
                    return Err(Failure::setup(format!("{} cannot log in: {}", identity.user, error.detail)));
                }
                if tried == TRIES {
                    return Err(Failure::setup(format!("the target cannot be reached: {error}")));
                }
                setup.dialer.clock.sleep_until(setup.dialer.clock.now() + BETWEEN_TRIES).await;
            }
        }
        Ok(())
    }

    /// Whoever carries out faults.
    pub(in crate::commands) fn rig(&mut self) -> &mut dyn engine::Rig {
        &mut self.rigging
    }

    /// Stops what is ours; what became of the fault proxy's log, if there was a proxy. Without it there was no target.
    pub(in crate::commands) fn stop(&mut self, end: &mut End) -> Option<Written> {
        match self.rigging.stop() {
            Ok(log) => log,
            Err(why) => {
                if *end == End::Complete {
                    *end = End::Failed(why.clone());
                }
                Some(Written { problem: Some(why), ..Written::default() })
            }
        }
    }
}
