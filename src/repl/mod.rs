//! The console: somebody at a prompt, or a script at a pipe, in a room by hand. Lines in, messages out.
//!
//! A line is taken apart by `command`; a `client` is one user's connection; `console` knows them all and does what is asked;
//! `drive` is the loop. The world comes in as arguments ([`World`]): how to connect, whose token, where lines come from and
//! where they go. Nothing here measures load: that is the engine's business.

mod acts;
mod client;
mod closes;
pub mod command;
mod console;
mod drive;
mod escape;
mod filter;
mod flood;
mod hearing;
mod history;
mod item;
mod record;
mod render;
mod sheet;
mod terminal;
mod world;

pub use drive::{Ending, run};
pub use record::{Goal, Way};
pub use render::Format;
pub use terminal::{Screen, Typed, Words, open};
pub use world::{Aim, Asked, Finding, Input, Link, Manner, Paper, Piped, Prompt, Seat, Whence, Who, World, Written};
