//! `wsbench repl`: a room by hand. Flags, tokens, the environment and a private server; the console itself is `crate::repl`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;

use super::exit::{Done, Exit, Failure};
use super::run::{TowardsArgs, rules, target};
use super::secret::SecretArgs;
use crate::engine::End;
use crate::observe::TransportKind;
use crate::repl::{Ending, Format, Goal, Manner, Seat, World};
use crate::scenario::plan::Plan;
use crate::scenario::{self, Overrides, Scenario, Target};
use crate::ui::{Plan as Phases, Progress, Terminal, Verbosity};
use crate::units::parse_duration;

mod lines;
mod source;
mod users;

use source::Given;
use users::Tokens;

/// A room by hand: type, read, cut the connection, come back
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Without a URL a private server of two instances is started to play with. On the prompt: /help")]
pub(super) struct Args {
    /// A URL (ws, wss, http, https), a scenario file, or @NAME for a shipped one; also `curl URL …` as a browser copies it
    #[arg(value_name = "URL", num_args = 0..=2)]
    target: Vec<String>,
    /// Enter this room at once (repeatable)
    #[arg(long, value_name = "R")]
    room: Vec<String>,
    /// Who you are; by default as the token says, else $USER
    #[arg(long, value_name = "U")]
    user: Option<String>,
    /// Where your token is: - (the first line of stdin), @FILE or env:NAME
    #[arg(long, value_name = "SOURCE", value_parser = users::place)]
    token: Option<String>,
    /// A file that holds your token
    #[arg(long, value_name = "F", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// Be user number N of the scenario
    #[arg(long = "as", value_name = "N")]
    life: Option<u32>,
    /// What the target speaks; by default room where a --room is named, else raw: a line is a frame
    #[arg(long, value_name = "D")]
    dialect: Option<String>,
    /// How to connect; by default websocket to ws and wss, sse to http and https
    #[arg(long, value_enum)]
    transport: Option<By>,
    /// Say this line, or do this command, in place of reading lines (repeatable); a terminal stays open unless -w is given
    #[arg(long, value_name = "LINE", allow_hyphen_values = true)]
    send: Vec<String>,
    /// How long messages are still shown after the last line: "1s", or seconds
    #[arg(short = 'w', long, value_name = "TIME", value_parser = seconds)]
    wait: Option<Duration>,
    /// What goes to stdout
    #[arg(long, value_enum, default_value_t = Show::Text)]
    format: Show,
    /// The Redis that joins the instances of the private server
    #[arg(long, value_name = "URL", env = "REDIS_URL", hide_env_values = true)]
    redis: Option<String>,
    /// Value of a variable of the scenario (repeatable)
    #[arg(short = 'e', long = "env", value_name = "KEY=VALUE", value_parser = super::run::pair)]
    vars: Vec<(String, String)>,
    #[command(flatten)]
    towards: TowardsArgs,
    #[command(flatten)]
    secret: SecretArgs,
    /// Accepted as curl has it: there is nothing to decompress
    #[arg(long, hide = true)]
    compressed: bool,
    /// Accepted as curl has it: an opening is always a GET
    #[arg(short = 'X', long, hide = true, value_parser = ["GET"])]
    request: Option<String>,
    /// Accepted as curl has it: it is always so
    #[arg(long = "http1.1", hide = true)]
    http1_1: bool,
}

/// `--transport`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    Websocket,
    Sse,
    Longpoll,
}

impl From<By> for TransportKind {
    fn from(by: By) -> Self {
        match by {
            By::Websocket => Self::WebSocket,
            By::Sse => Self::Sse,
            By::Longpoll => Self::LongPoll,
        }
    }
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Show {
    /// Lines for people
    Text,
    /// A JSON object a line
    Ndjson,
}

/// By what the console can connect.
const KINDS: [TransportKind; 3] = [TransportKind::WebSocket, TransportKind::Sse, TransportKind::LongPoll];

pub(super) fn main(args: &Args, terminal: &Terminal) -> Done {
    let given = Given::read(&args.target).map_err(Failure::usage)?;
    let scenario = scenario(args, &given, terminal)?;
    let plan = Plan::new(&scenario);
    let runtime = super::runtime()?;
    let signals = {
        let _inside = runtime.enter();
        super::signals::listen()?
    };
    let manner = manner(args, terminal);
    let mut progress = Progress::new(terminal, Verbosity::Normal, Phases::default());
    let wants = target::Wants { redis: args.redis.as_deref(), log: None, kinds: KINDS.to_vec() };
    let mut ground = target::raise(&scenario, &plan, wants, &mut progress)?;
    progress.finish();
    let tokens = Tokens::read(args, &scenario, &ground)?;
    let seat = seat(args, &given, &scenario, &plan, &tokens)?;
    let goal = match &scenario.target {
        Target::Bundled(_) => Goal::Bundled,
        Target::Foreign(foreign) => {
            let url = foreign.shown().into_iter().next().unwrap_or_default();
            Goal::There { url, token: seat.who.identity.token.is_some() || seat.who.login.is_some() }
        }
    };
    let (lines, paper, heard) = lines::doors(args, manner)?;
    let world = World {
        dialer: ground.dialer(&scenario),
        urls: ground.urls(),
        greeting: greeting(manner, &scenario, &seat),
        seat,
        users: Box::new(move |user, from| tokens.somebody(user, from)),
        lines,
        signals,
        paper,
        format: if args.format == Show::Text { Format::Text } else { Format::Ndjson },
        palette: terminal.stdout_palette(),
        manner,
        linger: args.wait.unwrap_or_default(),
        goal,
        editor: Box::new(lines::edit),
        heard,
    };
    let ending = runtime.block_on(crate::repl::run(world));
    ground.stop(&mut End::Complete);
    // A thread may still wait for a line that nobody will type.
    runtime.shutdown_background();
    told(ending)
}

fn told(ending: Ending) -> Done {
    match ending {
        Ending::Done => Ok(ExitCode::SUCCESS),
        Ending::Usage(words) => Err(Failure::usage(crate::ui::printable(&words))),
        Ending::Setup(words) => Err(Failure::setup(crate::ui::printable(&words))),
        Ending::Output(words) => Err(Failure::internal(crate::ui::printable(&words))),
        Ending::Expectation(words) => {
            let message = crate::ui::printable(&words).into_owned();
            Err(Failure { exit: Exit::Threshold, message, rendered: false })
        }
        Ending::Signal(code) => Ok(ExitCode::from(code)),
    }
}

/// Whether somebody sits there to whom a prompt is shown.
fn manner(args: &Args, terminal: &Terminal) -> Manner {
    use std::io::IsTerminal as _;
    let only_said = !args.send.is_empty() && args.wait.is_some();
    let sits = std::io::stdin().is_terminal() && terminal.stdout_is_tty && args.format == Show::Text && !only_said;
    if sits { Manner::Person } else { Manner::Script }
}

fn scenario(args: &Args, given: &Given, terminal: &Terminal) -> Result<Scenario, Failure> {
    let mut overrides = Overrides { vars: args.vars.clone(), ..args.towards.overrides() };
    overrides.headers.retain(|(name, _)| !source::is_ours(name));
    let environment = &super::environment;
    let loaded = match given {
        Given::Scenario(path) => {
            if args.dialect.is_some() {
                return Err(Failure::usage("--dialect: the scenario says what its target speaks; /dialect changes it"));
            }
            scenario::load(path, &overrides, environment)
        }
        Given::Url(url) => {
            let overrides = Overrides { url: Some(url.clone()), ..overrides };
            // A raw connection has no rooms.
            let usual = if args.room.is_empty() { "raw" } else { "room" };
            scenario::parse(source::there(args.dialect.as_deref().unwrap_or(usual)), &overrides, environment)
        }
        Given::Nothing => scenario::parse(source::private(), &overrides, environment),
    };
    if *given != (Given::Nothing) && args.life.is_some() && !matches!(given, Given::Scenario(_)) {
        return Err(Failure::usage("--as N is a user of a scenario: name one in place of the URL, or give --user"));
    }
    loaded.map_err(|diagnostic| rules::refuse(&[diagnostic], terminal))
}

/// Who sits at the console, and where it begins.
fn seat(args: &Args, given: &Given, scenario: &Scenario, plan: &Plan, tokens: &Tokens) -> Result<Seat, Failure> {
    let number = args.life.unwrap_or(0);
    let Some(life) = plan.lives().get(number as usize) else {
        let count = plan.lives().len();
        return Err(Failure::usage(format!("--as {number}: the scenario has {count} users, numbered from 0")));
    };
    let who = tokens.first(args, given, scenario, life)?;
    let secure_web = match &scenario.target {
        Target::Foreign(foreign) => foreign.urls.first().is_some_and(|url| url.scheme().starts_with("http")),
        Target::Bundled(_) => false,
    };
    let kind = match (args.transport, given) {
        (Some(by), _) => by.into(),
        (None, Given::Scenario(_)) if life.transport == TransportKind::EventsourceClient => TransportKind::Sse,
        (None, Given::Scenario(_)) => life.transport,
        (None, _) if secure_web => TransportKind::Sse,
        (None, _) => TransportKind::WebSocket,
    };
    let planned = || life.rooms.iter().map(|room| scenario.rooms[room.0 as usize].clone()).collect();
    let rooms = match given {
        _ if !args.room.is_empty() => args.room.clone(),
        Given::Scenario(_) => planned(),
        Given::Nothing => vec!["lobby".to_owned()],
        Given::Url(_) if is_raw(scenario) => vec![String::new()],
        Given::Url(_) => Vec::new(),
    };
    if is_raw(scenario) && !args.room.is_empty() {
        return Err(Failure::usage("--room: a raw connection has no rooms; --dialect says what the target speaks"));
    }
    Ok(Seat { who, kind, url: 0, rooms })
}

fn is_raw(scenario: &Scenario) -> bool {
    matches!(&scenario.target, Target::Foreign(foreign) if foreign.dialect.name() == "raw")
}

fn greeting(manner: Manner, scenario: &Scenario, seat: &Seat) -> Vec<String> {
    if manner == Manner::Script {
        return Vec::new();
    }
    let next = match (&scenario.target, seat.rooms.last().map(String::as_str)) {
        (_, Some("")) => "a line is a frame".to_owned(),
        (_, Some(room)) => {
            format!("you are {}, in {room}: type something; /as bob brings a second user", seat.who.identity.user)
        }
        (_, None) => format!("you are {}: /join ROOM enters a room", seat.who.identity.user),
    };
    vec![format!("{next}; /help lists the commands, Ctrl-D ends")]
}

/// A time with its unit, or a number of seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(seconds) => Ok(Duration::from_secs(seconds.into())),
        Err(_) => parse_duration(text).map_err(|error| error.to_string()),
    }
}

/// Where to ask for words that were heard; who completes words keeps them.
type Heard = Arc<dyn Fn(&str) + Send + Sync>;
