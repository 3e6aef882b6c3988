//! The ground a run stands on: the bundled server, raised for it, or a server that is already there.

use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use super::rigging::{self, Rigging};
use super::secrets::Learnt;
use super::{before, bundled, way};
use crate::commands::exit::Failure;
use crate::dialect::{self, Dialect, Parameters};
use crate::engine::{self, End};
use crate::observe::TransportKind;
use crate::proxy::Written;
use crate::report::Environment;
use crate::scenario::plan::Plan;
use crate::scenario::{Scenario, Target};
use crate::session::{Dialer, Login, Part};
use crate::time::Clock;
use crate::transport::{Exchanges, NetworkConfig, Transport};
use crate::ui::Progress;

/// What is under the clients' feet.
pub(in crate::commands) struct Ground {
    rigging: Rigging,
    transports: Vec<Arc<dyn Transport>>,
    dialect: Arc<dyn Dialect>,
    urls: Vec<Url>,
    detour: Option<std::net::SocketAddr>,
    secret: Option<Arc<[u8]>>,
    environment: Environment,
    login: Option<Arc<Login>>,
    exchanges: Option<Arc<Exchanges>>,
    learnt: Learnt,
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

/// A server that is up, whoever raised it.
struct Up {
    urls: Vec<Url>,
    secret: Option<Arc<[u8]>>,
    environment: Environment,
    rigging: Rigging,
    learnt: Learnt,
    part: Part,
}

/// A server that is up, at `urls`, whoever raised it, and how it is reached: as `usual`, and as the scenario says. What
/// logins give is noted as `learnt`; this process does its `part` of them.
pub(in crate::commands) fn at(
    urls: &[Url],
    scenario: &Scenario,
    plan: &Plan,
    secret: Option<Arc<[u8]>>,
    usual: NetworkConfig,
    learnt: &Learnt,
    part: Part,
) -> Result<Ground, Failure> {
    let environment = super::foreign_environment(urls.len());
    let (rigging, learnt) = (Rigging::default(), learnt.clone());
    let up = Up { urls: urls.to_vec(), secret, environment, rigging, learnt, part };
    Ground::new(up, scenario, &way::used(plan), usual)
}

/// Raises the server if the scenario wants the bundled one, and the fault proxy if it wants one; and prepares the way. Call
/// it from the main thread.
pub(in crate::commands) fn raise(
    scenario: &Scenario,
    plan: &Plan,
    wants: Wants<'_>,
    progress: &mut Progress,
) -> Result<Ground, Failure> {
    let proxy = rigging::proxy(scenario, plan, wants.log)?;
    let usual = NetworkConfig { detour: proxy.as_ref().map(|proxy| proxy.address), ..NetworkConfig::default() };
    let rigging = Rigging { proxy, ..Rigging::default() };
    let learnt = Learnt::default();
    let up = match &scenario.target {
        Target::Bundled(bundled) => {
            let raised = bundled::raise(bundled, scenario, plan, wants.redis, progress)?;
            let urls = raised.rig.instances.iter().filter_map(|instance| Url::parse(&instance.url).ok()).collect();
            let environment = Environment::new(raised.joined_by, u32::from(bundled.instances), super::cores());
            let rigging = Rigging { server: Some(raised.rig), ..rigging };
            Up { urls, secret: Some(raised.secret), environment, rigging, learnt, part: Part::WHOLE }
        }
        Target::Foreign(foreign) => {
            let environment = super::foreign_environment(foreign.urls.len());
            Up { urls: foreign.urls.clone(), secret: None, environment, rigging, learnt, part: Part::WHOLE }
        }
    };
    Ground::new(up, scenario, &wants.kinds, usual)
}

fn host_and_port(url: &Url) -> Arc<str> {
    let port = url.port_or_known_default().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", url.host_str().unwrap_or_default()).into()
}

impl Ground {
    /// The ground at a server that is `up`, for clients of the given `kinds`.
    fn new(up: Up, scenario: &Scenario, kinds: &[TransportKind], usual: NetworkConfig) -> Result<Self, Failure> {
        let network = way::network(scenario, usual);
        let dialect = match &scenario.target {
            Target::Bundled(_) => dialect::find("room", &Parameters::new()).map_err(Failure::internal)?,
            Target::Foreign(foreign) => Arc::clone(&foreign.dialect),
        };
        Ok(Self {
            login: before::login(scenario, &network, &up.learnt, up.part)?,
            exchanges: before::exchanges(dialect.as_ref(), &up.urls, &network)?,
            learnt: up.learnt,
            transports: way::transports(kinds, &up.urls, &network)?,
            dialect,
            detour: network.detour,
            urls: up.urls,
            secret: up.secret,
            environment: up.environment,
            rigging: up.rigging,
        })
    }

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
