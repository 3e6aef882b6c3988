//! The flags of the console.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use super::users;
use crate::commands::run::{TowardsArgs, pair};
use crate::commands::secret::SecretArgs;
use crate::observe::TransportKind;
use crate::units::parse_duration;

/// A room by hand: type, read, cut the connection, come back
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Without a URL a private server of two instances is started to play with. On the prompt: /help")]
pub(in crate::commands) struct Args {
    /// A URL (ws, wss, http, https), a scenario file, or @NAME for a shipped one; also `curl URL …` as a browser copies it
    #[arg(value_name = "URL", num_args = 0..=2)]
    pub(super) target: Vec<String>,
    /// Enter this room at once (repeatable)
    #[arg(long, value_name = "R")]
    pub(super) room: Vec<String>,
    /// Who you are; by default as the token says, else $USER
    #[arg(long, value_name = "U")]
    pub(super) user: Option<String>,
    /// Where your token is: - (the first line of stdin), @FILE or env:NAME
    #[arg(long, value_name = "SOURCE", value_parser = users::place)]
    pub(super) token: Option<String>,
    /// A file that holds your token
    #[arg(long, value_name = "F", conflicts_with = "token")]
    pub(super) token_file: Option<PathBuf>,
    /// Be user number N of the scenario
    #[arg(long = "as", value_name = "N")]
    pub(super) life: Option<u32>,
    /// What the target speaks; by default room where a --room is named, else raw: a line is a frame
    #[arg(long, value_name = "D")]
    pub(super) dialect: Option<String>,
    /// How to connect; by default websocket to ws and wss, sse to http and https
    #[arg(long, value_enum)]
    pub(super) transport: Option<By>,
    /// Say this line, or do this command, in place of reading lines (repeatable); a terminal stays open unless -w is given
    #[arg(long, value_name = "LINE", allow_hyphen_values = true)]
    pub(super) send: Vec<String>,
    /// How long messages are still shown after the last line: "1s", or seconds
    #[arg(short = 'w', long, value_name = "TIME", value_parser = seconds)]
    pub(super) wait: Option<Duration>,
    /// What goes to stdout
    #[arg(long, value_enum, default_value_t = Show::Text)]
    pub(super) format: Show,
    /// The Redis that joins the instances of the private server
    #[arg(long, value_name = "URL", env = "REDIS_URL", hide_env_values = true)]
    pub(super) redis: Option<String>,
    /// Value of a variable of the scenario (repeatable)
    #[arg(short = 'e', long = "env", value_name = "KEY=VALUE", value_parser = pair)]
    pub(super) vars: Vec<(String, String)>,
    #[command(flatten)]
    pub(super) towards: TowardsArgs,
    #[command(flatten)]
    pub(super) secret: SecretArgs,
    /// Accepted as curl has it: there is nothing to decompress
    #[arg(long, hide = true)]
    pub(super) compressed: bool,
    /// Accepted as curl has it: an opening is always a GET
    #[arg(short = 'X', long, hide = true, value_parser = ["GET"])]
    pub(super) request: Option<String>,
    /// Accepted as curl has it: it is always so
    #[arg(long = "http1.1", hide = true)]
    pub(super) http1_1: bool,
}

/// `--transport`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum By {
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
pub(super) enum Show {
    /// Lines for people
    Text,
    /// A JSON object a line
    Ndjson,
}

/// A time with its unit, or a number of seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(seconds) => Ok(Duration::from_secs(seconds.into())),
        Err(_) => parse_duration(text).map_err(|error| error.to_string()),
    }
}
