//! Whether this machine can carry the clients, before anything is started.

use crate::commands::exit::Failure;
use crate::scenario::{Limits, Needs};
use crate::units::human::bytes;

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

/// Refuses what this machine cannot have open files for, and gives what else of it may not be enough. Ports on loopback never
/// run out: source addresses are taken in turn.
pub(super) fn prepare(needs: &Needs) -> Result<Vec<String>, Failure> {
    let limits = of_this_machine()?;
    let free = std::fs::read_to_string("/proc/meminfo").ok().as_deref().and_then(available);
    match refusal(needs, &limits, free) {
        Some(words) => Err(Failure::setup(words)),
        None => Ok(doubts(needs, &limits, free)),
    }
}

/// Bytes of `/proc/meminfo` that could be had without swapping.
pub(in crate::commands) fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1_024)
}

/// Why the clients cannot be carried for want of open files, and what to do; with so much memory `free`.
fn refusal(needs: &Needs, limits: &Limits, free: Option<u64>) -> Option<String> {
    let needed = needs.most_files();
    if needed <= limits.open_files {
        return None;
    }
    let hindered = format!(
        "this scenario needs {needed} open files in a process for its clients, and {} are allowed",
        limits.open_files
    );
    if let Some(short) = memory(needs, free) {
        // More processes have no more memory.
        return Some(format!("{hindered}; it also needs {short}: ask for fewer clients (-c)"));
    }
    let mut steps = needs.shares(limits);
    if !steps.is_empty() {
        steps.extend(ports(needs, limits).map(|(_, remedy)| remedy));
    }
    let steps = if steps.is_empty() { String::new() } else { format!("{}, ", steps.join(" and ")) };
    Some(format!(
        "{hindered}: {steps}ask for fewer clients (-c), or raise the hard limit (ulimit -Hn {needed}, or LimitNOFILE= of the \
         service)"
    ))
}

/// What may not be enough though it is not known beforehand.
fn doubts(needs: &Needs, limits: &Limits, free: Option<u64>) -> Vec<String> {
    let memory = memory(needs, free).map(|short| {
        format!("warning: this scenario needs {short}: ask for fewer clients (-c), or the kernel may end it")
    });
    let ports = ports(needs, limits).map(|(short, remedy)| format!("warning: this scenario needs {short}: {remedy}"));
    memory.into_iter().chain(ports).collect()
}

/// How much memory is needed and free, if that is too little.
fn memory(needs: &Needs, free: Option<u64>) -> Option<String> {
    let free = free.filter(|free| *free < needs.bytes)?;
    Some(format!("about {} of memory, and {} are free", bytes(needs.bytes), bytes(free)))
}

/// How many local ports are needed and there, if those are too few, and what to do.
fn ports(needs: &Needs, limits: &Limits) -> Option<(String, String)> {
    let needed = needs.far_ports.filter(|needed| *needed > limits.ports)?;
    let remedy = format!("name {} `source_ips` in [target]", needs.ports.div_ceil(limits.ports.max(1)));
    Some((format!("{needed} local ports of one address towards a URL, and there are {}", limits.ports), remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::plan::Plan;
    use crate::scenario::{Overrides, Owned, Source, parse};

    const LIMITS: Limits = Limits { open_files: 1_128, ports: 1_400 };
    const PLENTY: Option<u64> = Some(1 << 40);

    fn needs(target: &str, clients: u32) -> Needs {
        let text = format!("{target}\n[[clients]]\nname = 'crowd'\ncount = {clients}\n");
        let overrides = Overrides { owned: Owned::Target, ..Overrides::default() };
        let scenario = parse(Source::new("crowd.toml", text), &overrides, &|_| None).unwrap();
        Needs::of(&scenario, &Plan::new(&scenario))
    }

    /// What is advised between what hinders and the two ways that are always there.
    #[track_caller]
    fn advised(needs: &Needs) -> String {
        let words = refusal(needs, &LIMITS, PLENTY).unwrap();
        let (hindered, remedy) = words.split_once(" are allowed: ").unwrap();
        assert!(hindered.starts_with(&format!("this scenario needs {} open files", needs.most_files())), "{words}");
        let always = "ask for fewer clients (-c), or raise the hard limit (ulimit -Hn ";
        remedy.split_once(always).unwrap_or_else(|| panic!("{words}")).0.to_owned()
    }

    #[test]
    fn what_is_too_much_for_one_process_is_shared_by_what_helps() {
        let (far, near) = ("[target]\nurls = ['ws://192.0.2.1/']", "[target]\nurls = ['ws://127.0.0.1:9/']");
        assert_eq!(refusal(&needs(near, 1_000), &LIMITS, PLENTY), None);
        assert_eq!(advised(&needs(near, 3_000)), "share them among 3 processes (--processes 3), ");
        assert_eq!(advised(&needs(near, 3_000).over(2)), "share them among 3 processes (--processes 3), ");
        assert_eq!(refusal(&needs(near, 3_000).over(3), &LIMITS, PLENTY), None);
        assert_eq!(advised(&needs(near, 100_000)), "", "more than there can be processes");
        let both = "share them among 3 processes (--processes 3) and name 3 `source_ips` in [target], ";
        assert_eq!(advised(&needs(far, 3_000)), both);
    }

    #[test]
    fn a_server_of_one_process_is_shared_too() {
        let auto = "share them among 3 processes (--processes 3) and have 3 instances of the server, joined by Redis, so that \
                    each is a process (--broker redis, `instances = 3` in [server]), ";
        assert_eq!(advised(&needs("[server]", 3_000)), auto);
        let four = "have 4 instances of the server, joined by Redis, so that each is a process (--broker redis), ";
        assert_eq!(advised(&needs("[server]\ninstances = 4\nbroker = 'memory'", 3_000).over(3)), four);
        let redis = "[server]\ninstances = 2\nbroker = 'redis'";
        assert_eq!(
            advised(&needs(redis, 3_000).over(3)),
            "have 3 instances of the server (`instances = 3` in [server]), "
        );
        let proxy = format!("{redis}\n[proxy]");
        assert_eq!(advised(&needs(&proxy, 3_000)), "", "a fault proxy is one process");
    }

    #[test]
    fn who_has_too_little_memory_is_not_sent_to_more_processes() {
        let crowd = needs("[server]", 100_000);
        let words = refusal(&crowd, &LIMITS, Some(1 << 30)).unwrap();
        assert!(
            words.ends_with("about 1.28 GiB of memory, and 1.00 GiB are free: ask for fewer clients (-c)"),
            "{words}"
        );
        let few = needs("[server]", 900);
        assert_eq!(doubts(&few, &LIMITS, PLENTY), Vec::<String>::new());
        let told = doubts(&few, &LIMITS, Some(8 << 20));
        assert!(told.len() == 1 && told[0].contains("about 11.8 MiB of memory, and 8.00 MiB are free"), "{told:?}");
    }

    #[test]
    fn ports_are_doubted_only_where_they_run_out() {
        let ports = Limits { ports: 1_000, ..LIMITS };
        let told = doubts(&needs("[target]\nurls = ['ws://192.0.2.1/']", 2_500), &ports, PLENTY);
        let words = "warning: this scenario needs 2500 local ports of one address towards a URL, and there are 1000: name 3 \
                     `source_ips` in [target]";
        assert_eq!(told, [words]);
        for here in ["[server]", "[target]\nurls = ['ws://127.0.0.1:9/', 'ws://[::1]:9/', 'ws://localhost:9/']"] {
            assert_eq!(doubts(&needs(here, 2_500), &ports, PLENTY), Vec::<String>::new());
        }
    }
}
