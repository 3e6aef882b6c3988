//! `wsbench check`: what a scenario will do, in prose, without doing it.

use std::process::ExitCode;

use super::exit::{Done, Exit};
use super::probe;
use super::run::{ScenarioArgs, rules};
use crate::scenario::{self, Overrides};
use crate::ui::Terminal;

/// Validate a scenario and say in prose what it will do
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// A scenario file, or @NAME for a shipped one
    scenario: String,
    /// Then probe the target: two clients, one message
    #[arg(long)]
    live: bool,
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
    let done = super::print(terminal, &format!("{}\n", scenario::explain(&scenario, &limits).trim_end()))?;
    if !args.live {
        return Ok(done);
    }
    super::print(terminal, "\n")?;
    let known = super::run::secrets::known(&scenario, &args.over.overrides());
    let good = probe::live(scenario, &probe::How::usual(), &known, terminal)?;
    Ok(if good { ExitCode::SUCCESS } else { Exit::Setup.into() })
}
