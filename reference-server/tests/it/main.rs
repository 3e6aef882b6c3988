//! Black-box tests over real sockets, two instances and a real Redis where it matters. What is asserted about time is in
//! `timing`, ignored unless asked for.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // tests read clocks, and an unwrap is an assertion

mod conformance;
mod cuts;
mod defects;
mod documented;
mod drain;
mod echo;
mod expiry;
mod faults;
mod frames;
mod handshake;
mod heartbeat;
mod hostile;
mod http2;
mod introductions;
mod joins;
mod leaks;
mod limits;
mod metrics;
mod notify;
mod outage;
mod poll;
mod presence;
mod process;
mod protocol;
mod publish;
mod resume;
mod rolling;
mod rooms;
mod secrets;
mod slow;
mod sse;
mod support;
mod timing;
mod tls;
