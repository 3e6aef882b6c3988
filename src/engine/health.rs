//! The generator as a suspect: what it cost, how late it was, and whether a bad number may be its own fault.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::outcome::Health;
use crate::metrics::{Histogram, Snapshot};
use crate::time::{Clock, Timestamp, nanos};

/// How often the thread that only sleeps looks at the clock. Waking up is most of what a quiet run costs, so no oftener than
/// a percentile needs.
const NAP: Duration = Duration::from_millis(10);

/// Below this, lateness is no reason for doubt whatever it is compared with.
const TOLERATED_LAG: u64 = 1_000_000;

/// Lateness above this share of the delivery latency puts that latency in doubt.
const DOUBTFUL_SHARE: f64 = 0.25;

/// Share of its cores from which on a process counts as saturated.
const SATURATED: f64 = 0.90;

/// A thread that only sleeps: when it wakes late, so does everybody.
struct Hiccups {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Histogram>,
}

impl Hiccups {
    fn start(clock: &Clock) -> Option<Self> {
        if clock.is_simulated() {
            return None;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let (clock, stopped) = (clock.clone(), Arc::clone(&stop));
        let watch = move || {
            let mut late = Histogram::default();
            while !stopped.load(Ordering::Relaxed) {
                let wake = clock.now() + NAP;
                crate::time::nap(NAP);
                late.record(nanos(clock.now() - wake));
            }
            late
        };
        let thread = std::thread::Builder::new().name("hiccups".to_owned()).spawn(watch).ok()?;
        Some(Self { stop, thread })
    }

    fn stop(self) -> Histogram {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

/// Running totals of the process and the machine.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    at: Timestamp,
    cpu: Duration,
    /// Time this process's threads were ready to run and did not, nanoseconds.
    waited: u64,
    /// Jiffies of the machine: stolen, all.
    stolen: (u64, u64),
}

impl Counters {
    fn read(clock: &Clock) -> Self {
        Self {
            at: clock.now(),
            cpu: crate::time::process_cpu(),
            waited: waited(),
            stolen: stolen().unwrap_or_default(),
        }
    }
}

/// Watches the process from the start of the measured phase to its end.
pub(super) struct Meter {
    clock: Clock,
    from: Counters,
    hiccups: Option<Hiccups>,
}

impl Meter {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), from: Counters::read(clock), hiccups: None }
    }

    /// The measured phase begins.
    pub(super) fn start(&mut self) {
        self.from = Counters::read(&self.clock);
        self.hiccups = Hiccups::start(&self.clock);
    }

    /// The measured phase, which lasted `measured`, is over.
    pub(super) fn stop(&mut self, measured: Duration) -> Vitals {
        let to = Counters::read(&self.clock);
        let wall = if measured.is_zero() { to.at - self.from.at } else { measured };
        let all = to.stolen.1.saturating_sub(self.from.stolen.1);
        let cpu = to.cpu.saturating_sub(self.from.cpu).as_secs_f64();
        Vitals {
            processes: 1,
            cpu,
            share: cpu / wall.as_secs_f64().max(0.001),
            waited: to.waited.saturating_sub(self.from.waited) as f64 / 1e9,
            steal: to.stolen.0.saturating_sub(self.from.stolen.0) as f64 / all.max(1) as f64,
            hiccups: self.hiccups.take().map(Hiccups::stop).unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32),
            rss_peak: rss_peak().unwrap_or_default(),
            fds: open_fds(),
        }
    }
}

/// What the meter read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Vitals {
    processes: u32,
    cpu: f64,
    share: f64,
    waited: f64,
    steal: f64,
    hiccups: Histogram,
    cores: u32,
    rss_peak: u64,
    fds: (u64, u64),
}

impl Vitals {
    /// The two processes as one: what they used adds up, what is the machine's is the worse of the two readings.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.hiccups.merge(&other.hiccups);
        Self {
            processes: self.processes + other.processes,
            cpu: self.cpu + other.cpu,
            share: self.share + other.share,
            waited: self.waited + other.waited,
            steal: self.steal.max(other.steal),
            hiccups: self.hiccups,
            cores: self.cores.max(other.cores),
            rss_peak: self.rss_peak + other.rss_peak,
            fds: (self.fds.0 + other.fds.0, self.fds.1 + other.fds.1),
        }
    }

    /// The verdict: every way in which the generator may have spoilt the numbers, with its cause and what to try.
    pub(super) fn judge(&self, totals: &Snapshot, loop_lag: &Histogram, clients: u64) -> Health {
        let p99 = |metric: &str| {
            let value = totals.total(metric);
            value.as_ref().and_then(|value| value.histogram().map(|h| h.quantile(0.99))).unwrap_or_default()
        };
        let (delivery, send_lag) = (p99("delivery"), p99("send_lag"));
        // A loop comes round ten times a second: of so few values the last hundredth is chance, the last twentieth is not.
        let slow_loop = loop_lag.quantile(0.95);
        let (loop_lag, hiccup) = (loop_lag.quantile(0.99), self.hiccups.quantile(0.99));
        let doubtful = |lag: u64| lag > TOLERATED_LAG && lag as f64 > delivery as f64 * DOUBTFUL_SHARE;
        let mut reasons = Vec::new();
        if doubtful(send_lag) {
            reasons.push(self.late("sends left late", send_lag, delivery));
        }
        let unread = slow_loop.max(hiccup);
        if doubtful(unread) && delivery > 0 {
            reasons.push(self.late("received messages may have waited to be read", unread, delivery));
        }
        if self.share > SATURATED * f64::from(self.cores) {
            reasons.push(format!(
                "the generator used {:.0} % of {} cores: give it more cores, fewer clients or a lower rate",
                self.share / f64::from(self.cores) * 100.0,
                self.cores
            ));
        }
        Health {
            reasons,
            processes: self.processes,
            cpu_seconds: self.cpu,
            cpu_share: self.share,
            cores: self.cores,
            steal_share: self.steal,
            run_queue_wait_seconds: self.waited,
            rss_peak_bytes: self.rss_peak,
            clients,
            loop_lag_p99: loop_lag,
            hiccup_p99: hiccup,
            fds: self.fds,
        }
    }

    fn late(&self, what: &str, lag: u64, delivery: u64) -> String {
        let cause = if self.share > SATURATED * f64::from(self.cores) {
            "the generator is saturated: give it more cores, fewer clients or a lower rate".to_owned()
        } else if self.steal > 0.05 {
            format!("the hypervisor took {:.0} % of the machine: use a quieter one", self.steal * 100.0)
        } else if self.waited > self.cpu * 0.3 {
            format!(
                "it ran for {:.1} s and waited {:.1} s for a core that others used: give it a core of its own",
                self.cpu, self.waited
            )
        } else {
            "the machine did not run it when it was due: look for other load".to_owned()
        };
        let ms = |nanos: u64| nanos as f64 / 1e6;
        format!("{what} ({:.2} ms against a delivery p99 of {:.2} ms); {cause}", ms(lag), ms(delivery))
    }
}

/// Time this process's threads waited on a run queue, nanoseconds; 0 where the kernel does not tell.
fn waited() -> u64 {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return 0 };
    let of = |task: fs::DirEntry| {
        let stat = fs::read_to_string(task.path().join("schedstat")).ok()?;
        stat.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    tasks.flatten().filter_map(of).sum()
}

/// Jiffies of the whole machine: stolen by the hypervisor, and all.
fn stolen() -> Option<(u64, u64)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields: Vec<u64> = stat.lines().next()?.split_whitespace().skip(1).filter_map(|f| f.parse().ok()).collect();
    Some((*fields.get(7)?, fields.iter().take(8).sum()))
}

fn rss_peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1_024)
}

/// File descriptors in use, and the soft limit.
fn open_fds() -> (u64, u64) {
    let used = fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64);
    let limit = rlimit::Resource::NOFILE.get().map_or(0, |(soft, _)| soft);
    (used, limit)
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
