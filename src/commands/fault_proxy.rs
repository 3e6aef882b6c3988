//! The fault proxy as a run sees it: a child that is told whom to treat how, and tells when it cut whom.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ChildStdin, Command};
use std::time::Duration;

use super::child::{Heard, Process};
use super::exit::Failure;
use crate::engine::Aftermath;
use crate::observe::ClientId;
use crate::proxy::{Notice, Order, Setup, Written};
use crate::time::{Clock, Timestamp};

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long it may take to end, and to finish its log.
const ENDING: Duration = Duration::from_secs(30);

/// A running proxy. Dropping it ends it.
pub(super) struct FaultProxy {
    process: Process,
    orders: Option<ChildStdin>,
    /// Where clients turn to.
    pub(super) address: SocketAddr,
}

impl FaultProxy {
    /// Starts it and waits until it listens. Call it from the main thread.
    pub(super) fn start(program: &Path, setup: &Setup) -> Result<Self, Failure> {
        let failed = |why: &dyn std::fmt::Display| Failure::setup(format!("the fault proxy did not start: {why}"));
        let mut command = Command::new(program);
        command.arg("proxy");
        let mut process = Process::start_talking("proxy", command).map_err(|error| failed(&error))?;
        let mut orders = process.take_stdin();
        say(orders.as_mut(), setup).map_err(|why| failed(&why))?;
        let clock = Clock::real();
        let deadline = clock.now() + PATIENCE;
        while clock.now() < deadline {
            if let Some(line) = process.line(Duration::from_millis(100)) {
                return match serde_json::from_str(&line) {
                    Ok(Notice::Ready { address }) => Ok(Self { process, orders, address }),
                    _ => Err(Failure::internal(format!("the fault proxy said {line:?} in place of being ready"))),
                };
            }
            if process.has_ended() {
                return Err(failed(&process.last_words()));
            }
        }
        Err(failed(&format!("it was not ready within {} s", PATIENCE.as_secs())))
    }

    /// Tells it what to do.
    pub(super) fn order(&mut self, order: &Order) -> Result<(), String> {
        say(self.orders.as_mut(), order).map_err(|why| format!("the fault proxy does not listen: {why}"))
    }

    /// The cuts it has told of since it was asked last.
    pub(super) fn cuts(&mut self) -> Vec<Aftermath> {
        let mut cuts = Vec::new();
        while let Some(line) = self.process.line(Duration::ZERO) {
            if let Ok(Notice::Cut { client, at }) = serde_json::from_str(&line) {
                cuts.push(Aftermath::Cut(ClientId(client), Timestamp::from_nanos(at)));
            }
        }
        cuts
    }

    /// Ends it; what became of its log, or why it had ended already.
    pub(super) fn stop(&mut self) -> Result<Written, String> {
        self.orders = None;
        let clock = Clock::real();
        let deadline = clock.now() + ENDING;
        while clock.now() < deadline {
            match self.process.hear(Duration::from_millis(100)) {
                Heard::Line(line) => {
                    if let Ok(Notice::Ended { log }) = serde_json::from_str(&line) {
                        return Ok(log);
                    }
                }
                Heard::Silence => {}
                Heard::End => break,
            }
        }
        let words = self.process.last_words();
        let words = if words.is_empty() { "it said nothing" } else { words.as_str() };
        Err(format!("the fault proxy of this run ended before its time ({words}), and every connection with it"))
    }
}

fn say(to: Option<&mut ChildStdin>, what: &impl serde::Serialize) -> Result<(), String> {
    let to = to.ok_or("it has ended")?;
    let mut line = serde_json::to_vec(what).map_err(|error| error.to_string())?;
    line.push(b'\n');
    to.write_all(&line).and_then(|()| to.flush()).map_err(|error| error.to_string())
}
