//! The command line: clap lives here and only here, the environment is read here and only here, and nobody else names
//! the reference server. One file per subcommand.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::ui::{Colour, Terminal};

mod admin;
mod check;
mod child;
mod compare;
mod doctor;
mod errand;
mod exit;
mod fault_proxy;
mod format;
mod gate;
#[cfg(test)]
mod hints;
mod init;
mod instance;
mod private;
mod probe;
mod proxy;
mod redis;
mod repl;
mod report;
mod rig;
mod run;
mod saved;
mod secret;
mod selftest;
mod serve;
mod signals;
mod token;
mod worker;

use exit::{Done, Failure};

/// How long does a message take to reach everyone in the room, and did it get there at all?
#[derive(Debug, Parser)]
#[command(name = "wsbench", version, after_help = exit::TABLE, max_term_width = 100)]
struct Cli {
    /// When to colour
    #[arg(long, value_enum, default_value_t = ColorWhen::Auto, global = true)]
    color: ColorWhen,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ColorWhen {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Drive clients through a scenario, report, judge thresholds
    Run(Box<run::Args>),
    /// Validate a scenario and say in prose what it will do
    #[command(alias = "plan")]
    Check(check::Args),
    /// Is NEW slower than BASE? Two live targets, measured in turns, judged in pairs
    Gate(Box<gate::Args>),
    /// Two saved results side by side (for latency use gate)
    Compare(compare::Args),
    /// Show a saved result in any format
    Report(report::Args),
    /// A room by hand: type, read, cut the connection, come back
    Repl(Box<repl::Args>),
    /// Two clients, one message: does a target do as its dialect says?
    Probe(Box<probe::Args>),
    /// Write a scenario to start from
    Init(init::Args),
    /// What this machine can carry, what stands in the way, and the command that mends it
    Doctor(doctor::Args),
    /// Is what wsbench reports true? Known harm is done to traffic, and the report set beside it
    Selftest(selftest::Args),
    /// Run the bundled room server
    Serve(serve::Args),
    /// Print a token for a user of the bundled server
    Token(token::Args),
    /// Print a JSON Schema
    #[command(hide = true)]
    Schema {
        /// Of what
        #[arg(value_enum, default_value_t = Shape::Scenario)]
        of: Shape,
    },
    /// Print completions for a shell
    #[command(hide = true)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// The fault proxy of a run
    #[command(hide = true)]
    Proxy(proxy::Args),
    /// One process of the bundled server
    #[command(hide = true)]
    Instance(instance::Args),
    /// A process that carries clients of a run
    #[command(hide = true)]
    Worker(worker::Args),
}

/// What has a JSON Schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    /// A scenario file
    Scenario,
    /// A result file
    Result,
}

/// What bare `wsbench` says.
const GREETING: &str = "\
try it         wsbench run @quickstart
test yours     wsbench init mine.toml --dialect json    (then: wsbench probe mine.toml)
poke a room    wsbench repl
gate a PR      wsbench gate SCENARIO.toml --base TARGET --new TARGET
";

/// Runs the command line `args` (the program's name first) and gives the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed stdout or stderr leaves nobody to tell.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { exit::Exit::Usage as u8 } else { 0 });
        }
    };
    let colour = match cli.color {
        ColorWhen::Auto => Colour::Auto,
        ColorWhen::Always => Colour::Always,
        ColorWhen::Never => Colour::Never,
    };
    let no_colour = environment("NO_COLOR").is_some() || environment("TERM").is_some_and(|term| term == "dumb");
    let terminal = Terminal::detect(colour, no_colour);
    match dispatch(cli.command, &terminal) {
        Ok(code) => code,
        Err(failure) => {
            let (message, bad) = (failure.message.trim_end(), terminal.stderr_palette().bad);
            if failure.rendered {
                anstream::eprintln!("{message}");
            } else {
                anstream::eprintln!("{bad}error{}: {message}", bad.render_reset());
            }
            failure.exit.into()
        }
    }
}

fn dispatch(command: Option<Command>, terminal: &Terminal) -> Done {
    match command {
        None => print(terminal, GREETING),
        Some(Command::Run(args)) => run::main(*args, terminal),
        Some(Command::Check(args)) => check::main(&args, terminal),
        Some(Command::Repl(args)) => repl::main(&args, terminal),
        Some(Command::Probe(args)) => probe::main(&args, terminal),
        Some(Command::Init(args)) => init::main(&args, terminal),
        Some(Command::Doctor(args)) => doctor::main(&args, terminal),
        Some(Command::Selftest(args)) => selftest::main(&args, terminal),
        Some(Command::Serve(args)) => serve::main(args),
        Some(Command::Token(args)) => token::main(&args, terminal),
        Some(Command::Gate(args)) => gate::main(&args, terminal),
        Some(Command::Compare(args)) => compare::main(&args, terminal),
        Some(Command::Report(args)) => report::main(&args, terminal),
        Some(Command::Schema { of }) => {
            let schema = match of {
                Shape::Scenario => crate::scenario::schema(),
                Shape::Result => crate::report::schema(),
            };
            let schema = serde_json::to_string_pretty(&schema).map_err(Failure::internal)?;
            print(terminal, &format!("{schema}\n"))
        }
        Some(Command::Completions { shell }) => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "wsbench", &mut text);
            print(terminal, &String::from_utf8_lossy(&text))
        }
        Some(Command::Proxy(args)) => proxy::main(&args),
        Some(Command::Instance(args)) => instance::main(args),
        Some(Command::Worker(args)) => worker::main(&args),
    }
}

/// Prints a result; a reader that went away is not an error.
fn print(terminal: &Terminal, text: &str) -> Done {
    use std::io::Write as _;
    let mut stdout = terminal.stdout();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    crate::ui::forgive_closed(written).map_err(|error| Failure::internal(format!("failed to write: {error}")))?;
    Ok(ExitCode::SUCCESS)
}

/// The one place where the environment is read (clap reads the rest).
#[allow(clippy::disallowed_methods)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A runtime on this thread: children must be started from the main thread.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Failure::internal(format!("failed to start the runtime: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
