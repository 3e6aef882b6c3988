//! Faults and crowds are for one's own servers: towards anything that is not on this machine somebody has to say so.

use std::net::IpAddr;
use url::Url;

use super::{Check, Checked, Diagnostic, Owned};
use crate::scenario::plan::Plan;
use crate::scenario::{Foreign, Network, Scenario, Target};

/// As many clients nobody needs to answer for.
const FEW: usize = 100;

impl Check<'_> {
    /// Refuses a fault, or more than a few clients, towards a host that is neither this machine nor said to be ours.
    pub(super) fn owned(&self, scenario: &Scenario, plan: &Plan) -> Checked<()> {
        self.owned_login(scenario, plan)?;
        let Target::Foreign(foreign) = &scenario.target else { return Ok(()) };
        let Some((at, host)) = self.stranger(foreign) else { return Ok(()) };
        let clients = plan.lives().len();
        let fault = self.root.get("fault").filter(|_| !scenario.faults.is_empty()).or(self.root.get("proxy"));
        let wrong = if let Some(fault) = fault {
            let message = format!("faults towards {host}, which is not this machine, are only for its owner");
            Diagnostic::new(self.source, fault.key_span.clone(), message)
        } else if clients > FEW {
            let message = format!(
                "{clients} clients in all towards {host}, which is not this machine: more than {FEW} are only for its owner"
            );
            match &self.overrides.url {
                Some(given) => Diagnostic::without_place(&*given.place, message),
                None => self.wrong(&format!("target.urls.{at}"), message),
            }
        } else {
            return Ok(());
        };
        let help = format!("if it is yours, type `export WSBENCH_OWNED={host}`, or add `--i-own-this-target`");
        Err(wrong.with_help(help))
    }

    /// The same of where they log in.
    fn owned_login(&self, scenario: &Scenario, plan: &Plan) -> Checked<()> {
        let Some(login) = &scenario.login else { return Ok(()) };
        let here = Network::default();
        let network = match &scenario.target {
            Target::Foreign(foreign) => &foreign.network,
            Target::Bundled(_) => &here,
        };
        let (host, clients) = (dialled(&login.url, network), plan.lives().len());
        if clients <= FEW || self.is_ours(&host, network) {
            return Ok(());
        }
        let message = format!(
            "{clients} clients in all log in at {host}, which is not this machine: more than {FEW} are only for its owner"
        );
        let help = format!("if it is yours, type `export WSBENCH_OWNED={host}`, or add `--i-own-this-target`");
        Err(self.wrong("users.login.url", message).with_help(help))
    }

    /// The first URL whose host is nobody's we know, and that host.
    fn stranger(&self, foreign: &Foreign) -> Option<(usize, String)> {
        let hosts = foreign.urls.iter().map(|url| dialled(url, &foreign.network)).enumerate();
        hosts.into_iter().find(|(_, host)| !self.is_ours(host, &foreign.network))
    }

    /// Whether a host that is reached by way of `network` is this machine, or was said to be ours.
    fn is_ours(&self, host: &str, network: &Network) -> bool {
        let known = |host: &str| match &self.overrides.owned {
            Owned::Unsaid => false,
            Owned::Hosts(hosts) => hosts.iter().any(|own| bare(own).eq_ignore_ascii_case(host)),
            Owned::Target => true,
        };
        // What a proxy elsewhere calls localhost is not this machine.
        let proxy = network.proxy.as_ref().and_then(Url::host_str);
        let direct = proxy.is_none_or(|proxy| is_here(bare(proxy)));
        known(host) || direct && is_here(host)
    }
}

/// The host that is really dialled for `url`: the first fitting `--connect-to` decides.
fn dialled(url: &Url, network: &Network) -> String {
    let host = bare(url.host_str().unwrap_or_default());
    let port = url.port_or_known_default().map(|port| port.to_string()).unwrap_or_default();
    let redirects = network.connect_to.iter().filter_map(|(from, to)| from.rsplit_once(':').zip(to.rsplit_once(':')));
    let fits = |(from, at): (&str, &str)| {
        (from.is_empty() || bare(from).eq_ignore_ascii_case(host)) && (at.is_empty() || at == port)
    };
    let found = redirects.into_iter().find(|(from, _)| fits(*from));
    found.map(|(_, (to, _))| bare(to)).filter(|to| !to.is_empty()).unwrap_or(host).to_owned()
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Whether `host` is this machine by its name alone; no name is looked up.
fn is_here(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}
