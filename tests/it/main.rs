//! The binary as people use it: started, watched, interrupted and believed only as far as its own files prove it.
//!
//! One module per subject; `support` holds what they share. What is asserted about time is in `timing`, ignored unless
//! asked for, because it needs the machine for itself.
#![allow(clippy::unwrap_used)] // an unwrap is an assertion here

mod action;
mod blamed;
mod bytes;
mod commands;
mod contract;
mod correlate;
mod dialects;
mod doctor;
mod examples;
mod find;
mod floors;
mod gate;
mod joins;
mod live_metrics;
mod login;
mod probe;
mod processes;
mod proxy;
mod publishing;
mod raw;
mod readme;
mod repl;
mod requests;
mod results;
mod said;
mod scenarios;
mod secrets;
mod selftest;
mod signals;
mod socketio;
mod support;
mod timing;
mod truth;
mod wrong_input;
