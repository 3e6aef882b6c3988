//! `wsbench gate`: is the new server slower than the old one? Two live targets, measured in turns, judged in pairs.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;

use super::exit::{Done, Exit, Failure};
use super::format::{self, FormatArg};
use super::run::secrets::Secrets;
use super::run::{ScenarioArgs, rules};
use crate::gate::{About, Metric, Passes, Ruling, Settings, Side, Verdict};
use crate::output::{self, Request, WriteError};
use crate::scenario::gate::{BLOCKS, STARTS};
use crate::scenario::{self, Overrides};
use crate::ui::Terminal;
use crate::units::parse_duration;

mod answers;
mod asked;
mod attempt;
mod attention;
mod collector;
mod doubts;
mod live;
mod load;
mod logs;
mod recording;
mod self_check;
mod side;
mod target;
mod turns;

use asked::Asked;
use attention::{Attention, Ended};
use live::{Live, Measured};
use logs::Logs;
use recording::Recording;

/// Is NEW slower than BASE? Two live targets, measured in turns, judged in pairs
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// A scenario file, or @NAME for a shipped one
    #[arg(required_unless_present = "replay")]
    scenario: Option<String>,
    /// What is known to be good: a URL, cmd:COMMAND ({{port}}, PORT, REDIS_URL), self, or a wsbench build
    #[arg(long, value_name = "TARGET")]
    base: Option<String>,
    /// What is judged, likewise
    #[arg(long, value_name = "TARGET")]
    new: Option<String>,
    /// What is gated and how much later it may become (repeatable); p50=5%, p90=20% and p99=50% if none is given
    #[arg(long = "metric", value_name = "QUANTILE=TOLERANCE")]
    metrics: Vec<Metric>,
    /// Less than this is not slower, whatever share it is [default: 20us]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    floor: Option<Duration>,
    /// No verdict after this is inconclusive [default: 60s, and 20s for every further start]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    max_time: Option<Duration>,
    /// How long one side's turn lasts; as long as the time allows, of 400ms to 1s, if not given
    #[arg(long, value_name = "TIME", value_parser = parse_block)]
    block: Option<Duration>,
    /// How often both sides are started anew, with as many pairs each time: what one start happened to be weighs less
    /// [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(starts()))]
    starts: Option<u32>,
    /// Asked until it answers with success before a side that was started counts as ready; {{port}} is its port
    #[arg(long, value_name = "URL")]
    ready: Option<String>,
    /// Keep the blocks in this directory
    #[arg(long, value_name = "DIR", conflicts_with = "replay")]
    record: Option<PathBuf>,
    /// Judge the blocks in this directory in place of measuring
    #[arg(long, value_name = "DIR", conflicts_with_all = ["scenario", "base", "new"])]
    replay: Option<PathBuf>,
    /// What can the gate do here, today? N gates of base against itself, and N against itself a tenth later; each takes
    /// as long as a gate does
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "20", conflicts_with_all = ["record", "replay", "new"], value_parser = clap::value_parser!(u16).range(1..=200))]
    self_check: Option<u16>,
    /// What an inconclusive gate is: fail is exit 97
    #[arg(long, value_enum)]
    inconclusive: Option<Counts>,
    /// What an untrustworthy gate is: fail is exit 4
    #[arg(long, value_enum)]
    untrustworthy: Option<Counts>,
    /// What goes to stdout
    #[arg(long, value_name = "KIND", default_value = "text", value_parser = format::parser::<Ruling>())]
    format: FormatArg<Ruling>,
    #[arg(long, value_name = "KIND=FILE", conflicts_with = "self_check", help = format!("Write KIND=FILE as well: {} (repeatable)", format::kinds::<Ruling>()))]
    out: Vec<String>,
    /// The [gate] of the scenario may name programs to be run
    #[arg(long)]
    allow_commands: bool,
    /// No notices
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    over: ScenarioArgs,
}

/// Of a gate that a signal ended too early.
const INTERRUPTED: &str = "it was interrupted before anything was measured";

/// What a verdict that is neither yes nor no counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Counts {
    Fail,
    Pass,
}

pub(super) fn main(args: &Args, terminal: &Terminal) -> Done {
    let overrides = args.over.overrides();
    let outputs = args.out.iter().map(|argument| format::request(argument)).collect::<Result<Vec<_>, _>>()?;
    if let Some(directory) = &args.replay {
        let report = recording::replay(directory, &args.metrics, overrides.seed, args.floor)?;
        let passes = |counts: Option<Counts>| counts == Some(Counts::Pass);
        let passes = Passes { inconclusive: passes(args.inconclusive), untrustworthy: passes(args.untrustworthy) };
        return finish(args, &outputs, &Ruling { report, passes }, None, terminal);
    }
    if overrides.url.is_some() || overrides.duration.is_some() {
        return Err(Failure::usage(
            "a gate has two targets (--base, --new) and its own time (--max-time): leave --url and -d out",
        ));
    }
    let path = args.scenario.as_deref().unwrap_or_default();
    let overrides = Overrides { allow_commands: args.allow_commands, ..overrides };
    let written = scenario::load(path, &overrides, &super::environment);
    let written = written.map_err(|diagnostic| rules::refuse(&[diagnostic], terminal))?;
    turns::check(&written)?;
    let asked = Asked::new(args, overrides, &written, terminal)?;
    let metrics = asked::metrics(args, &written, terminal)?;
    let scenario = asked.load(Side::Base)?;
    let settings = Settings::new(metrics, scenario.seed).map_err(Failure::usage)?;
    let floor = args.floor.or(written.gate.floor).map_or(settings.floor, crate::time::nanos);
    let secrets = asked.secrets()?;
    // What a server says may repeat what it was given.
    measure(args, &asked, &Settings { floor, ..settings }, (&outputs, &secrets))
        .map_err(|failure| failure.saying(|message| secrets.hide(message)))
}

/// Measures and tells into `outputs`, without the `secrets`.
fn measure(
    args: &Args,
    asked: &Asked<'_>,
    settings: &Settings,
    (outputs, secrets): (&[Request<Ruling>], &Secrets),
) -> Done {
    let format = self_check::Format::of(args.format.0.name);
    let mut attention = Attention::new()?;
    let logs = Logs::new(args.record.as_deref())?;
    let done = match args.self_check {
        Some(gates) => {
            format.and_then(|format| self_check::run(gates, asked, settings, (logs.path(), format), &mut attention))
        }
        None => match once(args, asked, settings, logs.path(), &mut attention) {
            Ok((mut measured, recording)) => {
                hide(&mut measured.about, secrets);
                let report = measured.gate.report(&measured.about);
                let kept = recording.map_or(Ok(()), |recording| recording.finish(settings, &measured.about));
                let ruling = Ruling { report, passes: asked.passes };
                let done = finish(args, outputs, &ruling, measured.interrupted, asked.terminal);
                // The verdict is told all the same; a signal's exit code stays.
                match kept {
                    Err(failure) if measured.interrupted.is_none() => Err(failure),
                    Err(failure) => done.inspect(|_| anstream::eprintln!("error: {}", failure.message)),
                    Ok(()) => done,
                }
            }
            Err(failure) => {
                let mut nothing = Measured::nothing(asked, settings, failure.message.clone());
                hide(&mut nothing.about, secrets);
                let ruling = Ruling { report: nothing.gate.report(&nothing.about), passes: Passes::default() };
                complain(&output::write_all(outputs, &ruling).1);
                Err(failure)
            }
        },
    };
    logs.close(done)
}

/// Says what could not be written.
fn complain(failed: &[WriteError]) {
    for error in failed {
        anstream::eprintln!("error: {error}");
    }
}

/// One gate, and what is kept of it; commands log to `logs`.
fn once(
    args: &Args,
    asked: &Asked<'_>,
    settings: &Settings,
    logs: &Path,
    attention: &mut Attention,
) -> Result<(Measured, Option<Recording>), Failure> {
    let mut recording = args.record.as_deref().map(Recording::create).transpose()?;
    if !args.quiet {
        let target = |side| asked.target(side).describe();
        anstream::eprintln!("gate: base {}, new {}", target(Side::Base), target(Side::New));
    }
    let live = Live::raise(asked, settings, logs, attention);
    match live.and_then(|live| live.measure(attention, &mut recording)) {
        Ok(measured) => Ok((measured, recording)),
        Err(Ended::Signal(code)) => {
            let nothing = Measured::nothing(asked, settings, INTERRUPTED.to_owned());
            Ok((Measured { interrupted: Some(code), ..nothing }, recording))
        }
        Err(Ended::Failed(failure)) => Err(failure),
    }
}

/// Takes `secrets` out of what is said of the targets.
fn hide(about: &mut About, secrets: &Secrets) {
    let texts = [&mut about.base, &mut about.new].into_iter().chain(&mut about.notes).chain(&mut about.doubts);
    texts.for_each(|text| *text = secrets.hide(text));
}

/// Writes everything that was asked for; the verdict's exit code unless something could not be written.
fn finish(
    args: &Args,
    outputs: &[Request<Ruling>],
    ruling: &Ruling,
    interrupted: Option<u8>,
    terminal: &Terminal,
) -> Done {
    let (written, failed) = output::write_all(outputs, ruling);
    args.format.show(terminal, ruling, &written)?;
    complain(&failed);
    Ok(match interrupted {
        Some(code) => ExitCode::from(code),
        None if failed.is_empty() => code(ruling),
        None => Exit::Internal.into(),
    })
}

/// What the verdict exits with.
fn code(ruling: &Ruling) -> ExitCode {
    match ruling.report.verdict {
        verdict if ruling.passes.allow(verdict) => ExitCode::SUCCESS,
        Verdict::Regressed => Exit::Regression.into(),
        Verdict::Untrustworthy => Exit::Untrustworthy.into(),
        Verdict::NotRegressed | Verdict::Inconclusive => Exit::Inconclusive.into(),
    }
}

fn starts() -> RangeInclusive<i64> {
    i64::from(*STARTS.start())..=i64::from(*STARTS.end())
}

fn parse_block(text: &str) -> Result<Duration, String> {
    let block = parse_duration(text).map_err(|error| error.to_string())?;
    if BLOCKS.contains(&block) { Ok(block) } else { Err("a block lasts 400ms to 1s".to_owned()) }
}
