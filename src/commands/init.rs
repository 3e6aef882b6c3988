//! `wsbench init`: a scenario to start from, as a file with comments.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::exit::{Done, Failure};
use super::run::rules;
use crate::dialect::{self, DIALECTS, DialectError, Parameters};
use crate::observe::TransportKind;
use crate::scenario::{GivenUrl, builtin};
use crate::ui::Terminal;

/// Write a scenario to start from
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Where to; - is stdout
    #[arg(default_value = "scenario.toml")]
    file: PathBuf,
    /// A copy of a shipped scenario (run --list shows them)
    #[arg(long, value_name = "@NAME", conflicts_with_all = ["dialect", "url"])]
    from: Option<String>,
    /// For a server that speaks this: a dialect or a dialect file
    #[arg(long, default_value = "json", value_name = "DIALECT")]
    dialect: String,
    /// For a server at this address
    #[arg(long, default_value = "ws://127.0.0.1:8080/", value_name = "URL")]
    url: String,
}

pub(super) fn main(args: &Args, terminal: &Terminal) -> Done {
    let text = match &args.from {
        Some(name) => shipped(name)?.to_owned(),
        None => {
            // Of a variable nobody knows yet what it will hold.
            if !args.url.contains("${") {
                let read = GivenUrl::new("--url", &args.url).read();
                read.map_err(|diagnostic| rules::refuse(&[diagnostic], terminal))?;
            }
            starter(&Spoken::new(&args.dialect, &args.file)?, &args.url)
        }
    };
    if args.file == Path::new("-") {
        return super::print(terminal, &text);
    }
    let shown = args.file.display();
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&args.file);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Failure::usage(format!("{shown} is there already; name another file: wsbench init FILE")));
        }
        Err(error) => return Err(Failure::internal(format!("failed to write {shown}: {error}"))),
    }
    anstream::eprintln!("wrote {shown}; look at it, then: wsbench check {shown} · wsbench probe {shown}");
    Ok(ExitCode::SUCCESS)
}

fn shipped(name: &str) -> Result<&'static str, Failure> {
    let wanted = name.strip_prefix('@').unwrap_or(name);
    let found = builtin::BUILTINS.iter().find(|(name, _)| *name == wanted);
    found.map(|(_, text)| *text).ok_or_else(|| {
        let names: Vec<String> = builtin::BUILTINS.iter().map(|(name, _)| format!("@{name}")).collect();
        Failure::usage(format!("no scenario is called {name}; there are: {}", names.join(" ")))
    })
}

/// What a parameter that must be there may look like.
const EXAMPLES: &[(&str, &str)] = &[
    ("publish", r#"{"room":"{{room}}","text":"{{text}}"}"#),
    ("app", "app-id"),
    ("key", "app-key"),
    ("secret", "app-secret"),
];

/// What the target speaks.
struct Spoken {
    /// As the scenario names it.
    name: String,
    help: String,
    /// What its parameters can be: name, default if there is one, help.
    parameters: Vec<(String, Option<String>, String)>,
    /// What must be given, with examples for it.
    given: Parameters,
    /// Whether over a WebSocket; else as a stream of events.
    on_sockets: bool,
}

impl Spoken {
    /// The dialect called `name`, or described by the file of that name, for a scenario at `scenario`.
    fn new(name: &str, scenario: &Path) -> Result<Self, Failure> {
        if name.ends_with(".toml") {
            return Self::read(name, scenario);
        }
        let Some(entry) = DIALECTS.iter().find(|entry| entry.name == name) else {
            return Err(Failure::usage(DialectError::NotFound { name: name.to_owned() }));
        };
        let make = |given: &Parameters| dialect::find(entry.name, given);
        Ok(Self::of(name.to_owned(), entry.help.to_owned(), entry.parameters(), &make))
    }

    fn read(name: &str, scenario: &Path) -> Result<Self, Failure> {
        let wrong = |problem: &dyn std::fmt::Display| Failure::usage(format!("{name}: {problem}"));
        let text = std::fs::read_to_string(name).map_err(|error| wrong(&error))?;
        let spoken = Self::of(beside(name, scenario)?, "a file".to_owned(), dialect::declares(&text), &|given| {
            dialect::read(&text, given)
        });
        match dialect::read(&text, &spoken.given) {
            Err(error @ DialectError::File { .. }) => Err(wrong(&error)),
            _ => Ok(spoken),
        }
    }

    fn of(name: String, help: String, parameters: Vec<(String, Option<String>, String)>, make: &Make<'_>) -> Self {
        let given = examples(make);
        let on_sockets = make(&given).map_or(true, |made| made.speaks(TransportKind::WebSocket));
        Self { name, help, parameters, given, on_sockets }
    }
}

/// Makes a dialect from its parameters.
type Make<'a> = dyn Fn(&Parameters) -> Result<std::sync::Arc<dyn dialect::Dialect>, DialectError> + 'a;

/// How a scenario at `scenario` names the file `name`: it is looked for beside the scenario.
fn beside(name: &str, scenario: &Path) -> Result<String, Failure> {
    let here = scenario.parent().is_none_or(|place| place.as_os_str().is_empty());
    if here {
        return Ok(name.to_owned());
    }
    let whole = std::path::absolute(name).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    Ok(whole.display().to_string())
}

fn starter(spoken: &Spoken, url: &str) -> String {
    let mut text = format!(
        r#"# What is measured, and for how long. `wsbench check` says in prose what this will do; `wsbench probe` tries it with two
# clients and one message.
name = "starter"
seed = 42                        # everything random follows from it

[run]
warm_up  = "3s"                  # not measured
duration = "20s"
drain    = "3s"                  # for copies that are still under way

[target]
urls    = [{url}]                # clients spread over them
dialect = {name}                 # {help}
# headers  = {{ Origin = "https://app.example.com" }}
# instance = [{{ header = "x-pod" }}]     # where it tells which instance a client is on

"#,
        url = quoted(url),
        name = quoted(&spoken.name),
        help = spoken.help,
    );
    text.push_str(&parameters(spoken));
    text.push_str(&LOAD.replace("{transport}", if spoken.on_sockets { "" } else { "transport = \"sse\"\n" }));
    text
}

/// What must be given, with examples for it.
fn examples(make: &Make<'_>) -> Parameters {
    let mut given = Parameters::new();
    while let Err(DialectError::Parameter { key, .. }) = make(&given) {
        let example = EXAMPLES.iter().find(|(name, _)| *name == key);
        let Some((_, example)) = example.filter(|_| !given.contains_key(&key)) else { break };
        given.insert(key, (*example).into());
    }
    given
}

/// `[target.with]`: what must be there filled in, all else as a comment.
fn parameters(spoken: &Spoken) -> String {
    if spoken.parameters.is_empty() {
        return String::new();
    }
    let mut text = "[target.with]                    # the application's own words\n".to_owned();
    for (name, default, help) in &spoken.parameters {
        text.push_str(&format!("# {help}\n"));
        match (spoken.given.get(name).and_then(serde_json::Value::as_str), default) {
            (Some(value), _) => text.push_str(&format!("{name} = '{value}'\n")),
            (None, Some(default)) => text.push_str(&format!("# {name} = '{default}'\n")),
            (None, None) => text.push_str(&format!("# {name} = …\n")),
        }
    }
    text.push('\n');
    text
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Everything behind the target.
const LOAD: &str = r#"# Users' tokens: from a file, or minted with the target's own secret.
# [users]
# csv  = "users.csv"             # a header with user,token
# mint = { secret = "${JWT_SECRET}", claims = { sub = "load-{{n}}" } }

[[clients]]
name  = "listeners"
count = 90
ramp  = "2s"
rooms = { count = 10, name = "room-{n}" }
{transport}auth  = "none"                   # query-token | first-message | header | cookie

[[clients]]
name  = "talkers"
count = 10
ramp  = "2s"
rooms = { same_as = "listeners" }
{transport}auth  = "none"

[[publish]]
name = "chat"
from = "talkers"
rate = "20/s"                    # of all talkers together, however slow the server is
size = "128B"

# What must hold; the exit code is 99 if it does not.
[thresholds]
"deliveries.lost" = "== 0"
"delivery.p99"    = "< 250ms"
"#;
