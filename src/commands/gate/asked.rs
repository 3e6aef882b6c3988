//! What a gate is asked to measure: the command line, and what the scenario says where that says nothing.

use std::ops::Range;
use std::time::Duration;

use super::target::{Named, Target};
use super::{Args, Counts, answers};
use crate::commands::exit::Failure;
use crate::commands::run::rules;
use crate::commands::run::secrets::{self, Learnt, Secrets};
use crate::gate::{About, Metric, Passes, Side};
use crate::scenario::{self, Diagnostic, GivenUrl, Overrides, Scenario};
use crate::ui::Terminal;

/// How long a gate may take, unless something else is asked for, and how much longer for every further start.
const MAX_TIME: Duration = Duration::from_secs(60);
const MAX_TIME_OF_A_START: Duration = Duration::from_secs(20);

/// What is to be measured. Not `Debug`: it holds a secret.
pub(super) struct Asked<'a> {
    scenario: &'a str,
    /// The scenario's name, and the SHA-256 of its text.
    name: String,
    sha256: String,
    overrides: Overrides,
    base: Named,
    new: Named,
    pub(super) max_time: Duration,
    pub(super) block: Option<Duration>,
    /// How often both sides are started.
    pub(super) starts: u32,
    pub(super) ready: Option<String>,
    pub(super) passes: Passes,
    /// No progress is told.
    pub(super) quiet: bool,
    /// What tokens are signed with, where the sides are to know it.
    pub(super) secret: String,
    /// What logins give to the clients of either side.
    pub(super) learnt: Learnt,
    pub(super) terminal: &'a Terminal,
}

impl<'a> Asked<'a> {
    /// The command line beats what is `written` in the file.
    pub(super) fn new(
        args: &'a Args,
        overrides: Overrides,
        written: &Scenario,
        terminal: &'a Terminal,
    ) -> Result<Self, Failure> {
        let (name, sha256) = (written.name.clone(), written.source.sha256.clone());
        let written = &written.gate;
        let base = target("base", args, &args.base, &written.base)?;
        let passes = |given: Option<Counts>, written| given.map_or(written, |counts| counts == Counts::Pass);
        let starts = args.starts.or(written.starts).unwrap_or(1);
        let max_time = args.max_time.or(written.max_time).unwrap_or(MAX_TIME + MAX_TIME_OF_A_START * (starts - 1));
        let asked = Self {
            scenario: args.scenario.as_deref().unwrap_or_default(),
            name,
            sha256,
            overrides,
            new: match args.self_check {
                Some(_) => base.clone(),
                None => target("new", args, &args.new, &written.new)?,
            },
            base,
            max_time,
            starts,
            block: args.block.or(written.block),
            ready: args.ready.clone().or(written.ready.clone()),
            passes: Passes {
                inconclusive: passes(args.inconclusive, written.inconclusive_passes),
                untrustworthy: passes(args.untrustworthy, written.untrustworthy_passes),
            },
            quiet: args.quiet,
            secret: crate::commands::environment("WSBENCH_JWT_SECRET").unwrap_or_else(crate::commands::secret::random),
            learnt: Learnt::default(),
            terminal,
        };
        asked.suits(args)?;
        Ok(asked)
    }

    /// Refuses what is asked of targets that cannot do it.
    fn suits(&self, args: &Args) -> Result<(), Failure> {
        let sides = [&self.base.target, &self.new.target];
        if args.ready.is_some() && !sides.iter().any(|target| matches!(target, Target::Command(_))) {
            return Err(Failure::usage(
                "--ready is for commands (cmd:COMMAND): a build of wsbench says by itself when it is ready, and a URL is \
                 taken to be",
            ));
        }
        if let Some(Err(why)) = self.ready.as_deref().map(answers::askable) {
            return Err(Failure::usage(format!("{}: {why}", place(args, "ready", &args.ready))));
        }
        if self.starts > 1 && sides.iter().any(|target| matches!(target, Target::Url(_))) {
            return Err(Failure::usage(
                "--starts: a URL is not the gate's to start; give both sides as commands (cmd:COMMAND) or builds",
            ));
        }
        Ok(())
    }

    pub(super) fn target(&self, side: Side) -> &Target {
        &self.named(side).target
    }

    fn named(&self, side: Side) -> &Named {
        match side {
            Side::Base => &self.base,
            Side::New => &self.new,
        }
    }

    /// The scenario as it is for `side`.
    pub(super) fn load(&self, side: Side) -> Result<Scenario, Failure> {
        let Named { place, target } = self.named(side);
        let url = match target {
            Target::Url(url) => Some(GivenUrl::new(place, url)),
            Target::Command(_) | Target::Build(_) => None,
        };
        let overrides = Overrides { url, ..self.overrides.clone() };
        let loaded = scenario::load(self.scenario, &overrides, &crate::commands::environment);
        loaded.map_err(|diagnostic| rules::refuse(&[diagnostic], self.terminal))
    }

    /// The secrets both sides are given, and those they give: what they say may repeat them.
    pub(super) fn secrets(&self) -> Result<Secrets, Failure> {
        let mut known = vec![self.secret.clone()];
        for side in Side::BOTH {
            known.extend(secrets::known(&self.load(side)?, &self.overrides));
        }
        Ok(Secrets::new(known, self.learnt.clone()))
    }

    /// What is gated, in blocks as long as `block`.
    pub(super) fn about(&self, block: Duration, notes: Vec<String>, doubts: Vec<String>) -> About {
        About {
            scenario: self.name.clone(),
            sha256: self.sha256.clone(),
            base: self.base.target.describe(),
            new: self.new.target.describe(),
            block_ms: u64::try_from(block.as_millis()).unwrap_or(u64::MAX),
            notes,
            doubts,
        }
    }
}

/// What the command line gives for a side, else the file.
fn target(flag: &str, args: &Args, given: &Option<String>, written: &Option<String>) -> Result<Named, Failure> {
    let from_file = given.is_none();
    let place = place(args, flag, given);
    let text = given.as_ref().or(written.as_ref()).ok_or_else(|| {
        Failure::usage(format!("--{flag} is missing; `--{flag} self` is the bundled server of this very wsbench"))
    })?;
    // A file may come from anybody: what it would have run is run only if the command line says so.
    let runs = text != "self" && !text.contains("://");
    if from_file && runs && !args.allow_commands {
        return Err(Failure::usage(format!(
            "{place} is a program to be run; add --allow-commands if the file may run programs on this machine"
        )));
    }
    let target = Target::parse(text).map_err(|why| Failure::usage(format!("{place}: {why}")))?;
    Ok(Named { place, target })
}

/// What an error about `name` blames: the flag where it is `given`, else the file's key.
fn place<T>(args: &Args, name: &str, given: &Option<T>) -> String {
    match given {
        Some(_) => format!("--{name}"),
        None => format!("{}: `{name}` of [gate]", args.scenario.as_deref().unwrap_or_default()),
    }
}

/// What is gated; what the scenario says if the command line says nothing.
pub(super) fn metrics(args: &Args, scenario: &Scenario, terminal: &Terminal) -> Result<Vec<Metric>, Failure> {
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
