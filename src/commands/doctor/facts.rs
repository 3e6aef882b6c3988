//! What this machine says of itself, read and measured; nothing is changed. What it means is told by `findings`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::commands::exit::Failure;
use crate::commands::run::limits::available;
use crate::time::{Alarm, Clock, nanos};

/// How long the machine is watched.
const WATCHED: Duration = Duration::from_millis(1_000);

/// Between two moments that are to be met while it is.
const STEP: Duration = Duration::from_millis(2);

/// Everything that is looked at. What the kernel does not tell is `None`.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Open files a process may have: as it is, and as far as it may raise that itself.
    pub(super) files: (u64, u64),
    /// First and last local port for outgoing connections.
    pub(super) ports: Option<(u64, u64)>,
    /// IPv4 addresses of this machine beside loopback.
    pub(super) addresses: u64,
    /// Connects that may wait at a listener.
    pub(super) somaxconn: Option<u64>,
    /// Connections the firewall can follow, where it follows any.
    pub(super) tracked: Option<u64>,
    /// Bytes: what is free, and what the control group leaves of it.
    pub(super) memory: Option<u64>,
    pub(super) memory_allowed: Option<u64>,
    /// Cores this process may run on, and how many of them the control group pays for.
    pub(super) cores: u64,
    pub(super) quota: Option<f64>,
    /// How late moments were met, nanoseconds: the median and the 99th percentile.
    pub(super) timer: (u64, u64),
    /// Where the kernel has its time from.
    pub(super) clock_source: Option<String>,
    /// Share of the machine its hypervisor took while it was watched.
    pub(super) stolen: Option<f64>,
    /// Threads of others that were running or ready.
    pub(super) running: Option<u64>,
    /// The Redis there is.
    pub(super) redis: Option<&'static str>,
}

impl Facts {
    /// Reads and measures them; takes a second.
    pub(super) fn gather(redis: Option<&'static str>) -> Result<Self, Failure> {
        let before = jiffies();
        let (timer, running) = super::super::runtime()?
            .block_on(watch())
            .map_err(|error| Failure::setup(format!("failed to measure the timers: {error}")))?;
        let stolen = before.zip(jiffies()).map(|(before, after)| {
            after.0.saturating_sub(before.0) as f64 / after.1.saturating_sub(before.1).max(1) as f64
        });
        let group = |file: &str, old: &str| group_files(file, old);
        Ok(Self {
            files: rlimit::Resource::NOFILE.get().unwrap_or_default(),
            ports: text("/proc/sys/net/ipv4/ip_local_port_range").as_deref().and_then(pair),
            addresses: text("/proc/net/fib_trie").map_or(0, |trie| own_addresses(&trie)),
            somaxconn: number("/proc/sys/net/core/somaxconn"),
            tracked: number("/proc/sys/net/netfilter/nf_conntrack_max"),
            memory: text("/proc/meminfo").as_deref().and_then(available),
            memory_allowed: group("memory.max", "memory/memory.limit_in_bytes")
                .iter()
                .filter_map(|text| text.trim().parse().ok())
                .min(),
            cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64),
            quota: group("cpu.max", "").iter().filter_map(|text| quota(text)).min_by(f64::total_cmp),
            timer,
            clock_source: text("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            stolen,
            running,
            redis,
        })
    }
}

/// How late moments are met, and how many others ran in the median.
async fn watch() -> std::io::Result<((u64, u64), Option<u64>)> {
    let clock = Clock::real();
    let alarm = Alarm::new(&clock)?;
    let (mut late, mut running) = (Vec::new(), Vec::new());
    let end = clock.now() + WATCHED;
    let mut due = clock.now();
    while due < end {
        due = due + STEP;
        alarm.wait_until(due).await?;
        late.push(nanos(clock.now().since(due)));
        if late.len().is_multiple_of(50) {
            running.extend(text("/proc/loadavg").as_deref().and_then(runnable));
        }
    }
    late.sort_unstable();
    running.sort_unstable();
    let at = |share: usize| late.get(late.len() * share / 100).copied().unwrap_or_default();
    Ok(((at(50), at(99)), running.get(running.len() / 2).copied()))
}

fn text(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim_end().to_owned())
}

fn number(path: &str) -> Option<u64> {
    text(path)?.parse().ok()
}

fn pair(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.split_once(char::is_whitespace)?;
    Some((first.parse().ok()?, last.trim().parse().ok()?))
}

/// Threads that run or are ready, this one left out, of `/proc/loadavg`.
fn runnable(loadavg: &str) -> Option<u64> {
    let threads = loadavg.split_whitespace().nth(3)?;
    Some(threads.split_once('/')?.0.parse::<u64>().ok()?.saturating_sub(1))
}

/// Cores that a `cpu.max` pays for; nothing where it is without bound.
fn quota(cpu_max: &str) -> Option<f64> {
    let (quota, period) = cpu_max.trim().split_once(' ')?;
    Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok().filter(|period| *period > 0.0)?)
}

/// Addresses of this machine in the kernel's routing tree, loopback left out.
fn own_addresses(trie: &str) -> u64 {
    let mut found = std::collections::BTreeSet::new();
    let mut last = "";
    for line in trie.lines() {
        if let Some(address) = line.trim_start().strip_prefix("|-- ") {
            last = address;
        } else if line.contains("/32 host LOCAL") && !last.starts_with("127.") {
            found.insert(last);
        }
    }
    found.len() as u64
}

/// What the control groups of this process, from its own up to the root, say in `file`; in the old layout, in `old`.
fn group_files(file: &str, old: &str) -> Vec<String> {
    let groups = text("/proc/self/cgroup").unwrap_or_default();
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let root = Path::new("/sys/fs/cgroup");
    let leaf = root.join(own);
    let folders = leaf.ancestors().take_while(|folder| folder.starts_with(root)).map(|folder| folder.join(file));
    let old = Some(root.join(old)).filter(|_| !old.is_empty());
    folders.chain(old).filter_map(|path| fs::read_to_string(path).ok()).collect()
}

/// Jiffies of the machine: stolen, and all.
fn jiffies() -> Option<(u64, u64)> {
    let stat = text("/proc/stat")?;
    let fields: Vec<u64> = stat.lines().next()?.split_whitespace().skip(1).filter_map(|f| f.parse().ok()).collect();
    Some((*fields.get(7)?, fields.iter().take(8).sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_texts_are_read() {
        assert_eq!(pair("32768\t60999"), Some((32_768, 60_999)));
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:     1024 kB\n"), Some(1_048_576));
        assert_eq!(runnable("4.45 2.22 1.29 3/612 9999"), Some(2));
        assert_eq!((quota("150000 100000\n"), quota("max 100000")), (Some(1.5), None));
        let trie = "Main:\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 192.0.2.2\n        /32 host LOCAL\n\
                    Local:\n     |-- 192.0.2.2\n        /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n";
        assert_eq!(own_addresses(trie), 1);
    }
}
