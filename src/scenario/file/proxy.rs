//! `[proxy]` and the proxy's part in a `[[fault]]` as they are written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::fault::Pace;
use super::values::{SizeText, Time};
use crate::units::parse_size;

/// wsbench starts a proxy of its own between its clients and the target. It works on TCP: for `ws://`, `wss://` and
/// `http://` alike. Without any of the other keys bytes pass as they come.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "proxy")]
pub(in crate::scenario) struct Proxy {
    /// The group whose connections are impaired. Default: all groups.
    pub(in crate::scenario) clients: Option<String>,
    /// How many of their clients, in percent: above 0, at most 100. Default 100.
    pub(in crate::scenario) share: Option<f64>,
    /// How long bytes are held.
    pub(in crate::scenario) delay: Option<Time>,
    /// By how much more or less, at random; the order is kept.
    pub(in crate::scenario) jitter: Option<Time>,
    /// How many bytes pass in a second, per connection and direction.
    pub(in crate::scenario) bandwidth: Option<Pace>,
    /// Bytes pass in pieces of this size, or of random sizes in a range.
    pub(in crate::scenario) slice: Option<Slice>,
    /// Which way this concerns. Default both.
    pub(in crate::scenario) direction: Option<DirectionWord>,
}

/// Something befalls connections at the proxy.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct ProxyFault {
    /// The group whose connections they are.
    pub(in crate::scenario) clients: String,
    /// How many of its clients, in percent: above 0, at most 100.
    pub(in crate::scenario) percent: f64,
    /// What befalls them.
    pub(in crate::scenario) action: ProxyWord,
    /// With reset: once so many more bytes have reached the client. Default: at once.
    pub(in crate::scenario) after: Option<SizeText>,
    /// With stall and impair: for how long.
    pub(in crate::scenario) duration: Option<Time>,
    /// With stall, corrupt and impair: which way. Default both; of corrupt, down.
    pub(in crate::scenario) direction: Option<DirectionWord>,
    /// With impair: how long bytes are held.
    pub(in crate::scenario) delay: Option<Time>,
    /// With impair: by how much more or less, at random; the order is kept.
    pub(in crate::scenario) jitter: Option<Time>,
    /// With impair: how many bytes pass in a second, per connection and direction.
    pub(in crate::scenario) bandwidth: Option<Pace>,
    /// With impair: bytes pass in pieces of this size, or of random sizes in a range.
    pub(in crate::scenario) slice: Option<Slice>,
}

/// What befalls connections at the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::scenario) enum ProxyWord {
    /// Both sides see a reset.
    Reset,
    /// Nothing passes any more, and nobody says so.
    HalfOpen,
    /// Nothing passes for a while.
    Stall,
    /// One bit of the next bytes is turned over.
    Corrupt,
    /// They are treated otherwise for a while, in place of what `[proxy]` says.
    Impair,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum DirectionWord {
    /// From the client to the target.
    Up,
    /// From the target to the client.
    Down,
    /// Both ways.
    Both,
}

text_value! {
    /// The size of a piece, or a range of it.
    Slice((u64, u64)), read_slice,
    "a size or a range such as \"1B..100B\"", r".+", unit Some("B")
}

fn read_slice(text: &str) -> Result<(u64, u64), String> {
    let size = |text: &str| parse_size(text.trim()).map(|size| size.0).map_err(|error| error.to_string());
    let (least, most) = match text.split_once("..") {
        Some((least, most)) => (size(least)?, size(most)?),
        None => (size(text)?, size(text)?),
    };
    match (least, most) {
        (0, _) => Err("a piece has at least 1B".to_owned()),
        (least, most) if least > most => Err(format!("the range {text:?} ends before it starts")),
        range => Ok(range),
    }
}
