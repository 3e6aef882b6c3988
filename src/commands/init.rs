//! `wsbench init`: a scenario to start from, as a file with comments.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::exit::{Done, Failure};
use crate::dialect::{self, DIALECTS, DialectEntry, DialectError, Parameters};
use crate::observe::TransportKind;
use crate::scenario::builtin;
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
    /// For a server that speaks this
    #[arg(long, default_value = "json", value_name = "DIALECT")]
    dialect: String,
    /// For a server at this address
    #[arg(long, default_value = "ws://127.0.0.1:8080/", value_name = "URL")]
    url: String,
}

pub(super) fn main(args: &Args, terminal: &Terminal) -> Done {
    let text = match &args.from {
        Some(name) => shipped(name)?.to_owned(),
        None => starter(&args.dialect, &args.url)?,
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

fn starter(dialect: &str, url: &str) -> Result<String, Failure> {
    let Some(entry) = DIALECTS.iter().find(|entry| entry.name == dialect) else {
        return Err(Failure::usage(DialectError::NotFound { name: dialect.to_owned() }));
    };
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
        name = quoted(entry.name),
        help = entry.help,
    );
    let given = examples(entry);
    text.push_str(&parameters(entry, &given));
    let on_sockets = dialect::find(entry.name, &given).is_ok_and(|made| made.speaks(TransportKind::WebSocket));
    text.push_str(&LOAD.replace("{transport}", if on_sockets { "" } else { "transport = \"sse\"\n" }));
    Ok(text)
}

/// What must be given, with examples for it.
fn examples(entry: &DialectEntry) -> Parameters {
    let mut given = Parameters::new();
    while let Err(DialectError::Parameter { key, .. }) = dialect::find(entry.name, &given) {
        let example = EXAMPLES.iter().find(|(name, _)| *name == key);
        let Some((_, example)) = example.filter(|_| !given.contains_key(&key)) else { break };
        given.insert(key, (*example).into());
    }
    given
}

/// `[target.with]`: what must be there filled in, all else as a comment.
fn parameters(entry: &DialectEntry, given: &Parameters) -> String {
    let parameters = entry.parameters();
    if parameters.is_empty() {
        return String::new();
    }
    let mut text = "[target.with]                    # the application's own words\n".to_owned();
    for (name, default, help) in parameters {
        text.push_str(&format!("# {help}\n"));
        match (given.get(&name).and_then(serde_json::Value::as_str), default) {
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
