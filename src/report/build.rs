//! From what the engine and the judge say to the report. Pure.

use std::collections::BTreeMap;

use super::entries::entries;
use super::incidents::faults;
use super::{
    Arrival, Close, Ending, Environment, Failure, Generator, Identity, Instance, Path, Point, Report, SCHEMA, Sample,
    Scenario, Summary, Threshold, decide,
};
use crate::engine::{self, End, Health, Outcome};
use crate::metrics::{Histogram, LabelKey, METRICS, Names, Snapshot, Value};
use crate::observe::{Hop, Labels};
use crate::threshold::{Dimension, Judged, Measured, Selection};
use crate::time::nanos;

/// A send this much after its due time is late.
const LATE_NS: u64 = 10_000_000;

/// What the outcome does not know.
#[derive(Debug)]
pub struct Facts<'a> {
    /// What was asked for.
    pub scenario: Scenario,
    /// Where it ran.
    pub environment: Environment,
    /// When it started, RFC 3339.
    pub started: String,
    /// What became of the rules.
    pub judged: &'a [Judged],
    /// Combinations of labels to keep.
    pub selections: &'a [Selection],
    /// How it went over time.
    pub series: Vec<Point>,
    /// Whether a result that cannot be trusted is a failure.
    pub strict: bool,
}

/// What the judge has to know beside what was recorded.
pub fn measured(outcome: &Outcome) -> Measured {
    let incidents = outcome.incidents.iter().map(|incident| (incident.at_ns, incident.until_ns));
    Measured::new(outcome.measured, incidents).with_gauges(gauges(&generator(&outcome.health, &outcome.totals)))
}

/// The values of every gauge a threshold may name.
pub(super) fn gauges(generator: &Generator) -> [(&'static str, f64); 6] {
    [
        ("generator.cpu_seconds", generator.cpu_seconds * 1e9),
        ("generator.cpu_share", generator.cpu_share),
        ("generator.steal_share", generator.steal_share),
        ("generator.rss_peak_bytes", generator.rss_peak_bytes as f64),
        ("generator.clients", generator.clients as f64),
        ("generator.sends_late", generator.sends_late as f64),
    ]
}

/// The report of a run.
pub fn build(outcome: &Outcome, facts: Facts<'_>) -> Report {
    let decision = decide(outcome, facts.judged, facts.strict);
    let totals = &outcome.totals;
    let faults = faults(outcome, facts.environment.instances);
    let (counters, histograms) = entries(totals, &outcome.names, facts.selections);
    Report {
        schema: SCHEMA.to_owned(),
        complete: outcome.end == End::Complete,
        verdict: decision.verdict,
        exit_code: decision.exit_code,
        end: ending(&outcome.end),
        started: facts.started,
        measured_ns: nanos(outcome.measured),
        scenario: facts.scenario,
        environment: facts.environment,
        identity: identity(outcome),
        counters,
        histograms,
        arrivals: arrivals(totals, &outcome.names),
        instance_adds_median_ns: added(totals),
        thresholds: facts.judged.iter().map(threshold).collect(),
        faults,
        series: facts.series,
        generator: generator(&outcome.health, totals),
        errors: failures(outcome),
        closes: outcome.closes.iter().map(close).collect(),
        unknown_frames: outcome.unknown_frames.clone(),
        instances: outcome.instances.iter().map(|(name, n)| Instance { name: name.clone(), clients: *n }).collect(),
        find: None,
    }
}

fn close(close: &engine::Close) -> Close {
    let middle = |of: engine::Middle| [of.p5, of.p50, of.p95].map(nanos);
    Close {
        kind: close.kind.name().into_owned(),
        count: close.count,
        instance: close.instance.clone(),
        age_ns: middle(close.age),
        idle_ns: middle(close.idle),
        words: close.words.clone(),
    }
}

fn ending(end: &End) -> Ending {
    match end {
        End::Complete => Ending::Complete,
        End::Interrupted(code) => Ending::Interrupted(*code),
        End::Aborted(why) => Ending::Aborted(why.clone()),
        End::Failed(why) => Ending::Failed(why.clone()),
    }
}

fn identity(outcome: &Outcome) -> Identity {
    let sides = outcome.identity;
    Identity {
        due: sides.due,
        delivered: sides.delivered,
        lost: sides.lost,
        excluded: sides.excluded,
        holds: sides.holds(),
    }
}

fn threshold(judged: &Judged) -> Threshold {
    let unit = match judged.dimension {
        Dimension::Time => "ns",
        Dimension::Count => "count",
        Dimension::Rate => "per_second",
        Dimension::Ratio => "ratio",
    };
    Threshold {
        metric: judged.metric.clone(),
        rule: judged.rule.clone(),
        value: judged.value,
        unit: unit.to_owned(),
        ok: judged.ok,
        during: judged.during.clone(),
        after: judged.after.clone(),
        baseline: judged.baseline.clone(),
        line: judged.line,
        count: judged.count,
        margin: judged.margin,
        implied: judged.line.is_none(),
        note: judged.note.clone(),
    }
}

fn generator(health: &Health, totals: &Snapshot) -> Generator {
    let lag = totals.total("send_lag");
    let late = |histogram: &Histogram| {
        let in_time = histogram.buckets().take_while(|(value, _)| *value <= LATE_NS).last();
        histogram.count() - in_time.map_or(0, |(_, seen)| seen)
    };
    Generator {
        healthy: health.is_healthy(),
        reasons: health.reasons.clone(),
        processes: health.processes,
        cpu_seconds: health.cpu_seconds,
        cpu_share: health.cpu_share,
        cores: health.cores,
        steal_share: health.steal_share,
        rss_peak_bytes: health.rss_peak_bytes,
        clients: health.clients,
        loop_lag_p99_ns: health.loop_lag_p99,
        hiccup_p99_ns: health.hiccup_p99,
        run_queue_wait_seconds: health.run_queue_wait_seconds,
        fds_used: health.fds.0,
        fds_limit: health.fds.1,
        sends_late: lag.as_ref().and_then(Value::histogram).map_or(0, late),
    }
}

/// The delivery table, in the order of the publish entries.
fn arrivals(totals: &Snapshot, names: &Names) -> Vec<Arrival> {
    let mut rows: BTreeMap<(u16, Path), Vec<&Histogram>> = BTreeMap::new();
    for (metric, labels, value) in totals.cells() {
        let path = match METRICS[metric].name {
            "delivery" => path(labels),
            "completion" => Path::Everyone,
            _ => continue,
        };
        if let Some(histogram) = value.histogram() {
            let publish = labels.publish.map_or(u16::MAX, |id| id.0);
            rows.entry((publish, path)).or_default().push(histogram);
        }
    }
    let name = |at: u16| names.publishes.get(usize::from(at)).cloned().unwrap_or_else(|| "all".to_owned());
    let summary = |parts: Vec<&Histogram>| {
        let mut whole = Histogram::default();
        parts.into_iter().for_each(|part| whole.merge(part));
        Summary::of(&whole)
    };
    rows.into_iter()
        .map(|((publish, path), parts)| Arrival { publish: name(publish), path, summary: summary(parts) })
        .collect()
}

fn path(labels: &Labels) -> Path {
    match labels.hop {
        _ if labels.own == Some(true) => Path::Own,
        Some(Hop::Cross) => Path::Cross,
        Some(Hop::Same) => Path::Same,
        Some(Hop::Unknown) | None => Path::Unknown,
    }
}

/// The median over all publications of what the way over another instance adds: the ones it made faster, largest gain
/// first, then the ones it made slower.
fn added(totals: &Snapshot) -> Option<i64> {
    let (adds, saves) = (totals.total("instance_adds"), totals.total("instance_saves"));
    let adds = adds.as_ref().and_then(Value::histogram);
    let saves = saves.as_ref().and_then(Value::histogram);
    let count = |side: Option<&Histogram>| side.map_or(0, Histogram::count);
    let rank = (count(adds) + count(saves)).div_ceil(2);
    if rank == 0 {
        return None;
    }
    let faster = count(saves);
    let signed = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX);
    match rank.checked_sub(faster) {
        None | Some(0) => saves.map(|h| -signed(h.quantile((faster - rank + 1) as f64 / faster as f64))),
        Some(rank) => adds.map(|h| signed(h.quantile(rank as f64 / h.count() as f64))),
    }
}

fn failures(outcome: &Outcome) -> Vec<Failure> {
    let mut grouped: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (metric, labels, value) in outcome.totals.cells() {
        if METRICS[metric].name == "errors" {
            let word = |key| outcome.names.value(labels, key).map_or_else(|| "unknown".to_owned(), |w| w.into_owned());
            *grouped.entry((word(LabelKey::Stage), word(LabelKey::Kind))).or_default() += value.count();
        }
    }
    let first = |stage: &str, kind: &str| {
        let sample = outcome.errors.iter().find(|e| e.stage.name() == stage && e.kind.name() == kind)?;
        Some(Sample { detail: sample.detail.clone(), at_ns: sample.at_ns, client: sample.client.clone() })
    };
    let mut failures: Vec<Failure> = grouped
        .into_iter()
        .map(|((stage, kind), count)| Failure { first: first(&stage, &kind), stage, kind, count })
        .collect();
    failures.sort_by_key(|failure| std::cmp::Reverse(failure.count));
    failures
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
