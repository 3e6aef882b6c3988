//! `wsbench report`: a saved result in any format; of a gate's, in those a gate has.

use std::process::ExitCode;

use super::exit::{Done, Exit, Failure};
use super::format::{self, FormatArg};
use super::saved::{self, Saved};
use crate::gate::Ruling;
use crate::output::{self, Formats, Request};
use crate::report::Report;
use crate::ui::Terminal;

/// Show a saved result in any format
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The file that `run --out json=FILE` or `gate --out json=FILE` wrote
    result: String,
    /// What goes to stdout
    #[arg(long, value_name = "KIND", default_value = "text", value_parser = format::parser::<Report>())]
    format: FormatArg,
    #[arg(long, value_name = "KIND=FILE", help = format!("Write KIND=FILE as well: {} (repeatable); of a gate {}", format::kinds::<Report>(), format::kinds::<Ruling>()))]
    out: Vec<String>,
}

/// Exits with 0 whatever the result says: it is a view, not a judgement.
pub(super) fn main(args: &Args, terminal: &Terminal) -> Done {
    // What is no kind of anything is told before a file is looked for.
    let of_run = requests::<Report>(&args.out)?;
    match saved::any(&args.result)? {
        Saved::Run(report) => show(&args.format, &of_run, &report, terminal),
        Saved::Gate(ruling) => {
            let name = args.format.0.name;
            let kind = Ruling::kind(name)
                .ok_or_else(|| Failure::usage(format!("--format {name}: a gate has {}", format::kinds::<Ruling>())))?;
            show(&FormatArg(kind), &requests(&args.out)?, &ruling, terminal)
        }
    }
}

fn requests<Shown: Formats>(out: &[String]) -> Result<Vec<Request<Shown>>, Failure> {
    out.iter().map(|argument| format::request(argument)).collect()
}

fn show<Shown: Formats>(
    format: &FormatArg<Shown>,
    requests: &[Request<Shown>],
    shown: &Shown,
    terminal: &Terminal,
) -> Done {
    let (written, failed) = output::write_all(requests, shown);
    format.show(terminal, shown, &written)?;
    for error in &failed {
        anstream::eprintln!("error: {error}");
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { Exit::Internal.into() })
}
