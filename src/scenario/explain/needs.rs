//! What a run needs of the machine it runs on, and what that machine allows.

use url::{Host, Url};

use super::proxy;
use crate::scenario::plan::Plan;
use crate::scenario::{BrokerChoice, Deed, Scenario, Target};

/// Files a process has open beside its connections: streams, timers, outputs, pipes to children.
const OTHER_FILES: u64 = 128;

/// Among so many processes a run's clients can be shared.
pub const MOST_PROCESSES: u8 = 64;

/// Instances the bundled server may have.
const MOST_INSTANCES: u64 = 256;

/// Memory of a quiet client, as measured in `docs/performance.md`: of wsbench, and of the bundled server.
pub const CLIENT_BYTES: f64 = 4.1 * 1_024.0;
/// See [`CLIENT_BYTES`].
pub const SERVER_CLIENT_BYTES: f64 = 9.3 * 1_024.0;

/// What this machine allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open files per process.
    pub open_files: u64,
    /// Local ports for connections from one address to one address and port.
    pub ports: u64,
}

impl Limits {
    /// How many clients one process can have open files for.
    pub fn clients(&self) -> u64 {
        self.open_files.saturating_sub(OTHER_FILES)
    }
}

/// What a run needs of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Clients at one time.
    pub clients: u64,
    /// Open files of wsbench itself: a connection per client, and a margin; of each process, where the clients are shared
    /// among several.
    pub open_files: u64,
    /// Open files of the busiest process of the bundled server; 0 when none is started.
    pub server_files: u64,
    /// Open files of the fault proxy: two per connection, those kept in silence too; 0 when there is none.
    pub proxy_files: u64,
    /// Local ports towards the busiest URL, if all connections come from one address.
    pub ports: u64,
    /// Those of each source address towards it, where they can run out: on loopback further addresses are taken in turn.
    pub far_ports: Option<u64>,
    /// Bytes of memory of wsbench, and of the bundled server where it is started, with quiet clients: at least.
    pub bytes: u64,
    /// The bundled server, where it is started.
    pub server: Option<Instances>,
}

/// Instances of the bundled server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instances {
    /// How many there are.
    pub all: u64,
    /// How many of them may be away at the same time.
    pub away: u64,
    /// Whether each is a process by itself, as with Redis. With the embedded broker all share one process; which broker it
    /// will be may not be known yet.
    pub apart: bool,
}

impl Needs {
    /// What `scenario` needs when it goes by `plan`.
    pub fn of(scenario: &Scenario, plan: &Plan) -> Self {
        let clients = u64::from(plan.peak());
        let urls = scenario.target.urls().max(1) as u64;
        let server = match &scenario.target {
            Target::Bundled(bundled) => {
                let away = scenario.faults.iter().any(|fault| matches!(fault.deed, Deed::Instance { .. }));
                let (all, apart) = (u64::from(bundled.instances), bundled.broker == BrokerChoice::Redis);
                Some(Instances { all, away: u64::from(away), apart })
            }
            Target::Foreign(_) => None,
        };
        let server_files = server.map_or(0, |server| match server.apart {
            // Those that are left when one is taken away have its clients too.
            true => clients.div_ceil(server.all.saturating_sub(server.away).max(1)) + OTHER_FILES,
            false => clients + OTHER_FILES,
        });
        let proxy_files =
            scenario.proxy.map_or(0, |_| 2 * (clients + proxy::forgotten(scenario, clients)) + OTHER_FILES);
        let ports = clients.div_ceil(urls);
        let far_ports = match &scenario.target {
            Target::Bundled(_) => None,
            Target::Foreign(foreign) => Some(ports.div_ceil(foreign.network.source_ips.len().max(1) as u64))
                .filter(|_| !foreign.urls.iter().all(is_here)),
        };
        let each = CLIENT_BYTES + server.map_or(0.0, |_| SERVER_CLIENT_BYTES);
        let bytes = (clients as f64 * each) as u64;
        Self { clients, open_files: clients + OTHER_FILES, server_files, proxy_files, ports, far_ports, bytes, server }
    }

    /// The same when `processes` share the clients (`run --processes`).
    #[must_use]
    pub fn over(self, processes: u8) -> Self {
        Self { open_files: self.clients.div_ceil(u64::from(processes.max(1))) + OTHER_FILES, ..self }
    }

    /// Among how many processes the clients would have to be shared, where that is all that is needed.
    pub fn processes(&self, limits: &Limits) -> Option<u64> {
        let others = self.server_files.max(self.proxy_files);
        let shared = self.open_files > limits.open_files && others <= limits.open_files && limits.clients() > 0;
        shared
            .then(|| self.clients.div_ceil(limits.clients()))
            .filter(|processes| *processes <= u64::from(MOST_PROCESSES))
    }

    /// Whether all clients are of one process of the bundled server, or may be.
    pub fn one_server(&self) -> bool {
        self.server_files >= self.clients + OTHER_FILES
    }

    /// What shares the clients so that no process needs more open files than it may have: each step in words, together
    /// enough. Nothing where no step would help.
    pub fn shares(&self, limits: &Limits) -> Vec<String> {
        let (each, mut steps) = (limits.clients(), Vec::new());
        if each == 0 || self.proxy_files > limits.open_files {
            return Vec::new();
        }
        let enough = self.clients.div_ceil(each);
        if self.open_files > limits.open_files {
            if enough > u64::from(MOST_PROCESSES) {
                return Vec::new();
            }
            steps.push(format!("share them among {enough} processes (--processes {enough})"));
        }
        if let Some(server) = self.server.filter(|_| self.server_files > limits.open_files) {
            let instances = server.all.max(enough + server.away);
            if instances > MOST_INSTANCES {
                return Vec::new();
            }
            let flag = (!server.apart).then(|| "--broker redis".to_owned());
            let key = (instances > server.all).then(|| format!("`instances = {instances}` in [server]"));
            let how: Vec<String> = flag.into_iter().chain(key).collect();
            let joined = if server.apart { "" } else { ", joined by Redis, so that each is a process" };
            steps.push(format!("have {instances} instances of the server{joined} ({})", how.join(", ")));
        }
        steps
    }

    /// Open files of the process that needs most of them.
    pub fn most_files(&self) -> u64 {
        self.open_files.max(self.server_files).max(self.proxy_files)
    }
}

/// Whether a URL is of this machine's loopback for sure.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
