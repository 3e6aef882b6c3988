//! `wsbench check`: what a scenario will do, in prose, without doing it.

use super::exit::Done;
use super::run::{ScenarioArgs, rules};
use crate::scenario;
use crate::ui::Terminal;

/// Validate a scenario and say in prose what it will do
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// A scenario file, or @NAME for a shipped one
    scenario: String,
    #[command(flatten)]
    over: ScenarioArgs,
}

pub(super) fn main(args: &Args, terminal: &Terminal) -> Done {
    let loaded = scenario::load(&args.scenario, &args.over.overrides(), &super::environment);
    let scenario = loaded.map_err(|diagnostic| rules::refuse(&[diagnostic], terminal))?;
    rules::judge(&scenario, terminal)?;
    super::print(terminal, &format!("{}\n", scenario::explain(&scenario, &limits())))
}

/// What this machine allows one process.
fn limits() -> scenario::Limits {
    let open_files = rlimit::Resource::NOFILE.get_hard().unwrap_or(u64::MAX);
    scenario::Limits { open_files, ports: ports().unwrap_or(USUAL_PORTS) }
}

/// Local ports the kernel gives out unless told otherwise.
const USUAL_PORTS: u64 = 28_232;

fn ports() -> Option<u64> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let (first, last) = range.trim().split_once(char::is_whitespace)?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.trim().parse().ok()?);
    Some((last + 1).saturating_sub(first))
}
