//! What is read once, at the end of a run, and can be judged like a counter: the generator's own cost.

use super::Dimension;

/// A row of the table.
#[derive(Debug)]
pub struct Gauge {
    /// Its name in thresholds.
    pub name: &'static str,
    /// What kind of number it is.
    pub dimension: Dimension,
    /// One line of help.
    pub help: &'static str,
}

/// Every gauge.
pub const GAUGES: &[Gauge] = &[
    Gauge {
        name: "generator.cpu_seconds",
        dimension: Dimension::Time,
        help: "CPU time of this process in the measured phase; over a counter it is the time per message",
    },
    Gauge { name: "generator.cpu_share", dimension: Dimension::Ratio, help: "the same as a share of one core" },
    Gauge { name: "generator.steal_share", dimension: Dimension::Ratio, help: "time that the hypervisor took" },
    Gauge { name: "generator.rss_peak_bytes", dimension: Dimension::Count, help: "largest resident size" },
    Gauge { name: "generator.clients", dimension: Dimension::Count, help: "clients at their most" },
    Gauge { name: "generator.sends_late", dimension: Dimension::Count, help: "publications sent 10 ms late or more" },
];

/// The gauge called `name`.
pub(super) fn find(name: &str) -> Option<&'static Gauge> {
    GAUGES.iter().find(|gauge| gauge.name == name)
}
