//! Whether this machine can carry the clients, before anything is started.

use crate::commands::exit::Failure;
use crate::scenario::{Limits, Needs};

/// Local ports for outgoing connections where the kernel does not say otherwise.
const EPHEMERAL_PORTS: u64 = 28_232;

/// The limits of this machine, the one of open files raised as far as it goes.
pub(in crate::commands) fn of_this_machine() -> Result<Limits, Failure> {
    let open_files = rlimit::increase_nofile_limit(u64::MAX)
        .map_err(|error| Failure::setup(format!("failed to raise the limit of open files: {error}")))?;
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let bounds: Vec<u64> = range.split_whitespace().filter_map(|bound| bound.parse().ok()).collect();
    let ports = match bounds[..] {
        [first, last] => (last + 1).saturating_sub(first),
        _ => EPHEMERAL_PORTS,
    };
    Ok(Limits { open_files, ports })
}

/// Refuses what this machine cannot carry. Ports on loopback never run out: source addresses are taken in turn.
pub(super) fn prepare(needs: &Needs) -> Result<(), Failure> {
    let limits = of_this_machine()?;
    let needed = needs.most_files();
    if needed > limits.open_files {
        let remedy = match needs.processes(&limits) {
            Some(processes) => format!("share them among {processes} processes (--processes {processes}), "),
            None if needs.one_server() => {
                "join the server's instances by Redis, so that each is a process (--broker redis), ".to_owned()
            }
            None => String::new(),
        };
        return Err(Failure::setup(format!(
            "this scenario needs {needed} open files in a process for its clients, and {} are allowed: {remedy}ask for fewer \
             clients (-c), or raise the hard limit (ulimit -Hn {needed}, or LimitNOFILE= of the service)",
            limits.open_files
        )));
    }
    Ok(())
}
