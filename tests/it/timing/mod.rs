//! What is asserted about time. Ignored unless asked for: it needs the machine for itself, one test after another,
//!
//! ```text
//! cargo test --workspace --release --locked --test it -- --ignored --test-threads=1 --nocapture timing::
//! ```
//!
//! and the release build. A measurement is repeated, at most three times, when the generator itself calls it
//! untrustworthy, and for no other reason.

mod comeback;
mod delay;
mod find;
mod half_open;
mod idle;
mod scenarios;
mod stall;
mod starved;

use crate::support::Report;

/// How often a run whose own generator doubts it may be repeated.
const TRIES: usize = 3;

/// The first run that the generator stands for.
fn believed(mut run: impl FnMut() -> Report) -> Report {
    for attempt in 1..=TRIES {
        let report = run();
        if report.is_healthy() {
            return report;
        }
        println!("attempt {attempt} is not to be believed: {}", report.0["generator"]["reasons"]);
    }
    panic!("the generator was disturbed {TRIES} times in a row; give it a quieter machine");
}
