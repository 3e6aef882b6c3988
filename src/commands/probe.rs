//! `wsbench probe`: two clients, one message. Does the target do as its dialect says, and if not, at which step?

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::exit::{Done, Exit, Failure};
use super::run::secrets::{self, Secrets};
use super::run::{ScenarioArgs, quick, rules, target, way};
use crate::dialect::{self, DIALECTS, Dialect, Identity, Journal, Parameters, Passed, Traced};
use crate::engine::End;
use crate::output;
use crate::probe::{self, Asked, Findings, Speaker, Step};
use crate::scenario::plan::{Life, Plan};
use crate::scenario::{self, GivenUrl, Overrides, Scenario};
use crate::session::Dialer;
use crate::ui::{Palette, Plan as Phases, Progress, Terminal, Verbosity, forgive_closed};
use crate::units::parse_duration;

/// Two clients, one message: does a target do as its dialect says?
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// A URL (ws, wss, http, https), a scenario file, or @NAME for a shipped one
    target: String,
    /// What the target speaks, for a URL
    #[arg(long, default_value = "room")]
    dialect: String,
    /// The room to meet in, in place of the scenario's first
    #[arg(long, value_name = "NAME")]
    room: Option<String>,
    /// Show each frame and what the dialect made of it
    #[arg(long)]
    trace: bool,
    /// Try every dialect that needs no parameters, and say how far each came
    #[arg(long, conflicts_with = "trace")]
    guess: bool,
    /// How long a step may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
    within: Duration,
    /// The Redis that joins the instances of the bundled server
    #[arg(long, value_name = "URL", env = "REDIS_URL", hide_env_values = true)]
    redis: Option<String>,
    #[command(flatten)]
    over: ScenarioArgs,
}

pub(super) fn main(args: &Args, terminal: &Terminal) -> Done {
    let overrides = Overrides { allow_commands: true, ..args.over.overrides() };
    let environment = &super::environment;
    let loaded = if args.target.contains("://") {
        if args.over.url().is_some() {
            return Err(Failure::usage("the target is named twice: leave --url out"));
        }
        let said =
            quick::Said { url: &args.target, dialect: &args.dialect, clients: Some(2), duration: None, rate: None };
        let overrides = Overrides { url: Some(GivenUrl::new(&args.target, &args.target)), ..overrides.clone() };
        scenario::parse(quick::source(&said), &overrides, environment)
    } else {
        scenario::load(&args.target, &overrides, environment)
    };
    let scenario = loaded.map_err(|diagnostic| rules::refuse(&[diagnostic], terminal))?;
    let known = secrets::known(&scenario, &overrides);
    let how = How {
        room: args.room.as_deref(),
        redis: args.redis.as_deref(),
        patience: args.within,
        trace: args.trace,
        guess: args.guess,
    };
    let good = live(scenario, &how, &known, terminal)?;
    Ok(if good { ExitCode::SUCCESS } else { Exit::Setup.into() })
}

/// How a scenario's target is probed.
pub(super) struct How<'a> {
    room: Option<&'a str>,
    redis: Option<&'a str>,
    patience: Duration,
    trace: bool,
    guess: bool,
}

impl How<'_> {
    /// As `check --live` does it.
    pub(super) fn usual() -> Self {
        Self { room: None, redis: None, patience: Duration::from_secs(5), trace: false, guess: false }
    }
}

/// Raises what has to be raised and probes it, telling each step on stdout; whether the target does as it should. Call it
/// from the main thread.
pub(super) fn live(scenario: Scenario, how: &How<'_>, known: &[String], terminal: &Terminal) -> Result<bool, Failure> {
    // What befalls a run's connections is no business of a probe.
    let scenario = &Scenario { proxy: None, faults: Vec::new(), ..scenario };
    let plan = Plan::new(scenario);
    let runtime = super::runtime()?;
    let mut signals = {
        let _inside = runtime.enter();
        super::signals::listen()?
    };
    if let Some(room) = how.room.filter(|room| !scenario.target.has_place_for(room)) {
        let message = format!("the name `{room}` has {} bytes, more than the dialect has a place for", room.len());
        return Err(Failure::usage(message));
    }
    let phases = Phases { warm_up: Duration::ZERO, duration: Duration::ZERO, drain: Duration::ZERO };
    let mut progress = Progress::new(terminal, Verbosity::Normal, phases);
    let wants = target::Wants { redis: how.redis, log: None, kinds: way::used(&plan) };
    let mut ground = target::raise(scenario, &plan, wants, &mut progress)?;
    let secrets = Secrets::new(known.to_vec(), ground.learnt());
    let screen = Screen { terminal, palette: terminal.stdout_palette(), secrets };
    let (talker, listener) = pair(scenario, &plan)?;
    let (urls, secret) = (ground.urls(), ground.secret());
    let meet = Meeting { scenario, dialer: ground.dialer(scenario), urls, secret, talker, listener, how };
    let probing = async {
        if how.guess { meet.guess(&screen).await } else { meet.probe(&screen).await.map(|findings| findings.good()) }
    };
    let good = runtime.block_on(async {
        tokio::select! {
            good = probing => good.map(Some),
            _ = signals.recv() => Ok(None),
        }
    });
    ground.stop(&mut End::Complete);
    good?.ok_or_else(|| Failure::setup("interrupted"))
}

/// Who speaks and who listens: a talker of the first publication, and somebody else in one of its rooms, on another address
/// if there is any.
fn pair<'p>(scenario: &Scenario, plan: &'p Plan) -> Result<(&'p Life, &'p Life), Failure> {
    let lives = plan.lives();
    let from = scenario.publishes.first().map(|publish| publish.from);
    let talks = |life: &&Life| from.is_none_or(|from| life.group == from) && !life.rooms.is_empty();
    let talker = lives.iter().find(talks).or_else(|| lives.iter().find(|life| !life.rooms.is_empty()));
    let talker = talker
        .ok_or_else(|| Failure::usage("nobody in this scenario is in a room: a probe needs a room to meet in"))?;
    let meets = |life: &&Life| life.client != talker.client && life.rooms.contains(&talker.rooms[0]);
    let elsewhere = lives.iter().filter(meets).find(|life| life.url != talker.url);
    let listener = elsewhere.or_else(|| lives.iter().find(meets)).ok_or_else(|| {
        Failure::usage(format!(
            "`{}` is alone in its room `{}`: a probe needs two clients in a room",
            scenario[talker.group].name, scenario.rooms[talker.rooms[0].0 as usize]
        ))
    })?;
    Ok((talker, listener))
}

/// The two and their way to the target.
struct Meeting<'a> {
    scenario: &'a Scenario,
    dialer: Dialer,
    urls: usize,
    secret: Option<Arc<[u8]>>,
    talker: &'a Life,
    listener: &'a Life,
    how: &'a How<'a>,
}

impl Meeting<'_> {
    fn asked(&self, dialect: &Arc<dyn Dialect>, journal: &Journal) -> Asked {
        let speaker = |name: &'static str, life: &Life| {
            let (user, token) = self.scenario.users.user(life.user, self.secret.as_deref());
            let auth = self.scenario[life.group].auth;
            let spoken: Arc<dyn Dialect> = match self.how.trace {
                true => Arc::new(Traced::new(Arc::clone(dialect), name, journal.clone())),
                false => Arc::clone(dialect),
            };
            Speaker {
                name,
                dialer: Dialer { dialect: spoken, ..self.dialer.clone() },
                kind: life.transport,
                url: life.url as usize % self.urls.max(1),
                identity: Arc::new(Identity { client: life.client, user, token, auth }),
                login: self.scenario.login_of(life.user),
            }
        };
        let room = self.how.room.unwrap_or(&self.scenario.rooms[self.talker.rooms[0].0 as usize]);
        Asked {
            talker: speaker("talker", self.talker),
            listener: speaker("listener", self.listener),
            room: room.into(),
            patience: self.how.patience,
        }
    }

    async fn probe(&self, screen: &Screen<'_>) -> Result<Findings, Failure> {
        let journal = Journal::default();
        let mut told = Ok(());
        let mut tell = |step: &Step| {
            if told.is_ok() {
                told = screen.step(step, &journal);
            }
        };
        let findings = probe::probe(&self.asked(&self.dialer.dialect, &journal), &mut tell).await;
        told?;
        screen.end(&findings, self.dialer.dialect.name(), &journal)?;
        Ok(findings)
    }

    /// Every dialect that needs no parameters.
    async fn guess(&self, screen: &Screen<'_>) -> Result<bool, Failure> {
        let mut guesses = Vec::new();
        for entry in DIALECTS {
            let Ok(dialect) = dialect::find(entry.name, &Parameters::new()) else { continue };
            if dialect.speaks(self.talker.transport) && dialect.speaks(self.listener.transport) {
                let findings = probe::probe(&self.asked(&dialect, &Journal::default()), &mut |_| {}).await;
                guesses.push((entry.name, findings));
            }
        }
        guesses.sort_by_key(|(_, findings)| std::cmp::Reverse((findings.good(), findings.steps.len())));
        screen.guesses(&guesses)?;
        Ok(guesses.iter().any(|(_, findings)| findings.good()))
    }
}

/// Where it is told; secrets are taken out of it.
struct Screen<'a> {
    terminal: &'a Terminal,
    palette: Palette,
    secrets: Secrets,
}

impl Screen<'_> {
    /// What has passed, without secrets.
    fn passed(&self, journal: &Journal) -> (Vec<Passed>, usize) {
        let (mut passed, omitted) = journal.take();
        for one in &mut passed {
            one.frame = self.secrets.hide(&one.frame);
        }
        (passed, omitted)
    }

    fn step(&self, step: &Step, journal: &Journal) -> Result<(), Failure> {
        let hide = |text: &String| self.secrets.hide(text);
        let step = Step { found: step.found.as_ref().map(hide).map_err(hide), ..step.clone() };
        self.write(|to, palette| {
            output::write_passed(&self.passed(journal), to, palette)?;
            output::write_step(&step, to, palette)
        })
    }

    fn end(&self, findings: &Findings, dialect: &str, journal: &Journal) -> Result<(), Failure> {
        self.write(|to, palette| {
            output::write_passed(&self.passed(journal), to, palette)?;
            output::write_findings(findings, dialect, to, palette)
        })
    }

    fn guesses(&self, guesses: &[(&str, Findings)]) -> Result<(), Failure> {
        self.write(|to, palette| output::write_guesses(guesses, to, palette))
    }

    fn write(
        &self,
        write: impl FnOnce(&mut dyn std::io::Write, Palette) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        let mut stdout = self.terminal.stdout();
        let written = write(&mut stdout, self.palette).and_then(|()| std::io::Write::flush(&mut stdout));
        forgive_closed(written).map_err(|error| Failure::internal(format!("failed to write to stdout: {error}")))
    }
}
