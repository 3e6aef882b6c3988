//! What an instance counts. How it is printed stands in `page`, what it means for people in `docs/server-metrics.md`.
//!
//! Counters are owned by one worker each, so that counting never bounces a cache line between threads.

mod page;

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

pub(crate) use self::page::CONTENT_TYPE;
use self::page::Page;
/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The current value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Gauge {
    pub(crate) fn add(&self, n: i64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The current value.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one worker counts.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct WorkerStats {
    pub(crate) connections: Gauge,
    pub(crate) members: Gauge,
    pub(crate) accepted: Counter,
    pub(crate) refused: Counter,
    pub(crate) messages_in: Counter,
    pub(crate) frames_in: Counter,
    pub(crate) deliveries: Counter,
    pub(crate) frames_out: Counter,
    pub(crate) reads: Counter,
    pub(crate) writes: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) slow_consumers: Counter,
    pub(crate) pong_timeouts: Counter,
    pub(crate) rate_limited: Counter,
    pub(crate) errors_sent: Counter,
    pub(crate) requests: Counter,
    pub(crate) requests_refused: Counter,
    pub(crate) resumed: Counter,
    pub(crate) resume_gaps: Counter,
}

/// What a broker counts.
#[derive(Debug, Default)]
pub struct BrokerStats {
    /// Rooms whose SUBSCRIBE was acknowledged, the first time and again.
    pub subscribes: Counter,
    /// Times the link was lost.
    pub losses: Counter,
    /// Publications refused because the broker was not there.
    pub unavailable: Counter,
    /// Payloads on our channels that no instance of ours has sent.
    pub foreign: Counter,
}

/// What the room registry counts.
#[derive(Debug, Default)]
pub(crate) struct RoomStats {
    pub(crate) rooms: Gauge,
    pub(crate) fanouts: Counter,
    pub(crate) publish_errors: Counter,
    pub(crate) unconfirmed: Counter,
    pub(crate) resubscribes: Counter,
    pub(crate) replayed: Counter,
    pub(crate) gaps: Counter,
    pub(crate) repeats: Counter,
    pub(crate) overflows: Counter,
}

/// Everything an instance counts.
#[derive(Debug)]
pub(crate) struct Stats {
    pub(crate) workers: Vec<Arc<WorkerStats>>,
    pub(crate) rooms: RoomStats,
    pub(crate) broker: Arc<BrokerStats>,
}

impl Stats {
    pub(crate) fn new(workers: usize) -> Arc<Self> {
        let workers = (0..workers).map(|_| Arc::default()).collect();
        Arc::new(Self { workers, rooms: RoomStats::default(), broker: Arc::default() })
    }

    /// Connections that are open now.
    pub(crate) fn connections(&self) -> i64 {
        self.workers.iter().map(|worker| worker.connections.get()).sum()
    }

    /// The page for `/metrics`.
    pub(crate) fn page(&self, instance: &str) -> String {
        let mut page = Page::new(instance);
        let gauge = |pick: fn(&WorkerStats) -> &Gauge| self.workers.iter().map(|w| pick(w).get()).sum::<i64>() as f64;
        page.gauge("connections", "Open sockets and streams, and polls that wait.", gauge(|w| &w.connections));
        page.gauge("members", "Memberships: connections times the rooms they are in.", gauge(|w| &w.members));
        page.gauge("rooms", "Rooms with a local member.", self.rooms.rooms.get() as f64);
        for (name, help, pick) in WORKER_COUNTERS {
            page.counter(name, help, self.workers.iter().map(|worker| pick(worker).get()).sum::<u64>() as f64);
        }
        for (name, help, pick) in ROOM_COUNTERS {
            page.counter(name, help, pick(&self.rooms).get() as f64);
        }
        for (name, help, pick) in BROKER_COUNTERS {
            page.counter(name, help, pick(&self.broker).get() as f64);
        }
        page.finish()
    }
}

type Row<T> = (&'static str, &'static str, fn(&T) -> &Counter);

const WORKER_COUNTERS: &[Row<WorkerStats>] = &[
    ("accepted", "Upgrades answered with 101.", |w| &w.accepted),
    ("refused", "Handshakes answered with anything else.", |w| &w.refused),
    ("messages_in", "Messages taken from clients for a room.", |w| &w.messages_in),
    ("frames_in", "Text and binary frames read.", |w| &w.frames_in),
    ("deliveries", "Room messages written to a connection.", |w| &w.deliveries),
    ("frames_out", "Frames written to connections, deliveries included.", |w| &w.frames_out),
    ("reads", "Read system calls on connections.", |w| &w.reads),
    ("writes", "Write system calls on connections.", |w| &w.writes),
    ("bytes_in", "Bytes read from connections.", |w| &w.bytes_in),
    ("bytes_out", "Bytes written to connections.", |w| &w.bytes_out),
    ("slow_consumers", "Connections ended because they were too slow.", |w| &w.slow_consumers),
    ("pong_timeouts", "Connections closed with 4201.", |w| &w.pong_timeouts),
    ("rate_limited", "Frames and publications refused for their rate.", |w| &w.rate_limited),
    ("errors_sent", "Error frames sent.", |w| &w.errors_sent),
    ("requests", "Requests to the API.", |w| &w.requests),
    ("requests_refused", "Requests to the API that were refused.", |w| &w.requests_refused),
    ("resumed", "Joins that got everything they had missed.", |w| &w.resumed),
    ("resume_gaps", "Joins whose missed messages were not to be had.", |w| &w.resume_gaps),
];

const ROOM_COUNTERS: &[Row<RoomStats>] = &[
    ("fanouts", "Room messages handed to local members.", |r| &r.fanouts),
    ("publish_errors", "Publications answered with unavailable or unconfirmed.", |r| &r.publish_errors),
    ("unconfirmed", "Publications answered with unconfirmed.", |r| &r.unconfirmed),
    ("resubscribes", "Rooms subscribed again after the broker was lost.", |r| &r.resubscribes),
    ("replayed", "Messages caught up from the history.", |r| &r.replayed),
    ("gaps", "Times a room's members were told that messages are missing.", |r| &r.gaps),
    ("repeats", "Messages that had been delivered already and were not again.", |r| &r.repeats),
    ("overflows", "Times messages arrived faster than they could be fanned out.", |r| &r.overflows),
];

const BROKER_COUNTERS: &[Row<BrokerStats>] = &[
    ("broker_subscribes", "Rooms whose SUBSCRIBE was acknowledged.", |b| &b.subscribes),
    ("broker_losses", "Times the broker was lost.", |b| &b.losses),
    ("broker_unavailable", "Publications refused because the broker was not there.", |b| &b.unavailable),
    ("broker_foreign", "Payloads on room channels that are not ours.", |b| &b.foreign),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_sums_workers_and_names_everything_once() {
        let stats = Stats::new(2);
        stats.workers[0].deliveries.add(3);
        stats.workers[1].deliveries.add(4);
        stats.workers[1].connections.add(5);
        let page = stats.page("a");
        assert!(page.contains("\nroom_server_deliveries_total{instance=\"a\"} 7\n"));
        assert!(page.contains("\nroom_server_connections{instance=\"a\"} 5\n"));
        let mut names: Vec<&str> = page.lines().filter(|l| l.starts_with("# TYPE")).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
