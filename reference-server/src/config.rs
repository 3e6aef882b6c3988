//! What can be set about an instance, with the defaults and why they are what they are.

mod announce;

use std::{path::PathBuf, time::Duration};

pub use self::announce::Announce;

/// How one instance behaves. Every field has a default; see [`Config::default`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Threads that own connections. 1 where there are at least as many instances as cores; otherwise cores / instances.
    pub workers: usize,
    /// How clients may prove who they are.
    pub auth: AuthMode,
    /// How long a connection may stay without proving who it is (then close 4002).
    pub auth_timeout: Duration,
    /// How often a connection is pinged, at a phase of its own. At least 100 ms.
    pub ping_interval: Duration,
    /// A connection without a byte for this long is dead (4201). At least 100 ms.
    pub ping_timeout: Duration,
    /// How long a join waits for the broker before it is refused with `unavailable`.
    pub join_timeout: Duration,
    /// How long a room without members stays subscribed, so that a quick return costs nothing.
    pub linger: Duration,
    /// How long `run` waits for the broker's first answer before it gives up.
    pub broker_start_timeout: Duration,
    /// Origins a browser may come from. Empty: only loopback ones. `*`: any. A request without `Origin` (no browser) is
    /// always let in: cookies are not used for authentication here.
    pub allow_origin: Vec<String>,
    /// Certificate chain (PEM) with which clients are spoken to over TLS (`wss://`, and HTTP/2 for those who want it);
    /// without it, in the clear. Needs `tls_key`.
    pub tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM).
    pub tls_key: Option<PathBuf>,
    /// What a single client may ask for.
    pub limits: Limits,
    /// What may wait for a single slow client.
    pub outbound: Outbound,
    /// SO_SNDBUF of every connection, in bytes as given to the kernel (which doubles them). Small on purpose: what waits
    /// should wait where it can be counted.
    pub send_buffer: usize,
    /// Whether rooms remember.
    pub history: History,
    /// In which rooms it is announced who comes and goes.
    pub announce: Announce,
    /// How long the members of an instance that has died are thought to be there. At least 800 ms.
    pub presence_ttl: Duration,
    /// How long a client that polls counts as in the room between two polls.
    pub poll_lease: Duration,
    /// How long streams tell their clients to wait before they come back.
    pub stream_retry: Duration,
    /// How an instance goes away.
    pub drain: Drain,
    /// Offers misbehaviour on the admin listener (`/admin/…`) and the echo of conformance suites
    /// (`/conformance/echo`). For tests of those who measure; never for an instance people rely on.
    pub faults: bool,
}

/// How clients may prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// `?token=` when it is there, otherwise the first message.
    Both,
    /// Only `?token=`; without one, 401.
    Query,
    /// Only the first message; a `?token=` is not looked at.
    FirstMessage,
}

/// What a single client, or all of them, may ask for.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest message in bytes, inclusive (then close 1009).
    pub message: usize,
    /// Frames per second and connection in the long run, and publications over HTTP per second and user.
    pub frames_per_second: u32,
    /// Frames a connection may send, and publications a user may make over HTTP, at once.
    pub frames_burst: u32,
    /// Rooms a connection may be in.
    pub rooms_per_connection: usize,
    /// Connections this instance takes (then 503), in addition to what the file descriptor limit allows.
    pub connections: usize,
    /// Rooms this instance listens to.
    pub rooms: usize,
    /// How long a client may take to send the head of a request, and before it for its part of TLS.
    pub header_timeout: Duration,
}

/// What may wait for one client; whatever bound is passed first closes it with 4202.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// Frames.
    pub frames: usize,
    /// Bytes.
    pub bytes: usize,
    /// Age of the oldest frame.
    pub age: Duration,
}

/// Whether rooms remember their last messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum History {
    /// Every message has an offset; the last ones can be fetched again.
    Kept {
        /// Messages per room.
        length: usize,
        /// How long an idle room's messages are kept.
        ttl: Duration,
        /// Rooms whose names begin with one of these do not remember, as if with [`History::Off`].
        except: Vec<String>,
    },
    /// Plain publish without offsets: cheaper, and losses cannot be seen. A labelled mode.
    Off,
}

/// How an instance goes away.
#[derive(Clone, Debug)]
pub struct Drain {
    /// The closes (1012) are spread over this time, in random order.
    pub window: Duration,
    /// How long a closed connection may take to answer before it is cut.
    pub close_grace: Duration,
    /// What the closes tell clients: come back after a random time between `retry_min` and `retry_max`.
    pub retry_min: Duration,
    /// See `retry_min`.
    pub retry_max: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 1,
            auth: AuthMode::Both,
            auth_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(60),
            join_timeout: Duration::from_secs(5),
            linger: Duration::from_secs(2),
            broker_start_timeout: Duration::from_secs(5),
            allow_origin: Vec::new(),
            tls_cert: None,
            tls_key: None,
            limits: Limits::default(),
            outbound: Outbound::default(),
            send_buffer: 32 * 1024,
            history: History::default(),
            announce: Announce::default(),
            presence_ttl: Duration::from_secs(6),
            poll_lease: Duration::from_secs(15),
            stream_retry: Duration::from_secs(2),
            drain: Drain::default(),
            faults: false,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 64 * 1024,
            frames_per_second: 100,
            frames_burst: 200,
            rooms_per_connection: 128,
            connections: 100_000,
            rooms: 100_000,
            header_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for Outbound {
    fn default() -> Self {
        Self { frames: 1_024, bytes: 1024 * 1024, age: Duration::from_secs(10) }
    }
}

impl Default for History {
    fn default() -> Self {
        Self::Kept { length: 256, ttl: Duration::from_secs(300), except: Vec::new() }
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(3),
            close_grace: Duration::from_secs(2),
            retry_min: Duration::ZERO,
            retry_max: Duration::from_secs(2),
        }
    }
}

impl Config {
    /// Refuses values no instance could run with, naming the field.
    pub fn check(&self) -> Result<(), &'static str> {
        let shortest = Duration::from_millis(100);
        let rules = [
            (self.workers >= 1, "workers must be at least 1"),
            (self.workers <= 1_024, "workers must be at most 1024"),
            (self.ping_interval >= shortest, "ping_interval must be at least 100ms"),
            (self.ping_timeout >= shortest, "ping_timeout must be at least 100ms"),
            (self.presence_ttl >= Duration::from_millis(800), "presence_ttl must be at least 800ms"),
            (self.limits.message >= 1_024, "limits.message must be at least 1 KiB"),
            (self.limits.frames_per_second >= 1, "limits.frames_per_second must be at least 1"),
            (self.limits.frames_burst >= 1, "limits.frames_burst must be at least 1"),
            (self.limits.rooms_per_connection >= 1, "limits.rooms_per_connection must be at least 1"),
            (!self.limits.header_timeout.is_zero(), "limits.header_timeout must not be zero"),
            (self.tls_cert.is_some() == self.tls_key.is_some(), "tls_cert and tls_key belong together"),
            (self.outbound.frames >= 16, "outbound.frames must be at least 16"),
            (self.outbound.bytes >= 2 * self.limits.message, "outbound.bytes must hold two of the largest messages"),
            (self.drain.retry_min <= self.drain.retry_max, "drain.retry_min must not be above drain.retry_max"),
            (!matches!(self.history, History::Kept { length: 0, .. }), "history.length must be at least 1"),
        ];
        rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(rule))
    }
}

impl History {
    /// Whether a room remembers.
    pub fn keeps(&self, room: &str) -> bool {
        match self {
            Self::Kept { except, .. } => !except.iter().any(|prefix| room.starts_with(prefix.as_str())),
            Self::Off => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_bad_values_are_named() {
        assert_eq!(Config::default().check(), Ok(()));
        let bad = Config { ping_interval: Duration::from_millis(99), ..Config::default() };
        assert_eq!(bad.check(), Err("ping_interval must be at least 100ms"));
    }
}
