//! Whether this machine can carry the clients, before anything is started.

use crate::commands::exit::Failure;
use crate::scenario::plan::{Plan, Start};

/// File descriptors a run needs beside its clients.
const MARGIN: u64 = 128;

/// Raises the limit of file descriptors as far as it goes, and refuses what it cannot carry.
pub(super) fn prepare(plan: &Plan) -> Result<(), Failure> {
    let limit = rlimit::increase_nofile_limit(u64::MAX)
        .map_err(|error| Failure::setup(format!("failed to raise the file descriptor limit: {error}")))?;
    let needed = at_once(plan) + MARGIN;
    if needed > limit {
        return Err(Failure::setup(format!(
            "{} clients need {needed} file descriptors, and this process may open {limit}: ask for fewer clients \
             (-c {}), or raise the hard limit (ulimit -Hn {needed}, or LimitNOFILE= of the service)",
            needed - MARGIN,
            limit.saturating_sub(MARGIN)
        )));
    }
    Ok(())
}

/// The most clients that are there at the same time.
pub(in crate::commands) fn at_once(plan: &Plan) -> u64 {
    let mut changes: Vec<(std::time::Duration, i64)> = Vec::new();
    for life in plan.lives() {
        let start = match life.start {
            Start::BeforeT0(_) => std::time::Duration::ZERO,
            Start::AfterT0(at) => at,
        };
        changes.push((start, 1));
        changes.extend(life.leave.map(|leave| (leave, -1)));
    }
    changes.sort_unstable();
    let sums = changes.iter().scan(0i64, |now, (_, change)| {
        *now += change;
        Some(*now)
    });
    sums.max().map_or(0, |most| u64::try_from(most).unwrap_or(0))
}
