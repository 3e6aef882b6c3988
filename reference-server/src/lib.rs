//! A room server for WebSocket clients, several instances joined by Redis or, within one process, by memory: the known
//! target of a load tester, and a server a team could start from. What it says on the wire is in `PROTOCOL.md`.
//!
//! [`run`] takes the world as arguments: listeners, configuration, broker, secret, shutdown. Modules from the bottom up;
//! each names only those before it, except that `worker`, `session` and `endpoint` hold each other:
//!
//! ```text
//! time config queue stats                 clocks, settings, the one queue, counters
//! stream tls                              bytes from and to clients
//! token auth history heartbeat rate       pure rules
//! broker                                  what joins the instances: memory, redis
//! protocol drain                          what is said
//! faults                                  what is to go wrong on request, and what has
//! peer room                               who is where, and in which order things reach them
//! shared                                  what every part of an instance holds
//! metered socket session worker endpoint  connections
//! threads instance                        the threads that own them; start to finish
//! ```

mod auth;
pub mod broker;
pub mod config;
mod drain;
mod endpoint;
mod faults;
mod heartbeat;
pub mod history;
mod instance;
mod metered;
mod peer;
mod protocol;
mod queue;
mod rate;
mod room;
mod session;
mod shared;
mod socket;
pub mod stats;
mod stream;
mod threads;
mod time;
mod tls;
pub mod token;
mod worker;

pub use self::{
    broker::memory::MemoryBroker,
    config::{Announce, AuthMode, Config},
    instance::{BrokerChoice, Error, Instance, Ready, run},
    token::Secret,
};
