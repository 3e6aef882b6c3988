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
            match self.overrides.url {
                Some(_) => Diagnostic::without_place("--url", message),
                None => self.wrong(&format!("target.urls.{at}"), message),
            }
        } else {
            return Ok(());
        };
        let help = format!("if it is yours, type `export WSBENCH_OWNED={host}`, or add `--i-own-this-target`");
        Err(wrong.with_help(help))
    }

    /// The first URL whose host is nobody's we know, and that host.
    fn stranger(&self, foreign: &Foreign) -> Option<(usize, String)> {
        let known = |host: &str| match &self.overrides.owned {
            Owned::Unsaid => false,
            Owned::Hosts(hosts) => hosts.iter().any(|own| bare(own).eq_ignore_ascii_case(host)),
            Owned::Target => true,
        };
        // What a proxy elsewhere calls localhost is not this machine.
        let proxy = foreign.network.proxy.as_ref().and_then(Url::host_str);
        let direct = proxy.is_none_or(|proxy| is_here(bare(proxy)));
        let hosts = foreign.urls.iter().map(|url| dialled(url, &foreign.network)).enumerate();
        let mut strangers = hosts.filter(|(_, host)| !(known(host) || direct && is_here(host)));
        strangers.next()
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
