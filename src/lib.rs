//! wsbench: how long does a message take to reach everyone in the room, and did it get there at all?
//!
//! The library behind the command line, in floors; a module names only lower floors (a test enforces it):
//!
//! ```text
//! 0  time
//! 1  units  wire  detour  backoff  token  profile  template     pure values
//! 2  observe                                     facts
//! 3  dialect  transport  proxy                   translation (no IO) · IO (no meaning)
//! 4  scenario  ledger  metrics  session          asked · owed · counted · one client's life
//! 5  threshold  engine  gate  probe              judgement · many clients · two targets · two clients
//! 6  report  ui                                  the outcome as data · the terminal
//! 7  output  repl                                one file per format · somebody at a prompt
//! 8  commands                                    the command line; the only caller of the reference server
//! ```
//!
//! `docs/architecture.md` draws the same house with the path of one message through it.

pub mod time;

pub mod backoff;
pub mod detour;
pub mod profile;
pub mod template;
pub mod token;
pub mod units;
pub mod wire;

pub mod observe;

pub mod dialect;
pub mod proxy;
pub mod transport;

pub mod ledger;
pub mod metrics;
pub mod scenario;
pub mod session;

pub mod engine;
pub mod gate;
pub mod probe;
pub mod threshold;

pub mod report;
pub mod ui;

pub mod output;
pub mod repl;

pub mod commands;
