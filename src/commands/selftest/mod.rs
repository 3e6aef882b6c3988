//! `wsbench selftest`: is what wsbench reports true? Servers and a proxy do known harm to traffic, runs measure it, and
//! the table sets what was reported beside what really happened, by the word of whoever did it: never by wsbench's own
//! accounts.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::PossibleValuesParser;

use super::exit::{Done, Exit, Failure};
use super::redis;
use super::serve::BrokerArg;
use crate::time::Clock;
use crate::ui::{Terminal, forgive_closed};

mod rows;
mod stand;
mod table;
mod trials;

use rows::{Machine, Measured, ROWS, Row, Truth, Verdict};
use stand::{Stand, Stop};
use table::Table;
use trials::{Trial, carry_out};

/// The version of the JSON's shape.
const SCHEMA: &str = "wsbench/selftest/1";

/// Beyond this no run is repeated.
const LONGEST: Duration = Duration::from_secs(60);

/// Is what wsbench reports true? Known harm is done to traffic, and the report set beside it
///
/// Takes about 50 s, a minute on a busy machine. Exits with 1 when a row is missed, 3 when the set-up fails, and 4 when the
/// machine is too busy to say.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Measure this row alone (repeatable)
    #[arg(long, value_name = "ROW", value_parser = names())]
    only: Vec<String>,
    /// Falsify the truth of this row, to see that the self-test can fail (repeatable)
    #[arg(long, value_name = "ROW", value_parser = names())]
    falsify: Vec<String>,
    /// The Redis that joins the instances
    #[arg(long, value_name = "URL", env = "REDIS_URL", hide_env_values = true)]
    redis: Option<String>,
    /// What joins the instances: auto is --redis, else a private redis-server, else memory
    #[arg(long, value_enum, default_value_t = BrokerArg::Auto)]
    broker: BrokerArg,
    /// What goes to stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(ROWS.iter().map(|row| row.name))
}

impl Args {
    fn asks_for(&self, row: &Row) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == row.name)
    }

    /// How the truth of a row is taken.
    fn truth(&self, row: &Row) -> Truth {
        if self.falsify.iter().any(|name| name == row.name) { Truth::Falsified } else { Truth::AsLogged }
    }
}

pub(super) fn main(args: &Args, terminal: &Terminal) -> Done {
    let runtime = super::runtime()?;
    let mut signals = {
        let _inside = runtime.enter();
        super::signals::listen()?
    };
    let broker = redis::start(args.broker.into(), args.redis.as_deref(), super::environment("PATH").as_deref())?;
    let mut stand = Stand::raise(broker, &runtime, &mut signals)?;
    let rows = match measure(args, &mut stand) {
        Ok(rows) => rows,
        Err(Stop::Signal(code)) => return Ok(ExitCode::from(code)),
        Err(Stop::Failed(failure)) => return Err(failure),
    };
    let verdict = overall(&rows);
    let exit_code = match verdict {
        Verdict::Hit => 0,
        Verdict::Miss => Exit::Internal as u8,
        Verdict::Unsaid => Exit::Untrustworthy as u8,
    };
    let table = Table { schema: SCHEMA, verdict, exit_code, broker: stand.broker(), rows };
    show(args, &table, terminal)?;
    Ok(ExitCode::from(exit_code))
}

/// Measures all rows that are asked for, run by run.
fn measure(args: &Args, stand: &mut Stand<'_>) -> Result<Vec<Measured>, Stop> {
    let clock = Clock::real();
    let (began, mut measured) = (clock.now(), Vec::new());
    let asked: Vec<&'static Row> = ROWS.iter().filter(|row| args.asks_for(row)).collect();
    for of_one_run in asked.chunk_by(|a, b| a.subject.kind() == b.subject.kind()) {
        if !args.quiet {
            let words: Vec<&str> = of_one_run.iter().map(|row| row.words).collect();
            anstream::eprintln!("selftest: {}", words.join(", "));
        }
        let from = clock.now();
        let mut judged = once(args, stand, of_one_run)?;
        let took = clock.now() - from;
        // A disturbed run has said nothing, so asking again takes nothing back.
        let is_open = judged.iter().any(|row| row.verdict == Verdict::Unsaid);
        if is_open && clock.now() - began + took <= LONGEST {
            judged = once(args, stand, of_one_run)?;
        }
        measured.extend(judged);
    }
    Ok(measured)
}

/// One run, and what it says of its rows.
fn once(args: &Args, stand: &mut Stand<'_>, rows: &[&'static Row]) -> Result<Vec<Measured>, Stop> {
    let subjects: Vec<_> = rows.iter().map(|row| row.subject).collect();
    let kind = rows.first().map(|row| row.subject.kind());
    let Trial { findings, machine } = match kind {
        Some(kind) => carry_out(stand, kind, &subjects)?,
        None => Trial { findings: Vec::new(), machine: Machine::Quiet },
    };
    let of = |row: &&'static Row| {
        let (_, truth, reported) = findings.iter().find(|(subject, ..)| *subject == row.subject)?;
        Some(rows::judge(row, *truth, *reported, args.truth(row), &machine))
    };
    Ok(rows.iter().filter_map(of).collect())
}

/// The worst of the rows: a miss is certain, whatever else was too busy to say.
fn overall(rows: &[Measured]) -> Verdict {
    let any = |verdict| rows.iter().any(|row| row.verdict == verdict);
    [Verdict::Miss, Verdict::Unsaid].into_iter().find(|verdict| any(*verdict)).unwrap_or(Verdict::Hit)
}

fn show(args: &Args, table: &Table, terminal: &Terminal) -> Result<(), Failure> {
    let mut stdout = terminal.stdout();
    let shown = match args.format {
        Format::Text => table.write(&mut stdout, terminal.stdout_palette()),
        Format::Json => {
            let written = serde_json::to_writer_pretty(&mut stdout, table).map_err(std::io::Error::from);
            written.and_then(|()| stdout.write_all(b"\n"))
        }
    };
    forgive_closed(shown.and_then(|()| stdout.flush()))
        .map_err(|error| Failure::internal(format!("failed to write to stdout: {error}")))
}
