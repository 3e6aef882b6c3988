//! `wsbench report`: a saved result in any format.

use std::process::ExitCode;

use super::exit::{Done, Exit, Failure};
use super::format::{self, FormatArg};
use super::saved;
use crate::output::{self, Request};
use crate::ui::Terminal;

/// Show a saved result in any format
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The file that `run --out json=FILE` wrote
    result: String,
    /// What goes to stdout
    #[arg(long, value_name = "KIND", default_value = "text", value_parser = format::parser())]
    format: FormatArg,
    #[arg(long, value_name = "KIND=FILE", help = format!("Write KIND=FILE as well: {} (repeatable)", format::kinds()))]
    out: Vec<String>,
}

/// Exits with 0 whatever the result says: it is a view, not a judgement.
pub(super) fn main(args: &Args, terminal: &Terminal) -> Done {
    let requests = args.out.iter().map(|argument| request(argument)).collect::<Result<Vec<_>, _>>()?;
    let report = saved::result(&args.result)?;
    let (written, failed) = output::write_all(&requests, &report);
    args.format.show(terminal, &report, &written)?;
    for error in &failed {
        anstream::eprintln!("error: {error}");
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { Exit::Internal.into() })
}

fn request(argument: &str) -> Result<Request, Failure> {
    Request::parse(argument).map_err(|error| {
        let raw = argument.starts_with("raw=");
        let remedy = match raw {
            true => "the raw log is written while a run goes on, by `wsbench run --out raw=FILE`".to_owned(),
            false => format!("there are {}", format::kinds()),
        };
        Failure::usage(format!("--out {}: {error}; {remedy}", crate::ui::printable(argument)))
    })
}
