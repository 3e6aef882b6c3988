//! Many clients: starting them, pacing what they say, adding up what they saw.

mod outcome;

pub use outcome::{End, ErrorSample, Health, Identity, Outcome, Phase, Tick};
