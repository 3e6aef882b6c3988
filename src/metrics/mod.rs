//! Counting and measuring what happened: one table of metrics, one recorder per worker, snapshots that add up.
//!
//! A metric is a row of [`METRICS`]: which facts it counts or measures and which labels its entries may carry. Help,
//! the JSON Schema, threshold names and the reference docs read the same rows.

use crate::observe::{Fact, Word};

mod histogram;
mod labels;
mod recorder;
mod snapshot;

pub use histogram::{Histogram, Packed};
pub use labels::{LabelKey, Names};
pub use recorder::Recorder;
pub use snapshot::{Cell, Snapshot, Value};

/// Whether a metric counts or measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Adds up the observations' values.
    Counter,
    /// Keeps the distribution of the observations' values, nanoseconds.
    Histogram,
}

/// A row of the table.
#[derive(Debug)]
pub struct Metric {
    /// Its name in thresholds and results.
    pub name: &'static str,
    /// Counter or histogram.
    pub kind: Kind,
    /// The facts it is made of.
    pub facts: &'static [Fact],
    /// The labels its entries may carry; all may also carry `phase`, where there are faults or incidents.
    pub labels: &'static [LabelKey],
    /// One line of help.
    pub help: &'static str,
}

const fn counter(
    name: &'static str,
    facts: &'static [Fact],
    labels: &'static [LabelKey],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Counter, facts, labels, help }
}

const fn histogram(
    name: &'static str,
    facts: &'static [Fact],
    labels: &'static [LabelKey],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Histogram, facts, labels, help }
}

use LabelKey::{Class, From, Group, Hop, Instance, Kind as KindKey, Own, Publish, Reason, Request, Stage, To};

const PAIR: &[LabelKey] = &[Hop, To, From, Own, Group, Publish, Instance, LabelKey::Bystander];
const OWED: &[LabelKey] = &[To, Group, Publish];

/// Every metric, in the order in which results list them.
pub const METRICS: &[Metric] = &[
    histogram("connect", &[Fact::Connect], &[Stage, Group], "time a stage of connecting took"),
    histogram("delivery", &[Fact::Delivered], PAIR, "due time to arrival, per live first copy of a due pair"),
    histogram("completion", &[Fact::Completion], &[Publish], "due time to the last receiver's arrival"),
    histogram("spread", &[Fact::Spread], &[Publish], "first receiver's arrival to the last receiver's"),
    histogram(
        "instance_adds",
        &[Fact::InstanceAdds],
        &[Publish],
        "per publication, median cross-instance copy minus median same-instance copy",
    ),
    histogram(
        "instance_saves",
        &[Fact::InstanceSaves],
        &[Publish],
        "the same where the cross-instance copy came first",
    ),
    histogram("hop", &[Fact::HopStage], &[Stage], "stages of a delivery by the server's own stamps"),
    histogram("ack", &[Fact::Ack], &[Group, Publish], "sending a publication to its acknowledgement"),
    histogram("request", &[Fact::RequestAnswered], &[Group, Request], "due time of a request to its answer"),
    histogram("send_lag", &[Fact::SendLag], &[Group, Publish], "due time to the moment it was handed to the socket"),
    histogram("reconnect.detect", &[Fact::Detect], &[Group], "the instant of a cut to the client's noticing it"),
    histogram("reconnect.backoff", &[Fact::Backoff], &[Group], "the back-off a client chose before an attempt"),
    histogram("reconnect.backoff_lag", &[Fact::BackoffLag], &[Group], "what was waited beyond the chosen back-off"),
    histogram("reconnect.downtime", &[Fact::Downtime], &[Group], "connection lost to re-joined"),
    histogram("reconnect.first_delivery", &[Fact::FirstDelivery], &[Group], "connection lost to the next delivery"),
    counter("clients.requested", &[Fact::ClientRequested], &[Group], "clients the plan asked for"),
    counter("clients.connected", &[Fact::ClientConnected], &[Group], "clients that joined all their rooms"),
    counter("clients.failed", &[Fact::ClientFailed], &[Group], "clients that never joined"),
    counter(
        "messages.scheduled",
        &[Fact::MessageScheduled],
        &[Group, Publish],
        "publications due in the measured phase",
    ),
    counter("messages.sent", &[Fact::MessageSent], &[Group, Publish], "of those, handed to a socket"),
    counter("messages.unsent", &[Fact::MessageUnsent], &[Group, Publish, Reason], "of those, never written"),
    counter("messages.refused", &[Fact::MessageRefused], &[Group, Publish], "answered by an error"),
    counter(
        "messages.unconfirmed",
        &[Fact::MessageUnconfirmed],
        &[Group, Publish],
        "the server cannot tell their fate",
    ),
    counter(
        "messages.incomplete",
        &[Fact::MessageIncomplete],
        &[Publish],
        "publications that did not reach everyone due",
    ),
    counter("requests.sent", &[Fact::RequestSent], &[Group, Request], "requests due in the measured phase"),
    counter("requests.answered", &[Fact::RequestAnswered], &[Group, Request], "of those, answered in time"),
    counter(
        "requests.failed",
        &[Fact::RequestFailed],
        &[Group, Request, Reason],
        "of those, not to be said, refused, or cut off",
    ),
    counter("requests.timed_out", &[Fact::RequestTimedOut], &[Group, Request], "of those, not answered in time"),
    counter("deliveries.due", &[Fact::Due], OWED, "pairs of publication and client owed a copy"),
    counter(
        "deliveries.delivered",
        &[Fact::Delivered, Fact::Replayed],
        PAIR,
        "due pairs whose copy came within the window",
    ),
    counter("deliveries.lost", &[Fact::Lost], &[To, Group, Publish, Class], "due pairs whose copy did not come"),
    counter(
        "deliveries.excluded",
        &[Fact::Excluded],
        &[To, Group, Publish, Reason],
        "due pairs without a witness for a loss",
    ),
    counter("deliveries.duplicate", &[Fact::Duplicate], OWED, "further copies"),
    counter(
        "deliveries.reordered",
        &[Fact::Reordered],
        OWED,
        "copies after a later one of the same publisher and room",
    ),
    counter("deliveries.misrouted", &[Fact::Misrouted], OWED, "copies at a client that was not in that room"),
    counter("deliveries.ghost", &[Fact::Ghost], OWED, "copies of this run's markers that nobody sent"),
    counter("deliveries.early", &[Fact::Early], OWED, "copies between join request and acknowledgement"),
    counter("deliveries.late", &[Fact::Late], OWED, "copies after their window; the pair stays lost"),
    counter("deliveries.replayed", &[Fact::Replayed], PAIR, "copies replayed from history; part of delivered"),
    counter(
        "deliveries.unowed",
        &[Fact::Unowed],
        OWED,
        "copies of publications due before the client was planned to be there",
    ),
    counter(
        "deliveries.unattributed",
        &[Fact::Unattributed],
        &[To, Group],
        "copies whose id no acknowledgement had, or which it came too late for; only where copies are told by ids",
    ),
    counter(
        "reconnect.lost_connections",
        &[Fact::ConnectionLost],
        &[Group, KindKey],
        "connections that ended without being asked to",
    ),
    counter("reconnect.attempts", &[Fact::ReconnectAttempt], &[Group], "attempts to come back"),
    counter("reconnect.recovered", &[Fact::Recovered], &[Group], "clients back in all their rooms"),
    counter("reconnect.never", &[Fact::NeverRecovered], &[Group], "clients that did not come back"),
    counter("reconnect.missed", &[Fact::Missed], &[Group], "copies said while their client was cut off"),
    counter("reconnect.replayed", &[Fact::Replayed], &[Group], "of those, replayed afterwards"),
    counter("frames.received", &[Fact::FrameReceived], &[KindKey], "messages received, by what they were"),
    counter("bytes.sent", &[Fact::BytesSent], &[], "bytes written below the codec"),
    counter("bytes.received", &[Fact::BytesReceived], &[], "bytes read below the codec"),
    counter("socket.reads", &[Fact::SocketRead], &[], "reads of sockets that brought something"),
    counter("socket.writes", &[Fact::SocketWrite], &[], "writes to sockets"),
    counter("errors", &[Fact::Error], &[Stage, KindKey], "failures by stage and kind"),
];

/// The metric called `name`, by its place in [`METRICS`].
pub fn find(name: &str) -> Option<usize> {
    METRICS.iter().position(|metric| metric.name == name)
}

/// Quantiles as results and thresholds spell them.
pub const QUANTILES: &[(&str, f64)] = &[("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99_9", 0.999)];

/// The stages of the bus hop, in order, as label values.
pub const HOP_STAGES: [Word; 4] = [Word::INGRESS, Word::BUS, Word::FANOUT, Word::LAST];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_metric_has_a_fact() {
        for (at, metric) in METRICS.iter().enumerate() {
            assert_eq!(find(metric.name), Some(at));
            assert!(!metric.facts.is_empty() && !metric.help.is_empty());
        }
    }
}
