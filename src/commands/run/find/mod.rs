//! `run --find rate --keep RULE`: the highest rate at which the rule holds. Short runs against one raised target; a trial
//! in which the generator was not fast enough judges nobody.

use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;

use super::account::{Account, described};
use super::outputs::Outputs;
use super::recording::Recording;
use super::{Args, limits, load, progress, reach, rules, secrets, setup, target, way};
use crate::commands::exit::{Done, Exit, Failure};
use crate::engine::{Crew, OnTick, Signals, Tick};
use crate::report::{Ending, Find, FindEnd, Report, Trial, Trialled, Verdict};
use crate::scenario::plan::Plan;
use crate::scenario::{Needs, Overrides, Scenario, mean_expected};
use crate::threshold::{Judge, RuleText};
use crate::ui::Terminal;
use crate::units::human::rate as shown;
use crate::units::{Rate, print_duration};

mod search;

use search::{Next, REACH, Search};

/// How long a trial measures unless `-d` says otherwise.
const TRIAL: Duration = Duration::from_secs(5);

/// `--find`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Sought {
    /// Publications per second in all
    Rate,
}

/// The rule in parts, checked against the scenario's names.
fn judge(keep: &str, scenario: &Scenario) -> Result<Judge, Failure> {
    let wrong = |part: &str, why: &str| {
        let (keep, part) = (crate::ui::printable(keep), crate::ui::printable(part));
        Failure::usage(format!("--keep \"{keep}\": \"{}\": {why}", part.trim()))
    };
    let parts: Vec<&str> = keep.split("&&").collect();
    let rule = |part: &&str| {
        let labels = part.find('}').map_or(0, |end| end + 1);
        let at = part[labels..].find(['<', '>', '=', '!']).map(|at| labels + at);
        let at = at.ok_or_else(|| wrong(part, "expected METRIC, an operator and a bound, as delivery.p99<100ms"))?;
        let (metric, rule) = part.split_at(at);
        Ok(RuleText { metric: metric.trim().to_owned(), rule: rule.trim().to_owned(), ..RuleText::default() })
    };
    let texts: Vec<RuleText> = parts.iter().map(rule).collect::<Result<_, Failure>>()?;
    Judge::new(&texts, &rules::names(scenario)).map_err(|errors| match errors.first() {
        Some(error) => wrong(parts.get(error.number).copied().unwrap_or(keep), &error.to_string()),
        None => Failure::internal("a rule is wrong, and nobody says why"),
    })
}

/// The scenario as it is at `rate`.
fn at(rate: f64, args: &Args, terminal: &Terminal) -> Result<Scenario, Failure> {
    let duration = Some(args.over.duration().unwrap_or(TRIAL));
    load(args, terminal, |over| Overrides { rate: Some(Rate::per_second(rate)), duration, ..over })
}

/// Searches. Call it from the main thread.
pub(super) fn main(args: &Args, keep: &str, terminal: &Terminal) -> Done {
    let outputs = Outputs::parse(&args.out)?;
    outputs.refuse_logs("--find")?;
    let scenario = load(args, terminal, |over| over)?;
    if !scenario.faults.is_empty() {
        return Err(Failure::usage(
            "--find: trials are without faults; take the [[fault]] entries out of the scenario",
        ));
    }
    let first = mean_expected(&scenario, &Plan::new(&scenario)).publications;
    if first <= 0.0 {
        return Err(Failure::usage("--find rate: nothing is published in this scenario, so there is no rate to raise"));
    }
    let judge = judge(keep, &scenario)?;
    // The server's own limits must be out of the way of every rate that may be tried.
    let highest = at(first * REACH, args, terminal)?;
    let plan = Plan::new(&highest);
    let scarce = limits::prepare(&Needs::of(&highest, &plan))?;
    let runtime = crate::commands::runtime()?;
    let mut signals = {
        let _inside = runtime.enter();
        crate::commands::signals::listen()?
    };
    let mut progress = progress(args, &highest, terminal);
    let over = args.over.overrides();
    secrets::warn(&over, &mut progress);
    scarce.iter().chain(&outputs.doubts()).for_each(|doubt| progress.notice(doubt));
    let wants = target::Wants { redis: args.redis.as_deref(), log: None, kinds: way::used(&plan) };
    let ground = target::raise(&highest, &plan, wants, &mut progress)?;
    let account = Account {
        scenario: described(&scenario),
        environment: ground.environment(),
        started: crate::time::wall_clock(),
        strict: args.strict,
        names: rules::names(&scenario),
        secrets: secrets::Secrets::new(secrets::known(&scenario, &over), ground.learnt()),
    };
    let mut finder = Finder { args, terminal, judge, account, ground, runtime, trials: Vec::new(), decided: None };
    let found = finder.search(keep, first, &mut signals)?;
    let mut report = finder.decided.take().ok_or_else(|| Failure::internal("a search without a trial"))?;
    (report.verdict, report.exit_code) = judged(&found.end);
    report.find = Some(found);
    let proxied = finder.ground.stop(&mut crate::engine::End::Complete);
    let (written, failed) = outputs.write(&report, None, proxied);
    args.format.show(terminal, &report, &written)?;
    failed.iter().for_each(|error| anstream::eprintln!("error: {error}"));
    let code = if failed.is_empty() { report.exit_code } else { Exit::Internal as u8 };
    Ok(ExitCode::from(code))
}

/// What a search answers.
fn judged(end: &FindEnd) -> (Verdict, u8) {
    match end {
        FindEnd::Found | FindEnd::HeldThroughout => (Verdict::Pass, 0),
        FindEnd::NeverHeld => (Verdict::Fail, Exit::Threshold as u8),
        FindEnd::GeneratorGaveOut(_) | FindEnd::Unsettled => (Verdict::Untrustworthy, Exit::Untrustworthy as u8),
        FindEnd::Interrupted(code) => (Verdict::Pass, *code),
    }
}

/// A search that goes on.
struct Finder<'a> {
    args: &'a Args,
    terminal: &'a Terminal,
    judge: Judge,
    account: Account,
    ground: target::Ground,
    runtime: tokio::runtime::Runtime,
    trials: Vec<Trial>,
    /// The last trial at the highest rate that held, or without one the last trial.
    decided: Option<Report>,
}

impl Finder<'_> {
    fn search(&mut self, keep: &str, first: f64, signals: &mut Signals) -> Result<Find, Failure> {
        let mut search = Search::new(first);
        let mut disturbed = 0;
        let end = loop {
            let rate = match search.next() {
                Next::Try(rate) => rate,
                Next::Found => break FindEnd::Found,
                Next::HeldThroughout => break FindEnd::HeldThroughout,
                Next::NeverHeld => break FindEnd::NeverHeld,
                Next::Unsettled => break FindEnd::Unsettled,
            };
            let report = self.run(rate, signals)?;
            if let Ending::Interrupted(code) = report.end {
                self.decided.get_or_insert(report);
                break FindEnd::Interrupted(code);
            }
            let outcome = outcome(&report);
            self.tell(rate, outcome, &report);
            let reason = report.generator.reasons.first().cloned().unwrap_or_default();
            if outcome == Trialled::Generator {
                self.decided.get_or_insert(report);
                disturbed += 1;
                // Once may be a neighbour's doing; twice at the same rate is the generator.
                if disturbed == 2 {
                    break FindEnd::GeneratorGaveOut(reason);
                }
                continue;
            }
            disturbed = 0;
            search.take(rate, outcome == Trialled::Held);
            if search.held().is_none_or(|held| held.total_cmp(&rate).is_eq()) {
                self.decided = Some(report);
            }
        };
        let (rate, fails_at) = (search.held(), search.fails());
        Ok(Find { keep: keep.to_owned(), rate, fails_at, end, trials: std::mem::take(&mut self.trials) })
    }

    /// One run at `rate`.
    fn run(&mut self, rate: f64, signals: &mut Signals) -> Result<Report, Failure> {
        let scenario = at(rate, self.args, self.terminal)?;
        let plan = Plan::new(&scenario);
        let quiet = Args { quiet: true, ..self.args.clone() };
        let mut recording = Recording::new(progress(&quiet, &scenario, self.terminal), &self.judge, &self.account);
        let setup = setup(self.args, scenario, plan, &self.ground, None);
        let early = reach(&self.runtime, &self.ground, &setup, signals)
            .map_err(|failure| failure.saying(|message| self.account.secrets.hide(message)))?;
        let mut on_tick = |tick: &Tick| recording.tick(tick);
        let on_tick: &mut OnTick<'_> = &mut on_tick;
        let run = crate::engine::run(setup, Crew::Threads, self.ground.rig(), signals, on_tick);
        let mut outcome = self.runtime.block_on(run).map_err(Failure::internal)?;
        if let Some(code) = early {
            outcome.end = crate::engine::End::Interrupted(code);
        }
        let Recording { series, seen, .. } = recording;
        let mut report = self.account.report(&outcome, &self.judge, &seen.marks, &series);
        // The rule stands on the command line and not in a line of the file.
        report.thresholds.iter_mut().for_each(|rule| rule.line = None);
        match &report.end {
            Ending::Failed(reason) => Err(Failure::setup(format!("at {}: {reason}", shown(rate)))),
            _ if !report.identity.holds => Err(Failure::internal(format!(
                "at {}: due = delivered + lost + excluded does not hold: {:?}",
                shown(rate),
                report.identity
            ))),
            _ => Ok(report),
        }
    }

    fn tell(&mut self, rate: f64, outcome: Trialled, report: &Report) {
        let thresholds = report.thresholds.clone();
        self.trials.push(Trial { rate, outcome, thresholds });
        if !self.args.quiet {
            let word = match outcome {
                Trialled::Held => "held",
                Trialled::Failed => "did not hold",
                Trialled::Generator => "the generator disturbed it",
            };
            let took = print_duration(self.args.over.duration().unwrap_or(TRIAL));
            anstream::eprintln!("trial {}: {} for {took}: {word}", self.trials.len(), shown(rate));
        }
    }
}

/// Who is to blame. Latency counts from the due time, so a rule that holds although the generator was late holds all the
/// more; one that does not hold then says nothing of the target.
fn outcome(report: &Report) -> Trialled {
    let held = report.thresholds.iter().all(|rule| rule.ok);
    match (held, report.generator.healthy) {
        (true, _) => Trialled::Held,
        (false, true) => Trialled::Failed,
        (false, false) => Trialled::Generator,
    }
}
