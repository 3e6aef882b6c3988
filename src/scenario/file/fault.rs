//! `[[fault]]` as it is written: what goes wrong on purpose, and when.

use schemars::JsonSchema;
use serde::Deserialize;

use super::proxy::ProxyFault;
use super::values::{Time, Whole};
use crate::scenario::Cut;
use crate::units::{UnitError, parse_size};

/// Something that goes wrong on purpose: when, and exactly one of `disconnect`, `instance`, `redis`, `slow`, `proxy` and
/// `command`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "fault")]
pub(in crate::scenario) struct Fault {
    /// Its name, for `during` and the report.
    pub(in crate::scenario) name: String,
    /// When, counted from the end of the warm-up; before the end of what is measured.
    pub(in crate::scenario) at: Time,
    /// Cut the connections of a seeded share of a group: at the bundled server, or at a proxy that wsbench starts for it.
    pub(in crate::scenario) disconnect: Option<Disconnect>,
    /// Hit an instance of the bundled server; needs Redis.
    pub(in crate::scenario) instance: Option<Instance>,
    /// Hit the private Redis of the bundled server.
    pub(in crate::scenario) redis: Option<Redis>,
    /// Let a seeded share of a group read slowly from then on.
    pub(in crate::scenario) slow: Option<Slow>,
    /// Let something befall the connections of a seeded share of a group, at a proxy that wsbench starts for it.
    pub(in crate::scenario) proxy: Option<ProxyFault>,
    /// Run a command: the program and its arguments. Only with `--allow-commands` on the command line.
    pub(in crate::scenario) command: Option<Vec<String>>,
    /// With command: it is killed after this time. Default 60s.
    pub(in crate::scenario) timeout: Option<Time>,
}

/// Connections are cut.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Disconnect {
    /// The group whose connections they are.
    pub(in crate::scenario) clients: String,
    /// How many of them, in percent: above 0, at most 100.
    pub(in crate::scenario) percent: f64,
    /// How: "rst" (reset), "fin" (the stream ends without a close frame), "blackhole" (nothing passes any more, and
    /// nobody says so) or "close:CODE" (a close frame with this code; only by the bundled server).
    pub(in crate::scenario) how: How,
}

/// An instance is hit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Instance {
    /// Which, from 0.
    pub(in crate::scenario) index: Whole<0>,
    /// By what.
    pub(in crate::scenario) action: InstanceWord,
    /// With kill and drain: it is started again this long after. Default: it stays away. One that still drains by then,
    /// which takes about 2s, is killed.
    pub(in crate::scenario) restart_after: Option<Time>,
    /// With stop: for how long.
    pub(in crate::scenario) duration: Option<Time>,
}

/// By what an instance is hit.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum InstanceWord {
    /// It is killed: SIGKILL.
    Kill,
    /// It is asked to go (SIGTERM) and sends its clients away.
    Drain,
    /// It stands still (SIGSTOP), then goes on.
    Stop,
}

/// The private Redis is hit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Redis {
    /// By what.
    pub(in crate::scenario) action: RedisWord,
    /// How long it stands still or is away.
    pub(in crate::scenario) duration: Option<Time>,
}

/// By what Redis is hit.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum RedisWord {
    /// It stands still (SIGSTOP), then goes on.
    Pause,
    /// It is killed (SIGKILL), then started again, empty.
    Kill,
}

/// Clients read slowly from then on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Slow {
    /// The group they belong to.
    pub(in crate::scenario) clients: String,
    /// How many of them, in percent: above 0, at most 100.
    pub(in crate::scenario) percent: f64,
    /// How fast each of them reads.
    pub(in crate::scenario) read: Pace,
}

text_value! {
    /// How a connection is cut.
    How(Cut), read_how,
    "\"rst\", \"fin\", \"blackhole\" or \"close:CODE\"", r"rst|fin|blackhole|close:\d{4}", unit None
}

text_value! {
    /// Bytes per second.
    Pace(u64), read_pace,
    "a pace such as \"1KiB/s\"", r"\d+(\.\d+)? *(B|k|kB|KiB|M|MB|MiB|GB|GiB) */ *s", unit Some("B/s")
}

fn read_how(text: &str) -> Result<Cut, String> {
    match text {
        "rst" => return Ok(Cut::Rst),
        "fin" => return Ok(Cut::Fin),
        "blackhole" => return Ok(Cut::Blackhole),
        _ => {}
    }
    let Some(code) = text.strip_prefix("close:") else {
        return Err(format!("unknown cut {text:?}; expected \"rst\", \"fin\", \"blackhole\" or \"close:1012\""));
    };
    match code.trim().parse() {
        // RFC 6455, 7.4: the others are reserved or never stand in a frame.
        Ok(code @ (1000..=1003 | 1007..=1014 | 3000..=4999)) => Ok(Cut::Close(code)),
        _ => Err(format!("{text:?} has no code a close frame may carry: 1000-1003, 1007-1014, 3000-4999")),
    }
}

fn read_pace(text: &str) -> Result<u64, String> {
    let no_unit = || UnitError::NoUnit { text: text.to_owned(), remedy: format!("{text}/s") }.to_string();
    let (size, per) = text.split_once('/').ok_or_else(no_unit)?;
    if per.trim() != "s" {
        return Err(format!("a pace counts per second: {:?}", format!("{}/s", size.trim())));
    }
    match parse_size(size).map_err(|error| error.to_string())?.0 {
        0 => Err("must be faster than 0B/s; who reads nothing at all is cut by `how = \"blackhole\"`".to_owned()),
        pace => Ok(pace),
    }
}
