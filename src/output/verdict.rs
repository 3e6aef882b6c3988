//! What a result comes to, in words that every format for eyes shares.

use super::number::time;
use crate::report::{Ending, Fault, Path, Report};
use crate::ui::fit;
use crate::units::human::{count, many};

/// The verdict as one word.
pub(super) fn word(report: &Report) -> &'static str {
    match report.end {
        Ending::Interrupted(_) => "INTERRUPTED",
        Ending::Failed(_) => "FAIL",
        _ if !report.identity.holds => "FAIL",
        _ if !report.generator.healthy => "UNTRUSTWORTHY",
        Ending::Aborted(_) => "FAIL",
        _ if report.faults.iter().any(|fault| fault.failure.is_some()) => "FAIL",
        _ if report.thresholds.iter().any(|rule| !rule.ok) => "FAIL",
        _ if report.thresholds.is_empty() => "DONE",
        _ => "PASS",
    }
}

/// How many rules there are, and how many of them failed.
pub(super) fn thresholds(report: &Report) -> String {
    let all = report.thresholds.len();
    match report.thresholds.iter().filter(|rule| !rule.ok).count() {
        0 if all == 0 => "no thresholds".to_owned(),
        0 => format!("{} held", many(all as u64, "threshold")),
        failed => format!("{failed} of {} failed", many(all as u64, "threshold")),
    }
}

/// Why the verdict is what the thresholds alone do not explain.
pub(super) fn because(report: &Report) -> Vec<String> {
    let mut reasons = Vec::new();
    match &report.end {
        Ending::Complete => {}
        Ending::Interrupted(_) if report.measured_ns == 0 => {
            reasons.push("stopped by a signal before anything was measured".to_owned());
        }
        Ending::Interrupted(_) => {
            let after = time(report.measured_ns as f64);
            reasons.push(format!("stopped by a signal after {after} of measuring: a partial result"));
        }
        Ending::Aborted(why) => reasons.push(format!("ended early: {why}")),
        Ending::Failed(why) => reasons.push(why.clone()),
    }
    let undone = report.faults.iter().filter(|fault| fault.failure.is_some());
    reasons.extend(undone.map(|fault| format!("the fault {} was not carried out: see below", fault.name)));
    if !report.identity.holds {
        reasons.push("the counts contradict each other: see below".to_owned());
    }
    if !report.generator.healthy {
        reasons.push("the generator disturbed its own measurement: see Generator".to_owned());
    }
    reasons
}

/// What must not be found only in a table.
pub(super) fn warnings(report: &Report) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |number: u64, text: String| {
        if number > 0 {
            warnings.push(text);
        }
    };
    let failed = report.counter("clients.failed");
    warn(failed, format!("{} of {} never joined", count(failed), many(report.counter("clients.requested"), "client")));
    let lost = report.identity.lost;
    warn(lost, format!("{} of {} due copies lost", count(lost), count(report.identity.due)));
    let ghosts = report.counter("deliveries.ghost");
    warn(ghosts, format!("{} arrived of messages that nobody sent (ghosts)", copies(ghosts)));
    let misrouted = report.counter("deliveries.misrouted");
    warn(misrouted, format!("{} arrived where they do not belong (misrouted)", copies(misrouted)));
    let nameless = report.counter("deliveries.unattributed");
    warn(nameless, format!("{} could be attributed to no message: no acknowledgement had the id", copies(nameless)));
    let unknown = report.arrivals.iter().filter(|row| row.path == Path::Unknown).map(|row| row.summary.count).sum();
    warn(unknown, format!("{} came by an unknown instance", copies(unknown)));
    warnings.extend(lopsided(report));
    warnings.extend(report.faults.iter().flat_map(incident));
    warnings
}

/// Times its fair share that an instance may have of the clients before it is worth a word.
const FULLEST: f64 = 1.5;

/// That one instance has far more of the clients than its share, though nobody was cut off.
fn lopsided(report: &Report) -> Option<String> {
    let all: u64 = report.instances.iter().map(|instance| instance.clients).sum();
    let fullest = report.instances.iter().max_by_key(|instance| instance.clients)?;
    let times = fullest.clients as f64 * report.instances.len() as f64 / all.max(1) as f64;
    let worth = times > FULLEST && report.faults.is_empty();
    worth.then(|| format!("instance {} has {times:.1} x its share of the clients", fit(&fullest.name, 32)))
}

/// What an incident adds to them: clients that stayed away, and that nobody had planned it.
fn incident(fault: &Fault) -> Vec<String> {
    let (lost, never) = (fault.reconnect.lost, fault.reconnect.never);
    let name = fit(&fault.name, 32);
    let mut warnings = Vec::new();
    if !fault.declared {
        warnings.push(format!("{} lost at once, not by a fault ({name})", many(lost, "connection")));
    }
    if never > 0 {
        warnings.push(format!("{} of {} never came back after {name}", count(never), many(lost, "client")));
    }
    warnings
}

fn copies(number: u64) -> String {
    if number == 1 { "1 copy".to_owned() } else { format!("{} copies", count(number)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{HELD, outcome, report};
    use crate::report::{Broker, Instance};

    #[test]
    fn an_instance_with_far_more_than_its_share_is_warned_of() {
        let mut report = report(&outcome(), Broker::Redis, HELD);
        report.faults.clear();
        let mut told = |shares: &[u64]| {
            let names = ["a", "b", "c", "d"];
            let shares = names.iter().zip(shares).map(|(name, n)| Instance { name: (*name).to_owned(), clients: *n });
            report.instances = shares.collect();
            lopsided(&report)
        };
        assert_eq!(told(&[80, 20]).as_deref(), Some("instance a has 1.6 x its share of the clients"));
        assert_eq!(told(&[10, 10, 60, 20]).as_deref(), Some("instance c has 2.4 x its share of the clients"));
        assert_eq!([told(&[75, 25]), told(&[100]), told(&[0, 0]), told(&[])], [None, None, None, None]);
    }
}
