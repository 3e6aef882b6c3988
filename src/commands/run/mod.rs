//! `wsbench run`: read the scenario, raise the server if it is ours, drive the clients, report, judge.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::exit::{Done, Exit, Failure};
use super::format::{self, FormatArg};
use crate::engine::{OnTick, RawSink, Setup, Signals, Tick};
use crate::output::{WriteError, Written};
use crate::report::{self, Ending, Environment, Report};
use crate::scenario::plan::Plan;
use crate::scenario::{self, MOST_PROCESSES, Needs, Overrides, Scenario, Target};
use crate::ui::{Progress, Terminal, Verbosity};

mod account;
mod before;
pub(super) mod bundled;
mod ci;
mod crew;
mod find;
pub(super) mod limits;
mod live;
mod outputs;
mod overrides;
pub(super) mod preflight;
pub(super) mod quick;
mod recording;
mod rigging;
pub(super) mod rules;
pub(super) mod secrets;
pub(super) mod target;
pub(super) mod way;

use account::{Account, Rotation, described};
use crew::Crew;
use outputs::Outputs;
pub(super) use overrides::{ScenarioArgs, TowardsArgs, pair};
use recording::Recording;
use secrets::Secrets;

/// Drive clients through a scenario, report, judge thresholds
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// A scenario file, or @NAME for a shipped one; nothing with --url
    #[arg(required_unless_present_any = ["url", "list"])]
    scenario: Option<String>,
    #[command(flatten)]
    over: ScenarioArgs,
    /// What the target speaks, without a scenario
    #[arg(long, default_value = "room", requires = "url")]
    dialect: String,
    /// List the shipped scenarios
    #[arg(long)]
    list: bool,
    /// Print the scenario in place of running it
    #[arg(long)]
    print_scenario: bool,
    /// The Redis that joins the instances of the bundled server
    #[arg(long, value_name = "URL", env = "REDIS_URL", hide_env_values = true)]
    redis: Option<String>,
    /// What joins the instances of the bundled server, in place of the scenario's
    #[arg(long, value_enum)]
    broker: Option<super::serve::BrokerArg>,
    #[arg(long, value_name = "KIND=FILE", help = outputs::help())]
    out: Vec<String>,
    /// What goes to stdout
    #[arg(long, value_name = "KIND", default_value = "text", value_parser = format::parser::<Report>())]
    format: FormatArg,
    /// A measurement that cannot be trusted is a failure (exit 4)
    #[arg(long)]
    strict: bool,
    /// Faults of the scenario may run commands on this machine
    #[arg(long)]
    allow_commands: bool,
    /// How often a long run writes its json outputs on the way, so that a killed one leaves a result
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = crate::units::parse_duration)]
    snapshot_every: Duration,
    /// Serve the run as it stands as OpenMetrics on http://ADDR/metrics: a port of this machine, or ADDRESS:PORT
    #[arg(long, value_name = "ADDR", value_parser = live::parse)]
    metrics_listen: Option<std::net::SocketAddr>,
    /// Search for the highest rate at which --keep holds, all publish entries scaled together, in short runs (-d, 5s)
    #[arg(long, value_enum, value_name = "WHAT", requires = "keep", conflicts_with_all = ["metrics_listen", "list", "print_scenario"])]
    find: Option<find::Sought>,
    /// What must hold, as thresholds are written: 'delivery.p99<100ms && deliveries.lost==0'
    #[arg(long, value_name = "RULE", requires = "find")]
    keep: Option<String>,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
    /// Threads that drive clients, of all processes together; a worker per two cores by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
    /// Processes that share the clients, for more of them than one may have open files (1: this one alone)
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(MOST_PROCESSES)), conflicts_with = "find")]
    processes: u8,
}

impl Args {
    /// What stands against the scenario.
    fn overrides(&self) -> Overrides {
        Overrides { allow_commands: self.allow_commands, ..self.over.overrides() }
    }

    /// What is asked for without a scenario.
    fn said(&self) -> quick::Said<'_> {
        quick::Said {
            url: self.over.url().unwrap_or_default(),
            dialect: &self.dialect,
            clients: self.over.clients(),
            duration: self.over.duration(),
            rate: self.over.rate(),
        }
    }
}

pub(super) fn main(args: Args, terminal: &Terminal) -> Done {
    match (args.find, &args.keep) {
        _ if args.list => list(terminal),
        (Some(find::Sought::Rate), Some(keep)) => find::main(&args, keep, terminal),
        _ => once(args, terminal),
    }
}

/// One run.
fn once(args: Args, terminal: &Terminal) -> Done {
    let outputs = Outputs::parse(&args.out)?;
    let scenario = load(&args, terminal, |over| over)?;
    if args.print_scenario {
        return super::print(terminal, &scenario.source.text);
    }
    let log = outputs.proxy_log(&scenario)?;
    let judge = Arc::new(rules::judge(&scenario, terminal)?);
    let plan = Plan::new(&scenario);
    before::shared(&scenario, args.processes)?;
    let scarce = limits::prepare(&Needs::of(&scenario, &plan).over(args.processes))?;
    let page = args.metrics_listen.map(live::Listener::bind).transpose()?;
    let runtime = super::runtime()?;
    // From here on a signal ends the run in good order, children included.
    let mut signals = {
        let _inside = runtime.enter();
        super::signals::listen()?
    };
    let mut progress = progress(&args, &scenario, terminal);
    if let Some(page) = &page {
        progress.notice(&format!("metrics on {}", page.url()));
    }
    let over = args.over.overrides();
    secrets::warn(&over, &mut progress);
    scarce.iter().chain(&outputs.doubts()).for_each(|doubt| progress.notice(doubt));
    let wants = target::Wants { redis: args.redis.as_deref(), log, kinds: way::used(&plan) };
    let mut ground = target::raise(&scenario, &plan, wants, &mut progress)?;
    let account = Arc::new(Account {
        scenario: described(&scenario),
        environment: ground.environment(),
        started: crate::time::wall_clock(),
        strict: args.strict,
        names: rules::names(&scenario),
        secrets: Secrets::new(secrets::known(&scenario, &over), ground.learnt()),
    });
    let rotation = Rotation::new(outputs.rotated(), args.snapshot_every);
    let rotation = Some(rotation).filter(|rotation| rotation.is_wanted(scenario.times.total()));
    let live = page.map(|page| page.serve(Arc::clone(&account), Arc::clone(&judge))).transpose()?;
    let mut recording = Recording::new(progress, &judge, &account).rotating(rotation).shown(live);
    let (raw, writer) = outputs.raw_log();
    let setup = setup(&args, scenario, plan, &ground, raw);
    let early = reach(&runtime, &ground, &setup, &mut signals)
        .map_err(|failure| failure.saying(|message| account.secrets.hide(message)))?;
    // The engine hears of it as of any other, so that a run that has not begun leaves its outputs too.
    let (again, early_signals) = tokio::sync::mpsc::channel(1);
    if let Some(code) = early {
        signals = early_signals;
        again.try_send(code).map_err(Failure::internal)?;
    }
    let (mut crew, carriers) = Crew::raise(&args, &setup, &ground, &runtime)
        .map_err(|failure| failure.saying(|message| account.secrets.hide(message)))?;
    let mut outcome = {
        let mut on_tick = |tick: &Tick| recording.tick(tick);
        let on_tick: &mut OnTick<'_> = &mut on_tick;
        let run = crate::engine::run(setup, carriers, ground.rig(), &mut signals, on_tick);
        runtime.block_on(run).map_err(Failure::internal)?
    };
    let Recording { mut progress, series, seen, .. } = recording;
    progress.finish();
    crew.stop(&mut outcome.end);
    let proxied = ground.stop(&mut outcome.end);
    let report = account.report(&outcome, &judge, &seen.marks, &series);
    finish(&args, terminal, &report, |report| outputs.write(report, writer, proxied))
}

/// Makes sure that the target can be reached; the code of a signal that came first.
fn reach(
    runtime: &tokio::runtime::Runtime,
    ground: &target::Ground,
    setup: &Setup,
    signals: &mut Signals,
) -> Result<Option<u8>, Failure> {
    runtime.block_on(async {
        tokio::select! {
            reached = preflight::connect(ground.urls(), setup) => reached.map(|()| None),
            code = signals.recv() => Ok(code),
        }
    })
}

fn progress(args: &Args, scenario: &Scenario, terminal: &Terminal) -> Progress {
    let verbosity = if args.quiet { Verbosity::Quiet } else { Verbosity::Normal };
    let times = scenario.times;
    let phases = crate::ui::Plan { warm_up: times.warm_up, duration: times.duration, drain: times.drain };
    Progress::new(terminal, verbosity, phases)
}

/// Writes everything that was asked for; the report's own exit code unless something could not be written.
fn finish(
    args: &Args,
    terminal: &Terminal,
    report: &Report,
    write: impl FnOnce(&Report) -> (Vec<Written>, Vec<WriteError>),
) -> Done {
    let (written, failed) = write(report);
    args.format.show(terminal, report, &written)?;
    ci::tell(report);
    for error in &failed {
        anstream::eprintln!("error: {error}");
    }
    if let Ending::Failed(reason) = &report.end {
        anstream::eprintln!("error: {}", crate::ui::printable(reason));
    }
    let code = if failed.is_empty() || matches!(report.exit_code, 130 | 143) {
        report.exit_code
    } else {
        Exit::Internal as u8
    };
    Ok(ExitCode::from(code))
}

/// The scenario with what stands against it, as `change` makes that.
fn load(args: &Args, terminal: &Terminal, change: impl FnOnce(Overrides) -> Overrides) -> Result<Scenario, Failure> {
    let overrides = change(args.overrides());
    let environment = &super::environment;
    let loaded = match &args.scenario {
        Some(path) => scenario::load(path, &overrides, environment),
        None => scenario::parse(quick::source(&args.said()), &overrides, environment),
    };
    let mut scenario = loaded.map_err(|diagnostic| rules::refuse(&[diagnostic], terminal))?;
    if let (Some(broker), Target::Bundled(bundled)) = (args.broker, &mut scenario.target) {
        bundled.broker = broker.into();
    }
    Ok(scenario)
}

fn setup(args: &Args, scenario: Scenario, plan: Plan, ground: &target::Ground, raw: Option<RawSink>) -> Setup {
    Setup {
        dialer: ground.dialer(&scenario),
        urls: ground.urls(),
        scenario: Arc::new(scenario),
        workers: crew::workers(args, plan.lives().len()),
        plan,
        secret: ground.secret(),
        run: rand::random(),
        raw,
        turns: None,
    }
}

fn list(terminal: &Terminal) -> Done {
    let mut text = String::new();
    for (name, scenario) in scenario::builtin::BUILTINS {
        text.push_str(&format!("@{name}\n    {}\n", scenario::builtin::about(scenario)));
    }
    super::print(terminal, &text)
}

/// The environment of a run against a server that is not ours.
fn foreign_environment(urls: usize) -> Environment {
    Environment::new(report::Broker::External, u32::try_from(urls).unwrap_or(u32::MAX), cores())
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}
