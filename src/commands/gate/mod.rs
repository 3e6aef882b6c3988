//! `wsbench gate`: is the new server slower than the old one? Two live targets, measured in turns, judged in pairs.

use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;

use super::exit::{Done, Exit, Failure};
use super::run::{ScenarioArgs, rules, secrets};
use crate::gate::{About, Metric, Report, Settings, Side, Verdict};
use crate::output;
use crate::report::hidden;
use crate::scenario::gate::BLOCKS;
use crate::scenario::{self, Diagnostic, Overrides, Scenario};
use crate::ui::{Terminal, forgive_closed};
use crate::units::parse_duration;

mod collector;
mod doubts;
mod live;
mod load;
mod recording;
mod self_check;
mod side;
mod target;
mod turns;

use recording::Recording;
use target::Target;

/// How long a gate may take, unless something else is asked for.
const MAX_TIME: Duration = Duration::from_secs(60);

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
    /// No verdict after this is inconclusive [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    max_time: Option<Duration>,
    /// How long one side's turn lasts; as long as the time allows, of 400ms to 1s, if not given
    #[arg(long, value_name = "TIME", value_parser = parse_block)]
    block: Option<Duration>,
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
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The [gate] of the scenario may name programs to be run
    #[arg(long)]
    allow_commands: bool,
    /// No notices
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    over: ScenarioArgs,
}

/// What a verdict that is neither yes nor no counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Counts {
    Fail,
    Pass,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What is to be measured.
pub(super) struct Asked<'a> {
    scenario: &'a str,
    overrides: Overrides,
    base: Target,
    new: Target,
    max_time: Duration,
    block: Option<Duration>,
    ready: Option<String>,
    passes: Passes,
    /// No progress is told.
    quiet: bool,
    terminal: &'a Terminal,
}

/// Which verdicts that are neither yes nor no pass.
#[derive(Clone, Copy, Debug, Default)]
struct Passes {
    inconclusive: bool,
    untrustworthy: bool,
}

impl Asked<'_> {
    fn target(&self, side: Side) -> &Target {
        match side {
            Side::Base => &self.base,
            Side::New => &self.new,
        }
    }

    /// The scenario as it is for `target`.
    fn load(&self, target: &Target) -> Result<Scenario, Failure> {
        let url = match target {
            Target::Url(url) => Some(url.clone()),
            Target::Command(_) | Target::Build(_) => None,
        };
        let overrides = Overrides { url, ..self.overrides.clone() };
        let loaded = scenario::load(self.scenario, &overrides, &super::environment);
        loaded.map_err(|diagnostic| rules::refuse(&[diagnostic], self.terminal))
    }
}

pub(super) fn main(args: &Args, terminal: &Terminal) -> Done {
    let overrides = args.over.overrides();
    if let Some(directory) = &args.replay {
        let report = recording::replay(directory, &args.metrics, overrides.seed, args.floor)?;
        show(args, &report, terminal)?;
        let passes = |counts: Option<Counts>| counts == Some(Counts::Pass);
        let passes = Passes { inconclusive: passes(args.inconclusive), untrustworthy: passes(args.untrustworthy) };
        return Ok(code(passes, report.verdict));
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
    let asked = asked(args, overrides, &written.gate, terminal)?;
    let metrics = metrics(args, &written, terminal)?;
    let scenario = asked.load(&asked.base)?;
    turns::check(&scenario)?;
    let settings = Settings::new(metrics, scenario.seed).map_err(Failure::usage)?;
    let floor = args.floor.or(written.gate.floor).map_or(settings.floor, crate::time::nanos);
    let mut known = secrets::known(&scenario, &asked.overrides);
    known.extend(super::environment("WSBENCH_JWT_SECRET"));
    // What a server says may repeat what it was given.
    measure(args, &asked, &Settings { floor, ..settings }, &known)
        .map_err(|failure| failure.saying(|message| hidden(message, &known)))
}

/// What is to be measured: the command line beats the file.
fn asked<'a>(
    args: &'a Args,
    overrides: Overrides,
    written: &scenario::gate::Gate,
    terminal: &'a Terminal,
) -> Result<Asked<'a>, Failure> {
    let path = args.scenario.as_deref().unwrap_or_default();
    let target = |flag: &str, given: &Option<String>, written: &Option<String>| {
        let from_file = given.is_none();
        let text = given.clone().or(written.clone()).ok_or_else(|| {
            Failure::usage(format!("--{flag} is missing; `--{flag} self` is the bundled server of this very wsbench"))
        })?;
        // A file may come from anybody: what it would have run is run only if the command line says so.
        let runs = text != "self" && !text.contains("://");
        if from_file && runs && !args.allow_commands {
            return Err(Failure::usage(format!(
                "{path}: `{flag}` of [gate] is a program to be run; add --allow-commands if the file may run programs \
                 on this machine"
            )));
        }
        Target::parse(&text).map_err(|why| Failure::usage(format!("--{flag}: {why}")))
    };
    Ok(Asked {
        scenario: path,
        overrides,
        base: target("base", &args.base, &written.base)?,
        new: match args.self_check {
            Some(_) => target("base", &args.base, &written.base)?,
            None => target("new", &args.new, &written.new)?,
        },
        max_time: args.max_time.or(written.max_time).unwrap_or(MAX_TIME),
        block: args.block.or(written.block),
        ready: args.ready.clone().or(written.ready.clone()),
        passes: Passes {
            inconclusive: args.inconclusive.map_or(written.inconclusive_passes, |counts| counts == Counts::Pass),
            untrustworthy: args.untrustworthy.map_or(written.untrustworthy_passes, |counts| counts == Counts::Pass),
        },
        quiet: args.quiet,
        terminal,
    })
}

/// What is gated; what the scenario says if the command line says nothing.
fn metrics(args: &Args, scenario: &Scenario, terminal: &Terminal) -> Result<Vec<Metric>, Failure> {
    if !args.metrics.is_empty() {
        return Ok(args.metrics.clone());
    }
    let read = |(text, span): &(String, Range<usize>)| {
        let wrong = |error| {
            let diagnostic = Diagnostic::new(&scenario.source, span.clone(), format!("{error}"));
            rules::refuse(&[diagnostic], terminal)
        };
        text.parse::<Metric>().map_err(wrong)
    };
    scenario.gate.metrics.iter().map(read).collect()
}

fn measure(args: &Args, asked: &Asked<'_>, settings: &Settings, known: &[String]) -> Done {
    let terminal = asked.terminal;
    let runtime = super::runtime()?;
    let mut signals = {
        let _inside = runtime.enter();
        super::signals::listen()?
    };
    let recording = args.record.as_deref().map(Recording::create).transpose()?;
    let logs = Logs::new(args.record.as_deref())?;
    if let Some(gates) = args.self_check {
        return self_check::run(gates, asked, settings, (logs.path(), args.format), (&runtime, &mut signals), terminal);
    }
    let live = live::Live::raise(asked, settings, logs.path())?;
    if !args.quiet {
        anstream::eprintln!("gate: base {}, new {}", asked.base.describe(), asked.new.describe());
    }
    let (mut measured, recording) = live.measure(&runtime, &mut signals, recording)?;
    hide(&mut measured.about, known);
    logs.drop_if_ours();
    let report = measured.gate.report(&measured.about);
    if let Some(recording) = recording {
        recording.finish(settings, &measured.about)?;
    }
    show(args, &report, terminal)?;
    Ok(measured.interrupted.map_or_else(|| code(asked.passes, report.verdict), ExitCode::from))
}

/// Takes secrets out of what is said of the targets.
fn hide(about: &mut About, known: &[String]) {
    let texts = [&mut about.base, &mut about.new].into_iter().chain(&mut about.notes).chain(&mut about.doubts);
    texts.for_each(|text| *text = hidden(text, known));
}

/// Where what commands say is kept: beside the recording, or else in a place of its own that nobody else reads. That
/// stays when a gate fails, because the message names it.
enum Logs<'a> {
    Beside(&'a Path),
    Own(PathBuf),
}

impl<'a> Logs<'a> {
    fn new(record: Option<&'a Path>) -> Result<Self, Failure> {
        let Some(directory) = record else {
            return Ok(Self::Own(super::private::directory("gate")?.keep()));
        };
        Ok(Self::Beside(directory))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Beside(directory) => directory,
            Self::Own(directory) => directory,
        }
    }

    fn drop_if_ours(self) {
        if let Self::Own(directory) = self {
            // One left behind in the temporary place harms nobody.
            drop(std::fs::remove_dir_all(directory));
        }
    }
}

fn show(args: &Args, report: &Report, terminal: &Terminal) -> Result<(), Failure> {
    let mut stdout = terminal.stdout();
    let shown = match args.format {
        Format::Text => output::write_gate(report, &mut stdout, terminal.stdout_palette()),
        Format::Json => {
            let written = serde_json::to_writer_pretty(&mut stdout, report).map_err(std::io::Error::from);
            written.and_then(|()| stdout.write_all(b"\n"))
        }
    };
    forgive_closed(shown.and_then(|()| stdout.flush()))
        .map_err(|error| Failure::internal(format!("failed to write to stdout: {error}")))
}

/// What the verdict exits with.
fn code(passes: Passes, verdict: Verdict) -> ExitCode {
    match verdict {
        Verdict::Regressed => Exit::Regression.into(),
        Verdict::Inconclusive if !passes.inconclusive => Exit::Inconclusive.into(),
        Verdict::Untrustworthy if !passes.untrustworthy => Exit::Untrustworthy.into(),
        Verdict::NotRegressed | Verdict::Inconclusive | Verdict::Untrustworthy => ExitCode::SUCCESS,
    }
}

fn parse_block(text: &str) -> Result<Duration, String> {
    let block = parse_duration(text).map_err(|error| error.to_string())?;
    if BLOCKS.contains(&block) { Ok(block) } else { Err("a block lasts 400ms to 1s".to_owned()) }
}
