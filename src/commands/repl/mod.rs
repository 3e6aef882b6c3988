//! `wsbench repl`: a room by hand. Flags, tokens, the environment and a private server; the console itself is `crate::repl`.

use std::process::ExitCode;
use std::sync::Arc;

use tokio::sync::Notify;

use super::exit::{Done, Exit, Failure};
use super::run::{rules, target};
use crate::engine::End;
use crate::observe::TransportKind;
use crate::repl::{Aim, Ending, Format, Goal, Manner, Seat, World};
use crate::scenario::plan::{Life, Plan};
use crate::scenario::{self, GivenUrl, Overrides, Scenario, Target};
use crate::ui::{Plan as Phases, Progress, Terminal, Verbosity};

mod args;
mod editor;
mod lines;
mod pasted;
mod source;
mod spoken;
mod users;
mod way;

pub(super) use args::Args;
use args::Show;
use source::Given;
use users::Tokens;

/// By what the console can connect.
const KINDS: [TransportKind; 3] = [TransportKind::WebSocket, TransportKind::Sse, TransportKind::LongPoll];

pub(super) fn main(args: &Args, terminal: &Terminal) -> Done {
    let given = Given::read(&args.target).map_err(Failure::usage)?;
    let runtime = super::runtime()?;
    let signals = {
        let _inside = runtime.enter();
        super::signals::listen()?
    };
    let manner = manner(args, terminal);
    let (aim, mut ground, greeting) = aim(args, &given, terminal)?;
    let break_off = Arc::new(Notify::new());
    let (lines, paper, heard) = lines::doors(args, manner, &break_off)?;
    let world = World {
        aim,
        find: Box::new(find),
        greeting: if manner == Manner::Person { vec![greeting] } else { Vec::new() },
        lines,
        signals,
        break_off,
        paper,
        format: if args.format == Show::Text { Format::Text } else { Format::Ndjson },
        palette: terminal.stdout_palette(),
        manner,
        linger: args.wait.unwrap_or_default(),
        editor: Box::new(editor::start),
        heard,
    };
    let ending = runtime.block_on(crate::repl::run(world));
    ground.stop(&mut End::Complete);
    // A thread may still wait for a line that nobody will type.
    runtime.shutdown_background();
    told(ending)
}

/// The target that was named, raised if it is ours; who sits there, and what is said to them first.
fn aim(args: &Args, given: &Given, terminal: &Terminal) -> Result<(Aim, target::Ground, String), Failure> {
    let scenario = scenario(args, given, terminal)?;
    let plan = Plan::new(&scenario);
    let mut progress = Progress::new(terminal, Verbosity::Normal, Phases::default());
    let wants = target::Wants { redis: args.redis.as_deref(), log: None, kinds: KINDS.to_vec() };
    let ground = target::raise(&scenario, &plan, wants, &mut progress)?;
    progress.finish();
    let tokens = Tokens::read(args, &scenario, &ground)?;
    let life = life(args, &plan)?;
    let seat = seat(args, given, (&scenario, life), &tokens)?;
    let goal = match &scenario.target {
        Target::Bundled(_) => Goal::Bundled,
        Target::Foreign(foreign) => {
            let url = foreign.shown().into_iter().next().unwrap_or_default();
            let token = seat.who.identity.token.is_some() || seat.who.login.is_some();
            Goal::There { url, token, way: way::to(foreign, &scenario, &overrides(args)) }
        }
    };
    let greeting = greeting(&scenario, &seat);
    let aim = Aim {
        dialer: ground.dialer(&scenario),
        urls: ground.urls(),
        seat,
        users: Box::new(move |user, whence| tokens.somebody(user, whence)),
        goal,
        language: spoken::by(&scenario, &args.vars),
        reconnect: scenario[life.group].reconnect.policy.clone(),
    };
    Ok((aim, ground, greeting))
}

/// The target a command line of curl's names; it is there already.
fn find(line: &str) -> Result<Aim, String> {
    let args = pasted::read(line)?;
    if args.token.is_some() || args.token_file.is_some() {
        return Err("curl: it has no --token; /token shows one".to_owned());
    }
    let given = Given::read(&args.target)?;
    if !matches!(given, Given::Url(_)) {
        return Err("curl: a URL is missing".to_owned());
    }
    let (aim, ..) = aim(&args, &given, &Terminal::default()).map_err(|failure| failure.message)?;
    Ok(aim)
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
    let overrides = overrides(args);
    let environment = &super::environment;
    let loaded = match given {
        Given::Scenario(path) => {
            if args.dialect.is_some() {
                return Err(Failure::usage("--dialect: the scenario says what its target speaks; /dialect changes it"));
            }
            scenario::load(path, &overrides, environment)
        }
        Given::Url(url) => {
            let overrides = Overrides { url: Some(GivenUrl::new(url, url)), ..overrides };
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

/// What the flags say against the scenario.
fn overrides(args: &Args) -> Overrides {
    let mut overrides = Overrides { vars: args.vars.clone(), ..args.towards.overrides() };
    overrides.headers.retain(|(name, _)| !source::is_ours(name));
    overrides
}

/// Which user of the scenario sits at the console.
fn life<'p>(args: &Args, plan: &'p Plan) -> Result<&'p Life, Failure> {
    let number = args.life.unwrap_or(0);
    plan.lives().get(number as usize).ok_or_else(|| {
        let count = plan.lives().len();
        Failure::usage(format!("--as {number}: the scenario has {count} users, numbered from 0"))
    })
}

/// Who sits at the console, and where it begins.
fn seat(args: &Args, given: &Given, (scenario, life): (&Scenario, &Life), tokens: &Tokens) -> Result<Seat, Failure> {
    let who = tokens.first(args, given, scenario, life)?;
    let secure_web = match &scenario.target {
        Target::Foreign(foreign) => foreign.urls.first().is_some_and(|url| url.scheme().starts_with("http")),
        Target::Bundled(_) => false,
    };
    let kind = match (args.transport, given) {
        (Some(by), _) => by.into(),
        (None, Given::Scenario(_)) if life.transport == TransportKind::EventsourceClient => TransportKind::Sse,
        (None, Given::Scenario(_)) => life.transport,
        (None, _) if secure_web && !upgrades(args) => TransportKind::Sse,
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

/// Whether the opening that was copied is one of a WebSocket, whatever its URL is.
fn upgrades(args: &Args) -> bool {
    let is_upgrade = |(name, value): &(String, String)| {
        name.eq_ignore_ascii_case("upgrade") && value.eq_ignore_ascii_case("websocket")
    };
    args.towards.overrides().headers.iter().any(is_upgrade)
}

fn greeting(scenario: &Scenario, seat: &Seat) -> String {
    let next = match (&scenario.target, seat.rooms.last().map(String::as_str)) {
        (_, Some("")) => "a line is a frame".to_owned(),
        (_, Some(room)) => {
            format!("you are {}, in {room}: type something; /as bob brings a second user", seat.who.identity.user)
        }
        (_, None) => format!("you are {}: /join ROOM enters a room", seat.who.identity.user),
    };
    format!("{next}; /help lists the commands, Ctrl-D ends")
}

/// Where to ask for words that were heard; who completes words keeps them.
type Heard = Arc<dyn Fn(&str) + Send + Sync>;
