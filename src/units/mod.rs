//! Text with a unit ↔ typed values: `"250ms"`, `"1k/s"`, `"64KiB"`, `"30%"`. Printing and parsing are inverse.
//!
//! [`human`] prints for eyes (three significant digits) and is not meant to be read back.

pub mod human;
mod number;
mod parse;

pub use number::UnitError;
pub use parse::{Rate, Size, parse_duration, parse_percent, parse_rate, parse_size, print_duration};

/// What a duration looks like, for messages that say what was expected.
pub const DURATION: &str = "a duration such as \"250ms\", \"20s\" or \"1m30s\"";
/// What a rate looks like.
pub const RATE: &str = "a rate such as \"200/s\", \"1k/s\" or \"30/m\"";
/// What a size looks like.
pub const SIZE: &str = "a size such as \"128B\", \"1k\" or \"64KiB\"";
/// What a percentage looks like.
pub const PERCENT: &str = "a percentage such as \"30%\"";
