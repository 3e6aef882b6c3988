//! `wsbench doctor`: what this machine can carry, what stands in the way, and the command that mends it. Nothing is
//! changed.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::ValueEnum;
use serde::Serialize;

use super::exit::{Done, Exit, Failure};
use super::redis;
use super::run::rules;
use crate::output::wrap;
use crate::scenario::plan::Plan;
use crate::scenario::{self, Needs, Overrides, Scenario, Target, mean_expected};
use crate::ui::{Palette, Terminal, forgive_closed, printable};
use crate::units::human::{count, grouped};

mod facts;
mod findings;

use facts::Facts;
use findings::{Capacity, Finding, Verdict};

/// The version of the JSON's shape.
const SCHEMA: &str = "wsbench/doctor/1";

/// What this machine can carry, what stands in the way, and the command that mends it
///
/// Changes nothing. Exits with 3 when the scenario that was given cannot be carried.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Compare with what this scenario needs: a file, or @NAME for a shipped one
    #[arg(long, value_name = "FILE")]
    scenario: Option<String>,
    /// Clients in all, in place of the scenario's
    #[arg(short = 'c', long, value_name = "N", requires = "scenario", value_parser = clap::value_parser!(u32).range(1..))]
    clients: Option<u32>,
    /// What goes to stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What a scenario needs of this machine.
#[derive(Clone, Debug, Serialize)]
struct Asked {
    clients: u64,
    /// Open files of the busiest process, if one process has all clients.
    files: u64,
    /// Those of the busiest process that carries no clients: of the server, or of the fault proxy.
    others_files: u64,
    /// Local ports of one address, where they can run out.
    ports: Option<u64>,
    /// Deliveries a second in the mean.
    deliveries: f64,
    /// The server runs on this machine too.
    server_here: bool,
}

impl Asked {
    fn of(scenario: &Scenario) -> Self {
        let plan = Plan::new(scenario);
        let needs = Needs::of(scenario, &plan);
        Self {
            clients: u64::from(plan.peak()),
            files: needs.most_files(),
            others_files: needs.server_files.max(needs.proxy_files),
            ports: needs.far_ports,
            deliveries: mean_expected(scenario, &plan).deliveries,
            server_here: matches!(scenario.target, Target::Bundled(_)),
        }
    }
}

/// All that is said, as data.
#[derive(Debug, Serialize)]
struct Diagnosis {
    schema: &'static str,
    exit_code: u8,
    findings: Vec<Finding>,
    /// From the costs that `docs/performance.md` states, not measured here.
    capacity: Capacity,
    scenario: Option<Need>,
}

/// A scenario against this machine.
#[derive(Debug, Serialize)]
struct Need {
    name: String,
    needs: Asked,
    findings: Vec<Finding>,
}

pub(super) fn main(args: &Args, terminal: &Terminal) -> Done {
    let need = args.scenario.as_deref().map(|path| load(path, args.clients, terminal)).transpose()?;
    let path = super::environment("PATH");
    let facts = Facts::gather(redis::at_hand(path.as_deref()).map(|(name, _)| name))?;
    let scenario = need.map(|(name, needs)| Need { name, findings: facts.carries(&needs), needs });
    let short = scenario.iter().flat_map(|need| &need.findings).any(|found| found.verdict == Verdict::Short);
    let exit_code = if short { Exit::Setup as u8 } else { 0 };
    let (findings, capacity) = (facts.findings(), facts.capacity());
    let diagnosis = Diagnosis { schema: SCHEMA, exit_code, findings, capacity, scenario };
    show(args.format, &diagnosis, terminal)?;
    Ok(ExitCode::from(exit_code))
}

/// The scenario's name, and what it needs.
fn load(path: &str, clients: Option<u32>, terminal: &Terminal) -> Result<(String, Asked), Failure> {
    // Nothing is run and nobody is connected to: what would need leave is not asked about.
    let overrides = Overrides { allow_commands: true, owned: scenario::Owned::Target, clients, ..Overrides::default() };
    let loaded = scenario::load(path, &overrides, &super::environment);
    let scenario = loaded.map_err(|diagnostic| rules::refuse(&[diagnostic], terminal))?;
    Ok((scenario.name.clone(), Asked::of(&scenario)))
}

fn show(format: Format, diagnosis: &Diagnosis, terminal: &Terminal) -> Result<(), Failure> {
    let mut stdout = terminal.stdout();
    let shown = match format {
        Format::Text => diagnosis.write(&mut stdout, terminal.stdout_palette()),
        Format::Json => {
            let written = serde_json::to_writer_pretty(&mut stdout, diagnosis).map_err(io::Error::from);
            written.and_then(|()| stdout.write_all(b"\n"))
        }
    };
    forgive_closed(shown.and_then(|()| stdout.flush()))
        .map_err(|error| Failure::internal(format!("failed to write to stdout: {error}")))
}

impl Diagnosis {
    fn write(&self, out: &mut dyn Write, palette: Palette) -> io::Result<()> {
        writeln!(out, "This machine")?;
        self.findings.iter().try_for_each(|found| line(out, found, palette))?;
        if let Some(need) = &self.scenario {
            writeln!(out, "\nScenario {}", printable(&need.name))?;
            need.findings.iter().try_for_each(|found| line(out, found, palette))?;
        }
        let Capacity { idle_clients, bounded_by, idle_clients_with_server, .. } = &self.capacity;
        let Capacity { deliveries_per_second, deliveries_per_second_with_server, .. } = &self.capacity;
        let sum = format!(
            "about {} idle clients in one process (bounded by {bounded_by}) or {} deliveries/s; with the bundled server \
             on this machine too, {} idle clients or {} deliveries/s. This follows from the costs in docs/performance.md; \
             what a run really cost stands in its own section \"generator\".",
            grouped(*idle_clients),
            count(*deliveries_per_second),
            grouped(*idle_clients_with_server),
            count(*deliveries_per_second_with_server),
        );
        writeln!(out, "\nIn all")?;
        wrap(&sum, "  ", 8).iter().try_for_each(|line| writeln!(out, "{line}"))
    }
}

fn line(out: &mut dyn Write, found: &Finding, palette: Palette) -> io::Result<()> {
    let (style, word) = match found.verdict {
        Verdict::Good => (palette.good, "ok"),
        Verdict::Look => (palette.warn, "look"),
        Verdict::Short => (palette.bad, "SHORT"),
    };
    writeln!(out, "  {style}{word:6}{style:#}{:20} {}", found.what, printable(&found.value))?;
    if let Some(words) = &found.words {
        wrap(words, "        ", 4).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    if let Some(remedy) = &found.remedy {
        // Never broken: it is to be copied.
        writeln!(out, "        $ {remedy}")?;
    }
    Ok(())
}
