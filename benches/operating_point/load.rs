//! The load, as bytes: the same for every client and every server that is compared.

use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use serde_json::{Value, json};
use wsbench::time::{Clock, Timestamp, process_cpu};

use crate::arguments::argument;

/// Who is there and what is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Connections.
    pub(crate) clients: usize,
    /// Rooms they share evenly.
    pub(crate) rooms: usize,
    /// Publications per second in all.
    pub(crate) rate: usize,
    /// Bytes of a publication's payload.
    pub(crate) payload: usize,
}

/// 20,000 deliveries a second: every publication reaches the 100 members of its room.
pub(crate) const OPERATING_POINT: Load = Load { clients: 2_000, rooms: 20, rate: 200, payload: 200 };

/// What every read asks for.
pub(crate) const BUFFER: usize = 4 << 10;

/// How long is published before measuring, and how long is measured.
pub(crate) fn phases() -> (Duration, Duration) {
    (Duration::from_secs(1), Duration::from_secs_f64(argument("seconds", 5.0)))
}

impl Load {
    /// What was asked for by `clients`, `rooms`, `rate` and `size`; the operating point where nothing was.
    pub(crate) fn asked() -> Self {
        Self {
            clients: argument("clients", OPERATING_POINT.clients),
            rooms: argument("rooms", OPERATING_POINT.rooms),
            rate: argument("rate", OPERATING_POINT.rate),
            payload: argument("size", OPERATING_POINT.payload),
        }
    }

    /// Members of a room.
    pub(crate) fn members(&self) -> usize {
        self.clients / self.rooms
    }

    /// Between two publications.
    pub(crate) fn period(&self) -> Duration {
        Duration::from_secs(1) / self.rate as u32
    }

    /// The room of client `n`.
    pub(crate) fn room_of(&self, client: usize) -> usize {
        client % self.rooms
    }

    /// The path client `n` opens, which joins it to its room.
    pub(crate) fn path(&self, client: usize) -> String {
        let until = wsbench::time::unix_seconds() + 86_400;
        let token = wsbench::token::mint_for(crate::server::SECRET.as_bytes(), &format!("u{client}"), until);
        format!("/ws/rooms/room-{}?token={token}", self.room_of(client) + 1)
    }

    /// What a client says: a publication of `payload` bytes with a reference, so that it is acknowledged.
    pub(crate) fn publication(&self) -> String {
        json!({"type": "message", "ref": 1, "content": "x".repeat(self.payload)}).to_string()
    }
}

/// Whether a frame is a delivery; everything else is an acknowledgement.
pub(crate) fn is_delivery(text: &str) -> bool {
    text.starts_with(r#"{"type":"message""#)
}

/// What a client or server counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Deliveries received.
    pub(crate) deliveries: u64,
    /// Reads that brought something.
    pub(crate) reads: u64,
    /// Writes.
    pub(crate) writes: u64,
}

/// What was counted and used at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    at: Timestamp,
    cpu: Duration,
    counts: Counts,
}

impl Mark {
    /// Now.
    pub(crate) fn now(counts: Counts) -> Self {
        Self { at: Clock::real().now(), cpu: process_cpu(), counts }
    }
}

/// Says that measuring begins.
pub(crate) fn announce() {
    say(&json!("begin"));
}

/// Says what was used and counted between two marks.
pub(crate) fn report(from: Mark, to: Mark) {
    say(&json!({
        "seconds": (to.at - from.at).as_secs_f64(),
        "cpu_us": (to.cpu - from.cpu).as_secs_f64() * 1e6,
        "deliveries": to.counts.deliveries - from.counts.deliveries,
        "reads": to.counts.reads - from.counts.reads,
        "writes": to.counts.writes - from.counts.writes,
    }));
}

/// A line for the bench that started this process.
pub(crate) fn say(line: &Value) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("the bench listens");
}

/// Answers every line with what `writes` gives, in a thread of its own; ends the process with its input.
pub(crate) fn answer_with(writes: impl Fn() -> u64 + Send + 'static) {
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if line.is_err() {
                break;
            }
            say(&json!(writes()));
        }
        std::process::exit(0);
    });
}
