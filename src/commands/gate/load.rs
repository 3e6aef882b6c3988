//! What the machine spends meanwhile: its hypervisor, and this process with everything it has started.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// A reading of the machine's own account.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    /// Jiffies stolen, and all.
    stolen: (u64, u64),
    /// CPU time of this process and its descendants.
    cpu: Duration,
}

impl Reading {
    /// What the account says now; nothing where the kernel keeps none.
    pub(super) fn take() -> Self {
        Self { stolen: stolen().unwrap_or_default(), cpu: family_cpu() }
    }

    /// Share of the machine's time the hypervisor took since `earlier`, in millionths.
    pub(super) fn steal_ppm(&self, earlier: &Self) -> u32 {
        let all = self.stolen.1.saturating_sub(earlier.stolen.1).max(1);
        let stolen = self.stolen.0.saturating_sub(earlier.stolen.0).min(all);
        u32::try_from(stolen * 1_000_000 / all).unwrap_or(1_000_000)
    }

    /// CPU time spent since `earlier`.
    pub(super) fn cpu_since(&self, earlier: &Self) -> Duration {
        self.cpu.saturating_sub(earlier.cpu)
    }
}

fn stolen() -> Option<(u64, u64)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields: Vec<u64> = stat.lines().next()?.split_whitespace().skip(1).filter_map(|f| f.parse().ok()).collect();
    Some((*fields.get(7)?, fields.iter().take(8).sum()))
}

/// CPU time of this process and of what it, or what it started, has started.
fn family_cpu() -> Duration {
    let own = std::process::id();
    let mut parents: BTreeMap<u32, (u32, u64)> = BTreeMap::new();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for entry in processes {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some((parent, ticks)) = fs::read_to_string(entry.path().join("stat")).ok().as_deref().and_then(parse) {
            parents.insert(pid, (parent, ticks));
        }
    }
    let is_ours = |mut pid: u32| {
        // No family is deeper, whatever a table read while it changed may say.
        for _ in 0..64 {
            if pid == own {
                return true;
            }
            let Some((parent, _)) = parents.get(&pid) else { return false };
            pid = *parent;
        }
        false
    };
    let ticks: u64 = parents.iter().filter(|(pid, _)| is_ours(**pid)).map(|(_, (_, ticks))| ticks).sum();
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_nanos(ticks.saturating_mul(1_000_000_000 / per_second))
}

/// Parent and CPU ticks of a line of `/proc/PID/stat`; the name in it may hold anything, and ends with the last `)`.
fn parse(stat: &str) -> Option<(u32, u64)> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some((u32::try_from(number(1)?).ok()?, number(11)? + number(12)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_process_table_is_read_whatever_its_name_holds() {
        let line = "42 (a) (b) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 1 0 5 6 7";
        assert_eq!(parse(line), Some((7, 200)));
        assert_eq!(parse("42 (x"), None);
    }

    #[test]
    fn shares_are_of_what_passed() {
        let at = |stolen, all| Reading { stolen: (stolen, all), cpu: Duration::ZERO };
        assert_eq!(at(30, 300).steal_ppm(&at(10, 200)), 200_000);
        assert_eq!(at(10, 200).steal_ppm(&at(10, 200)), 0);
    }
}
