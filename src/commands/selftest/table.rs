//! The self-test's table for eyes, 80 columns wide, and the same as JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::rows::{Measured, PROXY, SERVER, STOPPER, Verdict};
use crate::output::wrap;
use crate::ui::{Palette, printable};
use crate::units::human::{duration, grouped};

/// What a table without a miss proves, and what it does not.
const PROVES: &str = "\
What this proves: what was done to the traffic is what wsbench reported, by the
word of whoever did it. Whether this machine is fit for your load, `wsbench
doctor` says; how well a run went, its own section \"generator\".";

/// The self-test as data. The version of the shape stands first.
#[derive(Debug, Serialize)]
pub(super) struct Table {
    pub(super) schema: &'static str,
    pub(super) verdict: Verdict,
    pub(super) exit_code: u8,
    pub(super) broker: String,
    pub(super) rows: Vec<Measured>,
}

impl Table {
    /// Writes it for eyes.
    pub(super) fn write(&self, out: &mut dyn Write, palette: Palette) -> io::Result<()> {
        writeln!(out, "Server: 2 instances, {}", printable(&self.broker))?;
        writeln!(out, "\n{:37}{:>14}{:>14}{:>12}", "What was done", "truly", "reported", "may differ")?;
        for row in &self.rows {
            let (style, word) = match row.verdict {
                Verdict::Hit => (palette.good, "ok"),
                Verdict::Miss => (palette.bad, "MISS"),
                Verdict::Unsaid => (palette.warn, "open"),
            };
            let amount = |value: u64| if row.is_time { precise(value) } else { grouped(value) };
            let allowed = if row.is_time { duration(row.allowed) } else { "by none".to_owned() };
            let (truth, reported) = (amount(row.truth), amount(row.reported));
            writeln!(out, "{style}{word:4}{style:#}  {:31}{truth:>14}{reported:>14}{allowed:>12}", row.injected)?;
        }
        for (injected, why) in self.rows.iter().filter_map(|row| Some((row.injected, row.why.as_deref()?))) {
            writeln!(out, "\nopen: {injected}")?;
            wrap(why, "  ", 4).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        writeln!(out, "\nTruly, by")?;
        writeln!(out, "  copies  {SERVER}\n  bytes   {PROXY}\n  stops   {STOPPER}")?;
        match self.verdict {
            Verdict::Hit => writeln!(out, "\n{PROVES}"),
            Verdict::Miss => {
                writeln!(out, "\nwsbench did not report what happened: please report this, with this table.")
            }
            Verdict::Unsaid => writeln!(out, "\nThis machine was too busy to tell: try again when it is quieter."),
        }
    }
}

/// A time to the microsecond: rows are judged by less than `duration` shows.
fn precise(nanos: u64) -> String {
    format!("{:.3} ms", nanos as f64 / 1e6)
}
