//! The way to a target: what of a scenario says how its clients get there.

use std::sync::Arc;

use crate::commands::exit::Failure;
use crate::observe::TransportKind;
use crate::scenario::plan::Plan;
use crate::scenario::{Foreign, Scenario, Target};
use crate::transport::{self, NetworkConfig, TlsConfig, Transport};

/// `usual`, and what `scenario` says of the way to its target.
pub(super) fn network(scenario: &Scenario, usual: NetworkConfig) -> NetworkConfig {
    let usual = NetworkConfig { max_queued: queue_for(scenario), ..usual };
    match &scenario.target {
        Target::Bundled(_) => usual,
        Target::Foreign(foreign) => towards(foreign, usual),
    }
}

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

/// Bytes that may wait for a peer that takes none: room for several of the largest payloads, whatever wraps them.
fn queue_for(scenario: &Scenario) -> usize {
    let largest = scenario.publishes.iter().map(|publish| publish.text.largest()).max().unwrap_or(0);
    (4 * largest).max(NetworkConfig::default().max_queued)
}

/// The kinds of transport the clients of a plan use.
pub(in crate::commands) fn used(plan: &Plan) -> Vec<TransportKind> {
    TransportKind::ALL.into_iter().filter(|kind| plan.uses(*kind)).collect()
}

/// One transport of each kind.
pub(super) fn transports(
    kinds: &[TransportKind],
    urls: &[url::Url],
    network: &NetworkConfig,
) -> Result<Vec<Arc<dyn Transport>>, Failure> {
    let made = kinds.iter().map(|kind| transport::of(*kind, urls.to_vec(), network.clone()).map_err(Failure::setup));
    made.collect()
}
