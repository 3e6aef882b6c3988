//! The delivery table's words and figures, as every format for eyes shows them.

use super::number::ms;
use crate::report::{Path, Summary};
use crate::units::human::column;

/// What the columns of [`figures`] are called.
pub(super) const HEADS: [&str; 6] = ["count", "p50", "p90", "p99", "p99.9", "max"];

/// The way a copy took.
pub(super) fn way(path: Path) -> &'static str {
    match path {
        Path::Cross => "another instance",
        Path::Same => "same instance",
        Path::Unknown => "unknown instance",
        Path::Own => "own copy",
        Path::Everyone => "everyone has it",
    }
}

/// A distribution's figures in milliseconds. A quantile which fewer values than it needs would have to show is not known.
pub(super) fn figures(summary: &Summary) -> [String; 6] {
    let known = |values: u64, quantile: u64| if summary.count >= values { ms(quantile) } else { "-".to_owned() };
    [
        column(summary.count),
        ms(summary.p50),
        known(10, summary.p90),
        known(100, summary.p99),
        known(1_000, summary.p99_9),
        ms(summary.max),
    ]
}
