//! The delivery table, and what the way over another instance costs.

use super::layout::{flow, left, paint};
use crate::output::figures::{figures, way};
use crate::output::number::ms;
use crate::report::{Arrival, Broker, Path, Report};
use crate::ui::{Palette, printable, width};

const NAME: usize = 16;

pub(super) fn lines(report: &Report, palette: &Palette) -> Vec<String> {
    let rows: Vec<&Arrival> = report.arrivals.iter().filter(|row| row.summary.count > 0).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let name = rows.iter().map(|row| width(&printable(&row.publish))).max().unwrap_or(0).min(NAME);
    let heads = format!("{:>8}{:>7}{:>7}{:>7}{:>7}{:>8}", "count", "p50", "p90", "p99", "p99.9", "max");
    let mut lines = vec![
        paint(palette.head, "How long until it arrived (ms, from the moment it was due)"),
        format!("{}{}", " ".repeat(2 + name + 2 + 16), paint(palette.dim, &heads)),
    ];
    let mut last = None;
    for row in rows {
        let repeated = last == Some(&row.publish);
        let publish = left(if repeated { "" } else { &row.publish }, name);
        let [count, p50, p90, p99, p99_9, max] = figures(&row.summary);
        let figures = format!("{count:>8}{p50:>7}{p90:>7}{p99:>7}{p99_9:>7}{max:>8}");
        lines.push(format!("  {publish}  {:<16}{figures}", way(row.path)));
        last = Some(&row.publish);
    }
    lines.extend(between_instances(report));
    lines
}

fn between_instances(report: &Report) -> Vec<String> {
    let crossed = report.arrivals.iter().any(|row| row.path == Path::Cross);
    let added = match report.instance_adds_median_ns {
        Some(nanos) if nanos >= 0 => Some(format!("another instance adds {} ms (median)", ms(nanos.unsigned_abs()))),
        Some(nanos) => Some(format!("another instance was {} ms faster (median)", ms(nanos.unsigned_abs()))),
        None if crossed => Some("what another instance adds is unknown".to_owned()),
        None => None,
    };
    let bus = report.distribution_with("hop", "stage", "bus");
    let hop = match (report.environment.broker, bus) {
        (Broker::Memory, _) => Some("no Redis hop: memory broker".to_owned()),
        (Broker::Redis, Some(bus)) => Some(format!("Redis hop {} ms (p99 {})", ms(bus.p50), ms(bus.p99))),
        (Broker::External, Some(bus)) => Some(format!("bus hop {} ms (p99 {})", ms(bus.p50), ms(bus.p99))),
        (Broker::Redis, None) if crossed => Some("Redis hop unknown".to_owned()),
        (Broker::External, None) if crossed => Some("bus hop unknown: the server does not say".to_owned()),
        (_, None) => None,
    };
    let parts: Vec<String> = added.into_iter().chain(hop).collect();
    if parts.is_empty() { Vec::new() } else { flow("  ", parts, "; ", super::WIDTH) }
}
