//! `wsbench check`: what a scenario will do, in prose, without doing it.

use super::exit::Done;
use super::run::{ScenarioArgs, rules};
use crate::scenario::{self, Overrides};
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
    // Nothing is run: what would need leave is only told.
    let overrides = Overrides { allow_commands: true, ..args.over.overrides() };
    let loaded = scenario::load(&args.scenario, &overrides, &super::environment);
    let scenario = loaded.map_err(|diagnostic| rules::refuse(&[diagnostic], terminal))?;
    rules::judge(&scenario, terminal)?;
    let limits = super::run::limits::of_this_machine()?;
    super::print(terminal, &format!("{}\n", scenario::explain(&scenario, &limits).trim_end()))
}
