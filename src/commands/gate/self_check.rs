//! `--self-check`: what the gate can do here, today. Base against itself, and against itself a tenth later.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use super::asked::Asked;
use super::attention::{Attention, Ended};
use super::live::Live;
use crate::commands::exit::{Done, Exit, Failure};
use crate::commands::fault_proxy::FaultProxy;
use crate::gate::{Report, Settings, Side, Verdict};
use crate::proxy::{Direction, Impairment, Setup};
use crate::ui::{Terminal, forgive_closed};

/// How much later the second half makes new.
const LATER: f64 = 0.10;

/// How the tally is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Json,
}

impl Format {
    /// A self-check has fewer than a gate.
    pub(super) fn of(name: &str) -> Result<Self, Failure> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(Failure::usage(format!("--format {name}: --self-check has text, json"))),
        }
    }
}

/// What the gates came to.
#[derive(Debug, Default, Serialize)]
struct Tally {
    /// Gates of each kind.
    gates: u16,
    /// Equal servers, called a regression.
    false_alarms: u16,
    /// Equal servers, passed.
    passed: u16,
    /// A tenth later, called a regression.
    caught: u16,
    /// A tenth later, passed.
    missed: u16,
    /// Of either kind, not to be believed.
    untrustworthy: u16,
}

/// Two proxies, so that both sides have the same way; the second one holds new's deliveries.
fn proxies(delay: Duration) -> Result<[FaultProxy; 2], Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::internal(format!("own path: {error}")))?;
    let proxy = |delay| {
        let impairment = Impairment { delay, direction: Direction::Down, ..Impairment::default() };
        FaultProxy::start(&program, &Setup { seed: 0, impairment, clients: None, log: None })
    };
    Ok([proxy(Duration::ZERO)?, proxy(delay)?])
}

/// Runs `gates` gates of each kind; each takes as long as a gate does. Call it from the main thread.
pub(super) fn run(
    gates: u16,
    asked: &Asked<'_>,
    settings: &Settings,
    (logs, format): (&Path, Format),
    attention: &mut Attention,
) -> Done {
    let mut tally = Tally { gates, ..Tally::default() };
    let mut medians = Vec::new();
    let mut gate = |delay: Duration, number: u16, what: &str| -> Result<Result<Report, u8>, Failure> {
        let proxies = proxies(delay)?;
        let settings = Settings { seed: settings.seed.wrapping_add(u64::from(number)), ..settings.clone() };
        let through = proxies.each_ref().map(|proxy| proxy.address);
        let measured = Live::raise(asked, &settings, logs, attention)
            .and_then(|live| live.through(through).measure(attention, &mut None));
        let measured = match measured {
            Ok(measured) => measured,
            Err(Ended::Signal(code)) => return Ok(Err(code)),
            Err(Ended::Failed(failure)) => return Err(failure),
        };
        let report = measured.gate.report(&measured.about);
        anstream::eprintln!("{what} {} of {gates}: {}", number + 1, report.verdict.name());
        Ok(measured.interrupted.map_or(Ok(report), Err))
    };
    for number in 0..gates {
        match gate(Duration::ZERO, number, "equal")? {
            Err(code) => return Ok(ExitCode::from(code)),
            Ok(report) => {
                tally.false_alarms += u16::from(report.verdict == Verdict::Regressed);
                tally.passed += u16::from(report.verdict == Verdict::NotRegressed);
                tally.untrustworthy += u16::from(report.verdict == Verdict::Untrustworthy);
                medians.extend(report.metrics.first().map(|finding| finding.base));
            }
        }
    }
    medians.sort_by(f64::total_cmp);
    let Some(median) = medians.get(medians.len() / 2) else {
        return Err(Failure::inconclusive("no gate came to a single look: give it more time (--max-time)"));
    };
    let delay = Duration::from_nanos((median * LATER) as u64);
    for number in 0..gates {
        match gate(delay, number, "a tenth later")? {
            Err(code) => return Ok(ExitCode::from(code)),
            Ok(report) => {
                tally.caught += u16::from(report.verdict == Verdict::Regressed);
                tally.missed += u16::from(report.verdict == Verdict::NotRegressed);
                tally.untrustworthy += u16::from(report.verdict == Verdict::Untrustworthy);
            }
        }
    }
    show(&tally, format, asked.target(Side::Base).describe(), asked.terminal)?;
    let good = tally.false_alarms == 0 && tally.caught * 10 >= gates * 9;
    Ok(if good { ExitCode::SUCCESS } else { Exit::Untrustworthy.into() })
}

fn show(tally: &Tally, format: Format, base: String, terminal: &Terminal) -> Result<(), Failure> {
    let mut stdout = terminal.stdout();
    let Tally { gates, false_alarms, passed, caught, missed, untrustworthy } = tally;
    let text = match format {
        Format::Json => serde_json::to_string_pretty(tally).map_err(Failure::internal)?,
        Format::Text => format!(
            "here, today, with {base}: {false_alarms} of {gates} false alarms, would catch +10 % in {caught} of {gates}\n\
             equal servers passed {passed} times, +10 % passed {missed} times; {untrustworthy} gates were untrustworthy"
        ),
    };
    forgive_closed(writeln!(stdout, "{text}").and_then(|()| stdout.flush()))
        .map_err(|error| Failure::internal(format!("failed to write to stdout: {error}")))
}
