//! `wsbench compare`: two saved results side by side, or more in one table. For latency use `wsbench gate`.

use serde::Serialize;
use std::io::{self, Write};
use std::process::ExitCode;

use super::exit::{Done, Exit, Failure};
use super::saved;
use crate::output;
use crate::report::{self, Report};
use crate::threshold::{Condition, Met};
use crate::ui::{Palette, Terminal, forgive_closed, printable};

/// Two saved results side by side (for latency use gate)
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The result that was
    base: String,
    /// The result that is
    new: String,
    /// More results: all stand in one table, a line for each
    more: Vec<String>,
    /// Fail (99) if this holds, as `deliveries.lost > 0`, `errors > 110% of base`, or `deliveries.lost`: more than
    /// before (repeatable). A latency is refused (97)
    #[arg(long, value_name = "CONDITION")]
    fail_on: Vec<String>,
    /// What goes to stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn main(args: &Args, terminal: &Terminal) -> Done {
    if !args.more.is_empty() {
        return several(args, terminal);
    }
    let (base, new) = (saved::result(&args.base)?, saved::result(&args.new)?);
    let conditions = conditions(&args.fail_on, &base, &new)?;
    let compared = report::compare((&args.base, &base), (&args.new, &new));
    let met = judge(&conditions, args, &base, &new)?;
    show(args.format, terminal, &compared, |to, palette| output::write_comparison(&compared, &met, to, palette))?;
    if met.iter().any(|met| met.met) {
        return Ok(Exit::Threshold.into());
    }
    if conditions.iter().any(Condition::is_about_latency) {
        return Err(Failure::inconclusive(
            "no verdict on latency: these runs were made at different times, and differ by more than what they test; \
             `wsbench gate` runs both sides in pairs and judges",
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn conditions(asked: &[String], base: &Report, new: &Report) -> Result<Vec<Condition>, Failure> {
    let mut names = report::names(base);
    let more = report::names(new);
    names.groups.extend(more.groups);
    names.publishes.extend(more.publishes);
    names.incidents.extend(more.incidents);
    let read = |text: &String| {
        let wrong = |error: String| Failure::usage(format!("--fail-on {}: {error}", printable(text)));
        Condition::parse(text, &names).map_err(wrong)
    };
    asked.iter().map(read).collect()
}

fn judge(conditions: &[Condition], args: &Args, base: &Report, new: &Report) -> Result<Vec<Met>, Failure> {
    let (base, new) = (report::baseline(base, &args.base), report::baseline(new, &args.new));
    let judged = conditions.iter().filter_map(|condition| condition.judge(&base, &new).transpose());
    judged.map(|met| met.map_err(|problem| Failure::usage(format!("--fail-on: {problem}")))).collect()
}

/// Several results in one table; nothing is judged.
fn several(args: &Args, terminal: &Terminal) -> Done {
    if !args.fail_on.is_empty() {
        return Err(Failure::usage("--fail-on holds one result against another: name two".to_owned()));
    }
    let files: Vec<&String> = [&args.base, &args.new].into_iter().chain(&args.more).collect();
    let results = files.iter().map(|file| saved::result(file)).collect::<Result<Vec<Report>, Failure>>()?;
    let named: Vec<(&str, &Report)> = files.iter().map(|file| file.as_str()).zip(&results).collect();
    let lineup = report::line_up(&named);
    show(args.format, terminal, &lineup, |to, palette| output::write_lineup(&lineup, to, palette))?;
    Ok(ExitCode::SUCCESS)
}

fn show(
    format: Format,
    terminal: &Terminal,
    shown: &impl Serialize,
    as_text: impl FnOnce(&mut dyn Write, Palette) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut stdout = terminal.stdout();
    let written = match format {
        Format::Text => as_text(&mut stdout, terminal.stdout_palette()),
        Format::Json => {
            let written = serde_json::to_writer_pretty(&mut stdout, shown).map_err(io::Error::from);
            written.and_then(|()| stdout.write_all(b"\n"))
        }
    };
    forgive_closed(written.and_then(|()| stdout.flush()))
        .map_err(|error| Failure::internal(format!("failed to write to stdout: {error}")))
}
