//! From the engine's incidents, and what was recorded in their stretches, to the faults of the report. Pure.

use std::cmp::Reverse;

use super::fault::BIN_NS;
use super::{AttemptFailure, Back, Bystanders, Cause, Fault, Reconnect, Summary};
use crate::engine::{Incident, Outcome};
use crate::metrics::{Histogram, Snapshot, Value};
use crate::observe::{Labels, Stretch, Word};
use crate::time::nanos;

/// Bins a result keeps: ten minutes.
const BINS: usize = 6_000;

/// Kinds of failures and causes a result keeps; the rest is `other`.
const KINDS: usize = 100;

/// As many values a 99th percentile needs.
const FEWEST: u64 = 100;

/// Every fault and incident of a run on a server of `instances`, in the order of their instants.
pub(super) fn faults(outcome: &Outcome, instances: u32) -> Vec<Fault> {
    let order = chronological(&outcome.incidents);
    let last_cut = order.iter().rposition(|at| outcome.incidents[*at].lost > 0);
    let place = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    let fault = |(n, at): (usize, &usize)| {
        let before: Vec<u16> = order[..n].iter().map(|at| place(*at)).collect();
        let imbalance = (last_cut == Some(n)).then(|| imbalance(outcome, instances)).flatten();
        let bystanders = bystanders(&outcome.totals, place(*at), &before);
        fault(&outcome.incidents[*at], place(*at), &outcome.totals, bystanders, imbalance)
    };
    order.iter().enumerate().map(fault).collect()
}

/// Places of `incidents` in the order of their instants: found ones are numbered after the planned.
fn chronological(incidents: &[Incident]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..incidents.len()).collect();
    order.sort_by_key(|at| incidents[*at].at_ns);
    order
}

fn fault(incident: &Incident, number: u16, totals: &Snapshot, bystanders: Bystanders, imbalance: Option<f64>) -> Fault {
    let (herd, herd_bin_ns) = folded(&incident.herd);
    Fault {
        name: incident.name.clone(),
        at_ns: incident.at_ns,
        until_ns: incident.until_ns,
        declared: incident.declared,
        what: incident.what.clone(),
        failure: incident.failure.clone(),
        exit_status: incident.exit_status,
        reconnect: reconnect(incident, Stretch::during(number), totals),
        herd,
        herd_bin_ns,
        bystanders,
        imbalance,
    }
}

fn reconnect(incident: &Incident, during: Stretch, totals: &Snapshot) -> Reconnect {
    let within = |labels: &Labels| labels.phase == Some(during);
    let summary = |metric| summary(totals, metric, within);
    let count = |value: Option<Value>| value.map_or(0, |value| value.count());
    let gap = |labels: &Labels| within(labels) && labels.detail == Some(Word::RECONNECT_GAP);
    let replayed = count(totals.sum("deliveries.replayed", within));
    let [p50, p95, p99, all] = incident.back.map(|back| back.map(nanos));
    Reconnect {
        lost: incident.lost,
        recovered: incident.recovered,
        never: incident.never,
        attempts: incident.attempts,
        peak_connects_per_100ms: incident.herd.iter().copied().max().unwrap_or(0).into(),
        mean_connects_per_100ms: mean(&incident.herd),
        back_ns: Back { p50, p95, p99, all },
        failures: failures(&incident.failures),
        causes: causes(&incident.causes),
        missed: count(totals.sum("deliveries.lost", gap)) + replayed,
        replayed,
        downtime: summary("reconnect.downtime"),
        first_delivery: summary("reconnect.first_delivery"),
        detect: summary("reconnect.detect"),
        backoff: summary("reconnect.backoff"),
        backoff_lag: summary("reconnect.backoff_lag"),
    }
}

fn summary(totals: &Snapshot, metric: &str, within: impl Fn(&Labels) -> bool) -> Option<Summary> {
    let found = totals.sum(metric, within);
    found.as_ref().and_then(Value::histogram).filter(|values| values.count() > 0).map(Summary::of)
}

/// Attempts per bin in the mean, from the first attempt to the last, to a thousandth.
fn mean(herd: &[u32]) -> f64 {
    let first = herd.iter().position(|bin| *bin > 0);
    let last = herd.iter().rposition(|bin| *bin > 0);
    let (Some(first), Some(last)) = (first, last) else { return 0.0 };
    let attempts: u64 = herd.iter().copied().map(u64::from).sum();
    thousandths(attempts as f64 / (last - first + 1) as f64)
}

fn thousandths(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// The herd up to its last attempt in at most [`BINS`] bins, and how wide they are.
fn folded(herd: &[u32]) -> (Vec<u64>, u64) {
    let end = herd.iter().rposition(|bin| *bin > 0).map_or(0, |last| last + 1);
    let mut bins: Vec<u64> = herd[..end].iter().copied().map(u64::from).collect();
    let mut width = BIN_NS;
    while bins.len() > BINS {
        bins = bins.chunks(2).map(|pair| pair.iter().sum()).collect();
        width *= 2;
    }
    (bins, width)
}

fn failures(failures: &[(Word, Word, u64)]) -> Vec<AttemptFailure> {
    let failure = |(stage, kind, count): &(Word, Word, u64)| AttemptFailure {
        stage: stage.name().into_owned(),
        kind: kind.name().into_owned(),
        count: *count,
    };
    let (mut kept, rest) = most_frequent(failures, |(.., count)| *count);
    if rest > 0 {
        kept.push((Word::OTHER, Word::OTHER, rest));
    }
    kept.iter().map(failure).collect()
}

fn causes(causes: &[(Word, u64)]) -> Vec<Cause> {
    let (mut kept, rest) = most_frequent(causes, |(_, count)| *count);
    if rest > 0 {
        kept.push((Word::OTHER, rest));
    }
    kept.iter().map(|(kind, count)| Cause { kind: kind.name().into_owned(), count: *count }).collect()
}

/// The [`KINDS`] most frequent of `counted`, and the sum of the others.
fn most_frequent<T: Clone>(counted: &[T], count: impl Fn(&T) -> u64) -> (Vec<T>, u64) {
    let mut kept = counted.to_vec();
    kept.sort_by_key(|one| Reverse(count(one)));
    let rest = kept.split_off(kept.len().min(KINDS));
    (kept, rest.iter().map(count).sum())
}

/// The bystanders of incident `number`; `earlier` are the ones before it, in the order of their instants.
fn bystanders(totals: &Snapshot, number: u16, earlier: &[u16]) -> Bystanders {
    let stayed = |stretch| p99(totals, |labels| labels.phase == Some(stretch) && labels.bystander == Some(true));
    // Nobody is a bystander of anything before the first incident; who was cut by an earlier one is none.
    let all = |stretch| p99(totals, |labels| labels.phase == Some(stretch) && labels.bystander != Some(false));
    let stretches = earlier.iter().rev().flat_map(|at| [Stretch::after(*at), Stretch::during(*at)]);
    Bystanders {
        before: stretches.chain([Stretch::BEFORE]).find_map(all),
        during: stayed(Stretch::during(number)),
        after: stayed(Stretch::after(number)),
    }
}

fn p99(totals: &Snapshot, which: impl Fn(&Labels) -> bool) -> Option<u64> {
    let found = totals.sum("delivery", which);
    let enough = |values: &&Histogram| values.count() >= FEWEST;
    found.as_ref().and_then(Value::histogram).filter(enough).map(|values| values.quantile(0.99))
}

/// The fullest instance's clients over the mean of all; an instance of the server that has none counts too.
fn imbalance(outcome: &Outcome, instances: u32) -> Option<f64> {
    let known = outcome.instances.iter().all(|(name, _)| name != "unknown");
    let number = outcome.instances.len().max(usize::try_from(instances).unwrap_or(usize::MAX));
    let clients = outcome.instances.iter().map(|(_, clients)| *clients);
    let (sum, most) = (clients.clone().sum::<u64>(), clients.max()?);
    (known && number > 1 && sum > 0).then(|| thousandths(most as f64 * number as f64 / sum as f64))
}

#[cfg(test)]
#[path = "incidents_tests.rs"]
mod tests;
