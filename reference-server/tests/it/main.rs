//! Black-box tests over real sockets, two instances and a real Redis where it matters.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // tests read clocks, and an unwrap is an assertion

mod conformance;
mod drain;
mod echo;
mod expiry;
mod faults;
mod frames;
mod handshake;
mod heartbeat;
mod hostile;
mod joins;
mod leaks;
mod limits;
mod metrics;
mod outage;
mod process;
mod protocol;
mod resume;
mod rooms;
mod secrets;
mod slow;
mod support;
mod tls;
